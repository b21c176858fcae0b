// `twinkeep setup` on MySQL 9.7: the cases of every family, and what is MySQL's own: super_read_only, caching_sha2_password.
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mysqlRoot } from './mysqlserver.ts';
import { SECOND, until } from './pair.ts';
import { openSetupBench, type SetupBench } from './setupbench.ts';
import { setupCases } from './setupcases.ts';

const root = mysqlRoot();

describe.skipIf('missing' in root)('twinkeep setup on MySQL', () => {
  let bench: SetupBench;
  beforeAll(async () => {
    bench = await openSetupBench('mysql');
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.end());

  setupCases(() => bench, { removeLogs: "PURGE BINARY LOGS TO 'twinkeep-bin.000002'" });

  it('mends a lost privilege and a changed password on a closed server, which stays closed', async () => {
    await bench.start();
    expect((await bench.setup('--yes')).code).toBe(0);
    await bench.writeUnlogged(
      'b',
      "REVOKE CONNECTION_ADMIN ON *.* FROM 'twinkeep'@'127.0.0.1'",
      "ALTER USER 'repl'@'192.0.2.11' IDENTIFIED BY 'other'",
    );
    expect(await bench.steps()).toEqual([
      expect.stringContaining("grant 'twinkeep'@'127.0.0.1' CONNECTION_ADMIN"),
      expect.stringContaining("set the password of 'repl'@'192.0.2.11'"),
      expect.stringContaining('correct the replication channel of a'),
      expect.stringContaining('start the channel of a'),
    ]);
    expect(await bench.steps()).toEqual([]);
    const [row] = await bench.on('b', 'SELECT @@super_read_only AS closed, @@read_only AS ro');
    expect(row).toEqual({ closed: 1, ro: 1 });
  });

  it('refuses settings that would lose commits, in the words of MySQL', async () => {
    await bench.start({
      a: ['--relay-log-recovery=ON', '--sync-binlog=0'],
      b: ['--replica-preserve-commit-order=OFF'],
    });
    const refused = await bench.setup('--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('a: relay_log_recovery is ON; the pair needs relay_log_recovery = OFF');
    expect(refused.stderr).toContain('a: sync_binlog is 0');
    expect(refused.stderr).toContain('b: replica_preserve_commit_order is OFF');
    expect(refused.stderr).toContain('--server mysql');
  });

  it('adopts two servers that replicate by GTID already: accounts are added, the channels stay as they run', async () => {
    await bench.start();
    writeFileSync(`${bench.dir}/repl.password`, 'by-hand\n', { mode: 0o600 });
    for (const [node, source] of [
      ['a', '192.0.2.12'],
      ['b', '192.0.2.11'],
    ] as const)
      await bench.writeUnlogged(
        node,
        "CREATE USER repl@'192.0.2.%' IDENTIFIED BY 'by-hand'",
        "GRANT REPLICATION SLAVE ON *.* TO repl@'192.0.2.%'",
        `CHANGE REPLICATION SOURCE TO SOURCE_HOST='${source}', SOURCE_PORT=${bench.port}, SOURCE_USER='repl',
         SOURCE_PASSWORD='by-hand', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_HEARTBEAT_PERIOD=0.2, SOURCE_CONNECT_RETRY=1`,
        'START REPLICA',
      );
    await until(async () => {
      const [row] = await bench.on('a', 'SHOW REPLICA STATUS');
      return row?.['Replica_IO_Running'] === 'Yes';
    });
    const steps = await bench.steps();
    expect(steps.filter((step) => step.includes('channel'))).toEqual([]);
    expect(steps.length).toBeGreaterThan(0);
    expect(await bench.steps()).toEqual([]);
    await bench.database('a').connect(5 * SECOND);
  });
});
