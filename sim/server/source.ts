// The source's end of a replication connection: what it sends from a position, and what an acknowledgement releases.
import { advance } from './commit.ts';
import { lastOf, type ServerState, type Transaction } from './state.ts';

export type Dump =
  | { readonly ok: true; readonly transactions: readonly Transaction[] }
  /** The source refuses the position (1236): the receiver stops with this error. */
  | { readonly ok: false; readonly because: string };

/** What is in the log behind a position, also what still waits. Asked at connecting, and again for what came since. */
export function dumpFrom(state: ServerState, position: string): Dump {
  const { log } = state;
  if (position === '' || log.length === 0) return { ok: true, transactions: [...log] };
  const at = log.findLastIndex(({ gtid }) => gtid === position);
  if (at >= 0) return { ok: true, transactions: log.slice(at + 1) };
  const diverged =
    sequenceOf(position) < (lastOf(log)?.sequence ?? 0)
      ? ', and it has later ones: the replica has diverged'
      : '';
  return {
    ok: false,
    because: `connecting slave requested to start from GTID ${position}, which is not in the master's binlog${diverged} (error 1236)`,
  };
}

export const sequenceOf = (gtid: string): number => Number(gtid.split('-')[2] ?? 0);

/** A replica holds everything up to this transaction. Says nothing while the source side is off. */
export function acknowledged(state: ServerState, upTo: string): void {
  if (!state.up || !state.sourceOn) return;
  const at = state.log.findLastIndex(({ gtid }) => gtid === upTo);
  state.acknowledged = Math.max(state.acknowledged, at + 1);
  advance(state);
}
