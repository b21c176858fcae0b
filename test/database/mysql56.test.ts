// The port `Database` against two real MySQL 5.6 servers, by GTID and by file and position, with what safety rests on:
// docs/MYSQL56.md.
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contains, lacking } from '../../src/core/gtid/gtid.ts';
import {
  databaseOf56,
  type Mysql56Node,
  type Mysql56Pair,
  pairUp56,
  reset56,
  startPair56,
} from './mysql56pair.ts';
import { mysql56Folder } from './mysql56server.ts';
import { fate, SECOND, until } from './pair.ts';

const folder = mysql56Folder();
if ('missing' in folder) console.warn(`skipped: ${folder.missing}`);

/** The slow ones run with `npm run mysql`, as MySQL 9.7's do. */
const ALL = process.env['TWINKEEP_MYSQL97'] === 'fetch';

const forms = [
  { by: 'by GTID', gtids: true },
  { by: 'by file and position', gtids: false },
];

describe.skipIf('missing' in folder).each(forms)('MySQL 5.6 $by', ({ gtids }) => {
  let pair: Mysql56Pair;
  beforeAll(async () => {
    if (!('missing' in folder)) pair = await startPair56(folder.path, gtids);
  });
  beforeEach(async () => {
    await reset56(pair, gtids);
    await pairUp56(pair);
  });
  afterAll(async () => {
    await pair?.end();
  });

  async function write(node: Mysql56Node, from: number, to = from): Promise<void> {
    const client = await node.client();
    for (let id = from; id <= to; id++) await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
    client.destroy();
  }
  /** Of a status: what was executed, without what it knows of the other server's log. */
  const lastOwn = ({ executedGtid, origin }: { readonly executedGtid: string; readonly origin: string }) =>
    executedGtid.split(',').find((each) => each.startsWith(origin)) ?? '';
  const now = async (node: Mysql56Node) => await node.db.status(5 * SECOND);
  const caughtUp = async (node: Mysql56Node, source: Mysql56Node) =>
    await node.db.waitFor((await now(source)).executedGtid, 60 * SECOND);
  async function restart(node: Mysql56Node): Promise<void> {
    await node.server.start();
    await node.db.connect(5 * SECOND);
  }
  /** Four clients that insert until their server goes; the ids whose insert was acknowledged. */
  function load(node: Mysql56Node, from: number) {
    const acknowledged: number[] = [];
    let next = from;
    const one = async () => {
      const client = await node.client();
      for (;;) {
        const id = next++;
        try {
          await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
        } catch {
          return client.destroy();
        }
        acknowledged.push(id);
        // A standby that syncs each event takes some hundred a second.
        await sleep(20);
      }
    };
    return { acknowledged, done: Promise.all([1, 2, 3, 4].map(one)) };
  }
  async function missing(node: Mysql56Node, ids: readonly number[]): Promise<number[]> {
    const held = new Set((await node.ids()).split(',').map(Number));
    return ids.filter((id) => !held.has(id));
  }

  it('has two servers that have all of each other when nothing is under way, and says which has more', async () => {
    const { a, b } = pair;
    await write(a, 1, 3);
    await caughtUp(b, a);
    await until(async () => contains((await now(a)).executedGtid, (await now(b)).executedGtid));
    const standby = await now(b);
    expect(standby).toMatchObject({ readOnly: true, gtids, channel: { drained: true, receiver: 'running' } });
    expect(standby.limits?.[0]?.because).toContain('super_read_only');
    expect(standby.semiSync).toEqual({ source: false, replica: false, replicas: 0, waitingSessions: 0 });
    await b.query('STOP SLAVE SQL_THREAD');
    await write(a, 4);
    const [ahead, behind] = [await now(a), await now(b)];
    expect(contains(behind.executedGtid, ahead.executedGtid)).toBe(false);
    expect(contains(ahead.executedGtid, behind.executedGtid)).toBe(true);
    expect(lacking(behind.history, ahead.history)).toEqual([]);
    await expect(b.db.waitFor(ahead.executedGtid, 2 * SECOND)).rejects.toMatchObject({
      code: 'applier-stopped',
    });
    await expect(b.db.waitFor('0-1-1', SECOND)).rejects.toMatchObject({ code: 'statement' });
  });

  it('switches over under load without losing an acknowledged row, there and back', async () => {
    const { a, b } = pair;
    const acknowledged: number[] = [];
    for (const [from, to, first] of [
      [a, b, 1000],
      [b, a, 20_000],
    ] as const) {
      const clients = load(from, first);
      await until(async () => clients.acknowledged.length > 50);
      const last = await from.db.closeWrites(10 * SECOND);
      await clients.done;
      await to.db.waitFor(last, 10 * SECOND);
      await to.db.openWrites(SECOND);
      acknowledged.push(...clients.acknowledged);
      expect(await missing(to, acknowledged)).toEqual([]);
      expect(await to.ids()).toBe(await from.ids());
    }
  });

  it("is closed by read_only and by cutting every session, an administrator's and one that holds a lock too", async () => {
    const { a } = pair;
    const [idle, locking] = [await a.client(), await a.client()];
    const admin = await a.server.root();
    await idle.query('BEGIN');
    await idle.query('INSERT INTO shop.t VALUES (1, 0)');
    await locking.query('LOCK TABLES shop.wide WRITE');
    await a.db.closeWrites(5 * SECOND);
    for (const session of [idle, locking, admin]) await expect(session.query('DO 1')).rejects.toThrow();
    expect(await now(a)).toMatchObject({ readOnly: true });
    await expect((await a.client()).query('INSERT INTO shop.t VALUES (2, 0)')).rejects.toThrow('read-only');
    await expect(a.db.writeHeartbeat({ epoch: 1, sequence: 2 }, SECOND)).rejects.toThrow('read-only');
    // Nobody keeps an administrator out: why the status warns of it.
    await a.query('INSERT INTO shop.t VALUES (3, 0)');
    expect(await a.ids()).toBe('3');
  });

  it('has no semi-sync without its plugins: that it waits is refused, that it does not wait is so', async () => {
    const { a } = pair;
    await expect(a.db.setSemiSyncSource(true, SECOND)).rejects.toThrow('durability: async');
    await expect(a.db.setSemiSyncReplica(true, SECOND)).rejects.toThrow('durability: async');
    await a.db.setSemiSyncSource(false, SECOND);
    await a.db.setSemiSyncReplica(false, SECOND);
  });

  it('lets the agent in with one connection more than clients have', async () => {
    const { a } = pair;
    await a.query('SET GLOBAL max_connections = 12');
    const clients = [];
    await expect(
      (async () => {
        for (;;) clients.push(await a.client());
      })(),
    ).rejects.toThrow('Too many connections');
    const late = databaseOf56(a.server, { role: 'peer' });
    await expect(late.ping(SECOND)).resolves.toBeUndefined();
    late.close();
  });

  it.each(['kill', 'stop both threads'] as const)(
    'keeps what its standby received and has not applied (%s), with the writer dead',
    async (how) => {
      const { a, b } = pair;
      await b.query('STOP SLAVE SQL_THREAD');
      await write(a, 1, 20);
      const all = (await now(a)).executedGtid;
      await until(async () => contains((await now(b)).channel?.receivedGtid ?? '', all.split(',')[0] ?? ''));
      await a.server.kill();
      if (how === 'kill') {
        await b.server.kill();
        await restart(b);
      } else await b.query('STOP SLAVE');
      expect((await now(b)).channel?.drained).toBe(false);
      await b.db.stopReceiving(SECOND);
      await b.db.drain(10 * SECOND);
      expect((await b.ids()).split(',')).toHaveLength(20);
      await b.db.openWrites(SECOND);
      await write(b, 100);
    },
  );

  it('goes on after its standby was killed under load: nothing is lost and nothing is applied twice', async () => {
    const { a, b } = pair;
    const clients = load(a, 1000);
    for (let round = 1; round <= 3; round++) {
      const before = clients.acknowledged.length;
      await until(async () => clients.acknowledged.length > before + 40);
      await b.server.kill();
      await restart(b);
      await b.db.setReceivesDurably(false, SECOND);
      await b.db.startChannel(30 * SECOND);
    }
    await a.db.closeWrites(5 * SECOND);
    await clients.done;
    await caughtUp(b, a);
    expect((await now(b)).channel).toMatchObject({ applier: 'running', applierError: null });
    expect(await b.ids()).toBe(await a.ids());
    expect(await missing(b, clients.acknowledged)).toEqual([]);
  });

  it('loses no acknowledged row when the writer is killed under load, and goes on where it was', async () => {
    const { a, b } = pair;
    const clients = load(a, 1000);
    await until(async () => clients.acknowledged.length > 100);
    await a.server.kill();
    await clients.done;
    await restart(a);
    expect(await missing(a, clients.acknowledged)).toEqual([]);
    // The role stays: it has all that its standby has.
    await until(async () => (await now(b)).channel?.receiver === 'running');
    const standby = await now(b);
    expect(contains((await now(a)).executedGtid, standby.channel?.receivedGtid ?? '')).toBe(true);
    await a.db.startChannel(5 * SECOND, true);
    await a.db.openWrites(SECOND);
    await write(a, 1);
    await caughtUp(b, a);
    expect(await b.ids()).toBe(await a.ids());
  });

  it('names what a fallen writer has and the new one lacks, and nothing when it lacks nothing', async () => {
    const { a, b } = pair;
    await write(a, 1);
    await caughtUp(b, a);
    await b.db.stopReceiving(SECOND);
    await write(a, 2);
    await a.db.killServer();
    await b.db.drain(SECOND);
    await b.db.openWrites(SECOND);
    await write(b, 10);
    await restart(a);
    expect(lacking((await now(a)).history, (await now(b)).history)).toHaveLength(1);
    // b falls in its turn, having all of a that a server c would know: it lacks nothing of itself.
    await b.server.kill();
    await restart(b);
    expect(lacking((await now(b)).history, (await now(b)).history)).toEqual([]);
  });

  it('has nothing of its own as a standby that only applied, however long the writer did not read its log', async () => {
    const { a, b } = pair;
    await a.db.stopReceiving(SECOND);
    await write(a, 1, 20);
    await caughtUp(b, a);
    await b.server.kill();
    await restart(b);
    await b.db.startChannel(5 * SECOND);
    await write(a, 21);
    await caughtUp(b, a);
    expect(lacking((await now(b)).history, (await now(a)).history)).toEqual([]);
    // Somebody with SUPER writes to the standby.
    await b.query('INSERT INTO shop.t VALUES (500, 0)');
    expect(lacking((await now(b)).history, (await now(a)).history)).toHaveLength(1);
    await a.db.startChannel(5 * SECOND);
    await until(async () => lacking((await now(b)).history, (await now(a)).history)?.length === 0);
    expect(await a.ids()).toBe(await b.ids());
  });

  it.skipIf(!ALL)(
    'rolls half a transaction back at a promotion, so that it blocks no client; it comes whole from its source',
    async () => {
      const { a, b } = pair;
      await a.query('SET GLOBAL max_allowed_packet = 64 * 1024 * 1024');
      const client = await a.client();
      await client.query(`INSERT INTO shop.wide VALUES (1, REPEAT('x', 1000000))`);
      for (let rows = 1; rows < 64; rows *= 2)
        await client.query(`INSERT INTO shop.wide SELECT id + ${rows}, c FROM shop.wide`);
      await caughtUp(b, a);
      const at = Number((await b.query('SHOW SLAVE STATUS'))?.['Read_Master_Log_Pos']);
      const big = fate(client.query('UPDATE shop.wide SET c = CONCAT(c, 1)'));
      await until(
        async () => Number((await b.query('SHOW SLAVE STATUS'))?.['Read_Master_Log_Pos']) > at + 20_000_000,
        60 * SECOND,
      );
      await a.server.kill();
      await until(async () => big.now !== 'pending');
      await b.db.stopReceiving(5 * SECOND);
      await b.db.drain(30 * SECOND);
      await b.db.openWrites(5 * SECOND);
      const other = await b.server.root();
      await other.query('SET innodb_lock_wait_timeout = 2');
      await other.query("INSERT INTO shop.wide VALUES (1000, 'mine')");
      await other.query('SELECT id FROM shop.wide WHERE id = 1 FOR UPDATE');
      await b.db.closeWrites(5 * SECOND);
      await restart(a);
      await b.db.startChannel(30 * SECOND, true);
      await b.db.waitFor(lastOwn(await now(a)), 60 * SECOND);
      const rows = "SELECT COUNT(*) AS n FROM shop.wide WHERE c LIKE '%1'";
      expect(await b.query(rows)).toEqual(await a.query(rows));
    },
  );

  it("does not go on from anywhere else when the writer's log was cut short by a crash", async () => {
    const { a, b } = pair;
    await write(a, 1, 10);
    await caughtUp(b, a);
    await a.server.kill();
    const logs = readdirSync(join(a.server.dir, 'data')).filter((name) => /^binlog\.\d+$/.test(name));
    const log = join(a.server.dir, 'data', logs.sort().at(-1) ?? '');
    truncateSync(log, statSync(log).size - 400);
    await restart(a);
    const [fallen, standby] = [await now(a), await now(b)];
    expect(contains(fallen.executedGtid, standby.executedGtid)).toBe(false);
    await until(async () => (await now(b)).channel?.receiver === 'stopped', 20 * SECOND);
    expect((await now(b)).channel?.receiverError).toContain('1236');
  });

  it('stops at what is torn at the end of the relay log, and fetches it again on order', async () => {
    const { a, b } = pair;
    await b.query('STOP SLAVE SQL_THREAD');
    await write(a, 1, 10);
    const all = (await now(a)).executedGtid;
    await until(async () => contains((await now(b)).channel?.receivedGtid ?? '', all.split(',')[0] ?? ''));
    await b.server.kill();
    const data = join(b.server.dir, 'data');
    const last = readdirSync(data)
      .filter((name) => /^relay\.\d+$/.test(name))
      .sort()
      .at(-1);
    truncateSync(join(data, last ?? ''), statSync(join(data, last ?? '')).size - 40);
    await restart(b);
    await expect(
      (async () => {
        await b.db.startChannel(10 * SECOND);
        await caughtUp(b, a);
      })(),
    ).rejects.toMatchObject({ code: 'applier-stopped', message: expect.stringContaining('1594') });
    await b.db.startChannel(10 * SECOND, true);
    await caughtUp(b, a);
    // A new place would set this back to half of slave_net_timeout.
    expect(await b.query("SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'")).toMatchObject({
      Value: '0.200',
    });
    expect(await b.ids()).toBe(await a.ids());
  });

  it('is found dead at once, and answers again when it is back', async () => {
    const { a } = pair;
    let losses = 0;
    a.db.onLost(() => {
      losses += 1;
    });
    await a.db.killServer();
    await until(async () => losses === 1);
    await restart(a);
    await sleep(20);
    expect(await now(a)).toMatchObject({ readOnly: true });
  });
});
