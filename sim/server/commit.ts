// A commit's way through the binary log and the wait for its acknowledgement (AFTER_SYNC): prepare, log, wait, engine
// commit, OK. Groups commit in the order of the log. At most two are in the log uncommitted: the second has to wait for the
// first, and holds the log meanwhile, so that later ones are not written yet.
import { gtidOf } from './mysql.ts';
import { type Commit, type Group, lastOf, type ServerState, type Transaction } from './state.ts';

export const newCommit = (session: string | null, payload: string): Commit => ({
  session,
  payload,
  transaction: null,
  waits: false,
  gone: false,
  killed: false,
});

/** Prepares a commit and takes it as far as it gets. True: it is committed. */
export function submit(state: ServerState, commit: Commit): boolean {
  // A prepare syncs the engine's log, and with it the commits before.
  Object.assign(state.disk, { committed: state.committed, slavePos: state.slavePos });
  state.queue.push(commit);
  advance(state);
  const pending =
    state.queue.includes(commit) || state.groups.some(({ commits }) => commits.includes(commit));
  if (pending) commit.waits = true;
  return !pending;
}

/** Commits what may be, and writes what has room, until nothing moves. */
export function advance(state: ServerState): void {
  for (;;) {
    const [first] = state.groups;
    if (first !== undefined && mayCommit(state, first)) commitGroup(state, first);
    else if ((state.groups.length < 2 || state.family === 'mysql') && state.queue.length > 0)
      writeGroup(state);
    else return;
  }
}

const mayCommit = (state: ServerState, group: Group): boolean =>
  !state.sourceOn || state.acknowledged >= group.end || group.commits[0]?.killed === true;

/** gtid_strict_mode; MySQL knows each transaction by its name. */
const isOutOfOrder = (state: ServerState, { sequence }: Transaction): boolean =>
  state.family === 'mariadb' && sequence <= (lastOf(state.log)?.sequence ?? 0);

function writeGroup(state: ServerState): void {
  const commits: Commit[] = [];
  for (const commit of state.queue.splice(0)) {
    commit.transaction ??= born(state, commit.payload);
    const last = lastOf(state.log);
    if (last !== undefined && isOutOfOrder(state, commit.transaction)) {
      // Only the applier's can be: others get their number here.
      stopApplier(state, outOfOrder(commit.transaction, last));
      continue;
    }
    state.log.push(commit.transaction);
    if (state.family === 'mysql') state.logged.add(commit.transaction.gtid);
    else state.counter = Math.max(state.counter, commit.transaction.sequence);
    commits.push(commit);
  }
  if (commits.length > 0) state.groups.push({ commits, end: state.log.length });
}

function born(state: ServerState, payload: string): Transaction {
  state.counter += 1;
  const sequence = state.counter;
  const gtid =
    state.family === 'mysql' ? gtidOf(state.serverId, sequence) : `0-${state.serverId}-${sequence}`;
  return { gtid, origin: state.serverId, sequence, payload };
}

function commitGroup(state: ServerState, group: Group): void {
  state.groups.shift();
  state.committed = group.end;
  for (const commit of group.commits) {
    if (commit.session !== null) {
      report(state, commit);
      continue;
    }
    state.slavePos = commit.transaction?.gtid ?? state.slavePos;
    state.applying = false;
    forgetApplied(state);
  }
  if (state.commitsDurably)
    Object.assign(state.disk, { committed: state.committed, slavePos: state.slavePos });
}

/** The first of the relay log is done with. */
export function forgetApplied(state: ServerState): void {
  state.relay.shift();
  state.relaySynced = Math.max(0, state.relaySynced - 1);
}

/** The position of one of our own transactions that came back: a commit of the engine without a place in the log. */
export function recordPosition(state: ServerState, gtid: string): void {
  state.slavePos = gtid;
  state.disk.slavePos = gtid;
}

export function report(state: ServerState, commit: Commit): void {
  if (!commit.waits || commit.session === null) return;
  state.released.push({
    session: commit.session,
    payload: commit.payload,
    gtid: commit.transaction?.gtid ?? null,
    outcome: commit.gone ? 'connection-lost' : 'ok',
  });
}

export function stopApplier(state: ServerState, because: string): void {
  state.applier = 'stopped';
  state.applying = false;
  state.applierError = because;
}

/** gtid_strict_mode. */
export const outOfOrder = (transaction: Transaction, last: Transaction): string =>
  `An attempt was made to binlog GTID ${transaction.gtid} which would create an out-of-order sequence number with existing GTID ${last.gtid}, and gtid strict mode is enabled (error 1950)`;

/** Every commit that is not finished, in the order of the log. */
export const pending = (state: ServerState): readonly Commit[] => [
  ...state.groups.flatMap(({ commits }) => commits),
  ...state.queue,
  ...state.blocked,
];
