// The scripted cases' driver over two simulated servers: a network without delay, brought to rest after every step.
import { newServer, type SimulatedServer } from '../server.ts';
import type { Fate, Lab, LabCommit, LabNode, LabOrder } from './lab.ts';

/** One direction of the ring: what the replica has been sent. */
interface Link {
  readonly name: string;
  readonly source: SimulatedServer;
  readonly replica: SimulatedServer;
  connection: number | null;
  sent: string;
}

const ROUNDS_MAX = 100;

/** Takes one step; false: nothing to do. */
function advanceLink(link: Link): boolean {
  const { source, replica } = link;
  if (link.connection !== null && (link.connection !== replica.connection() || !source.up())) {
    source.replicaGone(link.name);
    if (link.connection === replica.connection()) replica.disconnected();
    link.connection = null;
    return true;
  }
  const asked = replica.request();
  if (asked !== null && source.up()) {
    const dump = source.dumpFrom(asked.position);
    if (!dump.ok) {
      replica.refusedBySource(dump.because);
      return true;
    }
    replica.connected();
    source.replicaConnected(link.name, asked.acknowledges);
    link.connection = asked.connection;
    link.sent = asked.position;
    if (dump.transactions.length === 0) link.sent = dump.upTo;
    return true;
  }
  return link.connection === null ? false : send(link);
}

function send(link: Link): boolean {
  const dump = link.source.dumpFrom(link.sent);
  if (!dump.ok) {
    link.replica.refusedBySource(dump.because);
    return true;
  }
  const last = dump.transactions.at(-1);
  if (last === undefined) return false;
  link.sent = last.gtid;
  const acknowledged = link.replica.receive(dump.transactions);
  if (acknowledged !== null) link.source.acknowledged(acknowledged);
  return true;
}

export function modelLab(): Lab {
  const a = newServer({ serverId: 1 });
  const b = newServer({ serverId: 2 });
  const links: Link[] = [
    { name: 'b', source: a, replica: b, connection: null, sent: '' },
    { name: 'a', source: b, replica: a, connection: null, sent: '' },
  ];
  function settle(): void {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const moved = links.map(advanceLink);
      const applied = [a, b].map((server) => server.applyOne() === 'applied');
      if (![...moved, ...applied].includes(true)) return;
    }
    throw new Error('the servers do not come to rest');
  }
  b.setSemiSyncSource(false);
  b.startChannel();
  a.startChannel();
  settle();
  a.setSemiSyncReplica(false);
  a.setSemiSyncSource(true);
  a.openWrites();
  a.writeHeartbeat({ epoch: 1, sequence: 1 });
  settle();
  return {
    a: modelNode(a, settle),
    b: modelNode(b, settle),
    rest: async () => settle(),
    async until(condition) {
      settle();
      if (!(await condition())) throw new Error(`never: ${condition}`);
    },
  };
}

/** With the network at rest, an order that must wait still would wait for good. */
function carryOut(server: SimulatedServer, order: LabOrder, settle: () => void): string {
  const ask = () => {
    if (order === 'openWrites') return server.openWrites();
    if (order === 'closeWrites') return server.closeWrites();
    if (order === 'stopReceiving') return server.stopReceiving();
    if (order === 'drain') return server.drain();
    if (order === 'skipSequence') return server.skipSequence();
    if ('semiSyncSource' in order) return server.setSemiSyncSource(order.semiSyncSource);
    if ('semiSyncReplica' in order) return server.setSemiSyncReplica(order.semiSyncReplica);
    if ('startChannel' in order) return server.startChannel(order.startChannel === 'discard');
    return server.waitFor(order.waitFor);
  };
  let answer = ask();
  settle();
  if (answer.kind === 'wait') answer = ask();
  if (answer.kind === 'wait' && order === 'closeWrites') answer = server.giveUpClosing();
  settle();
  if (answer.kind === 'done') return 'done';
  return answer.kind === 'wait' ? 'timeout' : answer.code;
}

interface ModelCommit extends LabCommit {
  readonly session: string;
  now: Fate;
}

function modelNode(server: SimulatedServer, settle: () => void): LabNode {
  const commits: ModelCommit[] = [];
  function learn(): void {
    settle();
    for (const { session, outcome } of server.takeReleased()) {
      const found = commits.find((commit) => commit.session === session);
      if (found !== undefined) found.now = outcome === 'ok' ? 'ok' : 'lost';
    }
  }
  function write(id: number, privileged: boolean): LabCommit {
    const session = `session ${commits.length}`;
    const written = server.write(session, String(id), privileged);
    const now: Fate = written === 'ok' ? 'ok' : written === 'waiting' ? 'pending' : 'refused';
    const fate = (): Fate => {
      learn();
      return commit.now;
    };
    const commit: ModelCommit = { session, now, fate };
    commits.push(commit);
    settle();
    return commit;
  }
  /** Whatever changes, the network comes to rest again. */
  const then = async (change: () => unknown): Promise<void> => {
    change();
    settle();
  };
  return {
    write: async (id) => write(id, false),
    writePrivileged: async (id) => write(id, true),
    killSession: (commit, what) => then(() => server.killSession((commit as ModelCommit).session, what)),
    order: async (order) => carryOut(server, order, settle),
    stopThreads: (which) => then(() => server.stopThreads(which)),
    startThreads: (which) => then(() => server.startThreads(which)),
    kill: () => then(server.kill),
    shutdown: () => then(server.shutdown),
    boot: () => then(server.boot),
    rows: async () =>
      server
        .visible()
        .map(({ payload }) => payload)
        .filter((payload) => /^\d+$/.test(payload))
        .sort((x, y) => Number(x) - Number(y))
        .join(','),
    status: async () => server.status(),
    positions: async () => server.positions(),
  };
}
