// How a server ends and starts: SIGKILL, power cut, SIGTERM, and crash recovery with init_rpl_role=SLAVE.
import { advance, pending, report } from './commit.ts';
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

/** SIGTERM: waits for an acknowledgement are broken off, and the commits stay. Clients see their connection lost. */
export function shutdown(state: ServerState): void {
  if (!state.up) return;
  for (const commit of pending(state)) {
    commit.gone = true;
    commit.killed = true;
  }
  advance(state);
  Object.assign(state.disk, { committed: state.committed, slavePos: state.slavePos });
  kill(state);
}

/** Crash recovery truncates the log behind the last transaction that the engine committed. */
export function boot(state: ServerState): void {
  if (state.up) return;
  state.up = true;
  state.log = state.log.slice(0, state.disk.committed);
  state.committed = state.disk.committed;
  state.slavePos = state.disk.slavePos;
  state.counter = Math.max(lastOf(state.log)?.sequence ?? 0, sequenceOf(state.slavePos));
}
