// `twinkeep setup` as an administrator runs it, against two real servers started with the rendered my.cnf.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadPair } from '../../src/config/load.ts';
import { renderMyCnf } from '../../src/config/mycnf.ts';
import { openMariadb } from '../../src/io/database/mariadb.ts';
import { freePort, type MariadbServer, scratchDir, startMariadb } from '../support/mariadb.ts';
import { SECOND, until } from './pair.ts';

const launcher = resolve(import.meta.dirname, '../../twinkeep');

/** Both servers, their addresses and the command run in one namespace: pair.yaml takes no loopback addresses. */
const netns = `tkdb-setup-${process.pid}`;
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });

beforeAll(() => {
  ip('netns', 'add', netns);
  ip('-n', netns, 'link', 'set', 'lo', 'up');
  for (const address of ['192.0.2.11/24', '192.0.2.12/24'])
    ip('-n', netns, 'address', 'add', address, 'dev', 'lo');
});
afterAll(() => {
  ip('netns', 'delete', netns);
});

let dir: string;
let port: number;
const servers: Partial<Record<'a' | 'b', MariadbServer>> = {};

function server(node: 'a' | 'b'): MariadbServer {
  const found = servers[node];
  if (found === undefined) throw new Error(`no server ${node}`);
  return found;
}

beforeEach(async () => {
  dir = scratchDir('setup');
  port = await freePort();
  writeFileSync(
    join(dir, 'pair.yaml'),
    `pair: shop
nodes:
  a: { address: 192.0.2.11, interface: lo, priority: 100 }
  b: { address: 192.0.2.12, interface: lo, priority: 90 }
vips: { write: [192.0.2.100/24] }
mysql: { port: ${port} }
stateDir: ${dir}/state
`,
  );
});

afterEach(async () => {
  for (const each of Object.values(servers)) await each.kill();
  rmSync(dir, { recursive: true, force: true });
});

/** Starts both with the rendered settings; `extra` comes last, and so wins. */
async function startServers(extra: Partial<Record<'a' | 'b', string[]>> = {}): Promise<void> {
  const parsed = loadPair(join(dir, 'pair.yaml'));
  if (!parsed.ok) throw new Error(parsed.findings.map((each) => each.message).join('; '));
  const start = async (node: 'a' | 'b', address: string) => {
    const lines = renderMyCnf(parsed.config, node, 'mariadb').split('\n');
    const settings = lines.flatMap((line) => /^([a-z_]+) = (.*)$/.exec(line)?.slice(1, 3).join('=') ?? []);
    servers[node] = await startMariadb({
      dir: join(dir, node),
      port,
      netns,
      extraArgs: [
        ...settings.map((each) => `--${each}`),
        `--bind-address=${address}`,
        ...(extra[node] ?? []),
      ],
    });
  };
  await Promise.all([start('a', '192.0.2.11'), start('b', '192.0.2.12')]);
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function setup(...args: string[]): Promise<Ended> {
  const sockets = (['a', 'b'] as const).flatMap((node) =>
    servers[node] === undefined ? [] : ['--admin-socket', `${node}=${server(node).socket}`],
  );
  const all = ['setup', '--config', join(dir, 'pair.yaml'), ...sockets, ...args];
  return await new Promise((done) => {
    execFile(
      'ip',
      ['netns', 'exec', netns, launcher, ...all],
      { timeout: 60_000 },
      (error, stdout, stderr) => {
        done({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      },
    );
  });
}

async function onServer(node: 'a' | 'b', ...statements: string[]): Promise<Record<string, unknown>[]> {
  const root = await server(node).root();
  let rows: unknown = [];
  for (const statement of statements) [rows] = await root.query(statement);
  root.destroy();
  return rows as Record<string, unknown>[];
}

function database(node: 'a' | 'b') {
  return openMariadb({
    host: '127.0.0.1',
    port,
    socketPath: server(node).socket,
    user: 'twinkeep',
    password: readFileSync(join(dir, 'admin.password'), 'utf8').trim(),
    role: 'peer',
    schema: 'twinkeep',
  });
}

describe('twinkeep setup', () => {
  it('makes two fresh servers a pair; the second run changes nothing and says so', async () => {
    await startServers();
    const dry = await setup('--dry-run');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toContain('would make the replication channel of a from b');
    expect((await onServer('a', 'SHOW ALL SLAVES STATUS')).length).toBe(0);

    const first = await setup('--yes');
    expect(first.stderr).not.toContain('twinkeep:');
    expect(first.code).toBe(0);
    for (const file of ['pair.key', 'api.token', 'admin.password', 'repl.password'])
      expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(join(dir, 'pair.key'), 'utf8'), 'base64')).toHaveLength(32);

    const a = database('a');
    const b = database('b');
    await a.connect(5 * SECOND);
    await b.connect(5 * SECOND);
    expect((await a.status(SECOND)).channel).toMatchObject({ receiver: 'running', applier: 'running' });
    expect((await b.status(SECOND)).channel).toMatchObject({ sourceHost: '192.0.2.11', receiver: 'running' });
    // The accounts do all that the agents do.
    await b.setSemiSyncReplica(true, 2 * SECOND);
    await a.setSemiSyncReplica(false, 2 * SECOND);
    await until(async () => (await b.status(SECOND)).channel?.receiver === 'running');
    await a.setSemiSyncSource(true, SECOND);
    await a.openWrites(SECOND);
    await a.writeHeartbeat({ epoch: 1, sequence: 1 }, 5 * SECOND);
    await b.waitFor(await a.closeWrites(5 * SECOND), 5 * SECOND);

    const second = await setup('--yes', '--json');
    expect(JSON.parse(second.stdout)).toMatchObject({ changed: false, steps: [], secrets: [] });
    const spoken = await setup('--yes');
    expect(spoken.stdout).toContain('nothing to change');
    a.close();
    b.close();
  });

  it('mends a lost privilege and a changed password, and leaves the rest', async () => {
    await startServers();
    expect((await setup('--yes')).code).toBe(0);
    await onServer(
      'b',
      'SET sql_log_bin = 0',
      "REVOKE CONNECTION ADMIN ON *.* FROM 'twinkeep'@'127.0.0.1'",
      "SET PASSWORD FOR 'repl'@'192.0.2.11' = PASSWORD('other')",
    );
    const again = await setup('--yes', '--json');
    expect(again).toMatchObject({ code: 0 });
    const { steps } = JSON.parse(again.stdout) as { steps: string[] };
    expect(steps).toEqual([
      expect.stringContaining("grant 'twinkeep'@'127.0.0.1' CONNECTION ADMIN"),
      expect.stringContaining("set the password of 'repl'@'192.0.2.11'"),
      // It logs in with that password: whatever it was, it is the one of the file now.
      expect.stringContaining('correct the replication channel of a'),
      expect.stringContaining('start the channel of a'),
    ]);
    expect(JSON.parse((await setup('--yes', '--json')).stdout)).toMatchObject({ changed: false });
  });

  it('lets a node that lags catch up, from a writer with a history of its own', async () => {
    await startServers();
    await onServer(
      'a',
      'SET GLOBAL rpl_semi_sync_master_enabled = OFF',
      'CREATE USER nobody@localhost',
      'SET GLOBAL rpl_semi_sync_master_enabled = ON',
    );
    const done = await setup('--yes');
    expect(done.stderr).not.toContain('twinkeep:');
    expect(done.code).toBe(0);
    expect((await onServer('b', 'SELECT @@gtid_binlog_pos AS p'))[0]?.['p']).toBe('0-511-1');
    expect((await onServer('a', 'SELECT @@gtid_slave_pos AS p'))[0]?.['p']).toBe('0-511-1');
  });

  it('refuses servers whose data went apart, names the tables, and changes nothing', async () => {
    await startServers();
    for (const node of ['a', 'b'] as const) {
      await onServer(
        node,
        'SET GLOBAL rpl_semi_sync_master_enabled = OFF',
        `CREATE DATABASE shop_${node}`,
        `CREATE TABLE shop_${node}.t (id INT PRIMARY KEY)`,
      );
    }
    const refused = await setup('--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('each node has transactions that the other lacks');
    expect(refused.stderr).toContain('only on b: shop_b.t');
    expect(refused.stderr).toContain('twinkeep clone --from a');
    expect((await onServer('a', "SELECT 1 FROM mysql.user WHERE user = 'twinkeep'")).length).toBe(0);
  });

  it('refuses unlogged tables with other rows, and takes equal ones', async () => {
    await startServers();
    for (const node of ['a', 'b'] as const) {
      await onServer(
        node,
        'SET sql_log_bin = 0',
        'CREATE DATABASE shop',
        'CREATE TABLE shop.t (id INT PRIMARY KEY)',
        'INSERT INTO shop.t VALUES (1)',
      );
    }
    await onServer('b', 'SET sql_log_bin = 0', 'INSERT INTO shop.t VALUES (2)');
    const refused = await setup('--yes');
    expect(refused.stderr).toContain('with other rows: shop.t');
    await onServer('b', 'SET sql_log_bin = 0', 'DELETE FROM shop.t WHERE id = 2');
    expect((await setup('--yes')).code).toBe(0);
  });

  it('refuses equal server ids and settings that would lose commits, each with the line that is right', async () => {
    await startServers({
      a: ['--innodb-flush-log-at-trx-commit=1'],
      b: ['--server-id=511', '--relay-log-recovery=ON', '--skip-log-bin', '--init-rpl-role=MASTER'],
    });
    const refused = await setup('--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('both servers have server_id 511');
    expect(refused.stderr).toContain('b: log_bin is OFF; the pair needs log_bin = ');
    expect(refused.stderr).toContain('b: relay_log_recovery is ON; the pair needs relay_log_recovery = OFF');
    expect(refused.stderr).toContain('the pair needs init_rpl_role = SLAVE');
    expect(refused.stderr).toContain('a: innodb_flush_log_at_trx_commit is 1');
  });

  it('says what to do when an administrator is refused, a server is away, and when nobody may be asked', async () => {
    await startServers();
    await onServer('b', 'SET sql_log_bin = 0', "CREATE USER boss@'%' IDENTIFIED BY 'right'");
    writeFileSync(join(dir, 'boss.password'), 'wrong\n', { mode: 0o600 });
    const login = ['--admin-user', 'boss', '--admin-password-file', join(dir, 'boss.password')];
    const refused = await setup(...login, '--yes', '--json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'admin-refused' } });
    const unasked = await setup();
    expect(unasked.stderr).toContain('add --yes');
    expect(unasked.code).toBe(1);
    await server('b').kill();
    const away = await setup('--yes', '--json');
    expect(JSON.parse(away.stdout)).toMatchObject({ error: { code: 'server-unreachable' } });
  });
});
