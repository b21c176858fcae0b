// What MySQL 9.7 does when a server falls, with what safety rests on: docs/MYSQL.md. Run with TWINKEEP_MYSQL97=fetch.
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { contains, subtract } from '../../src/core/gtid/mysql.ts';
import { type MysqlNode, type MysqlPair, pairUp, reset, startPair } from './mysqlpair.ts';
import { mysqlRoot } from './mysqlserver.ts';
import { fate, SECOND, until } from './pair.ts';

const root = mysqlRoot();
if ('missing' in root) console.warn(`skipped: ${root.missing}`);
let pair: MysqlPair | null = null;

beforeEach(async () => {
  if ('missing' in root) return;
  pair ??= await startPair(root.path);
  await reset(pair);
});
afterAll(async () => {
  await pair?.end();
});
async function paired(): Promise<MysqlPair> {
  if (pair === null) throw new Error('no servers');
  await pairUp(pair);
  return pair;
}

/** A commit at a that waits; b has nothing of it. */
async function waitingCommit({ a, b }: MysqlPair, id: number): Promise<{ now: string }> {
  await b.db.stopReceiving(5 * SECOND);
  const waiting = fate((await a.client()).query(`INSERT INTO shop.t VALUES (${id}, 0)`));
  await until(async () => (await a.db.status(SECOND)).semiSync.waitingSessions === 1);
  return waiting;
}

describe.skipIf('missing' in root)('a MySQL writer that falls', () => {
  it('keeps the commit that nobody acknowledged: errant when the standby was promoted, and fetched by the channel of the new writer', async () => {
    const servers = await paired();
    const { a, b } = servers;
    const waiting = await waitingCommit(servers, 1);
    await a.db.killServer();
    await until(async () => waiting.now !== 'pending');
    expect(waiting.now).toContain('failed');
    await b.db.drain(5 * SECOND);
    await b.db.setSemiSyncSource(false, SECOND);
    await b.db.openWrites(SECOND);
    await a.server.start();
    await a.db.connect(5 * SECOND);
    const [fallen, writer] = [await a.db.status(SECOND), await b.db.status(SECOND)];
    // Closed, and whatever it applies will not be acknowledged to anybody: as my.cnf says.
    expect(fallen).toMatchObject({ readOnly: true, semiSync: { source: true, waitingSessions: 0 } });
    expect(await a.ids()).toBe('1');
    expect(await b.ids()).toBe('');
    const errant = subtract(fallen.executedGtid, writer.executedGtid) ?? '';
    expect(errant).toMatch(/^[0-9a-f-]{36}:2$/);
    // Why that channel must not be started before the two have been compared.
    await b.db.startChannel(5 * SECOND, true);
    await b.db.waitFor(errant, 10 * SECOND);
    expect(await b.ids()).toBe('1');
  });

  it('gives no GTID twice', async () => {
    const servers = await paired();
    const { a } = servers;
    await waitingCommit(servers, 1);
    await a.db.killServer();
    await a.server.start();
    await a.db.connect(5 * SECOND);
    const before = (await a.db.status(SECOND)).executedGtid;
    await a.db.setSemiSyncSource(false, SECOND);
    await a.db.skipSequence(5 * SECOND);
    await a.db.openWrites(SECOND);
    await a.db.writeHeartbeat({ epoch: 2, sequence: 1 }, 5 * SECOND);
    const after = (await a.db.status(SECOND)).executedGtid;
    expect(subtract(after, before)).toMatch(/^[0-9a-f-]{36}:3$/);
    await a.query('SET GLOBAL sync_binlog = 100');
    await expect(a.db.skipSequence(5 * SECOND)).rejects.toMatchObject({ code: 'statement' });
    await a.query('SET GLOBAL sync_binlog = 1');
  });

  it('by an orderly shutdown tells OK for a commit that waits: why a server is closed before it is stopped', async () => {
    const servers = await paired();
    const { a, b } = servers;
    const waiting = await waitingCommit(servers, 1);
    await a.server.stop();
    expect(waiting.now).toBe('ok');
    expect(await b.ids()).toBe('');
  });

  it('loses no acknowledged row, alone or paired, and neither does its standby', async () => {
    const { a, b } = await paired();
    const acknowledged: number[] = [];
    let next = 1000;
    const load = async () => {
      const client = await a.client();
      for (;;) {
        const id = next++;
        try {
          await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
        } catch {
          return;
        }
        acknowledged.push(id);
      }
    };
    const missing = async (node: MysqlNode) => {
      const held = new Set((await node.ids()).split(',').map(Number));
      return acknowledged.filter((id) => !held.has(id));
    };
    let clients = [1, 2, 3, 4].map(load);
    await until(async () => acknowledged.length > 100);
    await Promise.all([a.server.kill(), b.server.kill()]);
    await Promise.all(clients);
    await b.server.start();
    await b.db.connect(5 * SECOND);
    // The writer is dead: what b has must be in its relay log or applied.
    await b.db.stopReceiving(2 * SECOND);
    await b.db.drain(10 * SECOND);
    expect(await missing(b)).toEqual([]);
    await a.server.start();
    expect(await missing(a)).toEqual([]);
    await a.db.connect(5 * SECOND);
    await a.db.setSemiSyncSource(false, SECOND);
    await a.db.openWrites(SECOND);
    const before = acknowledged.length;
    clients = [1, 2, 3, 4].map(load);
    await until(async () => acknowledged.length > before + 100);
    await a.server.kill();
    await Promise.all(clients);
    await a.server.start();
    expect(await missing(a)).toEqual([]);
  });
});

describe.skipIf('missing' in root)('received and unapplied transactions of MySQL', () => {
  /** b holds 20 rows in its relay log only; the writer is dead. */
  async function unappliedAtStandby(end: 'kill' | 'tear' | 'stop both threads'): Promise<MysqlPair> {
    const made = await paired();
    const { a, b } = made;
    const client = await a.client();
    await client.query('INSERT INTO shop.t VALUES (100, 0)');
    await until(async () => (await b.ids()) === '100');
    await b.query('STOP REPLICA SQL_THREAD');
    for (let id = 0; id < 20; id++) await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
    if (end === 'stop both threads') await b.query('STOP REPLICA');
    else await b.server.kill();
    await a.server.kill();
    if (end === 'tear') {
      const data = join(b.server.dir, 'data');
      const last =
        readdirSync(data)
          .filter((name) => /^relay\.\d+$/.test(name))
          .sort()
          .at(-1) ?? '';
      truncateSync(join(data, last), statSync(join(data, last)).size - 40);
    }
    if (end !== 'stop both threads') {
      await b.server.start();
      await b.db.connect(5 * SECOND);
    }
    return made;
  }

  it.each(['kill', 'stop both threads'] as const)(
    'survive in the standby (%s) with the writer dead: drain applies them, then writes open',
    async (end) => {
      const { b } = await unappliedAtStandby(end);
      await b.db.setSemiSyncSource(false, SECOND);
      await b.db.stopReceiving(2 * SECOND);
      await b.db.drain(10 * SECOND);
      await b.db.openWrites(SECOND);
      expect((await b.ids()).split(',')).toHaveLength(21);
    },
  );

  it('of which the last is torn are fetched again, and nothing is applied twice when the writer returns', async () => {
    const { a, b } = await unappliedAtStandby('tear');
    await b.db.startChannel(5 * SECOND);
    await until(async () => (await b.ids()).split(',').length === 20);
    await a.server.start();
    await a.db.connect(5 * SECOND);
    await a.db.openWrites(SECOND);
    await (await a.client()).query('INSERT INTO shop.t VALUES (200, 0)');
    await b.db.waitFor((await a.db.status(SECOND)).executedGtid, 15 * SECOND);
    expect(await b.ids()).toBe(await a.ids());
    expect((await b.ids()).split(',')).toHaveLength(22);
  });

  it('are thrown away only on order', async () => {
    const { a, b } = await unappliedAtStandby('stop both threads');
    const received = (await b.db.status(SECOND)).channel?.receivedGtid ?? '';
    await b.db.startChannel(5 * SECOND, true);
    const status = await b.db.status(SECOND);
    expect(status.channel?.receivedGtid).toBe('');
    expect(contains(status.executedGtid, received)).toBe(false);
    await a.server.start();
    await b.db.waitFor(received, 15 * SECOND);
    expect((await b.ids()).split(',')).toHaveLength(21);
  });

  it('that cannot be applied stop the drain with the reason', async () => {
    const { b } = await unappliedAtStandby('stop both threads');
    const other = await b.server.root({ multipleStatements: true });
    await other.query(
      `SET GLOBAL super_read_only = OFF; SET sql_log_bin = 0; INSERT INTO shop.t VALUES (7, 7);
       SET GLOBAL super_read_only = ON`,
    );
    await expect(b.db.drain(10 * SECOND)).rejects.toMatchObject({
      code: 'applier-stopped',
      message: expect.stringContaining('Duplicate entry'),
    });
  });

  it('a transaction of which only a part arrived is rolled back and blocks no client; it comes whole from its source', async () => {
    const { a, b } = await paired();
    const big = fate(
      (await a.client()).query(
        `INSERT INTO shop.wide WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100)
         SELECT n, REPEAT('x', 1000000) FROM s`,
      ),
    );
    // Ends the writer while the 100 MB are on their way.
    await until(
      async () => Number((await b.query('SHOW REPLICA STATUS'))?.['Relay_Log_Space'] ?? 0) > 15_000_000,
      60 * SECOND,
    );
    await a.server.kill();
    await until(async () => big.now !== 'pending');
    expect(big.now).toContain('failed');
    await b.db.stopReceiving(5 * SECOND);
    await b.db.drain(30 * SECOND);
    await b.db.drain(30 * SECOND);
    await b.db.setSemiSyncSource(false, SECOND);
    await b.db.openWrites(5 * SECOND);
    const other = await b.server.root();
    await other.query('SET innodb_lock_wait_timeout = 2');
    await other.query("INSERT INTO shop.wide VALUES (1000, 'mine')");
    await other.query("INSERT INTO shop.wide VALUES (1, 'mine')");
    await other.query('DELETE FROM shop.wide');
    await b.db.closeWrites(5 * SECOND);
    await a.server.start();
    await b.db.startChannel(5 * SECOND);
    await a.db.connect(5 * SECOND);
    await b.db.waitFor((await a.db.status(SECOND)).executedGtid, 60 * SECOND);
    expect(Number((await b.query('SELECT COUNT(*) AS n FROM shop.wide'))?.['n'])).toBe(100);
  });
});
