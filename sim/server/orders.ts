// The orders of the port `Database`, as its MariaDB side carries them out (src/io/database/mariadb*.ts). Each returns at once:
// done, refused, or that it must wait, and then it is asked again until the caller's deadline.
import { contains } from '../../src/core/gtid/gtid.ts';
import { backlog, executedPosition, rewoundSlavePosition } from '../../src/core/gtid/mariadb.ts';
import type { DatabaseErrorCode, Heartbeat } from '../../src/runtime/ports.ts';
import { advance, forgetApplied, newCommit, pending, recordPosition, report, submit } from './commit.ts';
import { executedSet } from './mysql.ts';
import { apply } from './replica.ts';
import { sequenceOf } from './source.ts';
import { binlogPos, lastOf, type Received, type ServerState } from './state.ts';

export type Answer =
  | { readonly kind: 'done'; readonly gtid?: string }
  | { readonly kind: 'refused'; readonly code: DatabaseErrorCode; readonly because: string }
  /** Ask again; at the deadline it is a 'timeout', for closeWrites what `giveUpClosing` answers. */
  | { readonly kind: 'wait'; readonly because: string };

const DONE: Answer = { kind: 'done' };
const wait = (because: string): Answer => ({ kind: 'wait', because });
const refused = (code: DatabaseErrorCode, because: string): Answer => ({ kind: 'refused', code, because });

export const executed = (state: ServerState): string =>
  state.family === 'mysql'
    ? executedSet(state)
    : executedPosition(state.slavePos, binlogPos(state), state.serverId);

export function openWrites(state: ServerState): Answer {
  if (state.closing) return wait('read_only=1 is under way');
  state.readOnly = false;
  return DONE;
}

/** read_only=1 hangs while a commit waits, and new writes stand behind it; then the sessions of clients end. */
export function closeWrites(state: ServerState): Answer {
  if (!state.readOnly && pending(state).some((commit) => !state.blocked.includes(commit))) {
    state.closing = true;
    return wait('a commit waits for an acknowledgement');
  }
  state.readOnly = true;
  state.closing = false;
  for (const commit of state.blocked.splice(0)) {
    commit.gone = true;
    report(state, commit);
  }
  return { kind: 'done', gtid: executed(state) };
}

/** closeWrites at its deadline: read_only=1 is taken back and nothing was released. */
export function giveUpClosing(state: ServerState): Answer {
  const because = 'a commit waits for an acknowledgement that has not come in time; nothing was released';
  state.closing = false;
  for (const commit of state.blocked.splice(0)) submit(state, commit);
  return state.groups.length > 0 ? refused('commits-in-doubt', because) : refused('timeout', because);
}

/** Switching it off releases every waiting commit with OK. */
export function setSemiSyncSource(state: ServerState, on: boolean): Answer {
  if (state.sourceOn === on) return DONE;
  state.sourceOn = on;
  state.acknowledged = 0;
  advance(state);
  return DONE;
}

export function setReceivesDurably(state: ServerState, on: boolean): Answer {
  state.receivesDurably = on;
  return DONE;
}

export function setSemiSyncReplica(state: ServerState, on: boolean): Answer {
  state.replicaOn = on;
  if (state.source === null || state.receiver !== 'running' || state.acknowledging === on) return DONE;
  if (state.applier === 'stopped') return applierStopped(state);
  startReceiver(state);
  return DONE;
}

const applierStopped = (state: ServerState): Answer =>
  refused('applier-stopped', `the applier has stopped: ${state.applierError ?? 'it was stopped'}`);

function startReceiver(state: ServerState): void {
  state.receiver = 'connecting';
  state.receiverError = null;
  state.acknowledging = false;
  state.connection += 1;
}

function startApplier(state: ServerState): void {
  state.applier = 'running';
  state.applierError = null;
}

/** The server's own law: a thread that starts while both are stopped throws the relay log away. */
export function startThreads(state: ServerState, which: 'both' | 'receiver' | 'applier'): void {
  if (state.family === 'mariadb' && state.receiver === 'stopped' && state.applier === 'stopped') {
    state.relay = [];
    state.relaySynced = 0;
    state.receivedPos = state.slavePos;
  }
  if (which !== 'receiver' && state.applier === 'stopped') startApplier(state);
  if (which !== 'applier' && state.receiver === 'stopped') startReceiver(state);
}

/** STOP SLAVE of one thread or both. An applier whose commit waits cannot be stopped: false. */
export function stopThreads(state: ServerState, which: 'both' | 'receiver' | 'applier'): boolean {
  if (which !== 'applier' && state.receiver !== 'stopped') {
    state.receiver = 'stopped';
    state.acknowledging = false;
    state.connection += 1;
  }
  if (which === 'receiver') return true;
  if (state.applying) return false;
  state.applier = 'stopped';
  return true;
}

/** At a read-only server with the source side on, applying would wait for nobody's acknowledgement. */
function relaxReadOnly(state: ServerState): Answer | null {
  if (!state.readOnly || !state.sourceOn) return null;
  if (state.groups.length > 0)
    return refused(
      'commits-in-doubt',
      'commits wait for an acknowledgement: nothing can be applied behind them',
    );
  setSemiSyncSource(state, false);
  return null;
}

/** As far as the adapter leaves: more than a crash can roll back. */
const SEQUENCE_GAP = 10_000;

/** Nothing is missing between the last executed transaction and the one that is this many numbers above. */
const follows = (numbers: number): boolean => numbers === 1 || numbers === SEQUENCE_GAP;

/** A number that is reached here, and yet the transaction is none of this server's history: that went another way. */
function isForeign(state: ServerState, { transaction, own }: Received): boolean {
  if (own || backlog(transaction.gtid, executed(state)) > 0) return false;
  return (
    backlog(transaction.gtid, state.slavePos) > 0 && !state.log.some(({ gtid }) => gtid === transaction.gtid)
  );
}

/** Both threads are stopped: applies what the relay log still holds, by position. */
function applyLeftOver(state: ServerState): Answer | null {
  const from = state.relay.findIndex(
    ({ transaction, own }) => !own && backlog(transaction.gtid, executed(state)) > 0,
  );
  const first = state.relay[from];
  const foreign = state.relay.slice(0, from < 0 ? undefined : from).find((each) => isForeign(state, each));
  if (foreign !== undefined)
    return refused(
      'applier-stopped',
      `${foreign.transaction.gtid} was received, and this history went another way`,
    );
  // What stands behind rolled-back ones of our own is not applied without them: the receiver fetches all of it again.
  if (first !== undefined && !follows(backlog(first.transaction.gtid, executed(state)))) return null;
  if (first === undefined) return null;
  for (let n = 0; n < from; n += 1) forgetApplied(state);
  for (let next = state.relay[0]; next !== undefined; next = state.relay[0]) {
    if (state.applying) return wait('the applier waits for an acknowledgement');
    // Out of order: taken for applied already, and passed over.
    const passed = next.transaction.sequence <= (lastOf(state.log)?.sequence ?? 0);
    if (next.own || passed) forgetApplied(state);
    else if (apply(state, next) === 'waiting') return wait('the applier waits for an acknowledgement');
  }
  return null;
}

export function startChannel(state: ServerState, discardReceived: boolean): Answer {
  if (state.source === null) return refused('statement', 'this server has no replication channel');
  if (state.receiver !== 'stopped' && state.applier === 'running') return DONE;
  if (discardReceived) {
    const doubt = state.readOnly ? relaxReadOnly(state) : null;
    if (doubt !== null) return doubt;
    if (!stopThreads(state, 'both')) return wait('the applier waits for an acknowledgement');
    if (state.family === 'mariadb') return startBoth(state);
    // CHANGE REPLICATION SOURCE with both threads stopped.
    Object.assign(state, { relay: [], relaySynced: 0, retrieved: new Map() });
    startThreads(state, 'both');
    return DONE;
  }
  if (state.family === 'mysql') {
    const doubt = relaxReadOnly(state);
    if (doubt !== null) return doubt;
    startThreads(state, 'both');
    return DONE;
  }
  if (state.receiver !== 'stopped' || state.applier === 'running') {
    const doubt = state.receiver === 'stopped' ? null : relaxReadOnly(state);
    if (doubt !== null) return doubt;
    startThreads(state, 'both');
    return DONE;
  }
  return relaxReadOnly(state) ?? applyLeftOver(state) ?? startBoth(state);
}

/** From where this server really is: gtid_slave_pos may be ahead of the log (own ones that were rolled back) or behind it. */
function startBoth(state: ServerState): Answer {
  const rewound = rewoundSlavePosition(state.slavePos, binlogPos(state), state.serverId);
  const position = state.readOnly ? executed(state) : rewound;
  if (position !== null && position !== state.slavePos) {
    state.slavePos = position;
    state.disk.slavePos = position;
    state.replicaOn = true;
  }
  startThreads(state, 'both');
  return DONE;
}

export function stopReceiving(state: ServerState): Answer {
  stopThreads(state, 'receiver');
  return DONE;
}

/** Done when everything received is applied; the caller applies meanwhile, unless both threads are stopped. */
export function drain(state: ServerState): Answer {
  if (state.source === null) return DONE;
  if (state.applier === 'stopped') {
    if (state.applierError !== null) return applierStopped(state);
    const doubt = relaxReadOnly(state);
    if (doubt !== null) return doubt;
    if (state.receiver === 'stopped' && state.family === 'mariadb') return applyLeftOver(state) ?? DONE;
    startThreads(state, 'applier');
  }
  return state.relay.length === 0 ? DONE : wait('received transactions are not applied yet');
}

export function waitFor(state: ServerState, gtid: string): Answer {
  if (contains(executed(state), gtid)) return DONE;
  if (state.source !== null && state.applier === 'stopped') return applierStopped(state);
  return wait(`${gtid} is not executed yet`);
}

/** One transaction of our own, also under read_only, whose number leaves a gap; asked again until it is committed. */
export function skipSequence(state: ServerState): Answer {
  if (state.family === 'mysql') return DONE;
  const waits = wait('the gap waits for an acknowledgement');
  if (pending(state).some(({ session }) => session === HEARTBEAT_SESSION)) return waits;
  const last = state.log[state.committed - 1];
  const isThere = last?.payload.startsWith('gap ') === true && last.origin === state.serverId;
  if (!isThere) {
    if (!stopThreads(state, 'both')) return wait('the applier waits for an acknowledgement');
    // What was rolled back may be above that, by less than the gap.
    state.counter = sequenceOf(executed(state)) + SEQUENCE_GAP - 1;
    const payload = `gap ${Math.floor(state.counter / SEQUENCE_GAP)}`;
    if (!submit(state, newCommit(HEARTBEAT_SESSION, payload))) return waits;
  }
  recordPosition(state, binlogPos(state));
  return DONE;
}

export const HEARTBEAT_SESSION = 'heartbeat';
const HEARTBEAT = /^heartbeat (\d+) (\d+)$/;

/** One such commit is under way at most: a further one waits behind it and is not written. */
export function writeHeartbeat(state: ServerState, beat: Heartbeat): Answer {
  const waits = wait('the heartbeat waits for an acknowledgement');
  if (pending(state).some(({ session }) => session === HEARTBEAT_SESSION)) return waits;
  const payload = `heartbeat ${beat.epoch} ${beat.sequence}`;
  if (state.beat === payload) return DONE;
  if (state.readOnly) return refused('statement', 'the server is read-only, no heartbeat was written');
  const commit = newCommit(HEARTBEAT_SESSION, payload);
  if (!state.closing && submit(state, commit)) return DONE;
  if (state.closing) state.blocked.push(commit);
  state.beat = payload;
  return waits;
}

/** The latest that is committed here. */
export function readHeartbeat(state: ServerState): Heartbeat | null {
  for (let n = state.committed - 1; n >= 0; n -= 1) {
    const found = HEARTBEAT.exec(state.log[n]?.payload ?? '');
    if (found !== null) return { epoch: Number(found[1]), sequence: Number(found[2]) };
  }
  return null;
}
