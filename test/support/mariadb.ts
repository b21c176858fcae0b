// Real MariaDB servers for tests: started on loopback in a folder of their own, ended whatever the test does.
// A data directory is a copy of one template, so that a server is up in about a second.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer, type TestServer } from './server.ts';

export { freePort, row } from './server.ts';

export type MariadbServer = TestServer;

export interface MariadbOptions {
  /** Holds datadir, socket, pid file and error log; made when missing. */
  readonly dir: string;
  readonly port: number;
  /** Default: `<dir>/mysqld.sock`. */
  readonly socket?: string;
  readonly extraArgs?: readonly string[];
  /** Started with this file instead of none; port, addresses and the rest are then as it says. */
  readonly myCnf?: string;
  /** A network namespace to run it in; the unix socket reaches it from outside. */
  readonly netns?: string;
}

/** What every node of a pair boots with; the same lines as `config render my.cnf`, without the sizes. */
export function pairArgs(serverId: number): string[] {
  return [
    `--server-id=${serverId}`,
    '--log-bin=binlog',
    '--relay-log=relay',
    '--binlog-format=ROW',
    '--gtid-strict-mode=ON',
    '--gtid-domain-id=0',
    '--log-slave-updates=ON',
    '--skip-slave-start=ON',
    '--read-only=ON',
    '--rpl-semi-sync-master-enabled=ON',
    '--rpl-semi-sync-master-timeout=18446744073709551615',
    '--rpl-semi-sync-master-wait-point=AFTER_SYNC',
    '--rpl-semi-sync-master-wait-no-slave=ON',
    '--rpl-semi-sync-slave-enabled=ON',
    '--init-rpl-role=SLAVE',
    '--sync-binlog=1',
    '--innodb-flush-log-at-trx-commit=3',
    '--relay-log-recovery=OFF',
    '--sync-relay-log=1',
    '--slave-net-timeout=4',
    '--slave-parallel-threads=4',
    '--slave-parallel-mode=conservative',
    '--rpl-semi-sync-slave-kill-conn-timeout=1',
    '--event-scheduler=OFF',
  ];
}

/** A folder for one test's servers, with a short path: a socket's path may have 107 bytes at most. */
export function scratchDir(name: string): string {
  return mkdtempSync(join(tmpdir(), `tk-${name}-`));
}

function template(): string {
  const version =
    /Ver (\S+)/.exec(execFileSync('mariadbd', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'any';
  const path = join(tmpdir(), `tk-mariadb-template-${version}`);
  if (existsSync(path)) return path;
  const fresh = mkdtempSync(join(tmpdir(), 'tk-mariadb-install-'));
  const args = [
    '--no-defaults',
    `--datadir=${fresh}`,
    '--skip-test-db',
    '--auth-root-authentication-method=socket',
  ];
  if (process.getuid?.() === 0) args.push('--user=root');
  execFileSync('mariadb-install-db', args, { stdio: 'pipe' });
  try {
    renameSync(fresh, path);
  } catch {
    // Another test run was quicker; its template serves as well.
    rmSync(fresh, { recursive: true, force: true });
  }
  return path;
}

export async function startMariadb(options: MariadbOptions): Promise<TestServer> {
  const { dir, port, netns } = options;
  const socket = options.socket ?? join(dir, 'mysqld.sock');
  const errorLog = join(dir, 'error.log');
  const datadir = join(dir, 'data');
  mkdirSync(dir, { recursive: true });
  if (!existsSync(datadir)) cpSync(template(), datadir, { recursive: true });
  const base = [
    ...(options.myCnf === undefined
      ? ['--no-defaults', `--port=${port}`, '--bind-address=127.0.0.1', '--skip-name-resolve']
      : [`--defaults-file=${options.myCnf}`]),
    `--datadir=${datadir}`,
    `--socket=${socket}`,
    `--pid-file=${join(dir, 'mysqld.pid')}`,
    `--log-error=${errorLog}`,
    '--innodb-buffer-pool-size=64M',
    '--innodb-log-file-size=32M',
    '--performance-schema=OFF',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  return await startServer({
    dir,
    port,
    socket,
    errorLog,
    command: (extraArgs) => ['mariadbd', ...base, ...extraArgs],
    extraArgs: options.extraArgs ?? [],
    ...(netns === undefined ? {} : { netns }),
  });
}
