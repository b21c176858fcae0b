// How a server ends and starts: SIGKILL, power cut, SIGTERM, and crash recovery with init_rpl_role=SLAVE.
import { advance, pending, report } from './commit.ts';
import { gathered, nextOwn } from './mysql.ts';
import * as orders from './orders.ts';
import { sequenceOf } from './source.ts';
import { booted, lastOf, type ServerState } from './state.ts';

/** SIGKILL: the page cache survives, so the whole relay log does. Clients see their connection lost. */
export function kill(state: ServerState): void {
  if (!state.up) return;
  state.up = false;
  const unfinished = pending(state);
  Object.assign(state, booted(), { connection: state.connection + 1 });
  state.replicas.clear();
  for (const commit of unfinished) {
    commit.gone = true;
    report(state, commit);
  }
}

/** What was not synced is gone, also when the process had ended before. */
export function powerCut(state: ServerState): void {
  kill(state);
  state.relay = state.relay.slice(0, state.relaySynced);
}

export function rewind(state: ServerState, gtids: readonly string[]): void {
  const undone = new Set(gtids);
  orders.stopThreads(state, 'both');
  state.log = state.log.filter(({ gtid }) => !undone.has(gtid));
  Object.assign(state, {
    groups: [],
    queue: [],
    relay: [],
    relaySynced: 0,
    receivedPos: null,
  });
  state.applierError = null;
  Object.assign(state.executed, { upTo: 0, set: new Map() });
  state.committed = state.log.length;
  state.slavePos = lastOf(state.log)?.gtid ?? '';
  Object.assign(state.disk, { committed: state.committed, slavePos: state.slavePos });
  if (state.family === 'mysql') bootMysql(state);
  else state.counter = lastOf(state.log)?.sequence ?? 0;
}

/**
 * SIGTERM: waits for an acknowledgement are broken off, and the commits stay. Clients of MariaDB see their connection lost; those of
 * MySQL are told OK.
 */
export function shutdown(state: ServerState): void {
  if (!state.up) return;
  for (const commit of pending(state)) {
    commit.gone ||= state.family === 'mariadb';
    commit.killed = true;
  }
  advance(state);
  Object.assign(state.disk, { committed: state.committed, slavePos: state.slavePos });
  kill(state);
}

/** MySQL: what is in the binary log is committed, whatever its client was told. */
function bootMysql(state: ServerState): void {
  state.committed = state.log.length;
  state.counter = nextOwn(state);
  state.logged = new Set(state.log.map(({ gtid }) => gtid));
  state.retrieved = gathered(state.relay);
}

/** Crash recovery truncates the log behind the last transaction that the engine committed. */
export function boot(state: ServerState): void {
  if (state.up) return;
  state.up = true;
  if (state.family === 'mysql') {
    bootMysql(state);
    return;
  }
  state.log = state.log.slice(0, state.disk.committed);
  state.committed = state.disk.committed;
  state.slavePos = state.disk.slavePos;
  state.counter = Math.max(lastOf(state.log)?.sequence ?? 0, sequenceOf(state.slavePos));
}
