// The port `Database` against two real MySQL 9.7 servers, with the privileges that mysql-grants.ts names and no more. Skipped
// unless asked for: `npm run mysql`.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { contains } from '../../src/core/gtid/mysql.ts';
import { freePort } from '../support/mariadb.ts';
import { databaseOf, type MysqlNode, type MysqlPair, pairUp, reset, startPair } from './mysqlpair.ts';
import { mysqlRoot } from './mysqlserver.ts';
import { fate, SECOND, until } from './pair.ts';

const root = mysqlRoot();
if ('missing' in root) console.warn(`skipped: ${root.missing}`);
const adminPort = await freePort();
let pair: MysqlPair | null = null;

beforeEach(async () => {
  if ('missing' in root) return;
  pair ??= await startPair(root.path, [
    '--max-connections=30',
    '--admin-address=127.0.0.1',
    `--admin-port=${adminPort}`,
  ]);
  await reset(pair);
});
afterAll(async () => {
  await pair?.end();
});
const servers = (): MysqlPair => {
  if (pair === null) throw new Error('no servers');
  return pair;
};
async function paired(): Promise<MysqlPair> {
  await pairUp(servers());
  return servers();
}

describe.skipIf('missing' in root)('a pair of MySQL servers', () => {
  it('reports itself: who is read-only, who acknowledges, and that the standby has all', async () => {
    const { a, b } = await paired();
    await until(async () => (await b.db.status(SECOND)).channel?.drained === true);
    // The writer's own receiver was started anew, and its commit has only just been acknowledged.
    await until(async () => {
      const { channel, semiSync } = await a.db.status(SECOND);
      return channel?.receiver === 'running' && semiSync.waitingSessions === 0;
    });
    const writer = await a.db.status(SECOND);
    const standby = await b.db.status(SECOND);
    expect(writer).toMatchObject({
      serverId: 1,
      readOnly: false,
      receivesDurably: true,
      semiSync: { source: true, replica: false, replicas: 1, waitingSessions: 0 },
      channel: { receiver: 'running', applier: 'running', applierError: null, sourcePort: b.server.port },
    });
    expect(standby).toMatchObject({
      serverId: 2,
      readOnly: true,
      semiSync: { source: false, replica: true },
      channel: { sourceHost: '127.0.0.1', receivedGtid: writer.executedGtid },
    });
    expect(writer.executedGtid).toMatch(/^[0-9a-f-]{36}:1$/);
    await b.db.waitFor(writer.executedGtid, 5 * SECOND);
    expect((await b.db.status(SECOND)).executedGtid).toBe(writer.executedGtid);
    expect(writer.version).toMatch(/^9\./);
    await until(
      async () => ((await b.db.status(SECOND)).channel?.heartbeats ?? 0) > (standby.channel?.heartbeats ?? 0),
    );
    expect(await b.db.readHeartbeat(SECOND)).toEqual({ epoch: 1, sequence: 1 });
    await b.db.setReceivesDurably(false, SECOND);
    expect((await b.db.status(SECOND)).receivesDurably).toBe(false);
  });

  it('moves the writer role and back with clients at work, and every acknowledged row is on both', async () => {
    const { a, b } = await paired();
    const acknowledged: number[] = [];
    let next = 0;
    const work = async (node: MysqlNode) => {
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
    const handOver = async (from: MysqlNode, to: MysqlNode) => {
      const before = acknowledged.length;
      const clients = [1, 2, 3, 4].map(() => work(from));
      await until(async () => acknowledged.length > before + 20);
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
    for (const node of [a, b]) {
      const held = new Set((await node.ids()).split(',').map(Number));
      expect(acknowledged.filter((id) => !held.has(id))).toEqual([]);
      expect((await node.db.status(SECOND)).channel?.applierError).toBeNull();
    }
    expect(await a.ids()).toBe(await b.ids());
  });

  it('with commits in doubt refuses to close, tells no client OK, and stays as it was', async () => {
    const { a, b } = await paired();
    await b.db.stopReceiving(5 * SECOND);
    const [client, second, idle] = [await a.client(), await a.client(), await a.client()];
    const waiting = fate(client.query('INSERT INTO shop.t VALUES (1, 1)'));
    await until(async () => (await a.db.status(SECOND)).semiSync.waitingSessions === 1);
    const behind = fate(second.query('INSERT INTO shop.t VALUES (2, 2)'));
    await expect(a.db.closeWrites(SECOND)).rejects.toMatchObject({ code: 'commits-in-doubt' });
    expect([waiting.now, behind.now]).toEqual(['pending', 'pending']);
    expect(await a.ids()).toBe('');
    expect((await a.db.status(SECOND)).readOnly).toBe(false);
    expect(Number((await a.query('SELECT @@read_only AS ro'))?.['ro'])).toBe(0);
    await idle.query('SELECT 1');
    // The standby comes back: now it can be closed, and the commits were acknowledged.
    await b.db.startChannel(5 * SECOND);
    await until(async () => waiting.now === 'ok' && behind.now === 'ok');
    await a.db.closeWrites(5 * SECOND);
    expect((await a.db.status(SECOND)).readOnly).toBe(true);
  });

  it('closes past a client that holds a table lock, an administrator who does, and one that runs a long update', async () => {
    const { a } = await paired();
    const locker = await a.client();
    await locker.query('INSERT INTO shop.t VALUES (1, 1), (2, 2)');
    await locker.query('LOCK TABLES shop.u WRITE');
    const administrator = await a.server.root();
    await administrator.query('LOCK TABLES shop.wide WRITE');
    const updater = await a.client();
    const update = fate(updater.query('UPDATE shop.t SET v = SLEEP(30)'));
    await sleep(100);
    const reader = await a.client();
    const read = fate(reader.query('SELECT SLEEP(30)'));
    await a.db.closeWrites(5 * SECOND);
    // SLEEP that is interrupted answers 1 before its connection ends.
    await until(async () => update.now !== 'pending' && read.now !== 'pending');
    expect(update.now).toContain('failed');
    const again = await a.client();
    await expect(again.query('INSERT INTO shop.t VALUES (3, 3)')).rejects.toMatchObject({ errno: 1290 });
    await expect(locker.query('SELECT 1')).rejects.toThrow();
    await expect(administrator.query('SELECT 1')).rejects.toThrow();
    await a.db.closeWrites(SECOND);
  });

  it('closed, refuses an administrator too, and a commit of what was begun before', async () => {
    const { a } = await paired();
    const administrator = await a.server.root();
    await administrator.query('BEGIN');
    await administrator.query('INSERT INTO shop.t VALUES (1, 1)');
    // As an administrator would close it by hand: nobody is killed.
    await a.query('SET GLOBAL super_read_only = ON');
    await expect(administrator.query('COMMIT')).rejects.toMatchObject({ errno: 1290 });
    await expect((await a.server.root()).query('INSERT INTO shop.t VALUES (2, 2)')).rejects.toMatchObject({
      errno: 1290,
    });
    expect((await a.db.status(SECOND)).readOnly).toBe(true);
    // With read_only alone an administrator writes: that is not closed, and closing it goes through.
    await a.query('SET GLOBAL super_read_only = OFF');
    expect((await a.db.status(SECOND)).readOnly).toBe(false);
    await a.db.closeWrites(5 * SECOND);
    expect((await a.db.status(SECOND)).readOnly).toBe(true);
    await a.db.openWrites(SECOND);
    expect((await a.db.status(SECOND)).readOnly).toBe(false);
  });

  it('writes no heartbeat on a closed server, and the row of the writer stays', async () => {
    const { b } = await paired();
    await expect(b.db.writeHeartbeat({ epoch: 1, sequence: 7 }, SECOND)).rejects.toMatchObject({
      code: 'statement',
    });
    await b.query('SET GLOBAL super_read_only = OFF');
    await expect(b.db.writeHeartbeat({ epoch: 1, sequence: 7 }, SECOND)).rejects.toMatchObject({
      code: 'statement',
    });
    await until(async () => (await b.db.readHeartbeat(SECOND))?.sequence === 1);
    expect((await b.query('SELECT COUNT(*) AS n FROM twinkeep.heartbeat'))?.['n']).toBe(1);
  });

  it('answers probes while a heartbeat waits for the standby, and keeps one such commit under way', async () => {
    const { a, b } = await paired();
    await b.db.stopReceiving(5 * SECOND);
    for (const sequence of [2, 3, 4]) {
      await expect(a.db.writeHeartbeat({ epoch: 1, sequence }, 200)).rejects.toMatchObject({
        code: 'timeout',
      });
      await a.db.ping(SECOND);
    }
    const held = await a.query(
      "SELECT COUNT(*) AS n FROM performance_schema.processlist WHERE user = 'twinkeep'",
    );
    // For probes, orders, heartbeats, and a spare one for a promotion.
    expect(held?.['n']).toBe(4);
    await b.db.startChannel(5 * SECOND);
    await a.db.writeHeartbeat({ epoch: 1, sequence: 5 }, 5 * SECOND);
  });

  it('promotes the standby when the writer is frozen, without waiting for it', async () => {
    const { a, b } = await paired();
    const client = await a.client();
    for (let id = 0; id < 20; id++) await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
    a.server.freeze();
    try {
      await b.db.stopReceiving(2 * SECOND);
      await b.db.drain(5 * SECOND);
      await b.db.setSemiSyncSource(false, SECOND);
      await b.db.openWrites(SECOND);
      expect((await b.ids()).split(',')).toHaveLength(20);
      expect((await b.db.status(SECOND)).readOnly).toBe(false);
    } finally {
      a.server.thaw();
    }
  });

  it('mends the source side that was given up after a short timeout, or that waits for nobody when there is none', async () => {
    const { a, b } = await paired();
    await a.query('SET GLOBAL rpl_semi_sync_source_timeout = 50');
    await a.query('SET GLOBAL rpl_semi_sync_source_wait_no_replica = OFF');
    await b.db.stopReceiving(5 * SECOND);
    const client = await a.client();
    await client.query('INSERT INTO shop.t VALUES (1, 1)');
    expect((await a.db.status(SECOND)).semiSync.source).toBe(false);
    await a.db.setSemiSyncSource(true, 5 * SECOND);
    expect((await a.db.status(SECOND)).semiSync.source).toBe(true);
    const waiting = fate(client.query('INSERT INTO shop.t VALUES (2, 2)'));
    await until(async () => (await a.db.status(SECOND)).semiSync.waitingSessions === 1);
    await sleep(200);
    expect(waiting.now).toBe('pending');
    await b.db.startChannel(5 * SECOND);
    await until(async () => waiting.now === 'ok');
  });

  it('releases what waits when the source side is switched off, and the standby goes on receiving', async () => {
    const { a, b } = await paired();
    await a.db.setSemiSyncSource(false, 5 * SECOND);
    expect((await a.db.status(SECOND)).semiSync.source).toBe(false);
    await a.db.writeHeartbeat({ epoch: 1, sequence: 2 }, 5 * SECOND);
    await b.db.waitFor((await a.db.status(SECOND)).executedGtid, 10 * SECOND);
    await a.db.setSemiSyncSource(true, 5 * SECOND);
    await b.db.stopReceiving(5 * SECOND);
    const waiting = fate((await a.client()).query('INSERT INTO shop.t VALUES (1, 1)'));
    await until(async () => (await a.db.status(SECOND)).semiSync.waitingSessions === 1);
    await a.db.setSemiSyncSource(false, 5 * SECOND);
    await until(async () => waiting.now === 'ok');
    expect(await a.ids()).toBe('1');
  });

  it('waits for a transaction that does not come no longer than it may, and takes no text for a GTID set', async () => {
    const { a, b } = await paired();
    const { executedGtid } = await a.db.status(SECOND);
    await b.db.waitFor(executedGtid, 5 * SECOND);
    await expect(b.db.waitFor(`${executedGtid}-99`, 200)).rejects.toMatchObject({ code: 'timeout' });
    for (const text of ["x', '') OR 1 -- ", '0-1-7'])
      await expect(b.db.waitFor(text, SECOND)).rejects.toMatchObject({ code: 'statement' });
    await b.query('STOP REPLICA SQL_THREAD');
    await expect(b.db.waitFor(`${executedGtid}-99`, 5 * SECOND)).rejects.toMatchObject({
      code: 'applier-stopped',
    });
  });
});

describe.skipIf('missing' in root)('a connection to a MySQL server', () => {
  it('says at once that it was lost, and that nobody serves there', async () => {
    const { a } = servers();
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
    expect(await a.db.status(SECOND)).toMatchObject({
      readOnly: true,
      semiSync: { source: true, replica: true },
    });
    await a.db.killServer();
    await until(async () => losses.length === 2);
    a.db.onLost(() => undefined);
  });

  it('to a frozen server ends in its deadline, opens no further ones, and goes on afterwards', async () => {
    const { a } = servers();
    await a.db.connect(5 * SECOND);
    const count = async () =>
      (await a.query("SELECT COUNT(*) AS n FROM performance_schema.processlist WHERE user = 'twinkeep'"))?.[
        'n'
      ];
    const before = await count();
    a.server.freeze();
    for (let round = 0; round < 5; round++)
      await expect(a.db.ping(100)).rejects.toMatchObject({ code: 'timeout' });
    a.server.thaw();
    await a.db.ping(5 * SECOND);
    expect(await count()).toBe(before);
  });

  it('names a wrong password, and a server that is out of connections unless there is an admin port', async () => {
    const { a } = servers();
    const wrong = databaseOf(a.server, { password: 'wrong' });
    await expect(wrong.connect(SECOND)).rejects.toMatchObject({ code: 'access-denied' });
    wrong.close();
    a.db.close();
    Object.assign(a, { db: databaseOf(a.server) });
    const clients = [];
    for (;;) {
      try {
        clients.push(await a.client());
      } catch {
        break;
      }
    }
    // One more than max_connections is ours by privilege; the second needs the admin port.
    const without = databaseOf(a.server, { role: 'peer' });
    await expect(without.connect(2 * SECOND)).rejects.toMatchObject({ code: 'too-many-connections' });
    without.close();
    const withPort = databaseOf(a.server, { role: 'peer', extraPort: adminPort });
    await until(() =>
      withPort.connect(2 * SECOND).then(
        () => true,
        () => false,
      ),
    );
    await withPort.closeWrites(2 * SECOND);
    await expect(withPort.killServer()).rejects.toMatchObject({ code: 'statement' });
    expect(a.server.running()).toBe(true);
    withPort.close();
    for (const client of clients) client.destroy();
  });
});

describe.skipIf('missing' in root)('GTIDs of a MySQL server', () => {
  it('do not name a commit that waits, and the standby that holds it is ahead by it', async () => {
    const { a, b } = await paired();
    // Received, applied and never acknowledged: the replica side takes effect with the next connection.
    await b.query('SET GLOBAL rpl_semi_sync_replica_enabled = OFF');
    await b.query('STOP REPLICA IO_THREAD');
    await b.query('START REPLICA IO_THREAD');
    await until(async () => (await b.db.status(SECOND)).channel?.receiver === 'running');
    const waiting = fate((await a.client()).query('INSERT INTO shop.t VALUES (1, 1)'));
    await until(async () => (await b.ids()) === '1');
    const [writer, standby] = [await a.db.status(SECOND), await b.db.status(SECOND)];
    expect(waiting.now).toBe('pending');
    expect(contains(writer.executedGtid, standby.executedGtid)).toBe(false);
    expect(contains(standby.executedGtid, writer.executedGtid)).toBe(true);
    // Acknowledging again does not release it: nothing is left to be sent. The next commit does.
    await b.db.setSemiSyncReplica(true, 5 * SECOND);
    await until(async () => (await a.db.status(SECOND)).semiSync.replicas === 1);
    await sleep(200);
    expect(waiting.now).toBe('pending');
    await (await a.client()).query('INSERT INTO shop.t VALUES (2, 2)');
    await until(async () => waiting.now === 'ok');
  });
});
