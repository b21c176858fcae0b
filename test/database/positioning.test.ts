// `positioning: binlog` on MariaDB, which has GTIDs however it replicates: a channel by file and position, as the users'
// documents make it, is taken as it is; where the agent must find the place itself, it goes by GTID.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SECOND, until } from './pair.ts';
import { openSetupBench, type SetupBench } from './setupbench.ts';

describe('MariaDB that replicates by file and position', () => {
  let bench: SetupBench;
  beforeAll(async () => {
    bench = await openSetupBench('mariadb', 'replication: { positioning: binlog }');
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.end());

  const using = async (): Promise<unknown> => (await bench.on('b', 'SHOW SLAVE STATUS'))[0]?.['Using_Gtid'];
  const count = async (): Promise<number> =>
    Number((await bench.on('b', 'SELECT COUNT(*) AS n FROM shop.t'))[0]?.['n']);

  it('is a pair without a change to its channels, and loses nothing when one is started again', async () => {
    await bench.start();
    writeFileSync(join(bench.dir, 'repl.password'), 'by hand', { mode: 0o600 });
    for (const [node, address, peer] of [
      ['a', '192.0.2.12', 'b'],
      ['b', '192.0.2.11', 'a'],
    ] as const) {
      await bench.on(
        peer,
        'SET sql_log_bin = 0',
        "GRANT REPLICATION SLAVE ON *.* TO 'repl'@'192.0.2.%' IDENTIFIED BY 'by hand'",
      );
      const [end] = await bench.on(peer, 'SHOW MASTER STATUS');
      await bench.on(
        node,
        `CHANGE MASTER TO MASTER_HOST = '${address}', MASTER_PORT = ${bench.port}, MASTER_USER = 'repl',
         MASTER_PASSWORD = 'by hand', MASTER_LOG_FILE = '${end?.['File']}', MASTER_LOG_POS = ${end?.['Position']},
         MASTER_USE_GTID = no, MASTER_HEARTBEAT_PERIOD = 0.2, MASTER_CONNECT_RETRY = 1`,
        'START SLAVE',
      );
    }
    await bench.write('a', 'CREATE DATABASE shop', 'CREATE TABLE shop.t (id INT PRIMARY KEY)');
    await bench.write('a', 'INSERT INTO shop.t VALUES (1), (2)');
    await until(
      async () => (await bench.on('b', "SHOW TABLES IN shop LIKE 't'").catch(() => [])).length === 1,
    );
    await until(async () => (await count()) === 2);
    expect((await bench.steps()).filter((step) => /channel|gtid_slave_pos/.test(step))).toEqual([]);
    expect(await using()).toBe('No');
    expect(await bench.steps()).toEqual([]);

    const [a, b] = [bench.database('a'), bench.database('b')];
    await b.setSemiSyncSource(false, 5 * SECOND);
    await b.stopReceiving(5 * SECOND);
    await bench.write('a', 'INSERT INTO shop.t VALUES (3)');
    await b.startChannel(10 * SECOND);
    await b.waitFor((await a.status(5 * SECOND)).executedGtid, 10 * SECOND);
    expect(await count()).toBe(3);
    expect((await b.status(5 * SECOND)).channel).toMatchObject({ receiver: 'running', applierError: null });
    expect(await using()).toBe('Slave_Pos');
  });
});
