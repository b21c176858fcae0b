// The rules of SPEC.md, each played out with statements of both nodes and statuses of the replica's own server.
import { describe, expect, test } from 'vitest';
import type { ServerStatus } from '../pair/server.ts';
import type { ReplicaAction, ReplicaEvent } from './event.ts';
import { step } from './machine.ts';
import {
  type Errant,
  initialState,
  type NodeStatement,
  type ReplicaOrder,
  type ReplicaState,
} from './state.ts';
import { parseReplicaStatement, statementOf } from './view.ts';

type WithoutTime<E> = E extends ReplicaEvent ? Omit<E, 'nowMs'> : never;
type Channel = NonNullable<ServerStatus['channel']>;

const ADDRESS: Readonly<Record<string, string>> = { a: '192.0.2.11', b: '192.0.2.12' };

/** A replica, its server, and two nodes whose statements a test changes. */
class Play {
  state: ReplicaState;
  nowMs = 1000;
  heartbeats = 0;
  orders: ReplicaOrder[] = [];
  said: string[] = [];
  kept: (Errant | null)[] = [];
  /** False: an order's result is for the test to give. */
  answers = true;
  silent = new Set<string>();
  channel: Channel | null;
  own: Pick<ServerStatus, 'executedGtid' | 'history' | 'readOnly' | 'semiSync'> = {
    executedGtid: '0-511-5',
    history: '0-511-5',
    readOnly: true,
    semiSync: { source: false, replica: false, replicas: 0, waitingSessions: 0 },
  };
  nodes: Record<'a' | 'b', NodeStatement> = {
    a: this.node('writing', '0-511-5'),
    b: this.node('following', '0-511-5'),
  };

  constructor(prefer = 'standby', source: 'a' | 'b' | null = 'b', errant: Errant | null = null) {
    this.channel = source === null ? null : this.running(source);
    const nodes = Object.entries(ADDRESS).map(([name, address]) => ({ name, address }));
    this.state = initialState({ self: 'r1', nodes, port: 3306, prefer }, errant, this.nowMs);
    this.tell({ kind: 'health', health: 'up', because: 'it answers' });
  }

  node(role: NodeStatement['role'], history: string, more: Partial<NodeStatement> = {}): NodeStatement {
    return {
      record: { epoch: 1, writer: 'a', sync: 'paired' },
      role,
      server: 'up',
      executedGtid: history,
      history,
      origin: '511',
      replicating: role === 'following',
      heartbeat: role === 'writing' ? 1 : 0,
      ...more,
    };
  }

  running(source: 'a' | 'b'): Channel {
    return {
      sourceHost: ADDRESS[source] ?? '',
      sourcePort: 3306,
      receiver: 'running',
      applier: 'running',
      receiverError: null,
      applierError: null,
      receivedGtid: '0-511-5',
      appliedGtid: '0-511-5',
      drained: true,
      heartbeats: 0,
    };
  }

  status(): ServerStatus {
    const channel = this.channel && { ...this.channel, heartbeats: this.heartbeats };
    return {
      version: '10.11.19-MariaDB-log',
      serverId: 513,
      origin: '513',
      receivesDurably: true,
      uptimeS: 10,
      ...this.own,
      channel,
    };
  }

  tell(event: WithoutTime<ReplicaEvent>): void {
    const [state, actions] = step(this.state, { ...event, nowMs: this.nowMs } as ReplicaEvent);
    this.state = state;
    for (const action of actions) this.perform(action);
  }

  perform(action: ReplicaAction): void {
    if (action.kind === 'say') this.said.push(`${action.code}: ${action.because}`);
    else if (action.kind === 'keep') this.kept.push(action.errant);
    else {
      this.orders.push(action.order);
      if (!this.answers) return;
      this.obey(action.order);
      this.tell({ kind: 'result', id: action.id, outcome: { ok: true, status: this.status() } });
    }
  }

  /** What the order does to the server. */
  obey(order: ReplicaOrder): void {
    if (order.kind === 'point') this.channel = this.running(order.node as 'a' | 'b');
    if (order.kind === 'start' && this.channel)
      this.channel = { ...this.channel, receiver: 'running', applier: 'running' };
    if ((order.kind === 'freeze' || order.kind === 'stop-receiving') && this.channel)
      this.channel = { ...this.channel, receiver: 'stopped' };
    if (order.kind === 'close-writes') this.own = { ...this.own, readOnly: true };
    if (order.kind === 'stop-acknowledging')
      this.own = { ...this.own, semiSync: { ...this.own.semiSync, replica: false, source: false } };
  }

  /** Half-seconds in which nodes answer and the server says how it is. */
  run(seconds: number): this {
    for (let half = 0; half < seconds * 2; half++) {
      this.nowMs += 500;
      if (this.channel?.receiver === 'running' && !this.silent.has(`server of ${this.sourceName()}`))
        this.heartbeats++;
      for (const name of ['a', 'b'] as const) {
        const statement = this.silent.has(name) ? null : this.nodes[name];
        this.tell({
          kind: 'node',
          name,
          askedMs: this.nowMs - 10,
          statement,
          because: 'no answer within 800 ms',
        });
      }
      this.tell({ kind: 'status', status: this.status(), place: 'disk:1' });
      this.tell({ kind: 'tick' });
    }
    return this;
  }

  sourceName(): string {
    return this.channel?.sourceHost === ADDRESS['a'] ? 'a' : 'b';
  }

  kinds(): string[] {
    return this.orders.map((order) => (order.kind === 'point' ? `point ${order.node}` : order.kind));
  }

  /** The host of that node is gone: it says nothing, and its server sends nothing. */
  crash(name: 'a' | 'b'): this {
    this.silent.add(name).add(`server of ${name}`);
    if (this.sourceName() === name && this.channel)
      this.channel = { ...this.channel, receiver: 'connecting', receiverError: 'no connection (error 2003)' };
    return this;
  }
}

describe('R1: whom it replicates from', () => {
  test('one that is where it should be gets no order', () => {
    const play = new Play().run(20);
    expect(play.kinds()).toEqual([]);
    expect(statementOf(play.state)).toMatchObject({
      role: 'following',
      source: 'b',
      replicating: true,
      warnings: [],
    });
  });

  test('when the standby dies it goes to the writer, and back once the standby was fit for ten seconds', () => {
    const play = new Play().run(2).crash('b').run(6);
    expect(play.kinds()).toEqual(['freeze', 'point a']);
    play.silent.clear();
    play.run(8);
    expect(play.kinds()).toHaveLength(2);
    play.run(4);
    expect(play.kinds().slice(2)).toEqual(['freeze', 'point b']);
  });

  test('a standby that is alone is not gone to: it is behind', () => {
    const play = new Play('standby', 'a');
    play.nodes.b = play.node('following', '0-511-5', { record: { epoch: 1, writer: 'a', sync: 'alone' } });
    expect(play.run(30).kinds()).toEqual([]);
  });

  test('a standby that stops replicating is left, though it still sends', () => {
    const play = new Play().run(2);
    play.nodes.b = play.node('following', '0-511-5', { replicating: false });
    play.run(2);
    expect(play.kinds()).toEqual([]);
    expect(play.run(3).kinds()).toEqual(['freeze', 'point a']);
  });

  test('an agent that is silent does not drive it away from a server that sends', () => {
    const play = new Play().run(2);
    play.silent.add('b');
    expect(play.run(30).kinds()).toEqual([]);
  });

  test('with both nodes gone it stays where it is', () => {
    const play = new Play().run(2).crash('b').crash('a').run(30);
    expect(play.kinds()).toEqual([]);
    expect(statementOf(play.state)).toMatchObject({ role: 'waiting', replicating: false });
  });

  test('of the writer: a switchover takes it along at once', () => {
    const play = new Play('writer', 'a').run(12);
    const record = { epoch: 2, writer: 'b', sync: 'paired' } as const;
    play.nodes.a = play.node('following', '0-511-5', { record });
    play.nodes.b = play.node('writing', '0-511-5', { record });
    expect(play.run(1).kinds()).toEqual(['freeze', 'point b']);
  });

  test('an old writer that knows of an old epoch only is not gone to', () => {
    const play = new Play('a', 'b');
    play.nodes.b = play.node('writing', '0-511-5', { record: { epoch: 2, writer: 'b', sync: 'alone' } });
    expect(play.run(20).kinds()).toEqual([]);
  });

  test('one that replicates from elsewhere, the VIP for example, is brought to a node', () => {
    const play = new Play();
    play.channel = { ...play.running('a'), sourceHost: '192.0.2.100' };
    expect(play.run(3).kinds()).toEqual(['freeze', 'point b']);
  });

  test('an empty server without a channel is left to set-up', () => {
    const play = new Play('standby', null);
    play.own = { ...play.own, executedGtid: '', history: '' };
    expect(play.run(10).kinds()).toEqual([]);
    expect(statementOf(play.state).because).toContain('twinkeep setup');
  });

  test('a copy without a channel is pointed', () => {
    expect(new Play('standby', null).run(3).kinds()).toEqual(['freeze', 'point b']);
  });
});

describe('R2: nothing that was received is thrown away, and nothing is skipped', () => {
  test('it points only to a node that has all it has, and otherwise goes on as before', () => {
    const play = new Play('standby', 'a');
    play.nodes.b = play.node('following', '0-511-4');
    play.run(12);
    expect(play.kinds()).toEqual(['freeze']);
    play.run(12);
    expect(play.kinds()).toEqual(['freeze', 'start']);
    expect(play.said.some((each) => each.startsWith('move-given-up'))).toBe(true);
  });

  test('frozen, it waits for the new source to have what it has, then points', () => {
    const play = new Play('standby', 'a');
    play.nodes.b = play.node('following', '0-511-4');
    play.run(12);
    play.nodes.b = play.node('following', '0-511-6');
    expect(play.run(1).kinds()).toEqual(['freeze', 'point b']);
  });

  test('with an applier that has stopped on an error it is not moved, and the error is told', () => {
    const play = new Play().run(2).crash('b');
    if (play.channel)
      play.channel = { ...play.channel, applier: 'stopped', applierError: 'Duplicate entry (error 1062)' };
    play.run(20);
    expect(play.kinds()).toEqual([]);
    expect(statementOf(play.state).warnings.map((each) => each.code)).toContain('applier-error');
  });

  test('after a restart of its server the channel is started', () => {
    const play = new Play().run(2);
    play.tell({ kind: 'health', health: 'down', because: 'refused' });
    if (play.channel) play.channel = { ...play.channel, receiver: 'stopped', applier: 'stopped' };
    play.tell({ kind: 'health', health: 'up', because: 'it answers' });
    expect(play.run(1).kinds()).toEqual(['start']);
  });

  test('a failed order is tried again after a rest, and is shown meanwhile', () => {
    const play = new Play().run(2).crash('b');
    play.answers = false;
    play.run(5);
    expect(play.kinds()).toEqual(['freeze']);
    play.tell({
      kind: 'result',
      id: play.state.order?.id ?? 0,
      outcome: { ok: false, because: 'it does not stop' },
    });
    expect(statementOf(play.state).warnings).toContainEqual(
      expect.objectContaining({ code: 'not-applied', because: 'it does not stop' }),
    );
    expect(play.run(1).kinds()).toEqual(['freeze']);
    expect(play.run(3).kinds()).toEqual(['freeze', 'freeze']);
  });

  test('a late result of an order that is not under way changes nothing', () => {
    const play = new Play().run(2);
    const before = play.state.startedAtMs;
    play.tell({ kind: 'result', id: 99, outcome: { ok: true, status: null } });
    expect(play.state.startedAtMs).toBe(before);
  });
});

describe('R3: it never acknowledges, and never takes writes', () => {
  test('semi-sync that somebody switched on is switched off before anything else', () => {
    const play = new Play().run(2);
    play.own = { ...play.own, readOnly: false, semiSync: { ...play.own.semiSync, replica: true } };
    expect(play.run(1).kinds()).toEqual(['stop-acknowledging', 'close-writes']);
  });

  test('so it is on one that is errant', () => {
    const play = new Play('standby', 'b', { gtids: ['0-511-9'], because: 'errant', place: '' });
    play.own = { ...play.own, history: '0-511-9', semiSync: { ...play.own.semiSync, replica: true } };
    expect(play.run(1).kinds()).toEqual(['stop-acknowledging', 'stop-receiving']);
  });
});

describe('R4: transactions that the writer lacks', () => {
  const failedOver = (play: Play, history: string): Play => {
    const record = { epoch: 2, writer: 'b', sync: 'alone' } as const;
    play.crash('a');
    play.nodes.b = play.node('writing', history, { record, origin: '512' });
    return play;
  };

  test('what a failover took back is named, kept, and ends the replication', () => {
    const play = new Play('writer', 'a').run(2);
    play.own = { ...play.own, executedGtid: '0-511-6', history: '0-511-6' };
    failedOver(play, '0-511-5,0-512-7').run(5);
    expect(play.kept).toEqual([
      { gtids: ['0-511-6'], because: expect.stringContaining('0-511-6'), place: 'disk:1' },
    ]);
    expect(play.kinds().some((kind) => kind.startsWith('point'))).toBe(false);
    expect(play.channel?.receiver).toBe('stopped');
    expect(statementOf(play.state)).toMatchObject({
      role: 'errant',
      errant: ['0-511-6'],
      replicating: false,
    });
  });

  test('it stays so when the numbers of the writer have passed it, and after a restart of the agent', () => {
    const errant: Errant = { gtids: ['0-511-6'], because: 'errant', place: 'disk:1' };
    const play = new Play('writer', 'a', errant);
    play.own = { ...play.own, executedGtid: '0-511-6', history: '0-511-6' };
    play.nodes.a = play.node('writing', '0-511-20');
    expect(statementOf(play.run(10).state).role).toBe('errant');
  });

  test('it is over once the server runs on another data folder, or no longer holds them', () => {
    const errant: Errant = { gtids: ['0-511-6'], because: 'errant', place: 'disk:0' };
    const copied = new Play('standby', 'b', errant).run(2);
    expect(copied.kept).toEqual([null]);
    expect(statementOf(copied.state).role).toBe('following');
    const without = new Play('standby', 'b', { ...errant, place: 'disk:1' }).run(2);
    expect(without.kept).toEqual([null]);
  });

  test('an answer that is older than what we have proves nothing', () => {
    const play = new Play('writer', 'a');
    for (let n = 6; n < 60; n++) {
      // Always one ahead of what the writer's manager knew a second ago.
      play.own = { ...play.own, executedGtid: `0-511-${n}`, history: `0-511-${n}` };
      play.nodes.a = play.node('writing', `0-511-${n - 2}`);
      play.run(0.5);
    }
    expect(play.kept).toEqual([]);
  });

  test('a standby that is behind is not held against it', () => {
    const play = new Play('writer', 'a');
    play.nodes.b = play.node('following', '0-511-1');
    expect(play.run(20).kept).toEqual([]);
  });

  test("a writer's refusal of our position counts, another source's does not", () => {
    const refused =
      "connecting slave requested to start from GTID 0-511-6, which is not in the master's binlog (error 1236)";
    const told = (source: 'a' | 'b'): Play => {
      const play = new Play(source, source).run(2);
      if (play.channel) play.channel = { ...play.channel, receiver: 'stopped', receiverError: refused };
      play.answers = false;
      return play.run(3);
    };
    expect(told('a').kept).toHaveLength(1);
    expect(told('b').kept).toEqual([]);
  });

  test('commits of a MySQL writer that wait for its standby are in doubt, not errant', () => {
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const play = new Play('writer', 'a');
    play.own = { ...play.own, executedGtid: `${uuid}:1-6`, history: `${uuid}:1-6` };
    play.nodes.a = play.node('writing', `${uuid}:1-5`, { origin: uuid });
    expect(play.run(50).kept).toEqual([]);
    expect(play.run(20).kept).toHaveLength(1);
  });
});

test('what it says of itself is read back as it was said, and nothing else is', () => {
  const statement = statementOf(new Play().run(2).state);
  const told: unknown = JSON.parse(JSON.stringify(statement));
  expect(parseReplicaStatement(told, 'r1')).toEqual(statement);
  expect(parseReplicaStatement(told, 'r2')).toBeNull();
  expect(parseReplicaStatement({ ...statement, role: 'writer' }, 'r1')).toBeNull();
  expect(parseReplicaStatement({ ...statement, warnings: 'x' }, 'r1')).toBeNull();
  expect(parseReplicaStatement(null, 'r1')).toBeNull();
});
