// Real MySQL 5.6 servers for tests: the folder that scripts/mysql56 brings, on loopback, each in a folder of its own, ended
// whatever the test does.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startServer, type TestServer } from '../support/server.ts';

export type Folder = { readonly path: string } | { readonly missing: string };

/** The folder with MySQL 5.6, fetched when it is not there; or the reason why these tests are skipped. */
export function mysql56Folder(): Folder {
  const script = join(import.meta.dirname, '../../scripts/mysql56');
  const found = spawnSync('sh', [script], { encoding: 'utf8' });
  return found.status === 0 ? { path: found.stdout.trim() } : { missing: found.stderr.trim() };
}

/** What every node of a pair boots with; with `gtids` false it replicates by file and position. */
export function mysql56PairArgs(serverId: number, gtids = true): string[] {
  return [
    `--server-id=${serverId}`,
    '--log-bin=binlog',
    '--relay-log=relay',
    '--binlog-format=ROW',
    ...(gtids ? ['--gtid-mode=ON', '--enforce-gtid-consistency=ON'] : []),
    '--log-slave-updates=ON',
    '--skip-slave-start=ON',
    '--read-only=ON',
    '--sync-binlog=1',
    '--innodb-flush-log-at-trx-commit=1',
    '--master-info-repository=TABLE',
    '--relay-log-info-repository=TABLE',
    '--relay-log-recovery=OFF',
    '--sync-relay-log=1',
    '--slave-net-timeout=4',
    '--slave-parallel-workers=0',
    '--event-scheduler=OFF',
  ];
}

export interface Mysql56Options {
  readonly folder: string;
  readonly dir: string;
  readonly port: number;
  readonly extraArgs: readonly string[];
  /** A network namespace to run it in; the unix socket reaches it from outside. */
  readonly netns?: string;
}

export async function startMysql56(options: Mysql56Options): Promise<TestServer> {
  const { folder, dir, port } = options;
  const socket = join(dir, 'mysqld.sock');
  const errorLog = join(dir, 'error.log');
  const datadir = join(dir, 'data');
  mkdirSync(join(dir, 'tmp'), { recursive: true });
  if (!existsSync(datadir)) {
    cpSync(join(folder, 'data/mysql'), datadir, { recursive: true });
    // Every server makes a uuid of its own.
    rmSync(join(datadir, 'auto.cnf'), { force: true });
  }
  const base = [
    ...['--no-defaults', ...(process.getuid?.() === 0 ? ['--user=root'] : [])],
    ...[`--basedir=${folder}`, `--lc-messages-dir=${folder}/share`, `--port=${port}`],
    ...['--bind-address=127.0.0.1', '--skip-name-resolve', `--datadir=${datadir}`, `--tmpdir=${dir}/tmp`],
    ...[`--socket=${socket}`, `--pid-file=${join(dir, 'mysqld.pid')}`, `--log-error=${errorLog}`],
    ...['--innodb-buffer-pool-size=64M', '--performance-schema=OFF'],
  ];
  return await startServer({
    dir,
    port,
    socket,
    errorLog,
    command: (extraArgs) => [join(folder, 'mysqld'), ...base, ...extraArgs],
    extraArgs: options.extraArgs,
    env: { LD_LIBRARY_PATH: folder },
    ...(options.netns === undefined ? {} : { netns: options.netns }),
  });
}
