// The server's own binary log client (mariadb-binlog, mysqlbinlog): fetches the raw log of a running server, and prints a saved
// one as SQL. Its password is in a file of its own that only this account may read, never on the command line.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { OperatorError } from '../../core/error.ts';
import type { Endpoint } from '../database/connection.ts';

export type Family = 'mariadb' | 'mysql';

const NAMES: Readonly<Record<Family, readonly string[]>> = {
  mariadb: ['mariadb-binlog', 'mysqlbinlog'],
  mysql: ['mysqlbinlog'],
};
const OUTPUT_BYTES_MAX = 1 << 20;

/** The command and its first arguments. TWINKEEP_BINLOG_CLIENT names another one, arguments separated by blanks. */
export function binlogClient(family: Family): readonly [string, ...string[]] {
  const [given, ...rest] = (process.env['TWINKEEP_BINLOG_CLIENT'] ?? '')
    .split(' ')
    .filter((part) => part !== '');
  if (given !== undefined) return [given, ...rest];
  for (const name of NAMES[family]) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return [path];
      } catch {
        // Not here.
      }
    }
  }
  throw new OperatorError(
    'binlog-client',
    `there is no ${NAMES[family][0]} on this host`,
    family === 'mariadb'
      ? 'install mariadb-client'
      : 'install mysql-client, or name it by TWINKEEP_BINLOG_CLIENT',
  );
}

interface Ran {
  readonly code: number;
  readonly stderr: string;
}

function run(
  command: readonly [string, ...string[]],
  args: readonly string[],
  deadlineMs: number,
): Promise<Ran> {
  const [program, ...first] = command;
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...first, ...args],
      {
        timeout: deadlineMs,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_BYTES_MAX,
        env: { ...process.env, LC_ALL: 'C' },
      },
      (error, _stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') {
          const why =
            error.killed === true ? `it took longer than ${Math.round(deadlineMs / 1000)} s` : error.message;
          reject(new OperatorError('binlog-client', `${program} did not end well: ${why}`, 'try it again'));
        } else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stderr });
      },
    );
  });
}

/** `preferred` is what MySQL's client does by itself, and MariaDB's cannot. Names of hosts are not checked, as nowhere else. */
function tlsOf({ socketPath, tls }: Endpoint, family: Family): string {
  if (socketPath !== undefined || tls == null || tls.mode === 'preferred') return '';
  const ca = tls.mode === 'verify' && tls.caFile !== null ? `ssl-ca=${tls.caFile}\n` : '';
  if (family === 'mariadb') return `ssl\n${ca}`;
  return `ssl-mode=${ca === '' ? 'REQUIRED' : 'VERIFY_CA'}\n${ca}`;
}

/** An option file of the client; `family` mysql: asks for the key that caching_sha2_password needs without TLS. */
export function clientConfig(endpoint: Endpoint, family: Family): string {
  const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;
  const where =
    endpoint.socketPath === undefined
      ? `host=${endpoint.host}\nport=${endpoint.port}\nprotocol=tcp`
      : `socket=${quote(endpoint.socketPath)}\nprotocol=socket`;
  const key = family === 'mysql' ? 'loose-get-server-public-key\n' : '';
  const login = `user=${quote(endpoint.user)}\npassword=${quote(endpoint.password)}`;
  return `[client]\n${login}\n${where}\n${key}${tlsOf(endpoint, family)}`;
}

/** Runs with the account in an option file that is gone afterwards. */
async function withAccount<T>(
  endpoint: Endpoint,
  family: Family,
  work: (options: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'twinkeep-binlog-'));
  try {
    const file = join(folder, 'client.cnf');
    await writeFile(file, clientConfig(endpoint, family), { mode: 0o600 });
    return await work(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export type FetchFrom =
  /** Behind these GTIDs (MariaDB); empty: from the beginning. */
  { readonly behind: string } | { readonly file: string; readonly position?: number };

/**
 * Copies the raw log of a running server into `prefix<name of each file>`, from where is asked to its end now (or the end of the one
 * file, `onlyFile`). The account needs REPLICATION SLAVE.
 */
export async function fetchRaw(options: {
  readonly family: Family;
  readonly endpoint: Endpoint;
  readonly from: FetchFrom;
  readonly onlyFile?: boolean;
  readonly prefix: string;
  readonly deadlineMs: number;
}): Promise<void> {
  const { family, endpoint, from, prefix, deadlineMs } = options;
  const byGtid = 'behind' in from;
  const start = byGtid ? from.behind : from.position === undefined ? '' : String(from.position);
  const ran = await withAccount(endpoint, family, (file) =>
    run(
      binlogClient(family),
      [
        `--defaults-extra-file=${file}`,
        '--read-from-remote-server',
        '--raw',
        `--result-file=${prefix}`,
        ...(start === '' ? [] : [`--start-position=${start}`]),
        ...(options.onlyFile === true ? [] : ['--to-last-log']),
        byGtid ? '' : from.file,
      ],
      deadlineMs,
    ),
  );
  // In raw mode mariadb-binlog reads no events, and so never sees that it has reached what it started behind.
  if (ran.code === 0 || /never reached expected GTID state/.test(ran.stderr)) return;
  const said = ran.stderr.trim().split('\n').slice(-2).join(' ').slice(0, 500);
  throw new OperatorError(
    'binlog-fetch',
    `the binary log of ${endpoint.host}:${endpoint.port} could not be read: ${said}`,
    /Access denied/.test(said)
      ? `GRANT REPLICATION SLAVE ON *.* to the account ${endpoint.user}`
      : 'is the part that is wanted purged? `SHOW BINARY LOGS` there shows what it has',
  );
}

/** Prints a saved log as SQL with the rows as comments, for a person or a client to read. */
export async function printSql(family: Family, log: string, into: string, deadlineMs: number): Promise<void> {
  const args = [
    '--no-defaults',
    '-vv',
    ...(family === 'mariadb' ? ['--skip-gtid-strict-mode'] : []),
    `--result-file=${into}`,
    log,
  ];
  const ran = await run(binlogClient(family), args, deadlineMs);
  if (ran.code === 0) return;
  const said = ran.stderr.trim().split('\n').slice(-2).join(' ').slice(0, 500);
  throw new OperatorError(
    'binlog-print',
    `${log} could not be printed as SQL: ${said}`,
    'the raw events are kept all the same',
  );
}
