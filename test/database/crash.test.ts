// What MariaDB does with acknowledged and unacknowledged transactions when servers crash, and that the port `Database`
// brings each of them back where it belongs: no row lost, none applied twice. The facts are in docs/MARIADB.md.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { fate, type Node, type Pair, pairUp, SECOND, startPair, until } from './pair.ts';

let pair: Pair | null = null;
afterEach(async () => {
  await pair?.end();
  pair = null;
});

const rows = async (node: Node): Promise<string> =>
  String((await node.query('SELECT GROUP_CONCAT(id ORDER BY id) AS ids FROM shop.t'))?.['ids'] ?? '');

/** A transaction counts as executed once it is in the binary log; queries see it an instant later. */
async function rowsSoon(node: Node, expected: string): Promise<string> {
  await until(async () => (await rows(node)) === expected, 2 * SECOND).catch(() => {});
  return rows(node);
}

/** The server as crash recovery left it: closed, its channel stopped; then as the agents bring it back as standby. */
async function rejoin(node: Node): Promise<void> {
  await node.db.connect(5 * SECOND);
  await node.db.setSemiSyncSource(false, SECOND);
  await node.db.setSemiSyncReplica(true, 2 * SECOND);
  await node.db.startChannel(5 * SECOND);
}

describe('a writer that crashed while a commit waited', () => {
  it('gets the transaction back from the standby that had received it and was promoted', async () => {
    pair = await startPair('crash');
    const { a, b } = pair;
    await pairUp(pair);
    const client = await a.client();
    await client.query('INSERT INTO shop.t VALUES (1, 0)');
    // The standby receives and applies, and its acknowledgement is lost.
    await b.db.setSemiSyncReplica(false, 2 * SECOND);
    await until(async () => (await b.db.status(SECOND)).channel?.receiver === 'running');
    const waiting = fate((await a.client()).query('INSERT INTO shop.t VALUES (2, 0)'));
    await until(async () => (await rows(b)) === '1,2');
    // The ring has told the writer that its own waiting transaction is done: the trap.
    await until(
      async () => (await a.query('SELECT @@gtid_slave_pos = @@gtid_binlog_pos AS same'))?.['same'] === 1,
    );
    await b.db.stopReceiving(2 * SECOND);
    const never = fate((await a.client()).query('INSERT INTO shop.t VALUES (3, 0)'));
    await until(async () => (await a.query('SELECT @@gtid_binlog_pos AS p'))?.['p'] === '0-1-4');
    await a.server.kill();
    expect(waiting.now === 'ok' || never.now === 'ok').toBe(false);

    await b.db.drain(5 * SECOND);
    await b.db.openWrites(SECOND);
    await (await b.client()).query('INSERT INTO shop.t VALUES (4, 0)');
    await a.server.start();
    expect(a.server.log()).toContain('Successfully truncated binlog file');
    expect(await rows(a)).toBe('1');
    const before = await a.db.connect(5 * SECOND).then(() => a.db.status(SECOND));
    expect(before.executedGtid).toBe(String((await a.query('SELECT @@gtid_binlog_pos AS p'))?.['p']));

    await rejoin(a);
    await a.db.waitFor((await b.db.status(SECOND)).executedGtid, 10 * SECOND);
    expect(await rowsSoon(a, '1,2,4')).toBe('1,2,4');
    expect(await rows(b)).toBe('1,2,4');
    const [own, other] = await Promise.all([a.db.status(SECOND), b.db.status(SECOND)]);
    expect(own.history.split(',').sort()).toEqual(other.history.split(',').sort());
    expect(own.channel?.applierError).toBeNull();
  });

  it('that was cut off and heard the new writer before it was ended does not skip its own rolled-back transaction', async () => {
    pair = await startPair('crash');
    const { a, b } = pair;
    await pairUp(pair);
    // As a writer has it: its own receiver runs and acknowledges nothing.
    await a.db.setSemiSyncReplica(false, 2 * SECOND);
    await (await a.client()).query('INSERT INTO shop.t VALUES (1, 0)');
    await b.db.setSemiSyncReplica(false, 2 * SECOND);
    await until(async () => (await b.db.status(SECOND)).channel?.receiver === 'running');
    fate((await a.client()).query('INSERT INTO shop.t VALUES (2, 0)'));
    await until(async () => (await rows(b)) === '1,2');
    await b.db.stopReceiving(2 * SECOND);
    fate((await a.client()).query('INSERT INTO shop.t VALUES (3, 0)'));
    await until(async () => (await a.query('SELECT @@gtid_binlog_pos AS p'))?.['p'] === '0-1-4');
    await b.db.drain(5 * SECOND);
    await b.db.openWrites(SECOND);
    await (await b.client()).query('INSERT INTO shop.t VALUES (4, 0), (5, 0)');
    // The old writer receives what the new one wrote, and cannot apply it beside its own waiting transactions.
    await until(async () => {
      const { channel } = await a.db.status(SECOND);
      return channel?.applierError !== null || channel.receivedGtid.startsWith('0-2-');
    });
    await a.server.kill();
    await a.server.start();
    expect(await rows(a)).toBe('1');
    await rejoin(a);
    await a.db.waitFor((await b.db.status(SECOND)).executedGtid, 10 * SECOND);
    expect(await rowsSoon(a, '1,2,4,5')).toBe('1,2,4,5');
    expect(await rows(b)).toBe('1,2,4,5');
  });

  it('takes its own transaction back too when it stays the writer, from a standby that has it', async () => {
    pair = await startPair('crash');
    const { a, b } = pair;
    await pairUp(pair);
    await b.db.setSemiSyncReplica(false, 2 * SECOND);
    await until(async () => (await b.db.status(SECOND)).channel?.receiver === 'running');
    fate((await a.client()).query('INSERT INTO shop.t VALUES (1, 0)'));
    await until(async () => (await rows(b)) === '1');
    await a.server.kill();
    await a.server.start();
    expect(await rows(a)).toBe('');
    await a.db.connect(5 * SECOND);
    // As the boot left it: read-only, the source side on.
    await a.db.startChannel(5 * SECOND);
    await a.db.waitFor((await b.db.status(SECOND)).executedGtid, 10 * SECOND);
    expect(await rows(a)).toBe('1');
  });

  it('loses no acknowledged row when it went on alone', async () => {
    pair = await startPair('crash');
    const { a } = pair;
    await a.db.connect(5 * SECOND);
    for (let round = 0; round < 3; round++) {
      await a.db.connect(5 * SECOND);
      await a.db.setSemiSyncSource(false, SECOND);
      await a.db.openWrites(SECOND);
      const acknowledged: number[] = [];
      let next = round * 100_000;
      for (let n = 0; n < 4; n++) {
        const client = await a.client();
        void (async () => {
          for (;;) {
            const id = next++;
            try {
              await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
            } catch {
              return;
            }
            acknowledged.push(id);
          }
        })();
      }
      await until(async () => acknowledged.length > 100);
      await a.server.kill();
      await a.server.start();
      const held = new Set((await rows(a)).split(',').map(Number));
      expect(acknowledged.filter((id) => !held.has(id))).toEqual([]);
    }
  });
});

describe('received and unapplied transactions', () => {
  /** b holds 20 rows in its relay log only; the writer is dead. */
  async function unappliedAtStandby(end: 'kill' | 'stop both threads'): Promise<Pair> {
    const made = await startPair('relay');
    pair = made;
    const { a, b } = made;
    await pairUp(made);
    const client = await a.client();
    await client.query('INSERT INTO shop.t VALUES (100, 0)');
    await until(async () => (await rows(b)) === '100');
    const root = await b.server.root();
    await root.query('STOP SLAVE SQL_THREAD');
    for (let id = 0; id < 20; id++) await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
    if (end === 'stop both threads') await root.query('STOP SLAVE');
    else await b.server.kill();
    await a.server.kill();
    if (end === 'kill') {
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
      expect((await rows(b)).split(',')).toHaveLength(21);
    },
  );

  it('are applied before the channel starts again, and nothing is applied twice when the writer returns', async () => {
    const { a, b } = await unappliedAtStandby('kill');
    await rejoin(b);
    expect((await rows(b)).split(',')).toHaveLength(21);
    await a.server.start();
    await a.db.connect(5 * SECOND);
    await a.db.openWrites(SECOND);
    await (await a.client()).query('INSERT INTO shop.t VALUES (200, 0)');
    await b.db.waitFor((await a.db.status(SECOND)).executedGtid, 15 * SECOND);
    const all = await rows(a);
    expect(await rowsSoon(b, all)).toBe(all);
    expect((await b.query('SHOW SLAVE STATUS'))?.['Using_Gtid']).toBe('Slave_Pos');
  });

  it('behind a relay log position that is too old are applied, and what is applied already is passed over', async () => {
    const { b } = await unappliedAtStandby('stop both threads');
    const file = String((await b.query('SHOW SLAVE STATUS'))?.['Relay_Log_File']);
    const root = await b.server.root();
    await root.query(`CHANGE MASTER TO MASTER_USE_GTID=no, RELAY_LOG_FILE='${file}', RELAY_LOG_POS=4`);
    await b.db.setSemiSyncSource(false, SECOND);
    await b.db.drain(10 * SECOND);
    expect((await rows(b)).split(',')).toHaveLength(21);
  });

  it('that cannot be applied stop the drain with the reason', async () => {
    const { b } = await unappliedAtStandby('stop both threads');
    const root = await b.server.root();
    await root.query('SET sql_log_bin = 0');
    await root.query('INSERT INTO shop.t VALUES (7, 7)');
    await expect(b.db.drain(10 * SECOND)).rejects.toMatchObject({
      code: 'applier-stopped',
      message: expect.stringContaining('Duplicate entry'),
    });
  });

  it('a transaction of which only a part arrived is rolled back, and blocks no client', async () => {
    pair = await startPair('part');
    const { a, b } = pair;
    await pairUp(pair);
    await (await a.client())
      .query('INSERT INTO shop.t SELECT seq, 0 FROM mysql.seq_1_to_2')
      .catch(() => undefined);
    const root = await a.server.root();
    await root.query('CREATE TABLE shop.wide (id INT PRIMARY KEY, c LONGTEXT) ENGINE=InnoDB');
    const big = fate(
      root.query("INSERT INTO shop.wide SELECT seq, REPEAT('x', 1000000) FROM shop.seq_1_to_100"),
    );
    // Ends the writer while the 100 MB are on their way.
    await until(async () => {
      const status = await b.query('SHOW SLAVE STATUS');
      return Number(status?.['Relay_Log_Space'] ?? 0) > 15_000_000;
    }, 60 * SECOND);
    await a.server.kill();
    expect(big.now).not.toBe('ok');
    await b.db.stopReceiving(5 * SECOND);
    await b.db.drain(60 * SECOND);
    await b.db.openWrites(5 * SECOND);
    await sleep(50);
    const client = await b.client();
    await client.query('SET innodb_lock_wait_timeout = 2');
    await client.query('INSERT INTO shop.t VALUES (1, 0)');
    const other = await b.server.root();
    await other.query('SET innodb_lock_wait_timeout = 2');
    const held = await b.query('SELECT COUNT(*) AS n FROM shop.wide');
    if (Number(held?.['n']) === 0) await other.query("INSERT INTO shop.wide VALUES (1, 'mine')");
  }, 240_000);
});
