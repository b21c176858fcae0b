// What goes wrong at a user's hosts: each time a message with its cause and its mend, and the right exit code; never a
// stack trace.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../src/cli/status.ts';
import { type MariadbServer, row } from '../support/mariadb.ts';
import { type Agent, type Hosts, run, SECRETS, startHosts, until } from './hosts.ts';

const VIP = '192.0.2.100';
const pair = (nodeA = 'interface: eth0'): string => `pair: shop
nodes:
  a: { address: 192.0.2.11, ${nodeA} }
  b: { address: 192.0.2.12, interface: eth0 }
vips:
  write: [${VIP}/24]
stateDir: state
`;

function expectNoTrace(text: string): void {
  expect(text).not.toMatch(/\n\s+at .*:\d+:\d+|this is a defect|Unhandled|throw /);
}

let hosts: Hosts;

describe('one host, without a server', () => {
  let agent: Agent | null = null;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    hosts = await startHosts({ a: '192.0.2.11/24', router: '192.0.2.50/24' });
    hosts.writePair(pair(), ['a']);
    for (const name of SECRETS) giveSecret(name);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await ended(child);
    await agent?.stop();
    agent = null;
    hosts.writePair(pair(), ['a']);
  });
  afterAll(() => hosts?.down());

  function giveSecret(name: string): void {
    writeFileSync(join(hosts.folder('a'), name), 'not much of a secret, but one\n', { mode: 0o600 });
  }

  async function ended(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const end = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await end;
  }

  function startIn(host: string, argv: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', hosts.namespace(host), ...argv], { stdio: 'ignore' });
    children.push(child);
    return child;
  }

  /** An agent that must refuse to start: its exit code and all it said. */
  async function refusal(before: readonly string[] = []): Promise<{ code: number | null; text: string }> {
    const refused = hosts.agent('a', 'a', before);
    const code = await refused.ended();
    expectNoTrace(refused.text());
    return { code, text: refused.text() };
  }

  test('ten kinds of mistakes in pair.yaml are shown in one go, each with its line, its column and a mend', async () => {
    const mistakes = `pair: Shop!
nodes:
  a: { address: 192.0.2.300, interface: eth0 }
  b: { address: 192.0.2.12, interface: eth0, priorty: 90 }
vips:
  write: [192.0.2.100]
mysql:
  port: 70000
  durability: lossy
  replication: { user: repl, password: hunter2 }
vrrp:
  id: "51"
  advertInterval: 100
  preempt: maybe
failover: { promoteWithin: 3s, aloneAfter: 2s }
`;
    hosts.writePair(mistakes, ['a']);
    const file = hosts.pairFile('a');
    const checked = await hosts.twinkeep('a', ['config', 'check']);
    expect(checked.code).toBe(1);
    const places = [...checked.stderr.matchAll(/^pair\.yaml:(\d+:\d+): (.*)$/gm)];
    expect(places.map((found) => `${found[1]} ${found[2]?.slice(0, 34)}`)).toEqual([
      '1:7 pair must be 1 to 32 small letters',
      '3:17 nodes.a.address must be an IPv4 or',
      '4:46 there is no key `priorty` in nodes',
      '6:11 vips.write must be an address with',
      '8:9 mysql.port must be a whole number ',
      '9:15 mysql.durability must be lossless ',
      '10:30 `password` is refused: this file i',
      '12:7 vrrp.id must be a whole number fro',
      '13:19 vrrp.advertInterval must be a dura',
      '14:12 vrrp.preempt must be true or false',
      '15:44 aloneAfter (2s) is not a quarter l',
    ]);
    expect(checked.stderr).toContain('did you mean `priority`?');
    expect(checked.stderr).not.toContain('hunter2');
    const { code, text } = await refusal();
    expect(code).toBe(1);
    expect(text).toContain(`${file} has 11 mistakes`);
    expect((await hosts.twinkeep('a', ['agent', '--confg', file])).code).toBe(2);
  });

  test.each(['admin.password', 'api.token', 'pair.key'])(
    '%s missing: the agent names the file',
    async (name) => {
      const path = join(hosts.folder('a'), name);
      rmSync(path);
      const { code, text } = await refusal();
      giveSecret(name);
      expect(code).toBe(1);
      expect(text).toContain(`there is no file ${path}`);
      expect(text).toContain('`twinkeep setup` makes it; on a further host, copy it from the other node');
    },
  );

  test.each([
    ['-net_admin', 'CAP_NET_ADMIN is missing'],
    ['-net_raw', 'CAP_NET_RAW is missing'],
    ['-net_admin,-net_raw', 'CAP_NET_ADMIN and CAP_NET_RAW are missing'],
  ])('without %s the agent does not start', async (without, sentence) => {
    const { code, text } = await refusal(['setpriv', `--bounding-set=${without}`]);
    expect(code).toBe(1);
    expect(text).toContain(sentence);
    expect(text).toContain('run it as root, or grant both in the systemd unit');
  });

  test('an interface that does not exist: the agent names those that do', async () => {
    hosts.writePair(pair('interface: eth7'), ['a']);
    const { code, text } = await refusal();
    expect(code).toBe(1);
    expect(text).toContain('there is no interface eth7');
    expect(text).toContain('The interfaces of this host are: lo, eth0');
  });

  test('a second agent on the same host: it names the first, which goes on', async () => {
    agent = hosts.agent('a', 'a');
    await agent.said('manager-up');
    const { code, text } = await refusal();
    expect(code).toBe(1);
    expect(text).toContain(
      `another agent already runs for node a of pair shop on this host (process ${agent.pid})`,
    );
    expect(text).toContain('leave that one running, or stop it first');
    expect((await hosts.twinkeep('a', ['status'])).code).toBe(0);
  });

  test('a VIP that was set by hand is removed, and the log says so', async () => {
    await hosts.exec('a', ['ip', 'addr', 'add', `${VIP}/24`, 'dev', 'eth0']);
    agent = hosts.agent('a', 'a');
    const said = await agent.said('vip-not-ours');
    expect(said.msg).toContain(`the VIP ${VIP} was set on eth0 by somebody else`);
    expect(said.msg).toContain('take it out there');
    expect(await hosts.addresses('a')).toEqual(['192.0.2.11/24']);
  });

  test('the API port is taken: said once with its mend, and mended without a restart', async () => {
    const listener = startIn('a', [
      process.execPath,
      '-e',
      "require('node:net').createServer((socket) => socket.end()).listen(8700)",
    ]);
    await until('the port is taken', async () =>
      (await hosts.exec('a', ['ss', '-ltnH', 'sport = :8700'])).stdout.includes('8700'),
    );
    agent = hosts.agent('a', 'a');
    const said = await agent.said('api');
    expect(said.msg).toContain('the API cannot listen on 0.0.0.0:8700: another program has the port');
    expect(said.msg).toContain('set api.listen in pair.yaml on both hosts');
    const unanswered = await hosts.twinkeep('a', ['status']);
    expect(unanswered.code).toBe(1);
    expect(unanswered.stderr).toContain('does its log say that it cannot listen?');
    expectNoTrace(unanswered.stderr);
    await ended(listener);
    await until('status answers', async () => (await hosts.twinkeep('a', ['status'])).code === 0);
    expect(agent.lines().filter((line) => line.code === 'api')).toHaveLength(1);
  });

  test.each([2, 3])(
    'a foreign router of VRRP version %i has our virtual router id: its address is in the log',
    async (version) => {
      agent = hosts.agent('a', 'a');
      await agent.said('vrrp-backup');
      const file = (name: string): string => join(hosts.folder('router'), name);
      writeFileSync(
        file('keepalived.conf'),
        `global_defs {
  router_id foreign
  vrrp_version ${version}
}
vrrp_instance foreign {
  state MASTER
  interface eth0
  virtual_router_id 51
  priority 200
  advert_int 1
  virtual_ipaddress {
    192.0.2.200/24
  }
}
`,
      );
      const places = [
        '-f',
        file('keepalived.conf'),
        '-p',
        file('k.pid'),
        '-r',
        file('vrrp.pid'),
        '-c',
        file('c.pid'),
      ];
      startIn('router', ['keepalived', '--dont-fork', '--log-console', '--vrrp', ...places]);
      const said = await agent.said('vrid-in-use');
      expect(said.msg).toContain('192.0.2.50 uses virtual router id 51 on this network');
      expect(said.msg).toContain('one of the two needs another id (ours: vrrp.id in pair.yaml)');
    },
  );
});

describe('two hosts with servers', () => {
  let servers: Record<'a' | 'b', MariadbServer>;
  let disk = '';
  const agents: Partial<Record<'a' | 'b', Agent>> = {};
  const SETUP = ['setup', '--admin-user', 'setup', '--admin-password-file', 'setup.password', '--yes'];

  beforeAll(async () => {
    hosts = await startHosts({ a: '192.0.2.11/24', b: '192.0.2.12/24' });
    hosts.writePair(pair(), ['a', 'b']);
    disk = await hosts.smallDisk('a', 256);
    const [a, b] = await Promise.all([hosts.server('a', 'a', 3306), hosts.server('b', 'b', 3306)]);
    servers = { a, b };
    for (const server of [a, b]) {
      const root = await server.root();
      await root.query('SET SESSION sql_log_bin = 0');
      await root.query("CREATE USER 'setup'@'192.0.2.%' IDENTIFIED BY 'first'");
      await root.query("GRANT ALL PRIVILEGES ON *.* TO 'setup'@'192.0.2.%' WITH GRANT OPTION");
    }
  });
  afterAll(() => hosts?.down());

  async function status(host: 'a' | 'b' = 'b'): Promise<Status> {
    const { code, stdout, stderr } = await hosts.twinkeep(host, ['status', '--json']);
    if (code !== 0) throw new Error(stdout + stderr);
    return JSON.parse(stdout) as Status;
  }

  async function untilPaired(writer: 'a' | 'b'): Promise<void> {
    let last: unknown;
    await until(
      `a pair with ${writer} as the writer`,
      async () => {
        const now = await status().catch(() => null);
        last = now;
        return now?.writer === writer && now.sync === 'paired';
      },
      () => `${JSON.stringify(last)}\n${agents.a?.text()}\n${agents.b?.text()}`,
    );
  }

  test("setup is refused the administrator's password: it names the account and the options", async () => {
    writeFileSync(join(hosts.folder('a'), 'setup.password'), 'wrong\n', { mode: 0o600 });
    const refused = await hosts.twinkeep('a', SETUP);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('the server of a refuses the administrator setup');
    expect(refused.stderr).toContain(
      '--admin-password-file; or, on that host, its socket with --admin-socket',
    );
    expectNoTrace(refused.stderr);
    writeFileSync(join(hosts.folder('a'), 'setup.password'), 'first\n', { mode: 0o600 });
    const done = await hosts.twinkeep('a', SETUP);
    expect(done.code, done.stderr).toBe(0);
    hosts.copySecrets('a', 'b');
  });

  test('one agent alone on a new pair: status says that it waits for the other', async () => {
    agents.a = hosts.agent('a', 'a');
    await agents.a.said('server-up');
    const { code, stdout } = await hosts.twinkeep('a', ['status']);
    expect(code).toBe(0);
    expect(stdout).toContain('pair shop  epoch 0, no writer yet');
    expect(stdout).toContain(
      'this pair never had a writer, and b is not heard yet: both must be up the first time',
    );
    expect(stdout).toContain('b: its API does not answer');
    const moved = await hosts.twinkeep('a', ['switchover']);
    expect(moved.code).toBe(1);
    expect(moved.stderr).toContain('the pair has no writer at this moment');
  });

  test('a server that refuses the password: log and status name the account and the mend', async () => {
    writeFileSync(join(hosts.folder('b'), 'admin.password'), 'another\n', { mode: 0o600 });
    agents.b = hosts.agent('b', 'b');
    const mend = 'is mysql.admin.passwordFile the same on both hosts? `twinkeep setup` makes the account';
    const said = await agents.b.said('server-down');
    expect(said.msg).toContain("Access denied for user 'twinkeep'@");
    expect(said.msg).toContain(mend);
    await until('a goes first', async () => (await status('a')).writer === 'a');
    const shown = await hosts.twinkeep('a', ['status']);
    expect(shown.stdout).toMatch(/^warning: the database server of b is down: .*Access denied/m);
    expect(shown.stdout).toContain(mend);
    expect(await agents.b.stop()).toBe(0);
    copyFileSync(join(hosts.folder('a'), 'admin.password'), join(hosts.folder('b'), 'admin.password'));
    agents.b = hosts.agent('b', 'b');
    await untilPaired('a');
  });

  test('a full disk: the writer hands over and says why, and is standby again with space and a restart', async () => {
    const root = await servers.a.root();
    await root.query('CREATE DATABASE shop');
    await root.query('CREATE TABLE shop.item (name VARCHAR(40) PRIMARY KEY)');
    await root.query("INSERT INTO shop.item VALUES ('before')");
    const full = await run(['dd', 'if=/dev/zero', `of=${join(disk, 'fill')}`, 'bs=1M']);
    expect(full.stderr).toContain('No space left on device');
    await agents.b?.said('writer', 'the disk of');
    const said = await agents.a?.said('server-unwritable');
    expect(said?.msg).toMatch(/the disk of \S+\/a\/server\/data\/ is full \(\d+ KiB free\): free some space/);
    expect(await row(await servers.b.root(), 'SELECT name FROM shop.item')).toEqual({ name: 'before' });
    const seen = await status();
    expect(seen.writer).toBe('b');
    expect(seen.vips[0]?.heldBy).toEqual(['b']);
    rmSync(join(disk, 'fill'));
    await servers.a.kill();
    await servers.a.start();
    await untilPaired('b');
  });
});
