// Looks about once a second: finishes an interrupted rewind, finds what this standby has beyond the writer, or what was written at the
// standby and came over the ring, saves it at once, and does what the configuration or an operator decided.
import { OperatorError } from '../core/error.ts';
import { lacking } from '../core/gtid/gtid.ts';
import { errantHere } from '../core/pair/errant.ts';
import { freshReport } from '../core/pair/state.ts';
import {
  describeTransactions,
  ofUsers,
  openTransactions,
  plural,
  type SalvageIndex,
} from '../core/salvage/entry.ts';
import { bornAt, isErrant } from '../core/salvage/history.ts';
import { DatabaseError } from '../runtime/ports.ts';
import { discard, replay } from './salvage-replay.ts';
import { interruptedRewind, resumeRewind, rewind } from './salvage-rewind.ts';
import { save, saveOwn } from './salvage-save.ts';
import {
  type Found,
  find,
  type SalvageWorld,
  STATUS_MS_MAX,
  sameErrant,
  unreadable,
} from './salvage-world.ts';

const LOOK_MS = 1000;

export interface SalvageWatch {
  /** Runs alone: a look does not come between. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  stop(): void;
}

export function startSalvageWatch(world: SalvageWorld): SalvageWatch {
  const { store, self, peer, config, say, state } = world;
  let last: Found | null = null;
  let told = '';
  let stopped = false;
  let queue: Promise<unknown> = Promise.resolve();
  const strays = strayWatch(world);

  function alone<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  }

  /** The same sentence once. */
  function sayOnce(level: 'warn' | 'error', code: string, because: string): void {
    if (because === told) return;
    told = because;
    say(level, code, because);
  }

  async function lookHere(): Promise<void> {
    // By the last reports first: most of the time there is nothing, and nobody is asked.
    const found = errantHere(state()).length === 0 ? null : await find(world).catch(unlessAway);
    if (found === null) {
      last = null;
      if (unreadable(world) === null) await settle(world).catch(unlessAway);
      return;
    }
    // A status may be a moment old: twice the same is what is there.
    const again = last !== null && sameErrant(last.errant, found.errant);
    last = found;
    if (!again) return;
    const before = new Set(store.list().map((each) => each.id));
    const index = await saveOwn(world, found);
    if (index === null) {
      const because = `${self.name} has ${found.errant.join(', ')} beyond ${peer.name}, and its binary log does not show them: it must be cloned`;
      sayOnce('error', 'errant-not-saved', because);
      return;
    }
    if (before.has(index.id)) return;
    const what = describeTransactions(ofUsers(index));
    say(
      'warn',
      'errant-saved',
      `${self.name} has ${what} that ${peer.name} never had: saved as salvage ${index.id}. ${nextStep(index)}`,
    );
    if (config.salvage !== 'ask') await store.write({ ...index, decision: config.salvage });
  }

  function nextStep(index: SalvageIndex): string {
    if (index.unrewindable.length > 0)
      return `${self.name} cannot be rewound (${index.unrewindable[0]}): it must be cloned from ${peer.name}`;
    return config.salvage === 'ask'
      ? `\`twinkeep salvage show ${index.id}\`, then \`replay\` or \`discard\``
      : `salvage: ${config.salvage} in pair.yaml`;
  }

  async function carryOut(index: SalvageIndex): Promise<void> {
    if (index.decision === null) return;
    if (index.state === 'saved') {
      if (index.unrewindable.length > 0 || unreadable(world) !== null) return;
      await rewind(world, index);
      return;
    }
    if (index.state === 'superseded' || index.decision === 'rewind') return;
    const fresh = openTransactions(index).filter((each) => each.outcome === null);
    if (fresh.length === 0) return;
    if (index.decision === 'discard') {
      await discard(world, index, null);
      say(
        'info',
        'salvage-discarded',
        `salvage ${index.id}: ${describeTransactions(fresh)} discarded; the files are kept`,
      );
      return;
    }
    const done = await replay(
      world,
      index,
      fresh.map((each) => each.number),
      false,
    );
    sayReplayed(
      world,
      done,
      fresh.map((each) => each.number),
    );
  }

  async function look(): Promise<void> {
    const journal = interruptedRewind(store);
    if (journal !== null) {
      if (state().own.health !== 'up') return;
      world.mending(`a rewind that was interrupted is finished (salvage ${journal.id})`);
      await resumeRewind(world, journal);
      return;
    }
    // Somebody else is at this node's data: a clone, a channel that is mended.
    if (state().mending !== null) return;
    await lookHere();
    await strays.look();
    for (const index of store.list()) await carryOut(index);
  }

  async function turn(): Promise<void> {
    try {
      await alone(look);
    } catch (error) {
      if (!(error instanceof OperatorError || error instanceof DatabaseError)) throw error;
      const hint = error instanceof OperatorError ? `. ${error.hint}` : '';
      sayOnce('warn', 'salvage', `salvage: ${error.message}${hint}`);
    }
    if (!stopped) timer = setTimeout(() => void turn(), LOOK_MS);
  }

  // Before anything steers the server: its data and its GTIDs may not agree.
  const journal = interruptedRewind(store);
  if (journal !== null) world.mending(`a rewind was interrupted (salvage ${journal.id})`);
  let timer = setTimeout(() => void turn(), LOOK_MS);
  return {
    alone,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

export function sayReplayed(world: SalvageWorld, index: SalvageIndex, numbers: readonly number[]): string {
  const chosen = index.transactions.filter((each) => numbers.includes(each.number));
  const count = (...outcomes: readonly unknown[]): number =>
    chosen.filter((each) => outcomes.includes(each.outcome)).length;
  const left = count('conflict', 'failed');
  const because = `salvage ${index.id}: ${plural(count('replayed'), 'transaction')} replayed at ${world.state().record.writer}, ${count('there')} were there already, ${left} left for the operator`;
  world.say(left > 0 ? 'warn' : 'info', 'salvage-replayed', because);
  return because;
}

/** A server that does not answer in time is asked again. */
function unlessAway(error: unknown): null {
  if (!(error instanceof DatabaseError)) throw error;
  return null;
}

/** What was saved and is not at this node any more: a clone took its place, or somebody undid it. */
async function settle(world: SalvageWorld): Promise<void> {
  const saved = world.store.list().filter((each) => each.state === 'saved' && each.node === world.self.name);
  if (saved.length === 0) return;
  const { history } = await world.own.status(STATUS_MS_MAX);
  for (const index of saved) {
    const gone = index.transactions.every((each) => isErrant(each.gtid, history));
    await world.store.write({ ...index, state: gone ? 'undone' : 'elsewhere' });
  }
}

/** At the writer: transactions born at the standby since this epoch began, which came over the ring. */
function strayWatch(world: SalvageWorld): { look(): Promise<void> } {
  const { peer, self, say, state } = world;
  /** Where this server was when all was well; the log is read from there. */
  let seen: { epoch: number; born: string; executed: string } | null = null;
  return {
    async look() {
      const { role, record, own } = state();
      const report = freshReport(state());
      if (role !== 'writing' || own.status === null || report === null || report.origin === '') return;
      const status = await world.own.status(STATUS_MS_MAX);
      const born = bornAt(status.history, report.origin);
      const before = seen;
      seen = { epoch: record.epoch, born, executed: status.executedGtid };
      if (before === null || before.epoch !== record.epoch || before.born === born) return;
      const index = await save(world, {
        node: peer,
        at: self,
        why: 'stray',
        found: {
          errant: lacking(born, before.born) ?? [],
          own: status.history,
          writers: status.history,
          origin: report.origin,
        },
        wanted: (gtid) => bornAt(gtid, report.origin) !== '' && isErrant(gtid, before.born),
        behind: before.executed,
        files: null,
      });
      const what =
        index === null
          ? `up to ${born}`
          : `${describeTransactions(index.transactions)}, saved as ${index.id}`;
      say(
        'warn',
        'stray-writes',
        `${peer.name} is the standby, and transactions that were born there have reached ${self.name}: ${what}. Find out who writes at ${peer.name}: an account that may write to a read-only server, or one that opened it`,
      );
    },
  };
}
