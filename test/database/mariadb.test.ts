// The port `Database` against two real MariaDB servers, with the privileges that set-up grants and no more.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openMariadb } from '../../src/io/database/mariadb.ts';
import { freePort } from '../support/mariadb.ts';
import { fate, PASSWORD, type Pair, pairUp, SECOND, startPair, until } from './pair.ts';

let pair: Pair;
const servers: Pair[] = [];
async function start(argsOfA: readonly string[] = []): Promise<Pair> {
  pair = await startPair('db', argsOfA);
  servers.push(pair);
  return pair;
}
afterEach(async () => {
  for (const each of servers.splice(0)) await each.end();
});

describe('a pair of MariaDB servers', () => {
  it('reports itself: who is read-only, who acknowledges, and that the standby has all', async () => {
    const { a, b } = await start();
    await pairUp(pair);
    await until(async () => (await b.db.status(SECOND)).channel?.drained === true);
    const writer = await a.db.status(SECOND);
    const standby = await b.db.status(SECOND);
    expect(writer).toMatchObject({
      serverId: 1,
      readOnly: false,
      semiSync: { source: true, replica: false, replicas: 1, waitingSessions: 0 },
      channel: { receiver: 'running', applier: 'running', applierError: null, sourcePort: b.server.port },
    });
    expect(standby).toMatchObject({
      serverId: 2,
      readOnly: true,
      semiSync: { source: false, replica: true },
    });
    expect(standby.executedGtid).toBe(writer.executedGtid);
    expect(writer.version).toContain('MariaDB');
    await until(
      async () => ((await b.db.status(SECOND)).channel?.heartbeats ?? 0) > (standby.channel?.heartbeats ?? 0),
    );
    expect(await b.db.readHeartbeat(SECOND)).toEqual({ epoch: 1, sequence: 1 });
  });

  it('moves the writer role and back with clients at work, and every acknowledged row is on both', async () => {
    const { a, b } = await start();
    await pairUp(pair);
    const acknowledged: number[] = [];
    let next = 0;
    const work = async (node: typeof a) => {
      const client = await node.client();
      for (;;) {
        const id = next++;
        try {
          await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
          acknowledged.push(id);
        } catch {
          return;
        }
      }
    };
    const handOver = async (from: typeof a, to: typeof a) => {
      const clients = [1, 2, 3, 4].map(() => work(from));
      await sleep(200);
      const final = await from.db.closeWrites(5 * SECOND);
      await to.db.waitFor(final, 5 * SECOND);
      await from.db.setSemiSyncSource(false, SECOND);
      await from.db.setSemiSyncReplica(true, 2 * SECOND);
      await to.db.setSemiSyncReplica(false, 2 * SECOND);
      await to.db.setSemiSyncSource(true, SECOND);
      await to.db.openWrites(SECOND);
      await Promise.all(clients);
    };
    await handOver(a, b);
    await handOver(b, a);
    await a.db.writeHeartbeat({ epoch: 3, sequence: 1 }, 5 * SECOND);
    await b.db.waitFor((await a.db.status(SECOND)).executedGtid, 5 * SECOND);
    expect(acknowledged.length).toBeGreaterThan(10);
    for (const node of [a, b]) {
      const root = await node.server.root();
      const [rows] = await root.query<import('mysql2').RowDataPacket[]>('SELECT id FROM shop.t');
      const held = new Set(rows.map((each) => Number(each['id'])));
      expect(acknowledged.filter((id) => !held.has(id))).toEqual([]);
      expect((await node.db.status(SECOND)).channel?.applierError).toBeNull();
    }
    expect((await a.query('SELECT COUNT(*) AS n FROM shop.t'))?.['n']).toBe(
      (await b.query('SELECT COUNT(*) AS n FROM shop.t'))?.['n'],
    );
  });

  it('with commits in doubt refuses to close, tells no client OK, and stays as it was', async () => {
    const { a, b } = await start();
    await pairUp(pair);
    await b.db.stopReceiving(5 * SECOND);
    const client = await a.client();
    const idle = await a.client();
    const waiting = fate(client.query('INSERT INTO shop.t VALUES (1, 1)'));
    await until(async () => (await a.db.status(SECOND)).semiSync.waitingSessions === 1);
    await expect(a.db.closeWrites(SECOND)).rejects.toMatchObject({ code: 'commits-in-doubt' });
    expect(waiting.now).toBe('pending');
    expect((await a.query('SELECT COUNT(*) AS n FROM shop.t'))?.['n']).toBe(0);
    expect((await a.db.status(SECOND)).readOnly).toBe(false);
    await idle.query('SELECT 1');
    // The standby comes back: now it can be closed, and the commit was acknowledged.
    await b.db.startChannel(5 * SECOND);
    await until(async () => waiting.now === 'ok');
    await a.db.closeWrites(5 * SECOND);
    expect((await a.db.status(SECOND)).readOnly).toBe(true);
  });

  it('closes past a client that holds a table lock and one that runs a long update', async () => {
    const { a } = await start();
    await pairUp(pair);
    const locker = await a.client();
    await locker.query('INSERT INTO shop.t VALUES (1, 1), (2, 2)');
    await locker.query('LOCK TABLES shop.u WRITE');
    const updater = await a.client();
    const update = fate(updater.query('UPDATE shop.t SET v = SLEEP(30)'));
    await sleep(100);
    const reader = await a.client();
    const read = fate(reader.query('SELECT SLEEP(30)'));
    await a.db.closeWrites(5 * SECOND);
    await until(async () => update.now !== 'pending' && read.now !== 'pending');
    expect(update.now).toContain('failed');
    expect(read.now).toContain('failed');
    const again = await a.client();
    await expect(again.query('INSERT INTO shop.t VALUES (3, 3)')).rejects.toMatchObject({ errno: 1290 });
    await expect(locker.query('SELECT 1')).rejects.toThrow();
    await a.db.closeWrites(SECOND);
  });

  it('writes no heartbeat on a read-only server, though our account could', async () => {
    const { b } = await start();
    await pairUp(pair);
    await expect(b.db.writeHeartbeat({ epoch: 1, sequence: 7 }, SECOND)).rejects.toMatchObject({
      code: 'statement',
    });
    await until(async () => (await b.db.readHeartbeat(SECOND))?.sequence === 1);
    expect((await b.query('SELECT COUNT(*) AS n FROM twinkeep.heartbeat'))?.['n']).toBe(1);
  });

  it('answers probes while a heartbeat waits for the standby, and keeps one such commit under way', async () => {
    const { a, b } = await start();
    await pairUp(pair);
    await b.db.stopReceiving(5 * SECOND);
    for (const sequence of [2, 3, 4]) {
      await expect(a.db.writeHeartbeat({ epoch: 1, sequence }, 200)).rejects.toMatchObject({
        code: 'timeout',
      });
      await a.db.ping(SECOND);
    }
    const held = await a.query(
      "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = 'twinkeep'",
    );
    // For probes, orders, heartbeats, and a spare one for a promotion.
    expect(held?.['n']).toBe(4);
    await b.db.startChannel(5 * SECOND);
    await a.db.writeHeartbeat({ epoch: 1, sequence: 5 }, 5 * SECOND);
  });

  it('promotes the standby when the writer is frozen, without waiting for it', async () => {
    const { a, b } = await start();
    await pairUp(pair);
    const client = await a.client();
    for (let id = 0; id < 20; id++) await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
    a.server.freeze();
    try {
      await b.db.stopReceiving(2 * SECOND);
      await b.db.drain(5 * SECOND);
      await b.db.setSemiSyncSource(false, SECOND);
      await b.db.openWrites(SECOND);
      expect((await b.query('SELECT COUNT(*) AS n FROM shop.t'))?.['n']).toBe(20);
      expect((await b.db.status(SECOND)).readOnly).toBe(false);
    } finally {
      a.server.thaw();
    }
  });
});

describe('a connection to a server', () => {
  it('says at once that it was lost, and that nobody serves there', async () => {
    const { a } = await start();
    await a.db.connect(5 * SECOND);
    const losses: string[] = [];
    a.db.onLost((because) => losses.push(because));
    await a.db.killServer();
    await until(async () => losses.length > 0);
    expect(losses).toHaveLength(1);
    await expect(a.db.ping(SECOND)).rejects.toMatchObject({ code: 'down' });
    await expect(a.db.connect(SECOND)).rejects.toMatchObject({ code: 'down' });
    await a.server.start();
    await a.db.connect(5 * SECOND);
    await a.db.ping(SECOND);
    await a.db.killServer();
    await until(async () => losses.length === 2);
  });

  it('to a frozen server ends in its deadline, opens no further ones, and goes on afterwards', async () => {
    const { a } = await start();
    await a.db.connect(5 * SECOND);
    a.server.freeze();
    for (let round = 0; round < 5; round++)
      await expect(a.db.ping(100)).rejects.toMatchObject({ code: 'timeout' });
    a.server.thaw();
    await a.db.ping(5 * SECOND);
    const held = async () =>
      (await a.query("SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = 'twinkeep'"))?.[
        'n'
      ];
    // For probes and orders, and a spare one for a promotion; the server needs a moment to see that one was given up.
    await until(async () => (await held()) === 3);
  });

  it('names a wrong password, and a server that is out of connections unless there is an extra port', async () => {
    const extraPort = await freePort();
    const { a } = await start([
      '--max-connections=10',
      `--extra-port=${extraPort}`,
      '--extra-max-connections=4',
    ]);
    const endpoint = {
      host: '127.0.0.1',
      port: a.server.port,
      user: 'twinkeep',
      password: PASSWORD,
    } as const;
    const open = (more: object) => openMariadb({ ...endpoint, role: 'peer', schema: 'twinkeep', ...more });
    const wrong = open({ password: 'wrong' });
    await expect(wrong.connect(SECOND)).rejects.toMatchObject({ code: 'access-denied' });
    wrong.close();
    const clients = [];
    for (let n = 0; n < 10; n++) clients.push(await a.client());
    // One more than max_connections is ours by privilege; the second needs the extra port.
    const without = open({});
    await expect(without.connect(2 * SECOND)).rejects.toMatchObject({ code: 'too-many-connections' });
    without.close();
    await sleep(100);
    const with_ = open({ extraPort });
    await with_.connect(2 * SECOND);
    await with_.closeWrites(2 * SECOND);
    with_.close();
  });

  it('refuses to kill a server that is not on this host', async () => {
    const { a } = await start();
    const peer = openMariadb({
      host: '127.0.0.1',
      port: a.server.port,
      user: 'twinkeep',
      password: PASSWORD,
      role: 'peer',
      schema: 'twinkeep',
    });
    await peer.connect(5 * SECOND);
    await expect(peer.killServer()).rejects.toMatchObject({ code: 'statement' });
    expect(a.server.running()).toBe(true);
    peer.close();
  });
});
