// Real MariaDB servers for tests: started on loopback in a folder of their own, ended whatever the test does.
// A data directory is a copy of one template, so that a server is up in about a second.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';
import { freezeProcess } from './freeze.ts';

const STARTUP_MS_MAX = 30_000;

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

export interface MariadbServer {
  readonly dir: string;
  readonly port: number;
  readonly socket: string;
  readonly errorLog: string;
  pid(): number;
  running(): boolean;
  /** Starts the process again after `stop` or `kill`, with other arguments when given. */
  start(extraArgs?: readonly string[]): Promise<void>;
  /** Orderly shutdown (SIGTERM); resolves when the process has ended. */
  stop(): Promise<void>;
  /** SIGKILL: a crash. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  log(): string;
  /** A connection as root over the unix socket; closed with the server. */
  root(options?: ConnectionOptions): Promise<Connection>;
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

/** A free loopback port; taken by nobody until the caller binds it. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
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

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

async function spawnServer(
  args: readonly string[],
  netns: string | undefined,
  ready: () => Promise<boolean>,
): Promise<ChildProcess> {
  // setpriv: the kernel ends the server even when this process is killed and runs no exit handler.
  const command = ['setpriv', '--pdeathsig', 'KILL', 'mariadbd', ...args];
  // `ip netns exec` becomes the command: the process that we know is the server's.
  const inside = netns === undefined ? command : ['ip', 'netns', 'exec', netns, ...command];
  const child = spawn(inside[0] ?? '', inside.slice(1), { stdio: 'ignore' });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  const deadline = performance.now() + STARTUP_MS_MAX;
  while (!(await ready())) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`mariadbd did not start: ${args.join(' ')}`);
    }
    await sleep(30);
  }
  return child;
}

async function ended(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  // A frozen process would not see SIGTERM.
  if (signal !== 'SIGKILL') child.kill('SIGCONT');
  await exit;
}

export async function startMariadb(options: MariadbOptions): Promise<MariadbServer> {
  const { dir, port } = options;
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
  let args = options.extraArgs ?? [];
  let child: ChildProcess | null = null;
  const connections = new Set<Connection>();

  async function root(more: ConnectionOptions = {}): Promise<Connection> {
    const connection = await mysql.createConnection({
      socketPath: socket,
      user: 'root',
      // root@localhost is checked by the peer credentials of the socket; the plugin asks the client for nothing.
      authPlugins: { unix_socket: () => () => Buffer.alloc(0) },
      ...more,
    });
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

  const server: MariadbServer = {
    dir,
    port,
    socket,
    errorLog,
    root,
    pid: () => child?.pid ?? 0,
    running: () => child !== null && child.exitCode === null && child.signalCode === null,
    async start(extraArgs) {
      args = extraArgs ?? args;
      child = await spawnServer([...base, ...args], options.netns, ready);
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => {
      if (child?.pid !== undefined) freezeProcess(child.pid);
    },
    thaw: () => void child?.kill('SIGCONT'),
    log: () => readFileSync(errorLog, 'utf8'),
  };
  await server.start();
  return server;
}

/** First row of a result, or null. */
export async function row(connection: Connection, sql: string): Promise<RowDataPacket | null> {
  const [rows] = await connection.query<RowDataPacket[]>(sql);
  return rows[0] ?? null;
}
