// `twinkeep setup` on MariaDB: the cases of every family, and what is MariaDB's own.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SECOND, until } from './pair.ts';
import { openSetupBench, type SetupBench } from './setupbench.ts';
import { setupCases } from './setupcases.ts';

let bench: SetupBench;
beforeAll(async () => {
  bench = await openSetupBench('mariadb');
});
afterEach(() => bench.clear());
afterAll(() => bench.end());

describe('twinkeep setup', () => {
  setupCases(() => bench, { removeLogs: "PURGE BINARY LOGS TO 'twinkeep-bin.000002'" });

  it('makes two fresh servers a pair; the second run changes nothing and says so', async () => {
    await bench.start();
    const dry = await bench.setup('--dry-run');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toContain('would make the replication channel of a from b');
    expect((await bench.on('a', 'SHOW ALL SLAVES STATUS')).length).toBe(0);

    const first = await bench.setup('--yes');
    expect(first.stderr).not.toContain('twinkeep:');
    expect(first.code).toBe(0);
    for (const file of ['pair.key', 'api.token', 'admin.password', 'repl.password'])
      expect(statSync(join(bench.dir, file)).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(join(bench.dir, 'pair.key'), 'utf8'), 'base64')).toHaveLength(32);

    const a = bench.database('a');
    const b = bench.database('b');
    await a.connect(5 * SECOND);
    await b.connect(5 * SECOND);
    expect((await a.status(SECOND)).channel).toMatchObject({ receiver: 'running', applier: 'running' });
    expect((await b.status(SECOND)).channel).toMatchObject({ sourceHost: '192.0.2.11', receiver: 'running' });
    // The accounts do all that the agents do.
    await b.setSemiSyncReplica(true, 2 * SECOND);
    await a.setSemiSyncReplica(false, 2 * SECOND);
    await until(async () => (await b.status(SECOND)).channel?.receiver === 'running');
    await a.setSemiSyncSource(true, SECOND);
    await a.openWrites(SECOND);
    await a.writeHeartbeat({ epoch: 1, sequence: 1 }, 5 * SECOND);
    await b.waitFor(await a.closeWrites(5 * SECOND), 5 * SECOND);

    const second = await bench.setup('--yes', '--json');
    expect(JSON.parse(second.stdout)).toMatchObject({ changed: false, steps: [], secrets: [] });
    const spoken = await bench.setup('--yes');
    expect(spoken.stdout).toContain('nothing to change');
  });

  it('mends a lost privilege and a changed password, and leaves the rest', async () => {
    await bench.start();
    expect((await bench.setup('--yes')).code).toBe(0);
    await bench.on(
      'b',
      'SET sql_log_bin = 0',
      "REVOKE CONNECTION ADMIN ON *.* FROM 'twinkeep'@'127.0.0.1'",
      "SET PASSWORD FOR 'repl'@'192.0.2.11' = PASSWORD('other')",
    );
    const again = await bench.setup('--yes', '--json');
    expect(again).toMatchObject({ code: 0 });
    const { steps } = JSON.parse(again.stdout) as { steps: string[] };
    expect(steps).toEqual([
      expect.stringContaining("grant 'twinkeep'@'127.0.0.1' CONNECTION ADMIN"),
      expect.stringContaining("set the password of 'repl'@'192.0.2.11'"),
      // It logs in with that password: whatever it was, it is the one of the file now.
      expect.stringContaining('correct the replication channel of a'),
      expect.stringContaining('start the channel of a'),
    ]);
    expect(JSON.parse((await bench.setup('--yes', '--json')).stdout)).toMatchObject({ changed: false });
  });

  it('lets a node that lags catch up, from a writer with a history of its own', async () => {
    await bench.start();
    await bench.on(
      'a',
      'SET GLOBAL rpl_semi_sync_master_enabled = OFF',
      'CREATE USER nobody@localhost',
      'SET GLOBAL rpl_semi_sync_master_enabled = ON',
    );
    const done = await bench.setup('--yes');
    expect(done.stderr).not.toContain('twinkeep:');
    expect(done.code).toBe(0);
    expect((await bench.on('b', 'SELECT @@gtid_binlog_pos AS p'))[0]?.['p']).toBe('0-511-1');
    expect((await bench.on('a', 'SELECT @@gtid_slave_pos AS p'))[0]?.['p']).toBe('0-511-1');
  });

  it('refuses unlogged tables with other rows, and takes equal ones', async () => {
    await bench.start();
    for (const node of ['a', 'b'] as const) {
      await bench.on(
        node,
        'SET sql_log_bin = 0',
        'CREATE DATABASE shop',
        'CREATE TABLE shop.t (id INT PRIMARY KEY)',
        'INSERT INTO shop.t VALUES (1)',
      );
    }
    await bench.on('b', 'SET sql_log_bin = 0', 'INSERT INTO shop.t VALUES (2)');
    const refused = await bench.setup('--yes');
    expect(refused.stderr).toContain('with other rows: shop.t');
    await bench.on('b', 'SET sql_log_bin = 0', 'DELETE FROM shop.t WHERE id = 2');
    expect((await bench.setup('--yes')).code).toBe(0);
  });

  it('refuses equal server ids and settings that would lose commits, each with the line that is right', async () => {
    await bench.start({
      a: ['--innodb-flush-log-at-trx-commit=1'],
      b: ['--server-id=511', '--relay-log-recovery=ON', '--skip-log-bin', '--init-rpl-role=MASTER'],
    });
    const refused = await bench.setup('--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('both servers have server_id 511');
    expect(refused.stderr).toContain('b: log_bin is OFF; the pair needs log_bin = ');
    expect(refused.stderr).toContain('b: relay_log_recovery is ON; the pair needs relay_log_recovery = OFF');
    expect(refused.stderr).toContain('the pair needs init_rpl_role = SLAVE');
    expect(refused.stderr).toContain('a: innodb_flush_log_at_trx_commit is 1');
  });

  it('says what to do when an administrator is refused, a server is away, and when nobody may be asked', async () => {
    await bench.start();
    await bench.on('b', 'SET sql_log_bin = 0', "CREATE USER boss@'%' IDENTIFIED BY 'right'");
    writeFileSync(join(bench.dir, 'boss.password'), 'wrong\n', { mode: 0o600 });
    const login = ['--admin-user', 'boss', '--admin-password-file', join(bench.dir, 'boss.password')];
    const refused = await bench.setup(...login, '--yes', '--json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'admin-refused' } });
    const unasked = await bench.setup();
    expect(unasked.stderr).toContain('add --yes');
    expect(unasked.code).toBe(1);
    await bench.server('b').kill();
    const away = await bench.setup('--yes', '--json');
    expect(JSON.parse(away.stdout)).toMatchObject({ error: { code: 'server-unreachable' } });
  });
});
