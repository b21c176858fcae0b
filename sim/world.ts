// A small world for two nodes of a pair: a virtual clock, servers with semi-sync and relay logs, agents with VIPs, and
// paths that can be cut. It runs the real pair machines; every line of its transcript can be read.
// The seeded simulator with faults at every step is built on this.

import type { Order, Outcome, PairAction, PairEvent } from '../src/core/pair/event.ts';
import { step, tickIntervalMs } from '../src/core/pair/machine.ts';
import type { PairSettings } from '../src/core/pair/settings.ts';
import { initialState, type PairState } from '../src/core/pair/state.ts';
import type { Stored } from '../src/core/pair/stored.ts';

/** One domain, as MariaDB's: the sequence numbers of transactions, in order. */
interface Server {
  up: boolean;
  frozen: boolean;
  readOnly: boolean;
  source: boolean;
  replica: boolean;
  receiver: 'running' | 'connecting' | 'stopped';
  executed: number;
  received: number;
  heartbeat: number;
  /** Commits that wait for an acknowledgement. */
  waiting: number;
  applierError: string | null;
}

export interface Node {
  readonly name: string;
  state: PairState;
  server: Server;
  disk: Stored | null;
  agentUp: boolean;
  managerUp: boolean;
  hostUp: boolean;
  interfaceUp: boolean;
  vip: number | null;
  health: string;
  adverts: 'heard' | 'late' | 'silent';
  sql: string;
  wire: string;
}

type Timer = { readonly atMs: number; readonly order: number; readonly run: () => void };

const GTID = (sequence: number): string => (sequence === 0 ? '' : `0-1-${sequence}`);

export interface World {
  readonly a: Node;
  readonly b: Node;
  readonly transcript: string[];
  nowMs(): number;
  run(forMs: number): void;
  note(text: string): void;
  /** Commits `n` transactions at the writer of the day; returns how many were acknowledged. */
  write(n: number): number;
  startManager(node: Node): void;
  paths: { vrrp: boolean; peer: boolean; sql: boolean };
  dispatch(node: Node, event: WithoutTime): void;
}
type WithoutTime = PairEvent extends infer E ? (E extends PairEvent ? Omit<E, 'nowMs'> : never) : never;

function settings(self: string, peer: string): PairSettings {
  return {
    self,
    peer,
    preferred: self === 'a',
    durability: 'lossless',
    tailMs: null,
    failback: false,
    partition: 'availability',
    promoteWithinMs: 2000,
    aloneAfterMs: 3000,
    peerSilenceMsMax: 100,
    agentGraceMs: 250,
    drainMsMax: 30_000,
    gatewayChecked: false,
    witness: false,
    holdAfterFailoverMs: 0,
    masterDownMs: MASTER_DOWN_MS,
  };
}

function newNode(name: string, peer: string): Node {
  return {
    name,
    state: initialState(settings(name, peer), null, 0),
    server: {
      up: true,
      frozen: false,
      readOnly: true,
      source: true,
      replica: true,
      receiver: 'stopped',
      // What set-up wrote.
      executed: 1,
      received: 1,
      heartbeat: 0,
      waiting: 0,
      applierError: null,
    },
    disk: null,
    agentUp: true,
    managerUp: false,
    hostUp: true,
    interfaceUp: true,
    vip: null,
    health: 'unknown',
    adverts: 'heard',
    sql: 'unknown',
    wire: '',
  };
}

/** How long an order takes here. */
const ORDER_MS = 2;
const PROBE_MS = 50;
const LATE_MS = 160;
const MASTER_DOWN_MS = 336;

export function newWorld(): World {
  let now = 0;
  let counter = 0;
  const timers: Timer[] = [];
  const a = newNode('a', 'b');
  const b = newNode('b', 'a');
  const transcript: string[] = [];
  const paths = { vrrp: true, peer: true, sql: true };
  const other = (node: Node): Node => (node === a ? b : a);
  const at = (delayMs: number, run: () => void): void => {
    timers.push({ atMs: now + delayMs, order: counter++, run });
    timers.sort((x, y) => x.atMs - y.atMs || x.order - y.order);
  };
  const line = (text: string): void => void transcript.push(`${String(Math.round(now)).padStart(6)} ${text}`);

  const answers = (node: Node): boolean => node.hostUp && node.server.up && !node.server.frozen;
  const replicates = (node: Node): boolean =>
    answers(node) &&
    answers(other(node)) &&
    paths.sql &&
    node.server.receiver !== 'stopped' &&
    node.server.applierError === null;

  function refresh(node: Node): void {
    const source = other(node).server;
    if (node.server.receiver !== 'stopped')
      node.server.receiver = replicates(node) ? 'running' : 'connecting';
    if (!replicates(node)) return;
    node.server.received = Math.max(node.server.received, source.executed + source.waiting);
    node.server.executed = Math.max(node.server.executed, node.server.received);
    node.server.heartbeat = Math.max(node.server.heartbeat, source.heartbeat);
    if (node.server.replica && source.waiting > 0) {
      source.executed += source.waiting;
      source.waiting = 0;
    }
  }

  function write(n: number): number {
    const writer = [a, b].find((node) => answers(node) && !node.server.readOnly && node.vip !== null);
    if (writer === undefined) return 0;
    const { server } = writer;
    if (!server.source) {
      server.executed += n;
      refresh(other(writer));
      return n;
    }
    server.waiting += n;
    refresh(other(writer));
    return server.waiting === 0 ? n : 0;
  }

  function status(node: Node) {
    const { server } = node;
    return {
      version: 'world',
      // Its GTIDs name one server.
      serverId: 1,
      readOnly: server.readOnly,
      executedGtid: GTID(server.executed),
      history: GTID(server.executed),
      origin: '1',
      channel: {
        sourceHost: other(node).name,
        sourcePort: 3306,
        receiver: server.receiver,
        applier: server.applierError === null ? 'running' : 'stopped',
        receiverError: null,
        applierError: server.applierError,
        receivedGtid: GTID(server.received),
        appliedGtid: GTID(server.executed),
        drained: true,
        heartbeats: 0,
      },
      semiSync: {
        source: server.source,
        replica: server.replica,
        replicas: 0,
        waitingSessions: server.waiting,
      },
      receivesDurably: true,
      uptimeS: 1,
    } as const;
  }

  function carryOut(node: Node, order: Order): Outcome {
    const { server } = node;
    const fail = (code: string, because: string): Outcome => ({ ok: false, code, because });
    switch (order.kind) {
      case 'persist':
        node.disk = { record: order.record, journal: order.journal, maintenance: order.maintenance };
        return { ok: true };
      case 'witness':
        return fail('witness-unknown', 'there is none');
      case 'skip-sequence':
        return { ok: true };
      case 'claim-vip':
        if (!node.agentUp || !node.interfaceUp) return fail('failed', 'no agent');
        node.vip = order.epoch;
        return { ok: true };
      case 'yield-vip':
        node.vip = null;
        return { ok: true };
      case 'fence-peer': {
        const peer = other(node);
        if (!answers(peer) || !paths.sql) return fail('down', 'the peer server does not answer');
        peer.server.readOnly = true;
        return { ok: true, gtid: GTID(peer.server.executed) };
      }
      default:
        break;
    }
    if (!answers(node)) return fail(server.up ? 'timeout' : 'down', 'the server does not answer');
    switch (order.kind) {
      case 'open-writes':
        server.readOnly = false;
        return { ok: true };
      case 'close-writes':
        refresh(other(node));
        if (server.waiting > 0) return fail('commits-in-doubt', 'commits wait');
        server.readOnly = true;
        return { ok: true, gtid: GTID(server.executed) };
      case 'semi-sync-source':
        if (!order.on && server.waiting > 0) {
          server.executed += server.waiting;
          server.waiting = 0;
        }
        server.source = order.on;
        return { ok: true };
      case 'semi-sync-replica':
        server.replica = order.on;
        return { ok: true };
      case 'receive-durably':
        return { ok: true };
      case 'start-channel':
        server.receiver = 'connecting';
        refresh(node);
        return { ok: true };
      case 'stop-receiving':
        server.receiver = 'stopped';
        return { ok: true };
      case 'drain':
        return server.applierError === null ? { ok: true } : fail('applier-stopped', server.applierError);
      case 'wait-for': {
        refresh(node);
        const wanted = order.gtid === '' ? 0 : Number(order.gtid.split('-')[2]);
        return server.executed >= wanted ? { ok: true } : fail('timeout', 'not reached');
      }
      case 'prove-commit': {
        server.heartbeat++;
        server.waiting++;
        refresh(other(node));
        return server.waiting === 0 ? { ok: true } : fail('timeout', 'no acknowledgement');
      }
      case 'kill-server':
        server.up = false;
        server.waiting = 0;
        return { ok: true };
      default:
        return fail('failed', 'unknown order');
    }
  }

  function act(node: Node, action: PairAction, incarnation: PairState['startedMs']): void {
    const alive = (): boolean => node.managerUp && node.hostUp && node.state.startedMs === incarnation;
    switch (action.kind) {
      case 'say':
        line(`${node.name} ${action.level === 'info' ? ' ' : '!'} ${action.code}: ${action.because}`);
        return;
      case 'order':
        at(ORDER_MS, () => {
          if (!alive()) return;
          const outcome = carryOut(node, action.order);
          if (node.vip === null && action.order.kind === 'claim-vip') line(`${node.name}   (claim failed)`);
          dispatch(node, { kind: 'result', id: action.id, outcome });
          probe(node);
        });
        return;
      case 'report':
      case 'tell': {
        const { peer } = node.state;
        const message =
          action.kind === 'tell'
            ? action.message
            : ({
                kind: 'report',
                sentMs: now,
                echoMs: peer.itsSentMs,
                asks: action.asks,
                report: action.report,
              } as const);
        if (!paths.peer) return;
        at(1, () => {
          const to = other(node);
          if (paths.peer && to.managerUp && to.hostUp) dispatch(to, { kind: 'message', message });
        });
        return;
      }
      case 'keep':
        node.disk = action.stored;
        return;
      case 'exit':
        line(`${node.name}   exit: ${action.because}`);
        node.managerUp = false;
    }
  }

  function dispatch(node: Node, event: WithoutTime): void {
    if (!node.managerUp || !node.hostUp) return;
    const [next, actions] = step(node.state, { ...event, nowMs: now } as PairEvent);
    node.state = next;
    for (const action of actions) act(node, action, next.startedMs);
  }

  /** What the prober, the agent and the peer's server show, told when it changed. */
  function probe(node: Node): void {
    if (!node.managerUp || !node.hostUp) return;
    const peer = other(node);
    refresh(node);
    const health = !node.server.up ? 'down' : node.server.frozen ? 'hung' : 'up';
    if (health === 'up') {
      if (!node.server.readOnly) node.server.heartbeat++;
      dispatch(node, { kind: 'status', status: status(node) });
      dispatch(node, { kind: 'heartbeat', sequence: node.server.heartbeat });
      dispatch(node, { kind: 'lag', lagMs: replicates(node) ? 0 : 5000 });
    }
    if (health !== node.health) {
      node.health = health;
      dispatch(node, { kind: 'health', health, because: `it is ${health}` });
    }
    const open = paths.peer && peer.managerUp && peer.hostUp;
    if (open !== node.state.peer.channelOpen)
      dispatch(node, { kind: 'peer-channel', open, because: 'the path' });
    const sql =
      !paths.sql || !peer.hostUp
        ? 'silent'
        : !peer.server.up
          ? 'refused'
          : peer.server.frozen
            ? 'silent'
            : 'answers';
    if (sql !== node.sql || node.state.peer.askedMs !== null) {
      node.sql = sql;
      dispatch(node, { kind: 'peer-sql', sql });
    }
    const link = node.agentUp ? 'up' : 'lost';
    if (link !== node.state.agent.link)
      dispatch(node, { kind: 'agent', link, because: `the agent is ${link}` });
    const wire = {
      claimedEpoch: node.vip,
      interfaceUp: node.interfaceUp,
      interfaceBecause: node.interfaceUp ? 'up' : 'no carrier',
      peerAdverts: node.adverts,
      gateway: 'unknown',
    } as const;
    if (node.agentUp && JSON.stringify(wire) !== node.wire) {
      node.wire = JSON.stringify(wire);
      dispatch(node, { kind: 'wire', wire });
    }
  }

  function loopProbe(node: Node): void {
    probe(node);
    at(PROBE_MS, () => loopProbe(node));
  }
  function loopTick(node: Node): void {
    dispatch(node, { kind: 'tick' });
    at(tickIntervalMs(node.state), () => loopTick(node));
  }
  function loopAdverts(node: Node, silentSince: number | null): void {
    const peer = other(node);
    const heard =
      paths.vrrp && peer.hostUp && peer.agentUp && peer.interfaceUp && node.interfaceUp && peer.vip !== null;
    const since = heard ? null : (silentSince ?? now);
    const silentMs = since === null ? 0 : now - since;
    const before = node.adverts;
    node.adverts = silentMs >= MASTER_DOWN_MS ? 'silent' : silentMs >= LATE_MS ? 'late' : 'heard';
    if (node.adverts !== before) probe(node);
    at(10, () => loopAdverts(node, since));
  }

  function startManager(node: Node): void {
    node.managerUp = true;
    node.health = 'unknown';
    node.sql = 'unknown';
    node.wire = '';
    node.state = initialState(settings(node.name, other(node).name), node.disk, now);
  }

  for (const node of [a, b]) {
    startManager(node);
    loopProbe(node);
    loopTick(node);
    loopAdverts(node, null);
  }

  return {
    a,
    b,
    transcript,
    paths,
    write,
    startManager,
    dispatch,
    nowMs: () => now,
    note: (text) => line(`-- ${text}`),
    run(forMs) {
      const end = now + forMs;
      for (let next = timers[0]; next !== undefined && next.atMs <= end; next = timers[0]) {
        timers.shift();
        now = next.atMs;
        next.run();
      }
      now = end;
    },
  };
}
