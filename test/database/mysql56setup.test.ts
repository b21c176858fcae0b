// `twinkeep setup` on MySQL 5.6: the cases of every family by GTID, and by file and position, with a pair made by hand before.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mysql56Folder } from './mysql56server.ts';
import { SECOND, until } from './pair.ts';
import { openSetupBench, type SetupBench } from './setupbench.ts';
import { setupCases } from './setupcases.ts';

const folder = mysql56Folder();
const SHOP = [
  'CREATE DATABASE shop',
  'CREATE TABLE shop.t (id INT PRIMARY KEY)',
  'INSERT INTO shop.t VALUES (1), (2)',
];

/** These run with `npm run mysql`, as MySQL 9.7's do. */
const ALL = process.env['TWINKEEP_MYSQL97'] === 'fetch';

describe.skipIf('missing' in folder || !ALL)('twinkeep setup on MySQL 5.6', () => {
  let bench: SetupBench;
  beforeAll(async () => {
    bench = await openSetupBench('mysql56', 'durability: async');
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.end());

  setupCases(() => bench, { removeLogs: "PURGE BINARY LOGS TO 'twinkeep-bin.000002'" });
});

describe.skipIf('missing' in folder)('twinkeep setup on MySQL 5.6 by file and position', () => {
  let bench: SetupBench;
  beforeAll(async () => {
    bench = await openSetupBench('mysql56', 'durability: async, replication: { positioning: binlog }');
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.end());

  /** Zero too while the table has not come yet. */
  const count = async (node: 'a' | 'b'): Promise<number> => {
    const [there] = await bench.on(
      node,
      "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = 'shop'",
    );
    if (Number(there?.['n']) === 0) return 0;
    return Number((await bench.on(node, 'SELECT COUNT(*) AS n FROM shop.t'))[0]?.['n']);
  };
  /** Channels as the users' documents make them: SHOW MASTER STATUS on each, CHANGE MASTER on the other. */
  async function pairByHand(password: string): Promise<void> {
    for (const [node, address, peer] of [
      ['a', '192.0.2.12', 'b'],
      ['b', '192.0.2.11', 'a'],
    ] as const) {
      await bench.on(
        peer,
        'SET sql_log_bin = 0',
        `GRANT REPLICATION SLAVE ON *.* TO 'repl'@'192.0.2.%' IDENTIFIED BY '${password}'`,
      );
      const [end] = await bench.on(peer, 'SHOW MASTER STATUS');
      await bench.on(
        node,
        `CHANGE MASTER TO MASTER_HOST = '${address}', MASTER_PORT = ${bench.port}, MASTER_USER = 'repl',
         MASTER_PASSWORD = '${password}', MASTER_LOG_FILE = '${end?.['File']}', MASTER_LOG_POS = ${end?.['Position']},
         MASTER_HEARTBEAT_PERIOD = 0.2, MASTER_CONNECT_RETRY = 1`,
        'START SLAVE',
      );
    }
  }

  it('makes two empty servers a pair, and then leaves it as it is', async () => {
    await bench.start();
    const steps = await bench.steps();
    expect(steps.filter((step) => /channel/.test(step))).toHaveLength(4);
    expect(steps.join()).toMatch(/from twinkeep-bin\.\d+:\d+\)/);
    expect(await bench.steps()).toEqual([]);
    const [a, b] = [bench.database('a'), bench.database('b')];
    await bench.write('a', ...SHOP);
    await b.waitFor((await a.status(5 * SECOND)).executedGtid, 5 * SECOND);
    expect(await count('b')).toBe(2);
    expect(await bench.steps()).toEqual([]);
  });

  it('takes two that replicate already: only accounts are made, the channels are not touched', async () => {
    await bench.start();
    writeFileSync(join(bench.dir, 'repl.password'), 'by hand', { mode: 0o600 });
    await pairByHand('by hand');
    await bench.write('a', ...SHOP);
    await until(async () => (await bench.on('b', "SHOW DATABASES LIKE 'shop'")).length === 1);
    await until(async () => (await count('b')) === 2);
    const place = async () => {
      const [row] = await bench.on('b', 'SHOW SLAVE STATUS');
      return [row?.['Relay_Log_File'], row?.['Exec_Master_Log_Pos']];
    };
    const before = await place();
    const steps = await bench.steps();
    expect(steps.filter((step) => /channel/.test(step))).toEqual([]);
    expect(await place()).toEqual(before);
    expect(await bench.steps()).toEqual([]);
  });

  it('gives a channel whose password becomes another the new one, and does not move its place', async () => {
    await bench.start();
    await pairByHand('another');
    await bench.write('a', ...SHOP);
    await until(async () => (await bench.on('b', "SHOW DATABASES LIKE 'shop'")).length === 1);
    await until(async () => (await count('b')) === 2);
    const steps = await bench.steps();
    expect(steps.filter((step) => /where it stands/.test(step))).toHaveLength(2);
    await bench.write('a', 'INSERT INTO shop.t VALUES (3)');
    await until(async () => (await count('b')) === 3);
    expect((await bench.on('b', 'SHOW SLAVE STATUS'))[0]).toMatchObject({
      Last_SQL_Errno: 0,
      Last_IO_Errno: 0,
    });
    expect(await bench.steps()).toEqual([]);
  });

  it('reads the log of one with data from its first file into an empty one, and compares', async () => {
    await bench.start();
    await bench.write('a', ...SHOP);
    const steps = await bench.steps();
    expect(steps.at(-1)).toContain('compare the tables that b has got');
    expect(await count('b')).toBe(2);
  });

  it('refuses data that differ, and a log whose first files are gone, for a clone', async () => {
    await bench.start();
    await bench.write('a', ...SHOP, 'FLUSH BINARY LOGS', "PURGE BINARY LOGS TO 'twinkeep-bin.000002'");
    const purged = await bench.setup('--yes');
    expect(purged.stderr).toContain('the binary log of a lacks what came before');
    await bench.write('b', ...SHOP, 'INSERT INTO shop.t VALUES (3)');
    const differ = await bench.setup('--yes');
    expect(differ.stderr).toContain('with other rows: shop.t');
    expect([purged.code, differ.code]).toEqual([1, 1]);
    expect(purged.stderr + differ.stderr).toContain('twinkeep clone --from a');
    await bench.write('b', 'DELETE FROM shop.t WHERE id = 3');
    expect((await bench.setup('--yes')).code).toBe(0);
  });
});
