// Real MySQL 9.7 servers for tests: run by chroot in the root directory that scripts/mysql97 brings, on loopback, in a folder
// of their own which has the same path inside the root and outside (a private mount), ended whatever the test does.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer, type TestServer } from '../support/server.ts';

export type MysqlServer = TestServer;

/** The tests on MySQL are a command of their own (`npm run mysql`), which sets TWINKEEP_MYSQL97=fetch: bring the root when it is not there. */
const FETCH = process.env['TWINKEEP_MYSQL97'] === 'fetch';

export type Root = { readonly path: string } | { readonly missing: string };

/** The root directory with MySQL 9.7, or the reason why these tests are skipped. */
export function mysqlRoot(): Root {
  if (!FETCH) return { missing: 'MySQL has a command of its own: npm run mysql' };
  if (process.getuid?.() !== 0) return { missing: 'only root can run a server by chroot' };
  const script = join(import.meta.dirname, '../../scripts/mysql97');
  const found = spawnSync('sh', [script], { encoding: 'utf8' });
  return found.status === 0 ? { path: found.stdout.trim() } : { missing: found.stderr.trim() };
}

/** What every node of a pair boots with. */
export function mysqlPairArgs(serverId: number): string[] {
  return [
    `--server-id=${serverId}`,
    '--plugin-load-add=semisync_source.so',
    '--plugin-load-add=semisync_replica.so',
    '--log-bin=binlog',
    '--relay-log=relay',
    '--gtid-mode=ON',
    '--enforce-gtid-consistency=ON',
    '--log-replica-updates=ON',
    '--skip-replica-start=ON',
    '--super-read-only=ON',
    '--loose-rpl-semi-sync-source-enabled=ON',
    '--loose-rpl-semi-sync-source-timeout=18446744073709551615',
    '--loose-rpl-semi-sync-source-wait-point=AFTER_SYNC',
    '--loose-rpl-semi-sync-source-wait-no-replica=ON',
    '--loose-rpl-semi-sync-replica-enabled=ON',
    '--sync-binlog=1',
    '--innodb-flush-log-at-trx-commit=1',
    '--relay-log-recovery=OFF',
    '--sync-relay-log=1',
    '--replica-net-timeout=4',
    '--replica-parallel-workers=4',
    '--replica-preserve-commit-order=ON',
    '--event-scheduler=OFF',
  ];
}

/** The scratch folder at its own path inside the root, seen by this process only; then the server, with the same pid. */
const INSIDE = `set -e
root=$1 dir=$2; shift 2
mount -t tmpfs none "$root/tmp"
mkdir -p "$root$dir"
mount --bind "$dir" "$root$dir"
exec chroot "$root" /usr/sbin/mysqld "$@"`;

const inside = (root: string, dir: string, args: readonly string[]): string[] => [
  ...['unshare', '--mount', 'sh', '-c', INSIDE, 'mysqld', root, dir],
  ...['--no-defaults', '--user=root', '--secure-file-priv=NULL', '--mysqlx=0', ...args],
];

function template(root: string): string {
  const path = join(tmpdir(), `tk-mysql-template-${root.replaceAll('/', '_')}`);
  if (existsSync(path)) return path;
  const fresh = mkdtempSync(join(tmpdir(), 'tk-mysql-install-'));
  const args = ['--initialize-insecure', `--datadir=${fresh}/data`, `--log-error=${fresh}/error.log`];
  const [command = '', ...rest] = inside(root, fresh, args);
  execFileSync(command, rest, { stdio: 'pipe' });
  // Every copy makes a uuid of its own.
  rmSync(join(fresh, 'data/auto.cnf'));
  try {
    renameSync(fresh, path);
  } catch {
    // Another test run was quicker; its template serves as well.
    rmSync(fresh, { recursive: true, force: true });
  }
  return path;
}

export interface MysqlOptions {
  readonly root: string;
  readonly dir: string;
  readonly port: number;
  readonly extraArgs: readonly string[];
  /** A network namespace to run it in; the unix socket reaches it from outside. */
  readonly netns?: string;
}

export async function startMysql(options: MysqlOptions): Promise<MysqlServer> {
  const { root: rootDir, dir, port } = options;
  const socket = join(dir, 'mysqld.sock');
  const errorLog = join(dir, 'error.log');
  const datadir = join(dir, 'data');
  mkdirSync(join(dir, 'tmp'), { recursive: true });
  if (!existsSync(datadir)) cpSync(join(template(rootDir), 'data'), datadir, { recursive: true });
  const base = [
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    `--datadir=${datadir}`,
    `--tmpdir=${dir}/tmp`,
    `--socket=${socket}`,
    `--pid-file=${join(dir, 'mysqld.pid')}`,
    `--log-error=${errorLog}`,
    '--innodb-buffer-pool-size=64M',
    '--innodb-redo-log-capacity=64M',
  ];
  return await startServer({
    dir,
    port,
    socket,
    errorLog,
    command: (extraArgs) => inside(rootDir, dir, [...base, ...extraArgs]),
    extraArgs: options.extraArgs,
    ...(options.netns === undefined ? {} : { netns: options.netns }),
  });
}
