// What comes out of the set-ups as their owners published them: the whole pair.yaml as a golden file (rewrite with `vitest -u`), which
// parsePair reads back. And of small files made for one decision each.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseKeepalivedConf } from '../keepalived/parse.ts';
import { renderFindings } from '../keepalived/render.ts';
import { parsePair } from '../pair.ts';
import { importPair } from './import.ts';
import type { HostFiles, ImportOptions, TextFile } from './types.ts';

const CASES = new URL('../../../test/cases/', import.meta.url);
const NO_OPTIONS: ImportOptions = { pair: null, vipPrefix: null, gateway: null };

interface Given {
  readonly address?: string;
  readonly mycnf?: readonly TextFile[];
  readonly scripts?: readonly TextFile[];
}

const host = (side: 'a' | 'b', text: string, file: string, given: Given = {}): HostFiles => ({
  side,
  name: side,
  address: given.address ?? null,
  conf: parseKeepalivedConf(text, file, () => []),
  mycnf: given.mycnf ?? [],
  scripts: given.scripts ?? [],
});

const published = (file: string): TextFile => ({ file, text: readFileSync(new URL(file, CASES), 'utf8') });
const publishedHost = (name: string, side: 'a' | 'b', given?: Given): HostFiles => {
  const { file, text } = published(`keepalived/${name}/${side}/keepalived.conf`);
  return host(side, text, file, given);
};

const SCRIPTS = ['mysql_check.sh', 'mysql_down.sh'].map((name) =>
  published(`keepalived/check-scripts/${name}`),
);
const GIVEN: Readonly<Record<string, readonly [Given, Given]>> = {
  'gtid-pair': [
    { mycnf: [published('mysql/gtid-pair-a.cnf')] },
    { mycnf: [published('mysql/gtid-pair-b.cnf')] },
  ],
  'check-scripts': [
    { mycnf: [published('mysql/position-pair.cnf')], scripts: SCRIPTS },
    { scripts: SCRIPTS },
  ],
  'one-vip': [{}, {}],
  'read-write-vips': [{ address: '172.30.23.11' }, { address: '172.30.23.12' }],
};

describe('published set-ups', () => {
  test.each(Object.entries(GIVEN))('%s', async (name, [a, b]) => {
    const result = importPair(publishedHost(name, 'a', a), publishedHost(name, 'b', b), NO_OPTIONS);
    const golden = (ending: string) => new URL(`fixtures/${name}.${ending}`, import.meta.url).pathname;
    await expect(result.text).toMatchFileSnapshot(golden('pair.yaml'));
    await expect(renderFindings(result.findings)).toMatchFileSnapshot(golden('findings.golden'));
    const parsed = parsePair(result.text, 'pair.yaml');
    expect({ ok: parsed.ok, missing: result.missing.map((m) => m.path) }).toEqual(
      name === 'one-vip'
        ? { ok: false, missing: ['nodes.a.address', 'nodes.b.address'] }
        : { ok: true, missing: [] },
    );
    expect(result.complete).toBe(parsed.ok);
    expect(result.text).not.toMatch(/123456a|\b1111\b|\b1234\b/);
  });
});

const instance = (more: string, name = 'VI_1', id = 51, vip = '192.0.2.100/24') =>
  `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${id}\n virtual_ipaddress {\n ${vip}\n }\n ${more}\n}\n`;
const script = (command: string) => `vrrp_script chk {\n script "${command}"\n interval 2\n}\n`;

function make(a: string, b: string, given: { a?: Given; b?: Given; options?: Partial<ImportOptions> } = {}) {
  const result = importPair(
    host('a', a, 'a.conf', { address: '192.0.2.11', ...given.a }),
    host('b', b, 'b.conf', { address: '192.0.2.12', ...given.b }),
    { ...NO_OPTIONS, ...given.options },
  );
  const parsed = parsePair(result.text, 'pair.yaml');
  return {
    ...result,
    prose: result.text.replace(/\n *# */g, ' '),
    config: parsed.ok ? parsed.config : null,
    codes: result.findings.map((f) => f.code),
  };
}

const A = instance('priority 100');
const B = instance('priority 90');

describe('one decision', () => {
  test('a plain pair carries addresses, priorities, id, version and interval over', () => {
    const { config, findings, complete } = make(A, B);
    expect({ findings, complete }).toEqual({ findings: [], complete: true });
    expect(config).toMatchObject({
      pair: 'vi-1',
      nodes: [
        { name: 'a', address: '192.0.2.11', interface: 'eth0', priority: 100 },
        { name: 'b', address: '192.0.2.12', interface: 'eth0', priority: 90 },
      ],
      vips: { write: [{ address: '192.0.2.100', prefix: 24 }], read: [] },
      vrrp: { id: 51, version: 2, advertIntervalMs: 1000, preempt: true, peers: 'multicast' },
    });
  });
  test('version 3, a short interval and unicast, whose addresses are the nodes', () => {
    const side = (own: string, peer: string, priority: number) =>
      instance(
        `priority ${priority}\nversion 3\nadvert_int 0.1\nunicast_src_ip ${own}\nunicast_peer {\n${peer}\n}`,
      );
    const made = importPair(
      host('a', side('192.0.2.21', '192.0.2.22', 9), 'a.conf'),
      host('b', side('192.0.2.22', '192.0.2.21', 8), 'b.conf'),
      NO_OPTIONS,
    );
    const parsed = parsePair(made.text, 'pair.yaml');
    expect(parsed).toMatchObject({
      ok: true,
      config: {
        nodes: [{ address: '192.0.2.21' }, { address: '192.0.2.22' }],
        vrrp: { version: 3, advertIntervalMs: 100, peers: 'unicast' },
      },
    });
  });
  test('the word of the host with the higher priority says whether it takes the role back', () => {
    expect(make(instance('priority 100\nnopreempt'), B).config?.vrrp.preempt).toBe(false);
    expect(make(A, instance('priority 90\nnopreempt')).config?.vrrp.preempt).toBe(true);
  });
  test('equal priorities become two, and the difference is told', () => {
    const { config, codes } = make(A, A);
    expect(config?.nodes.map((n) => n.priority)).toEqual([110, 100]);
    expect(codes).toEqual(['peer-priority']);
  });
  test('the owner of an address is no node of a pair', () => {
    expect(make(instance('state MASTER'), B).config?.nodes[0]?.priority).toBe(254);
  });
  test.each([
    ['by their names', ['vi_rw', ''], ['vi_ro', ''], '192.0.2.100'],
    ['by their names, the other way about', ['vi_r', ''], ['vi_w', ''], '192.0.2.101'],
    ['by nopreempt', ['one', ''], ['two', 'nopreempt'], '192.0.2.101'],
    ['by nothing but the order', ['one', ''], ['two', ''], '192.0.2.100'],
  ])('two crossed instances are told apart %s', (_how, [one, more], [two, more2], write) => {
    const side = (x: number, y: number) =>
      instance(`priority ${x}\n${more}`, one, 51) +
      instance(`priority ${y}\n${more2}`, two, 52, '192.0.2.101/24');
    const { config } = make(side(100, 90), side(90, 100));
    expect(config?.vips.write.map((v) => v.address)).toEqual([write]);
    expect(config?.vips.read).toHaveLength(1);
    expect(config?.reads).toMatchObject({
      prefer: write === '192.0.2.100' ? 'b' : 'a',
      vrrpId: write === '192.0.2.100' ? 52 : 51,
    });
  });
  test('two instances that prefer one host are both write VIPs', () => {
    const side = (x: number) =>
      instance(`priority ${x}`) + instance(`priority ${x}`, 'VI_2', 52, '192.0.2.101/24');
    const { config } = make(side(100), side(90));
    expect(config?.vips).toMatchObject({
      write: [{ address: '192.0.2.100' }, { address: '192.0.2.101' }],
      read: [],
    });
  });
  test('an address that was typed in two ways is the one in the network of the hosts, or must be filled in', () => {
    const other = instance('priority 90', 'VI_1', 51, '192.0.7.100/24');
    const near = make(A, other);
    expect(near.config?.vips.write.map((v) => v.address)).toEqual(['192.0.2.100']);
    expect(near.codes).toEqual(['import-vip']);
    const far = make(A, other, { a: { address: '10.1.0.1' }, b: { address: '10.1.0.2' } });
    expect(far.missing.map((m) => m.path)).toEqual(['vips.write']);
    expect(far.complete).toBe(false);
  });
  test('a VIP without a prefix stays alone in its network unless one is said', () => {
    const bare = (priority: number) => instance(`priority ${priority}`, 'VI_1', 51, '192.0.2.100');
    expect(make(bare(9), bare(8)).config?.vips.write[0]?.prefix).toBe(32);
    expect(make(bare(9), bare(8), { options: { vipPrefix: 24 } }).config?.vips.write[0]?.prefix).toBe(24);
  });
  test('IPv6 has version 3, no password, and its link-local address is no VIP', () => {
    const side = (priority: number) =>
      instance(`priority ${priority}`, 'VI_6', 51, 'fe80::1/64\n2001:db8::100/64') +
      instance(`priority ${priority}\nauthentication {\nauth_type PASS\nauth_pass a\n}`, 'VI_4', 52);
    const { config, missing, prose } = make(side(9), side(8));
    expect({ missing, version: config?.vrrp.version, auth: config?.vrrp.authentication }).toEqual({
      missing: [],
      version: 3,
      auth: { type: 'none' },
    });
    expect(config?.vips.write.map((v) => v.address)).toEqual(['2001:db8::100', '192.0.2.100']);
    expect(prose).toContain('The link-local address (a.conf:5, b.conf:5)');
  });
  test('ids that differ, a file without one and files without an interface', () => {
    expect(make(A, instance('priority 90', 'VI_1', 52))).toMatchObject({
      codes: ['peer-virtual-router-id'],
      config: { vrrp: { id: 51 } },
    });
    const none = (text: string) => text.replace('virtual_router_id 51', '');
    expect(make(none(A), none(B)).missing.map((m) => m.path)).toEqual(['vrrp.id']);
    const bare = (text: string) => text.replace('interface eth0', '');
    expect(make(bare(A), bare(B)).missing.map((m) => m.path)).toEqual([
      'nodes.a.interface',
      'nodes.b.interface',
    ]);
  });
  test('mail and notify scripts without arguments are carried over', () => {
    const global =
      'global_defs {\n notification_email {\n dba@example.net\n nobody\n }\n notification_email_from x@example.net\n smtp_server mail.example.net 2525\n}\n';
    const { config, text } = make(
      global + instance('priority 9\nnotify_master /bin/m\nnotify_backup "/bin/b now"'),
      B,
    );
    expect(config?.notify).toMatchObject({
      email: {
        to: ['dba@example.net'],
        from: 'x@example.net',
        server: { host: 'mail.example.net', port: 2525 },
      },
      scripts: { writer: '/bin/m', standby: null },
    });
    expect(text).toMatch(/^# - notify_backup \(a\.conf:\d+\) has arguments/m);
  });
  test('what has no counterpart is named with its place', () => {
    const { text } = make(
      `vrrp_sync_group G {\n group {\n VI_1\n }\n}\nstatic_routes {\n 10.0.0.0/8 via 192.0.2.1\n}\n${instance('priority 9\nuse_vmac\ntrack_interface {\n eth1\n}')}`,
      B,
    );
    expect(text).toMatch(/^# - use_vmac \(a\.conf:\d+\): VIPs live/m);
    expect(text).toMatch(/^# - track_interface \(a\.conf:\d+\): the agent watches/m);
    expect(text).toMatch(/^# - vrrp_sync_group \(a\.conf:1\)/m);
    expect(text).toMatch(/^# - static_routes \(a\.conf:\d+\)/m);
  });
  test('no word of a file breaks out of a comment or of a value', () => {
    const evil = 'x\u2028y: 1';
    const { config, complete } = make(A.replace('VI_1', `"${evil}"`), B.replace('VI_1', `"${evil}"`));
    expect(complete).toBe(true);
    expect(config?.pair).toBe('x-y-1');
  });
});

describe('check scripts', () => {
  const track = 'track_script {\n chk\n}';
  const checked = (command: string, text?: string) =>
    make(
      script(command) + instance(`priority 9\n${track}`),
      script(command) + instance(`priority 8\n${track}`),
      {
        a: text === undefined ? {} : { scripts: [{ file: 'own/check.sh', text }] },
      },
    );
  test('give the port, the socket and the limit of lag, and keep their password', () => {
    const { config, text, prose } = checked(
      '/etc/keepalived/check.sh',
      'port=3307\nuser=monitor\npassword=hunter2\nsocket=/run/my.sock\nlag=`mysql -e "show slave status" | grep Seconds_Behind_Master`\nif [ "$lag" -gt "30" ]; then exit 1; fi\n',
    );
    expect(config).toMatchObject({
      mysql: { port: 3307, socket: '/run/my.sock' },
      failover: { maxDrainMs: 30_000 },
    });
    expect(prose).toContain('logged in as monitor');
    expect(text).not.toContain('hunter2');
  });
  test('in Python, with the limit in a variable', () => {
    const { config } = checked(
      '/usr/bin/python3 /etc/keepalived/check.sh',
      'import pymysql\nlimit = 45\nbehind = row["Seconds_Behind_Master"]\nif behind > limit:\n  sys.exit(1)\n',
    );
    expect(config?.failover.maxDrainMs).toBe(45_000);
  });
  test('that ping the router give the gateway', () => {
    expect(checked('/bin/ping -c 1 -W 1 192.0.2.1').config?.failover.gateway).toBe('192.0.2.1');
    expect(
      checked('/etc/check.sh', 'gateway=192.0.2.254\nping -c1 $gateway || exit 1\n').config?.failover.gateway,
    ).toBe('192.0.2.254');
  });
  test('that ask for a process are replaced, others are named as not recognised', () => {
    expect(checked('/usr/bin/killall -0 mysqld').prose).toContain(
      'whether the process of the server is there',
    );
    expect(checked('/usr/local/bin/weather').prose).toContain('not recognised, and not run');
  });
  test('with ports that differ are a disagreement', () => {
    const side = (port: number, priority: number) =>
      script(`/etc/checkMySQL.py -P ${port}`) + instance(`priority ${priority}\n${track}`);
    const { codes, config } = make(side(3306, 9), side(3307, 8));
    expect(codes).toEqual(['import-port']);
    expect(config?.mysql.port).toBe(3306);
  });
});

describe('my.cnf', () => {
  const cnf = (text: string): Given => ({ mycnf: [{ file: 'my.cnf', text }] });
  const both = (a: string, b = '') => make(A, B, { a: cnf(a), ...(b !== '' && { b: cnf(b) }) });
  test.each([
    ['slave-skip-errors = all', ['mycnf-slave-skip-errors']],
    ['slave_skip_errors = OFF', []],
    ['binlog-ignore-db=mysql', ['mycnf-binlog-ignore-db']],
    ['replicate-do-db=shop', ['mycnf-replicate-do-db']],
    ['log_slave_updates', []],
    ['log-slave-updates = 0', ['mycnf-log-slave-updates']],
    ['skip-networking', ['mycnf-skip-networking']],
    ['bind-address = 127.0.0.1', ['mycnf-bind-address']],
    ['bind-address = 0.0.0.0', []],
    ['sync_binlog=0', ['mycnf-sync-binlog']],
    ['[client]\nslave-skip-errors = all', []],
    ['[mysqld]\n# slave-skip-errors = all', []],
    ['[mysqld]\nport=3306 # slave-skip-errors = all', []],
  ])('%j', (text, codes) => {
    expect(both(text).codes).toEqual(codes);
  });
  test('a finding stands where the line is', () => {
    expect(both('[mysqld]\n  slave-skip-errors = all').findings[0]).toMatchObject({
      file: 'my.cnf',
      line: 2,
      column: 3,
    });
  });
  test('the same server id twice, and GTIDs on one side only', () => {
    expect(both('server-id=1', 'server_id=1').codes).toEqual(['mycnf-server-id']);
    expect(both('gtid_mode=ON', 'gtid_mode=OFF').codes).toEqual(['mycnf-gtid-mode']);
  });
  test.each([
    ['gtid_mode = ON', 'gtid'],
    ['gtid_mode = OFF', 'binlog'],
    ['gtid_domain_id = 1', 'gtid'],
    ['server_id = 1', 'binlog'],
  ])('%s means positioning by %s', (text, positioning) => {
    expect(both(text).config?.mysql.replication.positioning).toBe(positioning);
  });
});
