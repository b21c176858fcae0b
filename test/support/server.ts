// A real database server as a process of a test: started, ended, frozen, asked as root; ended whatever the test does. What is
// particular to a family is in mariadb.ts beside this file, and in test/database/mysqlserver.ts and mysql56server.ts.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';
import { freezeProcess } from './freeze.ts';

export interface TestServer {
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

export interface ServerCommand {
  readonly dir: string;
  readonly port: number;
  readonly socket: string;
  readonly errorLog: string;
  /** The whole command line, for these arguments beside the usual ones; it must become the server, with the same pid. */
  readonly command: (extraArgs: readonly string[]) => readonly string[];
  readonly extraArgs: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A network namespace to run it in; the unix socket reaches it from outside. */
  readonly netns?: string;
}

const STARTUP_MS_MAX = 60_000;

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

/** Starts it; resolves when root can log in. */
export async function startServer(options: ServerCommand): Promise<TestServer> {
  const { dir, port, socket, errorLog, netns } = options;
  let args = options.extraArgs;
  let child: ChildProcess | null = null;
  const connections = new Set<Connection>();

  async function root(more: ConnectionOptions = {}): Promise<Connection> {
    const connection = await mysql.createConnection({
      socketPath: socket,
      user: 'root',
      // MariaDB checks root@localhost by the peer credentials of the socket; the plugin asks the client for nothing.
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

  const server: TestServer = {
    dir,
    port,
    socket,
    errorLog,
    root,
    pid: () => child?.pid ?? 0,
    running: () => child !== null && child.exitCode === null && child.signalCode === null,
    async start(extraArgs) {
      args = extraArgs ?? args;
      // setpriv: the kernel ends the server even when this process is killed and runs no exit handler.
      const command = ['setpriv', '--pdeathsig', 'KILL', ...options.command(args)];
      // `ip netns exec` becomes the command: the process that we know is the server's.
      const inside = netns === undefined ? command : ['ip', 'netns', 'exec', netns, ...command];
      const started = spawn(inside[0] ?? '', inside.slice(1), {
        stdio: 'ignore',
        env: { ...process.env, ...options.env },
      });
      child = started;
      alive.add(started);
      started.once('exit', () => alive.delete(started));
      const deadline = performance.now() + STARTUP_MS_MAX;
      while (!(await ready())) {
        if (started.exitCode !== null || started.signalCode !== null || performance.now() > deadline) {
          started.kill('SIGKILL');
          throw new Error(`the server did not start; the end of ${errorLog}:\n${server.log().slice(-2000)}`);
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

/** First row of a result, or null. */
export async function row(connection: Connection, sql: string): Promise<RowDataPacket | null> {
  const [rows] = await connection.query<RowDataPacket[]>(sql);
  return rows[0] ?? null;
}
