// The replica's end: the receiver writes what arrives to the relay log, the applier commits it through the own binary log.
import { forgetApplied, newCommit, outOfOrder, recordPosition, stopApplier, submit } from './commit.ts';
import { autoPosition, gather } from './mysql.ts';
import { lastOf, type Received, type ServerState, type Transaction } from './state.ts';

/** What the receiver asks for when it connects; null: it is stopped or connected. */
export interface Request {
  readonly position: string;
  readonly connection: number;
  /** Whether the connection will acknowledge, once made. */
  readonly acknowledges: boolean;
}

export function request(state: ServerState): Request | null {
  if (!state.up || state.receiver !== 'connecting') return null;
  return {
    position: state.family === 'mysql' ? autoPosition(state) : (state.receivedPos ?? state.slavePos),
    connection: state.connection,
    acknowledges: state.replicaOn,
  };
}

export function connected(state: ServerState): void {
  if (state.receiver !== 'connecting') return;
  state.receiver = 'running';
  // The variable counts from here on; a later change of it does not touch this connection.
  state.acknowledging = state.replicaOn;
  state.receivedPos ??= state.slavePos;
}

export function disconnected(state: ServerState): void {
  if (state.receiver === 'running') state.receiver = 'connecting';
  state.acknowledging = false;
}

/** The source refused the position. */
export function refusedBySource(state: ServerState, because: string): void {
  state.receiver = 'stopped';
  state.acknowledging = false;
  state.receiverError = because;
}

/** Writes to the relay log. Returns what is acknowledged to the source, or null. */
export function receive(state: ServerState, transactions: readonly Transaction[]): string | null {
  if (!state.up || state.receiver !== 'running' || transactions.length === 0) return null;
  for (const transaction of transactions) {
    state.relay.push({ transaction, own: isPassedOver(state, transaction) });
    state.receivedPos = transaction.gtid;
    if (state.family === 'mysql') gather(state.retrieved, transaction);
    // A sync of the file takes what was written before with it; switching it on does not.
    if (state.receivesDurably) state.relaySynced = state.relay.length;
  }
  // Also of its own transactions that come back, and also when it was not synced.
  return state.acknowledging ? (transactions.at(-1)?.gtid ?? null) : null;
}

/** Own ones that come back are passed over, unless this is an acknowledging replica in strict mode that lacks them. */
function isPassedOver(state: ServerState, { origin, sequence }: Transaction): boolean {
  if (origin !== state.serverId) return false;
  if (state.family === 'mysql') return true;
  return !state.acknowledging || sequence <= (lastOf(state.log)?.sequence ?? 0);
}

export type Applied = 'applied' | 'idle' | 'waiting' | 'stopped';

export function applyOne(state: ServerState): Applied {
  if (!state.up || state.applier === 'stopped') return 'stopped';
  const [next] = state.relay;
  if (next === undefined) return 'idle';
  if (state.applying || state.closing) return 'waiting';
  return apply(state, next);
}

export function applyAll(state: ServerState): Applied {
  for (;;) {
    const applied = applyOne(state);
    if (applied !== 'applied') return applied;
  }
}

/** Applies the first of the relay log. */
export function apply(state: ServerState, { transaction, own }: Received): Applied {
  if (state.family === 'mysql' && (own || state.logged.has(transaction.gtid))) {
    forgetApplied(state);
    return 'applied';
  }
  if (own) {
    recordPosition(state, transaction.gtid);
    forgetApplied(state);
    return 'applied';
  }
  const last = lastOf(state.log);
  if (state.family === 'mariadb' && last !== undefined && transaction.sequence <= last.sequence) {
    stopApplier(state, outOfOrder(transaction, last));
    return 'stopped';
  }
  const commit = newCommit(null, transaction.payload);
  commit.transaction = transaction;
  state.applying = true;
  if (submit(state, commit)) return 'applied';
  return state.applierError === null ? 'waiting' : 'stopped';
}
