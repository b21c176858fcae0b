// What operators ask and order, on two network namespaces with real servers: why, events, maintenance, promote --force.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../../src/cli/status.ts';
import { type MariadbServer, row } from '../support/mariadb.ts';
import { type Agent, type Hosts, startHosts, until } from './hosts.ts';

type Name = 'a' | 'b';
const PAIR = `pair: shop
nodes:
  a: { address: 192.0.2.11, interface: eth0, priority: 100 }
  b: { address: 192.0.2.12, interface: eth0, priority: 90 }
vips: { write: [192.0.2.100/24] }
failover: { holdAfterFailover: 0s }
stateDir: state
`;

let hosts: Hosts;
let servers: Record<Name, MariadbServer>;
const agents = {} as Record<Name, Agent>;

async function twinkeep(host: Name, ...args: string[]) {
  return hosts.twinkeep(host, args);
}

async function done(host: Name, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await twinkeep(host, ...args);
  expect(code, `${args.join(' ')}: ${stdout}${stderr}`).toBe(0);
  return stdout;
}

async function untilWhole(writer: Name, sync: 'paired' | 'alone' = 'paired'): Promise<void> {
  let last = '';
  await until(
    `${writer} is the writer, ${sync}`,
    async () => {
      const { code, stdout, stderr } = await twinkeep(writer, 'status', '--json');
      last = stdout + stderr;
      if (code !== 0) return false;
      const status = JSON.parse(stdout) as Status;
      const ready = sync === 'alone' || status.ifWriterFails.includes(' takes over, no ');
      const writes = status.nodes.some((node) => node.name === writer && node.role === 'writing');
      return writes && status.writer === writer && status.sync === sync && ready;
    },
    () => `${last}\n${agents.a?.text()}\n${agents.b?.text()}`,
  );
}

async function insert(node: Name, name: string): Promise<void> {
  await (await servers[node].root()).query('INSERT INTO shop.item (name) VALUES (?)', [name]);
}

async function items(node: Name): Promise<unknown> {
  const sql = 'SELECT GROUP_CONCAT(name ORDER BY id) AS names FROM shop.item';
  return (await row(await servers[node].root(), sql))?.['names'];
}

beforeAll(async () => {
  hosts = await startHosts({ a: '192.0.2.11/24', b: '192.0.2.12/24' });
  hosts.writePair(PAIR, ['a', 'b']);
  const [a, b] = await Promise.all([hosts.server('a', 'a', 3306), hosts.server('b', 'b', 3306)]);
  servers = { a, b };
  for (const server of [a, b]) {
    const root = await server.root();
    await root.query('SET SESSION sql_log_bin = 0');
    await root.query("CREATE USER 'setup'@'192.0.2.%' IDENTIFIED BY 'first'");
    await root.query("GRANT ALL PRIVILEGES ON *.* TO 'setup'@'192.0.2.%' WITH GRANT OPTION");
  }
  writeFileSync(join(hosts.folder('a'), 'setup.password'), 'first\n', { mode: 0o600 });
  await done('a', 'setup', '--admin-user', 'setup', '--admin-password-file', 'setup.password', '--yes');
  hosts.copySecrets('a', 'b');
  agents.a = hosts.agent('a', 'a');
  agents.b = hosts.agent('b', 'b');
  await untilWhole('a');
  const root = await a.root();
  await root.query('CREATE DATABASE shop');
  await root.query('CREATE TABLE shop.item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))');
});
afterAll(() => hosts?.down());

test('why: who writes and since when, who would take over, and why each node may or may not', async () => {
  const why = await done('b', 'why');
  expect(why).toMatch(/^a is the writer of pair shop since [\d:.]+, .* ago \(epoch 1, paired\)$/m);
  expect(why).toMatch(
    /^if a fails now: b takes over, in about \d+ ms .* no acknowledged transaction is at risk$/m,
  );
  expect(why).toContain('maintenance: off');
  expect(why).toContain('witness: none is configured');
  expect(why).not.toContain('lifts:');
  expect(await done('a', 'why', 'b')).toContain('b may become the writer now');
  expect(JSON.parse(await done('a', 'why', 'a', '--json'))).toMatchObject({
    writer: 'a',
    forecast: { successor: 'b', atRisk: 0 },
    node: { name: 'a', role: 'writing' },
    silent: [],
  });
  const unknown = await twinkeep('a', 'why', 'B2');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('did you mean b?');
});

test('why --since tells how a kill -9 of the writer ended, from both nodes in one order', async () => {
  await insert('a', 'first');
  await servers.a.kill();
  await untilWhole('b', 'alone');
  const story = await done('a', 'why', '--since', '5m');
  const seen = story.search(/ a {2}seen +the database server: /);
  const takes = story.search(/ b {2}done +takes over: a handed over: the database server of a is down/);
  const writer = story.search(/ b {2}done +.*b is the writer of epoch 2/);
  expect([seen >= 0, takes > seen, writer > takes], story).toEqual([true, true, true]);
  expect(story).toMatch(/^now: b is the writer of pair shop since /m);
  const why = await done('a', 'why');
  expect(why).toContain('if b fails now: nobody takes over by itself');
  expect(why).toMatch(
    /^ {2}the database server of a is down: .*\n {4}lifts: by itself, when the server of a answers/m,
  );
});

test('events: what both nodes said, also before the manager of one was killed', async () => {
  const manager = async (): Promise<number> =>
    Number(
      /process (\d+)/.exec(agents.b.lines().findLast((line) => line.code === 'manager-up')?.msg ?? '')?.[1],
    );
  const before = await manager();
  process.kill(before, 'SIGKILL');
  await until('another manager', async () => (await manager()) !== before);
  await untilWhole('b', 'alone');
  const lines = (await done('a', 'events', '--since', '10m', '--json')).trim().split('\n');
  const events = lines.map(
    (line) => JSON.parse(line) as { node: string; code: string; sequence: number; at: string },
  );
  expect(events.map((each) => each.at)).toEqual(events.map((each) => each.at).toSorted());
  const ofB = events.filter((each) => each.node === 'b').map((each) => each.sequence);
  expect(ofB).toEqual(ofB.map((_, i) => (ofB[0] ?? 0) + i));
  expect(events.filter((each) => each.node === 'b' && each.code === 'takeover')).toHaveLength(1);
  expect(events.some((each) => each.node === 'a' && each.code === 'server-down')).toBe(true);
  expect(await done('a', 'events', '--level', 'error', '--since', '1ms')).toBe('');
});

test('maintenance stops a failover; when it is over, the role moves', async () => {
  await servers.a.start();
  await untilWhole('b');
  expect(await done('a', 'maintenance', 'on', '--reason', 'new disks', '--dry-run')).toContain('would order');
  expect(await done('a', 'maintenance')).toContain('maintenance is off');
  const on = await done('a', 'maintenance', 'on', '--reason', 'new disks');
  expect(on).toContain('done: maintenance is on: new disks');
  expect(on).not.toContain('warning');
  await servers.b.kill();
  await agents.b.said('no-handover', 'under maintenance (new disks)');
  const why = await done('b', 'why');
  expect(why).toMatch(/^b fails \(its server is down: .*: nobody takes over by itself \(nothing is lost/m);
  expect(why).toMatch(
    /the pair is under maintenance \(new disks\): nothing moves by itself\n +lifts: `twinkeep maintenance off`/,
  );
  expect(await done('b', 'status')).toContain('hold: the pair is under maintenance (new disks)');
  expect(await done('a', 'why', '--since', '1m')).toMatch(/b {2}not done +no handover: .*under maintenance/);
  expect(JSON.parse(await done('a', 'status', '--json'))).toMatchObject({
    writer: 'b',
    maintenance: 'new disks',
  });
  expect(await done('b', 'maintenance', 'off')).toContain('done: maintenance is off');
  await untilWhole('a', 'alone');
  await servers.b.start();
  await untilWhole('a');
});

test('promote --force: not while the writer is well, not without the name of the pair', async () => {
  const plain = await twinkeep('b', 'promote', '--to', 'b');
  expect([plain.code, plain.stderr.includes('twinkeep switchover')]).toEqual([2, true]);
  const well = await twinkeep('b', 'promote', '--force', '--confirm', 'shop');
  expect([well.code, well.stderr]).toEqual([1, expect.stringContaining('nothing has to be forced')]);
});

test('promote --force: a standby that may lack writes becomes the writer with all that it received', async () => {
  await insert('a', 'received');
  await servers.b.kill();
  await untilWhole('a', 'alone');
  await insert('a', 'lost with a');
  await servers.a.kill();
  for (const pid of await hosts.processes('a')) process.kill(pid, 'SIGKILL');
  await servers.b.start();
  await agents.b.said('not-promoted', 'goes on alone');
  const why = await done('b', 'why', 'b');
  expect(why).toContain('the record says that a goes on alone: b may lack acknowledged writes');
  expect(why).toContain('twinkeep promote --force');
  expect(why).toContain('without what a saw');

  const dry = await twinkeep('b', 'promote', '--force', '--to', 'b', '--dry-run');
  expect([dry.code, dry.stderr]).toEqual([0, expect.stringContaining('  - a is not heard: if it is up')]);
  const unasked = await twinkeep('b', 'promote', '--force', '--to', 'b');
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('no terminal')]);
  const wrong = await twinkeep('b', 'promote', '--force', '--to', 'b', '--confirm', 'shoe');
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('nothing was done')]);
  expect(JSON.parse(await done('b', 'status', '--json'))).toMatchObject({ writer: 'a' });

  const forced = await done('b', 'promote', '--force', '--to', 'b', '--confirm', 'shop');
  expect(forced).toMatch(/^done: an operator forced the promotion; b is the writer of epoch \d+/);
  expect(await items('b')).toBe('first,received');
  await insert('b', 'goes on');
  expect(await items('b')).toBe('first,received,goes on');
  expect(await hosts.addresses('b')).toContain('192.0.2.100/24');
  expect(await done('b', 'why', '--since', '1m')).toContain(
    'promotion forced: an operator forced the promotion',
  );
});
