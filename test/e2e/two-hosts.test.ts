// The README's "On your own two hosts", step by step, on two network namespaces with real servers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../../src/cli/status.ts';
import { type MariadbServer, row } from '../support/mariadb.ts';
import { type Agent, type Hosts, SECRETS, startHosts, until } from './hosts.ts';

const VIP = '192.0.2.100';
const PAIR = `pair: shop
nodes:
  a: { address: 192.0.2.11, interface: eth0, priority: 100 }
  b: { address: 192.0.2.12, interface: eth0, priority: 90 }
vips:
  write: [${VIP}/24]
failover: { holdAfterFailover: 0s }
stateDir: state
`;

let hosts: Hosts;
let servers: Record<'a' | 'b', MariadbServer>;
const agents: Partial<Record<'a' | 'b', Agent>> = {};

beforeAll(async () => {
  hosts = await startHosts({ a: '192.0.2.11/24', b: '192.0.2.12/24', app: '192.0.2.21/24' });
  hosts.writePair(PAIR, ['a', 'b']);
});
afterAll(() => hosts?.down());

async function statusSeenBy(host: string): Promise<Status> {
  const { code, stdout, stderr } = await hosts.twinkeep(host, ['status', '--json']);
  if (code !== 0) throw new Error(`status: ${stdout}${stderr}`);
  return JSON.parse(stdout) as Status;
}

async function untilPaired(writer: string): Promise<Status> {
  let last: Status | undefined;
  await until(
    `a pair with ${writer} as the writer`,
    async () => {
      try {
        last = await statusSeenBy('a');
      } catch {
        return false;
      }
      // Right after pairing, or on a busy machine, the standby may not count as ready yet.
      return (
        last.writer === writer && last.sync === 'paired' && last.ifWriterFails.includes(' takes over, no ')
      );
    },
    () => `${JSON.stringify(last, null, 1)}\n${agents.a?.text()}\n${agents.b?.text()}`,
  );
  return last as Status;
}

/** As an application: a new connection to the VIP from a third host. */
async function application(sql: string): Promise<string> {
  const client = [
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
  ];
  const { code, stdout, stderr } = await hosts.exec('app', [...client, '-e', sql], { MYSQL_PWD: 'app' });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function itemsOn(node: 'a' | 'b'): Promise<string> {
  const found = await row(
    await servers[node].root(),
    'SELECT GROUP_CONCAT(name ORDER BY id) AS names FROM shop.item',
  );
  return String(found?.['names']);
}

test('the servers start with the rendered my.cnf, and an administrator is made on each', async () => {
  const [a, b] = await Promise.all([hosts.server('a', 'a', 3306), hosts.server('b', 'b', 3306)]);
  servers = { a, b };
  for (const server of [a, b]) {
    const root = await server.root();
    await root.query('SET SESSION sql_log_bin = 0');
    await root.query("CREATE USER 'setup'@'192.0.2.%' IDENTIFIED BY 'first'");
    await root.query("GRANT ALL PRIVILEGES ON *.* TO 'setup'@'192.0.2.%' WITH GRANT OPTION");
  }
  writeFileSync(join(hosts.folder('a'), 'setup.password'), 'first\n', { mode: 0o600 });
});

const SETUP = ['setup', '--admin-user', 'setup', '--admin-password-file', 'setup.password'];

test('setup, over TCP from host a, makes them a pair, and has nothing to do the second time', async () => {
  const dry = await hosts.twinkeep('a', [...SETUP, '--dry-run']);
  expect(dry.code, dry.stderr).toBe(0);
  expect(dry.stdout).toContain('would make');
  const first = await hosts.twinkeep('a', [...SETUP, '--yes']);
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toContain('done: shop is set up; start the agent on both hosts');
  for (const secret of SECRETS) expect(first.stdout).toContain(`${secret} (copy it to the other host)`);
  const second = await hosts.twinkeep('a', [...SETUP, '--yes']);
  expect(second.code, second.stderr).toBe(0);
  expect(second.stdout).toContain('done: shop is set up already; nothing to change');
  hosts.copySecrets('a', 'b');
});

test('an agent on each host, and status says paired', async () => {
  agents.a = hosts.agent('a', 'a');
  agents.b = hosts.agent('b', 'b');
  const status = await untilPaired('a');
  expect(status.ifWriterFails).toContain(
    'if a fails now: b takes over, no acknowledged transaction is at risk; clients wait about',
  );
  expect(status.warnings).toEqual([]);
  expect(status.vips).toEqual([{ address: `${VIP}/24`, heldBy: ['a'] }]);
  expect(await hosts.addresses('a')).toContain(`${VIP}/24`);
  expect(await hosts.addresses('b')).not.toContain(`${VIP}/24`);
  const shown = await hosts.twinkeep('b', ['status']);
  expect(shown.stdout).toContain('pair shop  epoch 1, writer a, paired');
});

test('a row written through the VIP from a third host is on both servers', async () => {
  const root = await servers.a.root();
  await root.query('CREATE DATABASE shop');
  await root.query('CREATE TABLE shop.item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))');
  await root.query("CREATE USER 'app'@'192.0.2.%' IDENTIFIED BY 'app'");
  await root.query("GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO 'app'@'192.0.2.%'");
  expect(
    await application("INSERT INTO item (name) VALUES ('first'); SELECT @@hostname IS NOT NULL, @@server_id"),
  ).toBe('1\t511');
  expect(await itemsOn('a')).toBe('first');
  await until('the row on b', async () => (await itemsOn('b').catch(() => '')) === 'first');
  // Set-up is done: its account goes, on the writer and so on both.
  await root.query("DROP USER 'setup'@'192.0.2.%'");
  const accounts = async () =>
    row(await servers.b.root(), "SELECT COUNT(*) AS n FROM mysql.global_priv WHERE User = 'setup'");
  await until('the account is gone from b', async () => (await accounts())?.['n'] === 0);
});

test('switchover moves the role and the VIP; to the node that has them already it is refused', async () => {
  const moved = await hosts.twinkeep('a', ['switchover', '--to', 'b']);
  expect(moved.code, moved.stderr).toBe(0);
  expect(await application("INSERT INTO item (name) VALUES ('second'); SELECT @@server_id")).toBe('512');
  const status = await untilPaired('b');
  expect(status.vips[0]?.heldBy).toEqual(['b']);
  expect(await itemsOn('a')).toBe('first,second');
  const again = await hosts.twinkeep('a', ['switchover', '--to', 'b']);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('no switchover: b is the writer already');
});

test("kill -9 of the writer's server: the other one goes on with every acknowledged row", async () => {
  await application("INSERT INTO item (name) VALUES ('third')");
  await servers.b.kill();
  await until('writes through the VIP', async () => {
    try {
      return (await application("INSERT INTO item (name) VALUES ('fourth'); SELECT @@server_id")) === '511';
    } catch {
      return false;
    }
  });
  expect(await itemsOn('a')).toContain('first,second,third,fourth');
  expect(await hosts.addresses('b')).not.toContain(`${VIP}/24`);
  await servers.b.start();
  await untilPaired('a');
  await until('all rows on b', async () => (await itemsOn('b')) === (await itemsOn('a')));
});

test('a frozen manager is replaced by its agent; a frozen agent does not take its manager for frozen', async () => {
  const last = agents.a?.lines().findLast((line) => line.code === 'manager-up');
  const manager = Number(/process (\d+)/.exec(last?.msg ?? '')?.[1]);
  process.kill(manager, 'SIGSTOP');
  await agents.a?.said('manager-frozen', `process ${manager}`);
  await agents.a?.said('writer', 'only its manager was restarted');
  await untilPaired('a');
  agents.b?.signal('SIGSTOP');
  await sleep(4000);
  agents.b?.signal('SIGCONT');
  await sleep(2000);
  expect(agents.b?.lines().map((line) => line.code)).not.toContain('manager-frozen');
  await untilPaired('a');
});

async function expectClosed(host: 'a' | 'b'): Promise<void> {
  expect(await hosts.addresses(host)).not.toContain(`${VIP}/24`);
  expect(await row(await servers[host].root(), 'SELECT @@read_only AS closed')).toEqual({ closed: 1 });
  expect(await hosts.processes(host)).toEqual([servers[host].pid()]);
}

test('SIGTERM to both agents at once ends both cleanly: no VIP, closed servers, no process but these', async () => {
  const codes = await Promise.all([agents.a?.stop(), agents.b?.stop()]);
  expect(codes).toEqual([0, 0]);
  await expectClosed('a');
  await expectClosed('b');
});

test('both agents started again: the last writer goes on', async () => {
  agents.a = hosts.agent('a', 'a');
  agents.b = hosts.agent('b', 'b');
  await untilPaired('a');
  expect(await application("INSERT INTO item (name) VALUES ('fifth'); SELECT @@server_id")).toBe('511');
});

test('stopping the writer hands over; stopping the other one leaves nothing of the pair but its servers', async () => {
  expect(await agents.a?.stop()).toBe(0);
  await expectClosed('a');
  expect(await application("INSERT INTO item (name) VALUES ('sixth'); SELECT @@server_id")).toBe('512');
  expect(await agents.b?.stop()).toBe(0);
  await expectClosed('b');
  for (const host of ['a', 'b'] as const) {
    await servers[host].stop();
    expect(await hosts.processes(host)).toEqual([]);
  }
});
