// One simulated MariaDB server: binary log, semi-sync, relay log, crash recovery. Pure and synchronous; every effect is an
// explicit call. The world around it (network, clocks, disks, processes) decides when a message arrives and when a fault
// strikes; freezing a server means not to call it. Held to the real server by test/database/model.test.ts.
// Not in the model: DDL, conflicting rows, transactions of which a part arrived, parallel appliers, purged logs.
import type { Heartbeat, ServerStatus } from '../src/runtime/ports.ts';
import { advance, newCommit, pending, report, submit } from './server/commit.ts';
import { boot, kill, powerCut, rewind, shutdown } from './server/crash.ts';
import { logPosition } from './server/mysql.ts';
import * as orders from './server/orders.ts';
import * as replica from './server/replica.ts';
import { acknowledged, type Dump, dumpFrom } from './server/source.ts';
import {
  binlogPos,
  initialServer,
  type Received,
  type Released,
  type ServerOptions,
  type ServerState,
  type Transaction,
} from './server/state.ts';
import { statusOf } from './server/status.ts';

export type { Answer } from './server/orders.ts';
export type { Applied, Request } from './server/replica.ts';
export type { Dump } from './server/source.ts';
export type { Family, Outcome, Released, ServerOptions, Transaction } from './server/state.ts';

export type Written = 'ok' | 'waiting' | { readonly refused: 'down' | 'read-only' };

export interface SimulatedServer {
  readonly serverId: number;
  up(): boolean;
  /** `uptimeS` is the world's to know. Never ask a server that is down. */
  status(uptimeS?: number): ServerStatus;
  /** What a client can read: the transactions that the engine has committed, in order. */
  visible(): readonly Transaction[];
  /** The binary log, with what still waits. */
  log(): readonly Transaction[];
  /** The relay log: what was received and is not applied yet, and how much of it a power cut leaves. */
  relayLog(): { readonly received: readonly Received[]; readonly synced: number };
  /** gtid_binlog_pos and gtid_slave_pos as they are. */
  positions(): { readonly binlog: string; readonly slave: string };

  /** One transaction of a client; a session has one under way at most. `privileged` may write under read_only. */
  write(session: string, payload: string, privileged?: boolean): Written;
  /** What became since the last call of commits that had to wait. */
  takeReleased(): readonly Released[];
  /** The clients are gone: their waiting commits go on waiting, and nobody is told. */
  closeSessions(): void;
  /** KILL: the wait of this session is broken off, and its transaction committed; with 'query' its client gets OK. */
  killSession(session: string, what: 'query' | 'connection'): void;

  /** What the receiver asks its source for, while it connects; null: it is stopped or connected. */
  request(): replica.Request | null;
  /** Number of the receiver's present connection, null: none. When it changes, the world drops the old one at both ends. */
  connection(): number | null;
  /** The source took the connection; from now on `receive` works. */
  connected(): void;
  /** The connection broke: the receiver connects again by itself. */
  disconnected(): void;
  /** The source refused the position: the receiver stops. */
  refusedBySource(because: string): void;
  /** At the source: a replica has connected, or is gone. */
  replicaConnected(name: string, acknowledges: boolean): void;
  replicaGone(name: string): void;
  /** At the source: what follows a position. */
  dumpFrom(position: string): Dump;
  /** At the replica: to the relay log; returns what it acknowledges, if it does. An empty list acknowledges nothing. */
  receive(transactions: readonly Transaction[]): string | null;
  /** At the replica: a heartbeat of the source arrived. */
  heartbeat(): void;
  /** At the source: a replica holds everything up to this one. */
  acknowledged(upTo: string): void;
  /** The applier at work; 'waiting': its commit waits for an acknowledgement itself. */
  applyOne(): replica.Applied;
  applyAll(): replica.Applied;

  openWrites(): orders.Answer;
  /** 'wait' while commits are in doubt; new writes stand behind it until it is done or given up. */
  closeWrites(): orders.Answer;
  /** The deadline of a waiting closeWrites. */
  giveUpClosing(): orders.Answer;
  setSemiSyncSource(on: boolean): orders.Answer;
  setReceivesDurably(on: boolean): orders.Answer;
  setSemiSyncReplica(on: boolean): orders.Answer;
  startChannel(discardReceived?: boolean): orders.Answer;
  stopReceiving(): orders.Answer;
  drain(): orders.Answer;
  waitFor(gtid: string): orders.Answer;
  /** Leaves a gap in this server's GTIDs. */
  skipSequence(): orders.Answer;
  /** Asked again with the same beat until it is done. */
  writeHeartbeat(beat: Heartbeat): orders.Answer;
  readHeartbeat(): Heartbeat | null;
  /** An administrator's STOP SLAVE, which no order of ours issues. False: the applier's commit waits. */
  stopThreads(which: 'both' | 'receiver' | 'applier'): boolean;
  /** An administrator's START SLAVE: throws the relay log away when both threads are stopped. */
  startThreads(which: 'both' | 'receiver' | 'applier'): void;

  /** What an operator's salvage leaves: these are undone and forgotten, and the relay log is empty. Both threads are stopped. */
  rewind(gtids: readonly string[]): void;
  /** SIGKILL: the page cache survives. */
  kill(): void;
  /** What was not synced is gone; also of a server that is down. */
  powerCut(): void;
  /** SIGTERM. */
  shutdown(): void;
  /** Crash recovery, and the state that my.cnf asks for. */
  boot(): void;
}

export function newServer(options: ServerOptions): SimulatedServer {
  const state = initialServer(options);
  const whenUp =
    <Args extends unknown[]>(order: (state: ServerState, ...args: Args) => orders.Answer) =>
    (...args: Args): orders.Answer =>
      state.up ? order(state, ...args) : { kind: 'refused', code: 'down', because: 'nobody serves there' };
  return {
    serverId: state.serverId,
    up: () => state.up,
    status: (uptimeS = 1) => statusOf(state, uptimeS),
    visible: () => state.log.slice(0, state.committed),
    log: () => [...state.log],
    relayLog: () => ({ received: state.relay, synced: state.relaySynced }),
    positions: () => ({
      binlog: state.family === 'mysql' ? logPosition(state) : binlogPos(state),
      slave: state.slavePos,
    }),
    ...clientSide(state),
    ...replicationSide(state),
    openWrites: whenUp(orders.openWrites),
    closeWrites: whenUp(orders.closeWrites),
    giveUpClosing: whenUp(orders.giveUpClosing),
    setSemiSyncSource: whenUp(orders.setSemiSyncSource),
    setReceivesDurably: whenUp(orders.setReceivesDurably),
    setSemiSyncReplica: whenUp(orders.setSemiSyncReplica),
    startChannel: (discardReceived = false) => whenUp(orders.startChannel)(discardReceived),
    stopReceiving: whenUp(orders.stopReceiving),
    drain: whenUp(orders.drain),
    waitFor: whenUp(orders.waitFor),
    skipSequence: whenUp(orders.skipSequence),
    writeHeartbeat: whenUp(orders.writeHeartbeat),
    readHeartbeat: () => orders.readHeartbeat(state),
    stopThreads: (which) => orders.stopThreads(state, which),
    startThreads: (which) => orders.startThreads(state, which),
    rewind: (gtids) => rewind(state, gtids),
    kill: () => kill(state),
    powerCut: () => powerCut(state),
    shutdown: () => shutdown(state),
    boot: () => boot(state),
  };
}

function clientSide(
  state: ServerState,
): Pick<SimulatedServer, 'write' | 'takeReleased' | 'closeSessions' | 'killSession'> {
  return {
    write(session, payload, privileged = false) {
      if (!state.up) return { refused: 'down' };
      if (state.readOnly && !privileged) return { refused: 'read-only' };
      const commit = newCommit(session, payload);
      if (!state.closing) return submit(state, commit) ? 'ok' : 'waiting';
      commit.waits = true;
      state.blocked.push(commit);
      return 'waiting';
    },
    takeReleased: () => state.released.splice(0),
    closeSessions() {
      for (const commit of pending(state))
        if (commit.session !== orders.HEARTBEAT_SESSION) commit.gone = true;
    },
    killSession(session, what) {
      for (const commit of pending(state)) {
        if (commit.session !== session) continue;
        commit.killed = true;
        if (what === 'query') continue;
        // The socket closes at once, whatever becomes of the commit.
        commit.gone = true;
        report(state, commit);
        commit.waits = false;
      }
      advance(state);
    },
  };
}

type ReplicationSide = Pick<
  SimulatedServer,
  | 'request'
  | 'connection'
  | 'connected'
  | 'disconnected'
  | 'refusedBySource'
  | 'replicaConnected'
  | 'replicaGone'
  | 'dumpFrom'
  | 'receive'
  | 'heartbeat'
  | 'acknowledged'
  | 'applyOne'
  | 'applyAll'
>;

function replicationSide(state: ServerState): ReplicationSide {
  return {
    request: () => replica.request(state),
    connection: () => (state.receiver === 'running' ? state.connection : null),
    connected: () => replica.connected(state),
    disconnected: () => replica.disconnected(state),
    refusedBySource: (because) => replica.refusedBySource(state, because),
    replicaConnected: (name, acknowledges) => void state.replicas.set(name, acknowledges),
    replicaGone: (name) => void state.replicas.delete(name),
    dumpFrom: (position) => dumpFrom(state, position),
    receive: (transactions) => replica.receive(state, transactions),
    heartbeat() {
      if (state.receiver === 'running') state.heartbeats += 1;
    },
    acknowledged: (upTo) => acknowledged(state, upTo),
    applyOne: () => replica.applyOne(state),
    applyAll: () => replica.applyAll(state),
  };
}
