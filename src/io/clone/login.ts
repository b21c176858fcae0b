// As whom the local server is asked for a copy: the agent's own account where it has the rights, else root by the unix socket
// where this process is root. The tools get it in a file that only this user may read, never on a command line.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Method } from '../../core/clone/journal.ts';
import type { Against } from '../../core/clone/plan.ts';
import { type Endpoint, HeldConnection } from '../database/connection.ts';
import { checkGrants, type Grant, type MissingGrant } from '../database/grants.ts';
import { rowsOf } from '../database/rows.ts';
import { socketLogin } from '../database/socketlogin.ts';

export interface Login {
  readonly endpoint: Endpoint;
  readonly socketPath: string;
}

const STATEMENT_MS_MAX = 5000;
const everywhere = (privileges: string): readonly Grant[] => [{ privileges, on: '*.*', because: 'copies' }];

/** What the giving account needs; MariaDB's names, then MySQL's. */
const NEEDED: Readonly<Record<'mariadb' | 'mysql', Readonly<Record<Method, readonly Grant[]>>>> = {
  mariadb: {
    backup: everywhere('RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR'),
    'clone-plugin': [],
    dump: everywhere('SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD, BINLOG MONITOR, PROCESS'),
  },
  mysql: {
    backup: [],
    'clone-plugin': everywhere('BACKUP_ADMIN'),
    dump: everywhere('SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD, REPLICATION CLIENT, PROCESS'),
  },
};

/** Any statement serves as the settings of a session that needs none of the pair's. */
const PLAIN_SESSION = 'DO 1';

export const openPlain = (endpoint: Endpoint): HeldConnection =>
  new HeldConnection({ endpoint, onTimeout: 'discard', session: PLAIN_SESSION });

/** The path of the server's socket: configured, or what the server itself names. */
async function socketOf(endpoint: Endpoint): Promise<string> {
  if (endpoint.socketPath !== undefined) return endpoint.socketPath;
  const connection = openPlain(endpoint);
  try {
    const [row] = rowsOf(await connection.query('SELECT @@socket AS path', STATEMENT_MS_MAX));
    return String(row?.['path'] ?? '');
  } finally {
    connection.close();
  }
}

async function missing(endpoint: Endpoint, wanted: readonly Grant[]): Promise<readonly MissingGrant[]> {
  const connection = openPlain(endpoint);
  try {
    return await checkGrants(connection, wanted, STATEMENT_MS_MAX);
  } finally {
    connection.close();
  }
}

/** root by the unix socket; its server tells by the kernel who we are. */
export const rootLogin = (socketPath: string): Endpoint => ({
  host: '127.0.0.1',
  port: 0,
  socketPath,
  user: 'root',
  password: '',
  authPlugins: socketLogin,
});

export async function loginFor(
  method: Method,
  family: 'mariadb' | 'mysql',
  admin: Endpoint,
): Promise<Login | Against> {
  const socketPath = await socketOf(admin);
  const wanted = NEEDED[family][method];
  const lacks = await missing(admin, wanted);
  if (lacks.length === 0) return { endpoint: { ...admin, socketPath }, socketPath };
  // The CLONE plugin's donor is reached by the other server, which can only give a password.
  if (method !== 'clone-plugin' && process.getuid?.() === 0) {
    const root = rootLogin(socketPath);
    const rootLacks = await missing(root, wanted).catch(() => null);
    if (rootLacks?.length === 0) return { endpoint: root, socketPath };
  }
  return {
    code: 'donor-privilege',
    because: `the account ${admin.user} lacks ${lacks.map((each) => each.privilege).join(', ')} there`,
    lift: lacks.map((each) => each.statement).join(' '),
  };
}

const quoted = (value: string): string => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** An option file that names the login, for as long as the work takes. */
export async function withOptionFile<T>(
  login: Login,
  /** Further options of mariadb-backup. */
  more: Readonly<Record<string, string>>,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'twinkeep-clone-'));
  const path = join(folder, 'login.cnf');
  const { user, password } = login.endpoint;
  const options = { user, socket: login.socketPath, ...(password === '' ? {} : { password }) };
  const lines = (each: object): string =>
    Object.entries(each)
      .map(([name, value]) => `${name} = ${quoted(value)}\n`)
      .join('');
  try {
    writeFileSync(path, `[client]\n${lines(options)}[mariadb-backup]\n${lines(more)}`, { mode: 0o600 });
    return await work(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
