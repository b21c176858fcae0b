// The source's end of a replication connection: what it sends from a position, and what an acknowledgement releases.
import { advance } from './commit.ts';
import { logPosition, unsent } from './mysql.ts';
import { binlogPos, type ServerState, type Transaction } from './state.ts';

export type Dump =
  /** `upTo`: where the connection goes on from, also when nothing was sent and the position is not in the log. */
  | { readonly ok: true; readonly transactions: readonly Transaction[]; readonly upTo: string }
  /** The source refuses the position (1236): the receiver stops with this error. */
  | { readonly ok: false; readonly because: string };

/**
 * What is in the log behind a position, also what still waits. Asked at connecting, and again for what came since.
 * As check_slave_start_position of sql/sql_repl.cc decides, for one domain and a replica in strict mode.
 */
export function dumpFrom(state: ServerState, position: string): Dump {
  const { log } = state;
  if (state.family === 'mysql')
    return { ok: true, transactions: unsent(state, position), upTo: logPosition(state) };
  const sends = (from: number): Dump => ({ ok: true, transactions: log.slice(from), upTo: binlogPos(state) });
  if (position === '' || log.length === 0) return sends(0);
  const at = log.findLastIndex(({ gtid }) => gtid === position);
  if (at >= 0) return sends(at + 1);
  const [, origin = '', sequence = ''] = position.split('-');
  const later = log.findIndex((each) => each.origin === Number(origin) && each.sequence > Number(sequence));
  // Its own gtid_slave_pos it takes for reached, though the log lacks it: it may have been rolled back.
  if (position === state.slavePos) {
    const own = log.findIndex((each) => each.origin === state.serverId && each.sequence > Number(sequence));
    const from = later >= 0 ? later : own;
    return sends(from >= 0 ? from : log.length);
  }
  const because = later >= 0 ? ', though it has both earlier and later ones' : '';
  return {
    ok: false,
    because: `connecting slave requested to start from GTID ${position}, which is not in the master's binlog${because} (error 1236)`,
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
