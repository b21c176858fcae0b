// What a simulated MySQL server does otherwise than MariaDB's: GTID sets instead of positions, auto-position, a relay log that is
// kept, and a crash that takes nothing back. The facts are in docs/MYSQL.md.
import { parseGtidSet } from '../../src/core/gtid/mysql.ts';
import type { Received, ServerState, Transaction } from './state.ts';

const uuidOf = (serverId: number): string => `3e11fa47-71ca-11e1-9e33-c80aa942956${serverId}`;

export const gtidOf = (serverId: number, sequence: number): string => `${uuidOf(serverId)}:${sequence}`;
export const originText = uuidOf;

/** A growing set of GTIDs: intervals by server, almost always one each. */
export type Gathered = Map<number, [first: number, last: number][]>;

export function gather(set: Gathered, { origin, sequence }: Transaction): void {
  const known = set.get(origin);
  if (known === undefined) {
    set.set(origin, [[sequence, sequence]]);
    return;
  }
  const at = known.findIndex(([first, last]) => first - 1 <= sequence && sequence <= last + 1);
  const interval = known[at];
  if (interval === undefined) {
    known.push([sequence, sequence]);
    known.sort(([a], [b]) => a - b);
    return;
  }
  interval[0] = Math.min(interval[0], sequence);
  interval[1] = Math.max(interval[1], sequence);
  const next = known[at + 1];
  if (next === undefined || next[0] > interval[1] + 1) return;
  interval[1] = Math.max(interval[1], next[1]);
  known.splice(at + 1, 1);
}

/** As the server writes it. */
export function format(set: Gathered): string {
  return [...set]
    .sort(([a], [b]) => a - b)
    .map(([origin, intervals]) => {
      const texts = intervals.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
      return `${uuidOf(origin)}:${texts.join(':')}`;
    })
    .join(',');
}

/** gtid_executed: names a commit only when it is done. */
export function executedSet(state: ServerState): string {
  const { executed } = state;
  if (executed.upTo > state.committed) Object.assign(executed, { upTo: 0, set: new Map() });
  if (executed.upTo < state.committed || executed.upTo === 0) {
    for (; executed.upTo < state.committed; executed.upTo += 1) {
      const transaction = state.log[executed.upTo];
      if (transaction !== undefined) gather(executed.set, transaction);
    }
    executed.text = format(executed.set);
  }
  return executed.text;
}

/** What the receiver says it has, when it connects. */
export function autoPosition(state: ServerState): string {
  const set: Gathered = new Map();
  for (const transaction of state.log) gather(set, transaction);
  for (const { transaction } of state.relay) gather(set, transaction);
  return format(set);
}

export function gathered(received: readonly Received[]): Gathered {
  const set: Gathered = new Map();
  for (const { transaction } of received) gather(set, transaction);
  return set;
}

/** Where a connection goes on: a place in the log, which is never cut off. */
export const logPosition = (state: ServerState): string => `#${state.log.length}`;

export function unsent(state: ServerState, position: string): readonly Transaction[] {
  if (position.startsWith('#')) return state.log.slice(Number(position.slice(1)));
  const parsed = parseGtidSet(position);
  if (!parsed.ok) return state.log;
  const { set } = parsed;
  return state.log.filter(({ origin, sequence }) => {
    const number = BigInt(sequence);
    const held = set.get(uuidOf(origin)) ?? [];
    return !held.some(({ first, last }) => first <= number && number <= last);
  });
}

/** The lowest number is the next: in the log nothing of this server's own is missing. */
export const nextOwn = (state: ServerState): number =>
  state.log.reduce(
    (most, each) => (each.origin === state.serverId ? Math.max(most, each.sequence) : most),
    0,
  );
