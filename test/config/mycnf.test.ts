// The rendered my.cnf against a real MariaDB: it starts with every line, reads back what was asked, and loses no
// acknowledged commit when it is killed. Needs root and MariaDB; uses a Unix socket in a folder of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { renderMyCnf } from '../../src/config/mycnf.ts';
import { parsePair } from '../../src/config/pair.ts';

const PAIR = `
pair: shop
nodes:
  a: { address: 192.0.2.11, interface: eth0 }
  b: { address: 192.0.2.12, interface: eth0 }
vips: { write: [192.0.2.100/24] }
`;

let dir = '';
let server: ChildProcess | null = null;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'twinkeep-mycnf-'));
  const made = spawnSync('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${dir}/data`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--user=root',
    '--innodb-log-file-size=16M',
  ]);
  expect(made.status, String(made.stderr)).toBe(0);
});
afterEach(() => stop('SIGTERM'));
afterAll(async () => {
  await stop('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

async function stop(signal: NodeJS.Signals): Promise<void> {
  const child = server;
  server = null;
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  // A server with a commit that waits for its acknowledgement ends by SIGKILL only.
  const impatient = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await new Promise((done) => {
    child.once('exit', done);
    child.kill(signal);
  });
  clearTimeout(impatient);
}

function rendered(node: string, extra = ''): string {
  const parsed = parsePair(PAIR + extra, 'pair.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.findings));
  return renderMyCnf(parsed.config, node, 'mariadb');
}

/** Starts a server on the shared data directory; the port is the only line that cannot be used as it is. */
async function start(myCnf: string): Promise<mysql.Connection> {
  writeFileSync(`${dir}/my.cnf`, myCnf);
  const child = spawn('mariadbd', [
    `--defaults-file=${dir}/my.cnf`,
    `--datadir=${dir}/data`,
    `--socket=${dir}/s.sock`,
    `--pid-file=${dir}/pid`,
    `--log-error=${dir}/error.log`,
    '--skip-networking',
    '--user=root',
    '--innodb-buffer-pool-size=32M',
    '--innodb-log-file-size=16M',
  ]);
  server = child;
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`mariadbd ended: ${readFileSync(`${dir}/error.log`, 'utf8')}`);
    try {
      return await mysql.createConnection({ socketPath: `${dir}/s.sock`, user: 'root' });
    } catch {
      await new Promise((later) => setTimeout(later, 50));
    }
  }
}

async function variables(connection: mysql.Connection): Promise<Map<string, string>> {
  const [rows] = await connection.query<mysql.RowDataPacket[]>('SHOW GLOBAL VARIABLES');
  return new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]));
}

function settingsOf(myCnf: string): [string, string][] {
  return [...myCnf.matchAll(/^([a-z_]+) = (.*)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']);
}

/** Options that are no variables: they act at the start only. */
const START_ONLY = ['init_rpl_role', 'skip_slave_start'];
/** Without networking the server has no ports; log_bin reads ON, and its name stands in log_bin_basename. */
const READ_OTHERWISE = ['port', 'extra_port', 'log_bin'];

test.each([
  ['a', ''],
  ['b', ''],
  ['b', 'mysql: { durability: async, extraPort: 3399 }'],
])('node %s with "%s": MariaDB starts with every line and reads back what was asked', async (node, extra) => {
  const myCnf = rendered(node, extra);
  const connection = await start(myCnf);
  const actual = await variables(connection);
  for (const [name, value] of settingsOf(myCnf)) {
    if (START_ONLY.includes(name) || READ_OTHERWISE.includes(name)) continue;
    expect(`${name}=${actual.get(name)}`).toBe(`${name}=${value}`);
  }
  expect(actual.get('log_bin_basename')).toBe(`${dir}/data/twinkeep-bin`);
  await connection.end();
  const log = readFileSync(`${dir}/error.log`, 'utf8');
  expect(log).not.toMatch(/unknown variable|adjusted to|was adjusted|deprecated/i);
});

test('a server that starts without its agent acknowledges no commit', async () => {
  const connection = await start(rendered('a'));
  await connection.query('SET GLOBAL read_only = OFF');
  let acknowledged = false;
  const waiting = connection.query('CREATE DATABASE unseen').then(
    () => {
      acknowledged = true;
    },
    () => {},
  );
  const other = await mysql.createConnection({ socketPath: `${dir}/s.sock`, user: 'root' });
  const states = async () => {
    const [rows] = await other.query<mysql.RowDataPacket[]>('SHOW PROCESSLIST');
    return rows.map((row) => String(row['State']));
  };
  await expect.poll(states, { timeout: 10_000 }).toContain('Waiting for semi-sync ACK from slave');
  expect(acknowledged).toBe(false);
  await stop('SIGKILL');
  await waiting;
  other.destroy();
  expect(acknowledged).toBe(false);
});

test('a writer that went alone and is killed keeps every acknowledged commit', async () => {
  const alone = async (connection: mysql.Connection) => {
    await connection.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF');
    await connection.query('SET GLOBAL read_only = OFF');
  };
  const connection = await start(rendered('a'));
  await alone(connection);
  await connection.query('CREATE DATABASE IF NOT EXISTS kept');
  await connection.query('CREATE TABLE kept.t (id INT PRIMARY KEY) ENGINE=InnoDB');
  let acknowledged = 0;
  while (acknowledged < 200) {
    await connection.query(`INSERT INTO kept.t VALUES (${acknowledged + 1})`);
    acknowledged++;
  }
  await stop('SIGKILL');
  connection.destroy();
  const again = await start(rendered('a'));
  const [rows] = await again.query<mysql.RowDataPacket[]>('SELECT COUNT(*) AS n FROM kept.t');
  expect(rows[0]?.['n']).toBe(acknowledged);
  await again.end();
});
