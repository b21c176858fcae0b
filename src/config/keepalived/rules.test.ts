// What a file does to the host that it is for: scripts as they lie on a disk, interfaces, accounts, strict mode.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Host, ScriptFile } from './host.ts';
import { parseKeepalivedConf } from './parse.ts';
import { sightsIn } from './scripttext.ts';

const instance = (more = '') =>
  `vrrp_instance v {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 10.0.0.9/24\n }\n${more}\n}\n`;
const SECURE = 'global_defs {\n enable_script_security\n script_user root\n}\n';
const CHECK = 'vrrp_script s {\n script "/bin/check -a"\n interval 2\n}\n';
const TRACK = 'track_script {\n s\n}';

const file = (more: Partial<ScriptFile> = {}): ScriptFile => ({
  path: '/bin/check',
  executable: true,
  executableByAll: true,
  changeable: null,
  text: '#!/bin/sh\nexit 1\n',
  ...more,
});

const host = (script: ScriptFile | null, users: readonly string[] = ['root']): Host => ({
  interfaces: { eth0: ['10.0.0.2/24'], lo: ['127.0.0.1/8'] },
  complete: true,
  script: () => script,
  hasUser: (name) => users.includes(name),
});

const findings = (text: string, on?: Host) =>
  parseKeepalivedConf(text, 'k.conf', () => [], on && { host: on }).findings;
const found = (text: string, on?: Host) => findings(text, on).map((f) => `${f.severity} ${f.code}`);

describe('a script on the host', () => {
  const secured = SECURE + CHECK + instance(TRACK);
  test('that is there, safe and executable is fine', () => {
    expect(found(secured, host(file()))).toEqual([]);
  });
  test('that is missing leaves the instance without a check, and is no violation of script security', () => {
    expect(found(secured, host(null))).toEqual(['error script-not-found']);
    expect(found(CHECK + instance(TRACK), host(null))).toEqual(['error script-not-found']);
    expect(found(`${SECURE}${instance('notify_master /bin/x')}`, host(null))).toEqual([
      'warning script-not-found',
    ]);
  });
  test('that cannot be executed fails for ever', () => {
    expect(found(secured, host(file({ executable: false })))).toEqual(['warning script-not-executable']);
  });
  test('that others may change is disabled, or makes them root', () => {
    const unsafe = host(file({ changeable: 'every account' }));
    expect(found(secured, unsafe)).toEqual(['error script-unsafe']);
    expect(found(CHECK + instance(TRACK), unsafe).sort()).toEqual([
      'error script-security',
      'warning script-unsafe',
    ]);
  });
  test('that only root may execute fails as another user, although it works by hand', () => {
    const closed = host(file({ executableByAll: false }), ['root', 'keepalived_script', 'mysql']);
    expect(found(secured, closed)).toEqual([]);
    expect(found(secured.replace('script_user root', 'script_user mysql'), closed)).toEqual([
      'warning script-user-rights',
    ]);
    expect(found(secured.replace(' script_user root\n', ''), closed)).toEqual(['warning script-user-rights']);
    expect(found(secured.replace('interval 2', 'interval 2\n user mysql'), closed)).toEqual([
      'warning script-user-rights',
    ]);
  });
  test('needs an account to run as', () => {
    const nobody = secured.replace(' script_user root\n', '');
    expect(found(nobody, host(file()))).toEqual(['error script-user-missing']);
    expect(found(nobody, host(file(), ['keepalived_script']))).toEqual([]);
    expect(found(nobody)).toEqual(['warning script-user-missing']);
    expect(found(secured.replace('root', 'mysqlx'), host(file()))).toEqual(['error script-user-unknown']);
    expect(found(nobody.replace('interval 2', 'interval 2\n user root'), host(file()))).toEqual([]);
  });
});

describe('the text of a script', () => {
  const kinds = (text: string) => sightsIn(text).map((s) => `${s.kind} ${s.line}:${s.column}`);
  test.each([
    ['pkill keepalived', ['kills 1:1']],
    ['  killall -9 keepalived', ['kills 1:3']],
    ['systemctl stop keepalived.service', ['kills 1:1']],
    ['service keepalived stop', ['kills 1:1']],
    ['/etc/init.d/keepalived stop', ['kills 1:12']],
    ['# pkill keepalived\nexit 1', []],
    ['pgrep keepalived || exit 1', []],
    ['killall -0 mysqld', []],
    ["pw='abc'\nexit $?", ['password 1:1']],
    ['MYSQL_PWD=abc mysqladmin ping || exit 1', ['password 1:1']],
    ['pw=$(cat /etc/x)\nexit 1', []],
    ['password=""\nexit 1', []],
    ['mysqladmin -uroot -psecret ping || exit 1', ['password-on-command-line 1:19']],
    ['mysql --password=x -e "select 1" || exit 1', ['password-on-command-line 1:7']],
    ['mysql --defaults-extra-file=/etc/x -P 3306 -e "select 1" || exit 1', []],
    ['mysqladmin --port 3306 ping || exit 1', []],
    ['if mysqladmin ping; then\n echo 0\nelse\n echo 1\nfi', ['prints 2:2']],
    ['print(1)', ['prints 1:1']],
    ['import sys\nprint(1)\nsys.exit(1)', []],
    ['echo 1\nexit 1', []],
    ['echo "1 slave"\n', []],
  ])('%j', (text, expected) => {
    expect(kinds(text)).toEqual(expected);
  });
  test('of a published check that ends keepalived and passes its password on', () => {
    const text = readFileSync(
      new URL('../../../test/cases/keepalived/check-scripts/mysql_check.sh', import.meta.url),
      'utf8',
    );
    expect(kinds(text).sort()).toEqual(['kills 14:9', 'password 5:1', 'password-on-command-line 18:47']);
    const conf = CHECK + SECURE + instance(TRACK);
    const said = findings(conf, host(file({ text, path: '/etc/check.sh' })));
    expect(said.map((f) => `${f.file}:${f.line} ${f.code}`)).toEqual([
      '/etc/check.sh:5 script-password',
      '/etc/check.sh:14 script-kills',
      '/etc/check.sh:18 script-password',
    ]);
  });
  test.each([
    ['mysqladmin -uroot -psecret ping', true],
    ['/etc/checkMySQL.py -h 10.0.0.1 -P 3306', false],
    ['/etc/check_mysql.sh -p 3306', false],
    ['/etc/check_mysql.sh -u root -p secret', true],
    ['/etc/check_mysql.sh --password=x', true],
    ['/usr/bin/nc -p 3306 10.0.0.1', false],
  ])('%s on a command line holds a password: %s', (command, expected) => {
    const text = SECURE + CHECK.replace('/bin/check -a', command) + instance(TRACK);
    expect(found(text)).toEqual(expected ? ['warning script-password'] : []);
  });
  test('a command that ends keepalived itself', () => {
    const text = `${SECURE}${CHECK.replace('/bin/check -a', "sh -c 'mysqladmin ping || pkill keepalived'")}${instance(TRACK)}`;
    expect(found(text)).toEqual(['warning script-kills']);
  });
});

describe('the wire and the host', () => {
  const here = host(file());
  test.each([
    ['three adverts that take longer than anyone waits', instance('advert_int 5'), ['warning advert-long']],
    ['many adverts', instance('advert_int 1\ndown_timer_adverts 20'), ['warning advert-long']],
    ['short adverts', instance('advert_int 3'), []],
    ['an interface that is not there', instance().replace('eth0', 'eth7'), ['error interface-not-found']],
    [
      'the own address among the peers',
      instance('unicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.2\n}'),
      ['warning unicast-self'],
    ],
    [
      'a checker that looks once a minute',
      'virtual_server 10.0.0.9 1 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.8 1 {\nTCP_CHECK {\n}\n}\n}',
      ['warning delay-loop-long', 'warning ip-vs'],
    ],
  ])('%s', (_what, text, expected) => {
    expect(found(text, here).sort()).toEqual(expected);
  });
  test('an address outside of the network is found by the host, or by the own address in the file', () => {
    const wrong = instance('unicast_src_ip 10.0.3.2\nunicast_peer {\n10.0.3.3\n}');
    expect(found(wrong)).toEqual(['warning address-outside']);
    expect(found(wrong, here)).toEqual([]);
    expect(found(wrong.replace('10.0.0.9/24', '10.0.0.9'))).toEqual([]);
    expect(found(wrong.replaceAll('10.0.3', '10.0.0'))).toEqual([]);
  });
  test('an address that this host holds already does not vouch for itself', () => {
    const holding: Host = { interfaces: { eth0: ['10.0.0.2/24', '10.0.7.9/24'] } };
    expect(found(instance().replace('10.0.0.9', '10.0.7.9'), holding)).toEqual(['warning address-outside']);
  });

  test('an address is compared with the networks of its own family, and a global one with no link-local network', () => {
    const four = { interfaces: { eth0: ['10.0.0.2/24'] } };
    const excluded = instance('virtual_ipaddress_excluded {\n 2001:db8::5/64\n }');
    expect(found(excluded, four)).toEqual([]);
    const six = instance().replace(/10\.0\.0\.9\S*/, '2001:db8::5/64');
    expect(found(six, { interfaces: { eth0: ['fe80::1/64'] } })).toEqual([]);
    expect(found(six, { interfaces: { eth0: ['2001:db8:7::1/64'] } })).toEqual(['warning address-outside']);
  });
});

test('one router id on two interfaces of one network', () => {
  const two =
    instance() +
    instance().replace('_instance v', '_instance w').replace('eth0', 'eth1').replace('0.9', '0.8');
  const on = (eth1: string): Host => ({ interfaces: { eth0: ['10.0.0.2/24'], eth1: [eth1] } });
  expect(found(two, on('10.0.0.3/24'))).toEqual(['warning router-id-shared']);
  expect(found(two.replace('0.8', '1.8'), on('10.0.1.3/24'))).toEqual([]);
});

describe('strict mode', () => {
  const strict = (more: string) => {
    const text = `global_defs {\n vrrp_strict\n}\n${instance(more)}`;
    const parsed = parseKeepalivedConf(text, 'k.conf', () => []);
    return { instance: parsed.config.instances[0], codes: parsed.findings.map((f) => f.code) };
  };
  test('takes back what the protocol does not know, and says each', () => {
    const { instance: read, codes } = strict(
      'state MASTER\npriority 90\npreempt_delay 5\ndown_timer_adverts 5\nlower_prio_no_advert off\nauthentication {\nauth_type PASS\nauth_pass a\n}',
    );
    expect(read).toMatchObject({
      strict: true,
      state: 'BACKUP',
      preemptDelayMs: 0,
      downTimerAdverts: 3,
      lowerPriorityNoAdvert: true,
      authentication: { type: 'none' },
      accept: false,
      garp: { lowerPrioRepeat: 0, masterRepeat: 5 },
    });
    expect(codes).toEqual([
      'strict-no-accept',
      'strict-master',
      'strict-preempt-delay',
      'strict-down-timer-adverts',
      'strict-lower-prio-no-advert',
      'strict-authentication',
    ]);
  });
  test('lets clients in at the owner, and with accept in version 3', () => {
    expect(strict('priority 255')).toMatchObject({ instance: { accept: true }, codes: [] });
    expect(strict('version 3\naccept')).toMatchObject({ instance: { accept: true }, codes: [] });
    expect(strict('').codes).toEqual(['strict-no-accept']);
    expect(strict('strict_mode off')).toMatchObject({ instance: { accept: true, strict: false }, codes: [] });
  });
});
