// The way of docs/KEEPALIVED-IMPORT.md, as a user goes it: two servers that replicate from each other as people set them up, keepalived on both,
// then one host at a time to a pair. Needs root, MariaDB and keepalived.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../../src/cli/status.ts';
import { type Agent, type Hosts, startHosts, until } from '../e2e/hosts.ts';
import { type MariadbServer, row, startMariadb } from '../support/mariadb.ts';

const VIP = '192.0.2.100';
const ADDRESS = { a: '192.0.2.11', b: '192.0.2.12' } as const;
type Side = keyof typeof ADDRESS;
const SIDES = ['a', 'b'] as const;

const conf = (side: Side): string => `global_defs {
 enable_script_security
 script_user root
}
vrrp_instance VI_1 {
 state BACKUP
 nopreempt
 interface eth0
 virtual_router_id 51
 priority ${side === 'a' ? 100 : 90}
 advert_int 1
 unicast_src_ip ${ADDRESS[side]}
 unicast_peer {
  ${ADDRESS[side === 'a' ? 'b' : 'a']}
 }
 virtual_ipaddress {
  ${VIP}/24
 }
}
`;

const myCnf = (side: Side): string => `[mysqld]
server-id = ${side === 'a' ? 1 : 2}
port = 3306
bind-address = 0.0.0.0
log-bin = mysql-bin
log-slave-updates = 1
auto-increment-increment = 2
auto-increment-offset = ${side === 'a' ? 1 : 2}
skip-name-resolve
`;

let hosts: Hosts;
const servers = {} as Record<Side, MariadbServer>;
const daemons: Partial<Record<Side, ChildProcess>> = {};
const agents: Partial<Record<Side, Agent>> = {};

function keepalived(side: Side): ChildProcess {
  const folder = hosts.folder(side);
  const args = [
    '-P',
    '-n',
    '-l',
    '-f',
    join(folder, 'keepalived.conf'),
    '-p',
    join(folder, 'k.pid'),
    '-r',
    join(folder, 'v.pid'),
  ];
  return spawn('ip', ['netns', 'exec', hosts.namespace(side), 'keepalived', ...args], { stdio: 'ignore' });
}

async function stopKeepalived(side: Side): Promise<void> {
  const daemon = daemons[side];
  if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const end = new Promise((resolve) => daemon.once('close', resolve));
  daemon.kill('SIGTERM');
  await end;
}

const serverOf = (side: Side, file: string): Promise<MariadbServer> =>
  startMariadb({
    dir: join(hosts.folder(side), 'server'),
    port: 3306,
    myCnf: join(hosts.folder(side), file),
    netns: hosts.namespace(side),
  });

async function application(sql: string): Promise<{ code: number | null; text: string }> {
  const argv = [
    'mariadb',
    '--no-defaults',
    '--connect-timeout=2',
    '-N',
    '-B',
    '-h',
    VIP,
    '-u',
    'app',
    'shop',
    '-e',
    sql,
  ];
  const { code, stdout, stderr } = await hosts.exec('app', argv, { MYSQL_PWD: 'app' });
  return { code, text: (stdout + stderr).trim() };
}

const holds = async (side: Side): Promise<boolean> => (await hosts.addresses(side)).includes(`${VIP}/24`);
const rowsOn = async (side: Side): Promise<string> => {
  const root = await servers[side].root();
  const found = await row(root, 'SELECT GROUP_CONCAT(name ORDER BY id) AS names FROM shop.item');
  await root.end();
  return String(found?.['names']);
};

beforeAll(async () => {
  hosts = await startHosts({ a: '192.0.2.11/24', b: '192.0.2.12/24', app: '192.0.2.21/24' });
  for (const side of SIDES) {
    mkdirSync(join(hosts.folder(side), 'server'), { recursive: true });
    writeFileSync(join(hosts.folder(side), 'keepalived.conf'), conf(side), { mode: 0o644 });
    writeFileSync(join(hosts.folder(side), 'old.cnf'), myCnf(side));
    servers[side] = await serverOf(side, 'old.cnf');
  }
  for (const side of SIDES) {
    const root = await servers[side].root();
    await root.query('SET SESSION sql_log_bin = 0');
    await root.query("CREATE USER 'rep'@'%' IDENTIFIED BY 'rep'");
    await root.query("GRANT REPLICATION SLAVE ON *.* TO 'rep'@'%'");
    await root.query("CREATE USER 'app'@'%' IDENTIFIED BY 'app'");
    await root.query("GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO 'app'@'%'");
    await root.query('CREATE DATABASE shop');
    await root.query('CREATE TABLE shop.item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20))');
  }
  for (const side of SIDES) {
    const other = await servers[side === 'a' ? 'b' : 'a'].root();
    const at = await row(other, 'SHOW MASTER STATUS');
    const root = await servers[side].root();
    await root.query(
      `CHANGE MASTER TO master_host='${ADDRESS[side === 'a' ? 'b' : 'a']}', master_user='rep', master_password='rep', master_log_file='${at?.['File']}', master_log_pos=${at?.['Position']}`,
    );
    await root.query('START SLAVE');
  }
});
afterAll(async () => {
  for (const side of SIDES) {
    await stopKeepalived(side).catch(() => undefined);
    await servers[side]?.kill();
  }
  await hosts?.down();
});

test('before: keepalived holds the address at a, and what is written there reaches b', async () => {
  daemons.a = keepalived('a');
  await until('a holds the VIP', () => holds('a'));
  daemons.b = keepalived('b');
  expect(await application("INSERT INTO item (name) VALUES ('old')")).toEqual({ code: 0, text: '' });
  await until('b has the row', async () => (await rowsOn('b')) === 'old');
});

test('the import of the two files is complete, and agrees with the my.cnf', async () => {
  writeFileSync(join(hosts.folder('a'), 'b.conf'), conf('b'));
  writeFileSync(join(hosts.folder('a'), 'b.cnf'), myCnf('b'));
  const argv = [
    'config',
    'import',
    '--a',
    'keepalived.conf',
    '--b',
    'b.conf',
    '--mycnf-a',
    'old.cnf',
    '--mycnf-b',
    'b.cnf',
    '-o',
    'pair.yaml',
  ];
  const imported = await hosts.twinkeep('a', argv);
  expect(imported.code, imported.stderr).toBe(0);
});

/** The name that the server's own files have, without folder and number. */
async function nameOf(side: Side, sql: string, column: string): Promise<string> {
  return String((await row(await servers[side].root(), sql))?.[column]).replace(/\.[0-9]+$/, '');
}

test('in one window: writes end, both servers are equal, and start again with the settings of a pair under the old names of their logs', async () => {
  const pair = readFileSync(hosts.pairFile('a'), 'utf8');
  hosts.writePair(`${pair}stateDir: state\n`, SIDES);
  await stopKeepalived('b');
  await stopKeepalived('a');
  expect([await holds('a'), await holds('b')]).toEqual([false, false]);
  await until('b has what a has', async () => (await rowsOn('b')) === (await rowsOn('a')));
  for (const side of SIDES) {
    await (await servers[side].root()).query('STOP SLAVE');
    const log = await nameOf(side, 'SHOW MASTER STATUS', 'File');
    const relay = await nameOf(side, 'SHOW SLAVE STATUS', 'Relay_Log_File');
    const rendered = await hosts.twinkeep(side, ['config', 'render', 'my.cnf', '--node', side]);
    expect(rendered.code, rendered.stderr).toBe(0);
    const names = `log_bin = ${log}\nrelay_log = ${relay}\n`;
    writeFileSync(join(hosts.folder(side), 'new.cnf'), `${rendered.stdout}skip-name-resolve\n${names}`);
    await servers[side].stop();
    servers[side] = await serverOf(side, 'new.cnf');
  }
});

test('set-up and the agents make them a pair, with every row of before, and clients go on', async () => {
  for (const side of SIDES) {
    const root = await servers[side].root();
    await root.query('SET SESSION sql_log_bin = 0');
    await root.query("CREATE USER 'setup'@'192.0.2.%' IDENTIFIED BY 'first'");
    await root.query("GRANT ALL PRIVILEGES ON *.* TO 'setup'@'192.0.2.%' WITH GRANT OPTION");
  }
  writeFileSync(join(hosts.folder('a'), 'setup.password'), 'first\n', { mode: 0o600 });
  const by = ['--admin-user', 'setup', '--admin-password-file', 'setup.password'];
  const made = await hosts.twinkeep('a', ['setup', ...by, '--yes']);
  expect(made.code, made.stdout + made.stderr).toBe(0);
  hosts.copySecrets('a', 'b');
  for (const side of SIDES) agents[side] = hosts.agent(side, side);
  let last = '';
  await until(
    'a is the writer of a pair',
    async () => {
      const { code, stdout } = await hosts.twinkeep('b', ['status', '--json']);
      last = stdout;
      if (code !== 0) return false;
      const status = JSON.parse(stdout) as Status;
      return status.writer === 'a' && status.sync === 'paired';
    },
    () => `${last}\n${agents.a?.text()}\n${agents.b?.text()}`,
    60_000,
  );
  expect(await holds('a')).toBe(true);
  expect(await application("INSERT INTO item (name) VALUES ('new')")).toEqual({ code: 0, text: '' });
  await until('b has all rows', async () => (await rowsOn('b')) === 'old,new');
});
