// A logical dump, loaded into a data directory of its own: made empty, served by a server that only this program reaches, filled, and
// shut down. The server of the host goes on meanwhile.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { positionOfDump } from '../../core/clone/position.ts';
import { OperatorError } from '../../core/error.ts';
import type { Owner } from './disk.ts';
import type { Format } from './format.ts';
import { rootLogin } from './login.ts';
import { type DonorAt, programSink, type ReceivedCopy, receive, type Watcher } from './receive.ts';
import { waitForAnswer } from './statements.ts';
import { findTool, toolsOf } from './tools.ts';

type Family = 'mariadb' | 'mysql';

const START_MS_MAX = 120_000;
const STOP_MS_MAX = 600_000;
/** The position is named near the beginning, or near the end. */
const END_BYTES = 16 * 1024;

const formatArgs = (format: Format): string[] =>
  Object.entries(format).map(([name, value]) => `--${name.replaceAll('_', '-')}=${value}`);

const failed = (what: string, said: string): OperatorError =>
  new OperatorError(
    'load-failed',
    `${what}: ${said.trim().split('\n').at(-1) ?? ''}`,
    'mend what it names, then run it again',
  );

function tool(names: readonly string[]): string {
  const found = findTool(names);
  if (found !== null) return found;
  const hint = 'install the server package of this host';
  throw new OperatorError('tool-missing', `${names[0]} is not installed here`, hint);
}

/** An empty data directory, owned by the server's account. */
async function initialise(family: Family, fresh: string, owner: Owner, format: Format): Promise<void> {
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  chownSync(fresh, owner.uid, owner.gid);
  const argv =
    family === 'mariadb'
      ? [
          tool(['mariadb-install-db', 'mysql_install_db']),
          '--no-defaults',
          `--datadir=${fresh}`,
          '--auth-root-authentication-method=socket',
          '--skip-test-db',
          ...formatArgs(format),
        ]
      : [
          tool(toolsOf(family).server),
          '--no-defaults',
          '--initialize-insecure',
          `--datadir=${fresh}`,
          ...formatArgs(format),
        ];
  const [command = '', ...args] = argv;
  const made = spawnSync(command, args, { uid: owner.uid, gid: owner.gid, encoding: 'utf8', cwd: '/' });
  if (made.status !== 0)
    throw failed(
      `${command} ended with ${made.status ?? made.error?.message}`,
      made.stderr || made.stdout || '',
    );
}

/** Settings that make loading quick; what a crash would cost is loaded again. */
const LOADING: Readonly<Record<Family, readonly string[]>> = {
  mariadb: ['--skip-log-bin', '--skip-slave-start', '--innodb-flush-log-at-trx-commit=0'],
  mysql: [
    '--skip-log-bin',
    '--skip-replica-start',
    '--innodb-flush-log-at-trx-commit=0',
    '--gtid-mode=ON',
    '--enforce-gtid-consistency=ON',
    '--mysqlx=0',
  ],
};

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
  if (server.exitCode !== 0)
    throw failed('the server that loaded the dump did not end well', String(server.signalCode));
}

async function load(
  family: Family,
  socket: string,
  at: DonorAt,
  bytesPerS: number | null,
  watch: Watcher,
): Promise<{ copy: ReceivedCopy; position: string | null }> {
  const client = [
    tool(toolsOf(family).client),
    '--no-defaults',
    `--socket=${socket}`,
    '--user=root',
    '--binary-mode',
  ];
  const sink = programSink(client, 'load-failed', 'mend what it names, then run it again');
  let head = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  try {
    const take = (bytes: Uint8Array): Promise<void> => {
      if (head.length < END_BYTES) head = Buffer.concat([head, bytes]);
      tail = Buffer.concat([tail, bytes]).subarray(-END_BYTES);
      return sink.write(bytes);
    };
    const copy = await receive(at, { kind: 'dump', bytesPerS }, take, watch);
    await sink.finish();
    const ends = { head: head.toString('utf8'), tail: tail.toString('utf8') };
    return { copy, position: positionOfDump(ends) };
  } catch (error) {
    sink.kill();
    throw error;
  }
}

export async function receiveDump(options: {
  readonly family: Family;
  readonly at: DonorAt;
  readonly bytesPerS: number | null;
  readonly fresh: string;
  /** The data directory that it will replace. */
  readonly datadir: string;
  readonly owner: Owner;
  readonly format: Format;
  readonly watch: Watcher;
}): Promise<{ copy: ReceivedCopy; position: string | null }> {
  const { family, fresh, owner, format } = options;
  await initialise(family, fresh, owner, format);
  const folder = mkdtempSync(join(tmpdir(), 'twinkeep-load-'));
  chownSync(folder, owner.uid, owner.gid);
  const socket = join(folder, 'load.sock');
  const log = join(folder, 'load.log');
  const args = [
    '--no-defaults',
    `--datadir=${fresh}`,
    `--socket=${socket}`,
    `--pid-file=${join(folder, 'load.pid')}`,
    `--log-error=${log}`,
    '--skip-networking',
    ...LOADING[family],
    ...formatArgs(format),
  ];
  const server = spawn(tool(toolsOf(family).server), args, {
    uid: owner.uid,
    gid: owner.gid,
    stdio: 'ignore',
    cwd: '/',
  });
  const isThere = (): boolean => server.exitCode === null && server.signalCode === null;
  server.on('error', () => undefined);
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  try {
    await waitForAnswer(rootLogin(socket), isThere, START_MS_MAX).catch(() => {
      throw failed(
        'the server that loads the dump does not start',
        existsSync(log) ? readFileSync(log, 'utf8') : '',
      );
    });
    const loaded = await load(family, socket, options.at, options.bytesPerS, options.watch);
    await stop(server);
    const uuid = join(options.datadir, 'auto.cnf');
    // The node keeps its name in the history.
    if (family === 'mysql' && existsSync(uuid)) copyFileSync(uuid, join(fresh, 'auto.cnf'));
    return loaded;
  } finally {
    kill();
    process.off('exit', kill);
    rmSync(folder, { recursive: true, force: true });
  }
}
