// Real MySQL 5.6 servers for tests: the folder that scripts/mysql56 brings, on loopback, each in a folder of its own, ended
// whatever the test does.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type ConnectionOptions } from 'mysql2/promise';
import { freezeProcess } from '../support/freeze.ts';
import type { MysqlServer } from './mysqlserver.ts';

const STARTUP_MS_MAX = 30_000;

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

export interface Mysql56Options {
  readonly folder: string;
  readonly dir: string;
  readonly port: number;
  readonly extraArgs: readonly string[];
}

export async function startMysql56(options: Mysql56Options): Promise<MysqlServer> {
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
      const command = ['--pdeathsig', 'KILL', join(folder, 'mysqld'), ...base, ...args];
      const started = spawn('setpriv', command, {
        stdio: 'ignore',
        env: { ...process.env, LD_LIBRARY_PATH: folder },
      });
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
