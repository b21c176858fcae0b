import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { comparePeers, type ParseOptions, parseKeepalivedConf } from './parse.ts';
import { renderFindings } from './render.ts';

const NO_FILES = () => [];
const SECURE = 'global_defs {\n enable_script_security\n script_user root\n}\n';
const SCRIPT = 'vrrp_script s {\n script "/bin/check -a"\n interval 2\n}\n';

function instance(more = '', name = 'v', id = 5): string {
  return `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${id}\n virtual_ipaddress {\n 10.0.0.9/24\n }\n${more}\n}\n`;
}

const parse = (text: string, options?: ParseOptions) =>
  parseKeepalivedConf(text, 'k.conf', NO_FILES, options);
const found = (text: string, options?: ParseOptions) =>
  parse(text, options).findings.map((f) => `${f.severity} ${f.code}`);
const only = (text: string) => {
  const { config } = parse(text);
  expect(config.instances).toHaveLength(1);
  return config.instances[0] as (typeof config.instances)[number];
};

describe('an instance', () => {
  test('has the defaults of the C daemon', () => {
    expect(only(instance())).toMatchObject({
      name: 'v',
      state: 'BACKUP',
      interface: 'eth0',
      virtualRouterId: 5,
      priority: 100,
      version: 2,
      family: 4,
      advertIntervalMs: 1000,
      preempt: true,
      preemptDelayMs: 0,
      authentication: { type: 'none' },
      downTimerAdverts: 3,
      trackPrimary: true,
      garp: {
        masterDelayMs: 5000,
        masterRepeat: 5,
        refreshMs: 0,
        refreshRepeat: 1,
        lowerPrioDelayMs: 5000,
        lowerPrioRepeat: 5,
      },
    });
  });
  test('takes what global_defs says for all', () => {
    const text = `global_defs {\n vrrp_version 3\n vrrp_garp_master_repeat 2\n vrrp_garp_master_delay 1\n smtp_alert\n}\n${instance('advert_int 0.1')}`;
    expect(only(text)).toMatchObject({
      version: 3,
      advertIntervalMs: 100,
      mail: true,
      garp: { masterRepeat: 2, lowerPrioDelayMs: 1000 },
    });
  });
  test('is of version 3 when its address is of IPv6', () => {
    expect(
      only('vrrp_instance v {\n interface e\n virtual_router_id 1\n virtual_ipaddress {\n fe80::9/64\n}\n}'),
    ).toMatchObject({ version: 3, family: 6 });
  });
  test('reads the options of its addresses', () => {
    const text =
      'vrrp_instance v {\n interface e\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.9 dev eth1 label eth1:1 no_track preferred_lft 0 home\n}\n}';
    expect(only(text).addresses.map((a) => a.value)).toMatchObject([
      {
        address: '10.0.0.9',
        prefix: 32,
        prefixTyped: false,
        device: 'eth1',
        label: 'eth1:1',
        tracked: false,
        options: ['preferred_lft 0', 'home'],
      },
    ]);
  });
  test('rounds an advert interval as the C daemon does, and says so', () => {
    expect(only(instance('advert_int 0.3')).advertIntervalMs).toBe(1000);
    expect(only(instance('version 3\nadvert_int 41')).advertIntervalMs).toBe(40_950);
    expect(only(instance('version 3\nadvert_int 0.014')).advertIntervalMs).toBe(10);
    expect(found(instance('advert_int 0.3'))).toEqual(['error advert-fraction']);
    expect(found(instance('version 3\nadvert_int 0.014'))).toEqual(['error advert-fraction']);
    expect(found(instance('version 3\nadvert_int 0.01'))).toEqual([]);
  });
  test('cuts a long password, and ignores authentication in version 3', () => {
    const auth = (pass: string) => `authentication {\nauth_type PASS\nauth_pass ${pass}\n}`;
    expect(only(instance(auth('123456789'))).authentication).toEqual({ type: 'pass', password: '12345678' });
    expect(found(instance(auth('123456789')))).toEqual(['error auth-pass-long']);
    expect(found(instance(auth('12345678')))).toEqual([]);
    expect(found(instance(`version 3\n${auth('1')}`))).toEqual(['error authentication-version']);
    expect(found(instance('authentication {\nauth_type PASS\n}'))).toEqual(['error auth-pass-missing']);
  });
});

describe('scripts', () => {
  test('are split into words, with user and group behind', () => {
    const text = `${SECURE}vrrp_script s {\n script "/bin/check -u 'a b' \\"q\\"" mysql dba\n fall 3\n weight -20 reverse\n}\n${instance('track_script {\n s weight -5\n}')}`;
    const { config } = parse(text);
    expect(config.scripts[0]).toMatchObject({
      name: 's',
      intervalMs: 1000,
      fall: 3,
      rise: 1,
      weight: -20,
      reverse: true,
      script: { user: 'mysql', group: 'dba' },
    });
    expect(config.instances[0]?.tracked.scripts[0]?.value).toEqual({
      name: 's',
      weight: -5,
      reverse: false,
      reverseTyped: false,
    });
  });
  test.each([
    ['"/bin/a b c"', ['/bin/a', 'b', 'c']],
    ['"/bin/a \'b c\'"', ['/bin/a', 'b c']],
    ["'/bin/a b'", ['/bin/a', 'b']],
    ['/bin/a', ['/bin/a']],
  ])('script %s is the command %s', (typed, command) => {
    expect(parse(`vrrp_script s {\n script ${typed}\n}`).config.scripts[0]?.script.command).toEqual(command);
  });
});

describe('a checker', () => {
  test('inherits from its real server and its virtual server', () => {
    const text =
      'virtual_server 10.0.0.9 3306 {\n delay_loop 2\n retry 4\n protocol TCP\n real_server 10.0.0.8 3306 {\n retry 5\n notify_down "/bin/x"\n TCP_CHECK {\n connect_timeout 3\n }\n MISC_CHECK {\n misc_path "/bin/y z"\n retry 7\n}\n}\n}';
    expect(parse(text).config.virtualServers).toMatchObject([
      {
        address: '10.0.0.9',
        port: 3306,
        protocol: 'TCP',
        quorum: 1,
        realServers: [
          {
            address: '10.0.0.8',
            weight: 1,
            notifyDown: { command: ['/bin/x'] },
            checkers: [
              {
                kind: 'TCP_CHECK',
                timeoutMs: 3000,
                retries: 5,
                intervalMs: 2000,
                warmupMs: 2000,
                delayBeforeRetryMs: 1000,
              },
              { kind: 'MISC_CHECK', timeoutMs: 5000, retries: 7, script: { command: ['/bin/y', 'z'] } },
            ],
          },
        ],
      },
    ]);
  });
});

describe('words that are wrong', () => {
  test.each([
    ['a number out of its range', instance('priority 300'), 'error value'],
    ['no number', instance('priority abc'), 'error value'],
    ['a missing value', instance('priority'), 'fatal missing-parameter'],
    ['a router id out of its range', instance('virtual_router_id 256'), 'error value'],
    ['a state in small letters', instance('state master'), 'error value'],
    ['a block without its {', instance('authentication PASS'), 'error brace-missing'],
    ['a { behind a keyword without a block', instance('priority 9 {\n}'), 'error brace-unexpected'],
    ['words behind a flag', instance('nopreempt off'), 'warning extra-words'],
    ['a keyword twice', instance('priority 8\npriority 9'), 'warning keyword-twice'],
    ['no address', instance('virtual_ipaddress {\n 10.0.0.300\n}'), 'error address'],
    ['a prefix that is too long', instance('virtual_ipaddress {\n 10.0.0.3/33\n}'), 'error address'],
    [
      'an unknown option of an address',
      instance('virtual_ipaddress {\n 10.0.0.3 10.0.0.4\n}'),
      'error address-option',
    ],
    ['an address of the other family', instance('virtual_ipaddress {\n fe80::1\n}'), 'error address-family'],
    ['a slashed comment behind a value', instance('priority 9 // nine'), 'warning slash-comment'],
    ['a slashed comment at the start', `// nine\n${instance()}`, 'error slash-comment'],
    ['two instances of one name', instance() + instance('', 'v', 6), 'error name-twice'],
    ['an old name', instance('native_ipv6'), 'warning deprecated'],
    ['a keyword that is not carried out', instance('use_vmac_addr'), 'warning not-implemented'],
  ])('%s: %s', (_what, text, expected) => {
    expect(found(text)).toContain(expected);
  });
  test('an unknown keyword is answered with the nearest one, and with the block that it belongs in', () => {
    const [near] = parse(instance('prioritty 9')).findings;
    expect(near).toMatchObject({
      line: 7,
      column: 1,
      code: 'unknown-keyword',
      hint: 'did you mean priority?',
    });
    const [other] = parse(instance('notification_email {\n a@b\n}')).findings;
    expect(other?.hint).toContain('it belongs in global_defs');
    const check =
      'virtual_server 10.0.0.9 1 {\n real_server 10.0.0.8 1 {\n TCP_CHECK {\n nb_get_retry 3\n}\n}\n}';
    expect(parse(check).findings.find((f) => f.code === 'unknown-keyword')?.hint).toBe(
      'did you mean retry? it belongs in HTTP_GET, SSL_GET',
    );
  });
});

describe('what hurts in practice', () => {
  const host = { interfaces: { eth0: ['10.0.0.2/24', '192.0.2.1/24'], eth1: ['10.1.0.2/24'] } };
  test.each([
    [
      'nopreempt with a weight',
      SECURE + SCRIPT + instance('nopreempt\ntrack_script {\n s weight -20\n}'),
      ['warning nopreempt-weight'],
    ],
    ['nopreempt without a weight', SECURE + SCRIPT + instance('nopreempt\ntrack_script {\n s\n}'), []],
    ['a weight without nopreempt', SECURE + SCRIPT + instance('track_script {\n s weight -20\n}'), []],
    ['MASTER with nopreempt', instance('state MASTER\npriority 90\nnopreempt'), ['error master-nopreempt']],
    ['preempt_delay with nopreempt', instance('nopreempt\npreempt_delay 5'), ['error preempt-delay']],
    ['scripts without security', SCRIPT + instance('track_script {\n s\n}'), ['error script-security']],
    ['a notify script without security', instance('notify_master "/bin/x"'), ['error script-security']],
    ['a script that nothing tracks', SECURE + SCRIPT + instance(), ['warning script-unused']],
    ['a tracked script that nothing defines', instance('track_script {\n s\n}'), ['error script-unknown']],
    [
      'a slow check',
      `${SECURE}${SCRIPT.replace('interval 2', 'interval 60')}${instance('track_script {\n s\n}')}`,
      ['warning interval-long'],
    ],
    [
      'a slow check by its fall count',
      `${SECURE}${SCRIPT.replace('interval 2', 'interval 4\nfall 3')}${instance('track_script {\n s\n}')}`,
      ['warning interval-long'],
    ],
    ['an address twice', instance('virtual_ipaddress_excluded {\n 10.0.0.9\n}'), ['warning address-twice']],
    [
      'a router id twice',
      instance() + instance('virtual_ipaddress {\n 10.0.0.8\n}', 'w').replace(' 10.0.0.9/24\n', ''),
      ['error router-id-twice'],
    ],
    ['no router id', instance().replace('virtual_router_id 5', ''), ['error router-id-missing']],
    ['no interface', instance().replace('interface eth0', ''), ['error interface-missing']],
    ['no address', instance().replace('10.0.0.9/24', ''), ['error no-address']],
    ['a sync group of one', `${instance()}vrrp_sync_group g {\n group {\n v\n}\n}`, ['error group-small']],
    [
      'a sync group with a stranger',
      `${instance()}vrrp_sync_group g {\n group {\n v\n x\n}\n}`,
      ['error group-small', 'error instance-unknown'],
    ],
    [
      'a virtual server',
      'virtual_server 10.0.0.9 1 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.8 1 {\n}\n}',
      ['warning ip-vs'],
    ],
    [
      'a virtual server of which nothing is said',
      'virtual_server 10.0.0.9 1 {\n}',
      ['error protocol-missing', 'error real-server-missing'],
    ],
    [
      'an address outside of the network',
      instance().replace('10.0.0.9', '10.0.3.9'),
      ['warning address-outside'],
    ],
    ['an address in the second network', instance().replace('10.0.0.9', '192.0.2.9'), []],
    ['an address on another device', instance().replace('10.0.0.9/24', '10.1.0.9/24 dev eth1'), []],
    ['MASTER without a priority', instance('state MASTER'), ['warning priority-missing']],
    ['the owner with nopreempt', instance('priority 255\nnopreempt'), ['error owner-nopreempt']],
    ['nothing', instance(), []],
  ])('%s', (_what, text, expected) => {
    expect(found(text, { host }).sort()).toEqual([...expected].sort());
  });
});

describe('two files of one pair', () => {
  const compare = (a: string, b: string) =>
    comparePeers(parse(a).config, parse(b).config).map((f) => `${f.severity} ${f.code}`);
  const first = instance('priority 100');
  const second = instance('priority 90');
  test('that fit say nothing', () => {
    expect(compare(first, second)).toEqual([]);
  });
  test.each([
    ['the address', second.replace('10.0.0.9', '10.0.3.9'), 'error peer-address'],
    ['one address more', second.replace('10.0.0.9/24', '10.0.0.9/24\n10.0.0.10'), 'error peer-address'],
    ['the advert interval', second.replace('priority', 'advert_int 2\npriority'), 'error peer-advert-int'],
    ['the version', second.replace('priority', 'version 3\npriority'), 'error peer-version'],
    ['the router id', second.replace('router_id 5', 'router_id 6'), 'error peer-virtual-router-id'],
    [
      'unicast',
      second.replace('priority', 'unicast_peer {\n10.0.0.2\n}\npriority'),
      'error peer-unicast-peer',
    ],
    ['nopreempt', second.replace('priority', 'nopreempt\npriority'), 'warning peer-preempt'],
    ['the instance', '', 'warning peer-instance'],
  ])('that differ in %s', (_what, other, expected) => {
    expect(compare(first, other)).toContain(expected);
    expect(compare(other, first)).toContain(expected);
  });
  test('with equal priorities, and with two masters', () => {
    expect(compare(first, first)).toEqual(['warning peer-priority']);
    expect(
      compare(
        `${first}`.replace('priority', 'state MASTER\npriority'),
        second.replace('priority', 'state MASTER\npriority'),
      ),
    ).toEqual(['warning peer-state']);
  });
  test('with a weight that is too small to move anything', () => {
    const tracked = (weight: number) =>
      SECURE + SCRIPT + instance(`priority 100\ntrack_script {\n s weight ${weight}\n}`);
    expect(compare(tracked(-5), second)).toEqual(['warning weight-small']);
    expect(compare(tracked(-20), second)).toEqual([]);
  });
  test('with passwords that differ', () => {
    const auth = (pass: string) => `priority 9\nauthentication {\nauth_type PASS\nauth_pass ${pass}\n}`;
    expect(compare(instance(auth('a')), instance(auth('b')).replace('priority 9', 'priority 8'))).toEqual([
      'error peer-password',
    ]);
  });
  test('with a peer that sends from an address nobody listens to', () => {
    const side = (from: string, to: string, priority: number) =>
      instance(`priority ${priority}\nunicast_src_ip ${from}\nunicast_peer {\n${to}\n}`);
    expect(compare(side('10.0.0.2', '10.0.0.3', 9), side('10.0.0.3', '10.0.0.2', 8))).toEqual([]);
    expect(compare(side('10.0.0.2', '10.0.0.3', 9), side('10.0.0.4', '10.0.0.2', 8))).toEqual([
      'error peer-unicast',
    ]);
  });
});

test('the umask as a number or by the names of its bits', () => {
  const of = (typed: string) =>
    parseKeepalivedConf(`global_defs {\n umask ${typed}\n}\n`, 'k.conf', NO_FILES);
  expect(of('022').config.global.umask).toBe(0o22);
  expect(of('0x1f').config.global.umask).toBe(0x1f);
  expect(of('IWGRP | IWOTH').config.global.umask).toBe(0o22);
  expect(of('IWGRP|NONSENSE').config.global.umask).toBe(null);
  expect(of('IWGRP|NONSENSE').findings.map((f) => `${f.line} ${f.code}`)).toEqual(['2 value']);
});

describe('what a file says of interfaces', () => {
  const read = (text: string) => parseKeepalivedConf(text, 'k.conf', NO_FILES);

  test('delays of links, with the one of down for both when it stands alone', () => {
    const { config, findings } = read('interface_up_down_delays {\n eth0 0.5 2\n eth1 1\n eth2 fast\n}\n');
    expect(config.interfaceDelays).toEqual([
      { name: 'eth0', downMs: 500, upMs: 2000 },
      { name: 'eth1', downMs: 1000, upMs: 1000 },
    ]);
    expect(findings.map((f) => `${f.line} ${f.code}`)).toEqual(['4 value']);
  });

  test('groups of interfaces whose announcements are spaced out together', () => {
    const { config } = read(
      'garp_group {\n garp_interval 0.1\n gna_interval 0.2\n interfaces {\n eth0\n eth1\n }\n}\n',
    );
    expect(config.garpGroups).toEqual([
      { interfaces: ['eth0', 'eth1'], arpIntervalMs: 100, naIntervalMs: 200 },
    ]);
  });

  test('the groups and the interface that instances get from global_defs', () => {
    const [four, six] = read(
      `global_defs {
 vrrp_mcast_group4 224.0.0.77
 vrrp_mcast_group6 ff02::77
 default_interface eth7
}
vrrp_instance A {
 virtual_router_id 1
 virtual_ipaddress { 10.0.0.1 }
}
vrrp_instance B {
 interface eth0
 virtual_router_id 1
 virtual_ipaddress { fe80::1 }
}`,
    ).config.instances;
    expect([four?.multicastGroup, four?.interface]).toEqual(['224.0.0.77', 'eth7']);
    expect([six?.multicastGroup, six?.interface]).toEqual(['ff02::77', 'eth0']);
  });
});

// Set-ups as their owners published them, with their mistakes. Rewrite the golden files with `vitest -u`.
describe('published set-ups', () => {
  const folder = new URL('../../../test/cases/keepalived/', import.meta.url);
  const files = readdirSync(folder)
    .sort()
    .flatMap((name) => [`${name}-a`, `${name}-b`]);
  const read = (name: string) => {
    const file = `${name.slice(0, -2)}/${name.slice(-1)}/keepalived.conf`;
    return parseKeepalivedConf(readFileSync(new URL(file, folder), 'utf8'), file, NO_FILES);
  };
  test.each(files)('%s', async (name) => {
    const { findings, config } = read(name);
    const golden =
      renderFindings(findings) +
      JSON.stringify({ ...config, reading: undefined }, null, 1).replace(
        /\n\s*"(file|line|column)":[^\n]*/g,
        '',
      );
    await expect(golden).toMatchFileSnapshot(
      new URL(`fixtures/${name}.conf.golden`, import.meta.url).pathname,
    );
  });
  const pairs = files.filter((name) => name.endsWith('-a')).map((name) => name.slice(0, -2));
  test.each(pairs)('%s: its two files compared', async (name) => {
    const between = comparePeers(read(`${name}-a`).config, read(`${name}-b`).config);
    await expect(renderFindings(between)).toMatchFileSnapshot(
      new URL(`fixtures/${name}.peers.golden`, import.meta.url).pathname,
    );
  });
});
