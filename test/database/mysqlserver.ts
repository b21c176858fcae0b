// Real MySQL 9.7 servers for tests: run by chroot in the root directory that scripts/mysql97 brings, on loopback, in a folder
// of their own which has the same path inside the root and outside (a private mount), ended whatever the test does.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type ConnectionOptions } from 'mysql2/promise';
import { freezeProcess } from '../support/freeze.ts';

const STARTUP_MS_MAX = 60_000;
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

export interface MysqlServer {
  readonly dir: string;
  readonly port: number;
  pid(): number;
  running(): boolean;
  /** Starts the process again after `stop` or `kill`, with other arguments when given. */
  start(extraArgs?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  log(): string;
  /** A connection as root over the unix socket; closed with the server. */
  root(options?: ConnectionOptions): Promise<Connection>;
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
  ...['--pdeathsig', 'KILL', 'unshare', '--mount', 'sh', '-c', INSIDE, 'mysqld', root, dir],
  ...['--no-defaults', '--user=root', '--secure-file-priv=NULL', '--mysqlx=0', ...args],
];

function template(root: string): string {
  const path = join(tmpdir(), `tk-mysql-template-${root.replaceAll('/', '_')}`);
  if (existsSync(path)) return path;
  const fresh = mkdtempSync(join(tmpdir(), 'tk-mysql-install-'));
  const args = ['--initialize-insecure', `--datadir=${fresh}/data`, `--log-error=${fresh}/error.log`];
  execFileSync('setpriv', inside(root, fresh, args), { stdio: 'pipe' });
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

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

async function ended(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  // A frozen process would not see SIGTERM.
  if (signal !== 'SIGKILL') child.kill('SIGCONT');
  await exit;
}

export interface MysqlOptions {
  readonly root: string;
  readonly dir: string;
  readonly port: number;
  readonly extraArgs: readonly string[];
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
  let args = options.extraArgs;
  let child: ChildProcess | null = null;
  const connections = new Set<Connection>();

  async function root(more: ConnectionOptions = {}): Promise<Connection> {
    const connection = await mysql.createConnection({ socketPath: socket, user: 'root', ...more });
    // A server that is killed resets its connections: expected here.
    connection.on('error', () => undefined);
    connections.add(connection);
    return connection;
  }

  async function ready(): Promise<boolean> {
    try {
      const connection = await root({ connectTimeout: 5000 });
      await connection.query('SELECT 1');
      connection.destroy();
      return true;
    } catch {
      return false;
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    for (const connection of connections) connection.destroy();
    connections.clear();
    await ended(child, signal);
  }

  const server: MysqlServer = {
    dir,
    port,
    root,
    pid: () => child?.pid ?? 0,
    running: () => child !== null && child.exitCode === null && child.signalCode === null,
    async start(extraArgs) {
      args = extraArgs ?? args;
      const started = spawn('setpriv', inside(rootDir, dir, [...base, ...args]), { stdio: 'ignore' });
      child = started;
      alive.add(started);
      started.once('exit', () => alive.delete(started));
      const deadline = performance.now() + STARTUP_MS_MAX;
      while (!(await ready())) {
        if (started.exitCode !== null || started.signalCode !== null || performance.now() > deadline) {
          started.kill('SIGKILL');
          throw new Error(`mysqld did not start; the end of ${errorLog}:\n${server.log().slice(-2000)}`);
        }
        await sleep(30);
      }
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => {
      if (child?.pid !== undefined) freezeProcess(child.pid);
    },
    thaw: () => void child?.kill('SIGCONT'),
    log: () => (existsSync(errorLog) ? readFileSync(errorLog, 'utf8') : '(there is none)'),
  };
  await server.start();
  return server;
}
