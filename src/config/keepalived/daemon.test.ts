// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is keepalived's own syntax here
// The parser beside the real daemon: for a table of good and bad files both say the same (`keepalived -t`, its exit status), and
// the daemon knows the keywords of our tables. Differences are in the tables, each with its reason.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFilesFromDisk } from './files.ts';
import { hostHere } from './here.ts';
import { exitStatus, parseKeepalivedConf } from './parse.ts';
import { TOP } from './schema/index.ts';
import type { Schema, Spec } from './spec.ts';

/** Why the real daemon cannot be asked here, or null. */
function missing(): string | null {
  if (spawnSync('keepalived', ['--version']).error) return 'keepalived is not installed';
  if (process.getuid?.() !== 0) return 'a network namespace needs root';
  if (spawnSync('unshare', ['-n', 'true']).status !== 0) return 'no network namespace can be made here';
  return null;
}

const why = missing();
const folder = mkdtempSync(join(tmpdir(), 'keepalived-conf-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PUBLISHED = new URL('../../../test/cases/keepalived/', import.meta.url);
/** The namespace that the daemon is asked in, on this machine's disk. */
const NAMESPACE = { ...hostHere(true), interfaces: { eth0: [], eth1: [] } };

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Asks the daemon about many files, in one namespace with eth0 and eth1. */
function ask(files: readonly string[]): Map<string, Answer> {
  const script = `ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up
for f in "$@"; do timeout 10 keepalived -t -i here -f "$f" > "$f.said" 2>&1; echo "$? $f"; done`;
  const run = spawnSync('unshare', ['-n', 'sh', '-c', script, 'sh', ...files], { encoding: 'utf8' });
  const answers = new Map<string, Answer>();
  for (const line of run.stdout.split('\n').filter(Boolean)) {
    const [status = '', file = ''] = line.split(' ');
    answers.set(file, {
      status: Number(status),
      text: readFilesFromDisk(`${file}.said`, file)[0]?.text ?? '',
    });
  }
  return answers;
}

const VIP = ' virtual_ipaddress {\n 10.0.0.9/24\n }\n';
const instance = (more = '', name = 'v', id = 5) =>
  `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${id}\n${VIP}${more}\n}\n`;
const SECURE = 'global_defs {\n enable_script_security\n script_user root\n}\n';
const script = (more = 'interval 2') => `vrrp_script s {\n script "/bin/true"\n ${more}\n}\n`;
const TRACK = 'track_script {\n s\n}';
const gone = () => script().replace('/bin/true', '/nonexistent/check');
const open = (name: string) => script().replace('/bin/true', join(folder, name));
const auth = (type: string, pass: string) => `authentication {\n auth_type ${type}\n ${pass}\n}`;
const server = (inner: string) =>
  `virtual_server 10.0.0.9 80 {\n delay_loop 2\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 10.0.0.8 80 {\n ${inner}\n }\n}`;

interface Case {
  readonly name: string;
  readonly text: string;
  readonly status: number;
  /** Both look at the host: a namespace with eth0 and eth1, and the disk. */
  readonly here?: boolean;
  /** The daemon's own status where it differs on purpose, and why. */
  readonly daemon?: readonly [status: number, reason: string];
}

const CASES: readonly Case[] = [
  { name: 'an empty file', text: '', status: 0 },
  { name: 'the shortest instance', text: instance(), status: 0 },
  {
    name: 'glued braces',
    text: `vrrp_instance v{\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress{10.0.0.9/24}}`,
    status: 0,
  },
  { name: 'a brace in the next line', text: instance().replace('v {', 'v\n{'), status: 0 },
  { name: 'a block in one line', text: 'global_defs { router_id x }', status: 0 },
  { name: 'line ends of Windows', text: instance().replaceAll('\n', '\r\n'), status: 0 },
  { name: 'comments', text: `! one\n# two\n${instance('priority 9 # nine')}`, status: 0 },
  { name: 'a comment with slashes behind a value', text: instance('priority 9 // nine'), status: 0 },
  { name: 'a comment with slashes', text: `// nine\n${instance()}`, status: 5 },
  { name: 'a } missing', text: instance().replace(/\}\n$/, ''), status: 5 },
  {
    name: 'a } missing in the middle',
    text: instance().replace(' }\n', '') + instance('', 'w', 6),
    status: 5,
  },
  { name: 'a } too many', text: `${instance()}}`, status: 5 },
  { name: 'a { too many', text: 'global_defs { {\n}\n}', status: 5 },
  { name: 'a { missing', text: instance(auth('PASS', 'auth_pass a').replace('{', '')), status: 5 },
  { name: 'an unknown keyword', text: instance('bogus 3'), status: 5 },
  { name: 'an unknown block', text: 'foo {\n bar {\n a 3\n }\n}\n', status: 5 },
  { name: 'a missing value', text: instance('priority'), status: 2 },
  { name: 'a script without a name', text: 'vrrp_script {\n script /bin/true\n}', status: 2 },
  { name: 'an instance without a name', text: instance().replace(' v ', ' '), status: 5 },
  { name: 'a priority out of range', text: instance('priority 300'), status: 5 },
  { name: 'a priority that is no number', text: instance('priority abc'), status: 5 },
  { name: 'priority 255', text: instance('priority 255'), status: 0 },
  { name: 'a router id of 0', text: instance('virtual_router_id 0'), status: 5 },
  { name: 'no router id', text: instance().replace('virtual_router_id 5', ''), status: 5 },
  { name: 'no interface', text: instance().replace('interface eth0', ''), status: 5 },
  { name: 'no address', text: instance().replace(VIP, ''), status: 5 },
  { name: 'a state in small letters', text: instance('state master'), status: 5 },
  { name: 'state MASTER', text: instance('state MASTER'), status: 0 },
  { name: 'MASTER and nopreempt', text: instance('state MASTER\nnopreempt'), status: 5 },
  { name: 'nopreempt and preempt_delay', text: instance('nopreempt\npreempt_delay 5'), status: 5 },
  { name: 'MASTER and preempt_delay', text: instance('state MASTER\npreempt_delay 5'), status: 5 },
  { name: 'a fraction in version 2', text: instance('advert_int 0.5'), status: 5 },
  { name: 'a fraction in version 3', text: instance('version 3\nadvert_int 0.05'), status: 0 },
  { name: 'too fine a fraction in version 3', text: instance('version 3\nadvert_int 0.015'), status: 5 },
  { name: 'too long an interval in version 3', text: instance('version 3\nadvert_int 41'), status: 5 },
  { name: 'too long an interval in version 2', text: instance('advert_int 256'), status: 5 },
  { name: 'an interval that is no number', text: instance('advert_int abc'), status: 5 },
  { name: 'a password', text: instance(auth('PASS', 'auth_pass 12345678')), status: 0 },
  { name: 'a long password', text: instance(auth('PASS', 'auth_pass 123456789')), status: 5 },
  { name: 'no password', text: instance(auth('PASS', '')), status: 5 },
  { name: 'an unknown kind of authentication', text: instance(auth('pass', 'auth_pass a')), status: 5 },
  {
    name: 'authentication in version 3',
    text: instance(`version 3\n${auth('PASS', 'auth_pass a')}`),
    status: 5,
  },
  { name: 'a keyword twice', text: instance('priority 3\npriority 4'), status: 0 },
  { name: 'words behind a flag', text: instance('nopreempt yes'), status: 0 },
  { name: 'two instances of one name', text: instance() + instance(), status: 5 },
  {
    name: 'a router id twice',
    text: instance() + instance('', 'w').replace('10.0.0.9', '10.0.0.8'),
    status: 5,
  },
  { name: 'a prefix that is too long', text: instance('virtual_ipaddress {\n 10.0.0.8/33\n}'), status: 5 },
  {
    name: 'an unknown option of an address',
    text: instance('virtual_ipaddress {\n 10.0.0.8 foo\n}'),
    status: 5,
  },
  { name: 'an address of the other family', text: instance('virtual_ipaddress {\n fe80::1\n}'), status: 5 },
  { name: 'unicast', text: instance('unicast_src_ip 10.0.0.2\nunicast_peer {\n 10.0.0.3\n}'), status: 0 },
  { name: 'a script, secured', text: SECURE + script() + instance(TRACK), status: 0 },
  { name: 'a script without security', text: script() + instance(TRACK), status: 6 },
  { name: 'a notify script without security', text: instance('notify_master /bin/true'), status: 6 },
  { name: 'a script with interval 0', text: SECURE + script('interval 0') + instance(TRACK), status: 5 },
  { name: 'a script that is not defined', text: instance(TRACK), status: 5 },
  {
    name: 'a script with no command',
    text: `${SECURE}vrrp_script s {\n interval 1\n}\n${instance()}`,
    status: 5,
  },
  {
    name: 'a weight with nopreempt',
    text: SECURE + script('weight -20') + instance(`nopreempt\n${TRACK}`),
    status: 0,
  },
  { name: 'an open quote', text: SECURE + instance('notify_master "/bin/true a'), status: 5 },
  {
    name: 'a sync group of two',
    text: `${instance()}${instance('', 'w', 6).replace('10.0.0.9', '10.0.0.8')}vrrp_sync_group g {\n group {\n v\n w\n }\n}`,
    status: 0,
  },
  { name: 'a sync group of one', text: `${instance()}vrrp_sync_group g {\n group {\n v\n }\n}`, status: 5 },
  {
    name: 'a sync group with a stranger',
    text: `${instance()}vrrp_sync_group g {\n group {\n v\n x\n }\n}`,
    status: 5,
  },
  { name: 'a virtual server', text: server('TCP_CHECK {\n connect_port 80\n }'), status: 0 },
  { name: 'a virtual server without a protocol', text: server('').replace('protocol TCP', ''), status: 5 },
  { name: 'a virtual server without a scheduler', text: server('').replace('lb_algo rr', ''), status: 5 },
  {
    name: 'a virtual server without a way to forward',
    text: server('').replace('lb_kind NAT', ''),
    status: 5,
  },
  { name: 'an unknown scheduler', text: server('').replace('lb_algo rr', 'lb_algo foo'), status: 5 },
  { name: 'an unknown way to forward', text: server('').replace('lb_kind NAT', 'lb_kind FOO'), status: 5 },
  { name: 'a gue tunnel without a port', text: server('').replace('NAT', 'TUN type gue'), status: 5 },
  { name: 'a gue tunnel', text: server('').replace('NAT', 'TUN type gue port 5 csum'), status: 0 },
  { name: 'a real server twice', text: server('}\n real_server 10.0.0.8 80 {'), status: 5 },
  { name: 'a real server of the other family', text: server('}\n real_server ::1 80 {'), status: 5 },
  {
    name: 'a quorum above all weights',
    text: server('').replace('protocol', 'quorum 5\n protocol'),
    status: 5,
  },
  {
    name: 'a hysteresis as large as the quorum',
    text: server('').replace('protocol', 'hysteresis 1\n protocol'),
    status: 5,
  },
  { name: 'another port with DR', text: server('').replace('NAT', 'DR').replace('8 80', '8 81'), status: 5 },
  { name: 'no port without persistence', text: server('').replace('9 80', '9'), status: 5 },
  {
    name: 'a flag of another scheduler',
    text: server('').replace('protocol', 'sh-port\n protocol'),
    status: 5,
  },
  { name: 'ops with TCP', text: server('').replace('protocol', 'ops\n protocol'), status: 5 },
  {
    name: 'persistence',
    text: server('').replace('protocol', 'persistence_timeout\n persistence_granularity 24\n protocol'),
    status: 0,
  },
  {
    name: 'a mask that is none',
    text: server('').replace('protocol', 'persistence_granularity foo\n protocol'),
    status: 5,
  },
  {
    name: 'a sorry server',
    text: server('').replace('protocol', 'sorry_server 10.0.0.7 80\n sorry_server_inhibit\n protocol'),
    status: 0,
  },
  {
    name: 'a sorry server of the other family',
    text: server('').replace('protocol', 'sorry_server ::1 80\n protocol'),
    status: 5,
  },
  {
    name: 'a group with ranges',
    text: `virtual_server_group g {\n 10.0.0.1-5 80\n 10.0.1.0/30 80\n}\n${server('').replace('10.0.0.9 80', 'group g')}`,
    status: 0,
  },
  {
    name: 'a range that ends before it begins',
    text: `virtual_server_group g {\n 10.0.0.1-10.0.0.0 80\n 10.0.0.4 80\n}\n${server('').replace('10.0.0.9 80', 'group g')}`,
    status: 5,
  },
  {
    name: 'a network with bits behind its mask',
    text: `virtual_server_group g {\n 10.0.1.1/30 80\n 10.0.0.4 80\n}\n${server('').replace('10.0.0.9 80', 'group g')}`,
    status: 5,
  },
  {
    name: 'a group that there is not',
    text: server('').replace('10.0.0.9 80', 'group g'),
    status: 5,
    daemon: [0, 'it leaves the virtual server out without a word'],
  },
  {
    name: 'an address without a digest',
    text: server('HTTP_GET {\n url {\n path /\n digest abc\n }\n }'),
    status: 5,
  },
  {
    name: 'a status code that is none',
    text: server('HTTP_GET {\n url {\n path /\n status_code 200-99\n }\n }'),
    status: 5,
  },
  {
    name: 'a pattern that is none',
    text: server('HTTP_GET {\n url {\n path /\n regex (\n }\n }'),
    status: 5,
    daemon: [0, 'it complains only when it starts'],
  },
  { name: 'a MISC_CHECK without a script', text: server('MISC_CHECK {\n }'), status: 5 },
  { name: 'a FILE_CHECK of an unknown file', text: server('FILE_CHECK {\n track_file x\n }'), status: 5 },
  {
    name: 'a FILE_CHECK',
    text: `track_file x {\n file /tmp/x\n}\n${server('FILE_CHECK {\n track_file x\n weight 2 reverse\n }')}`,
    status: 0,
  },
  { name: 'a UDP_CHECK with a bad payload', text: server('UDP_CHECK {\n payload xyz\n }'), status: 5 },
  { name: 'a DNS_CHECK with a bad name', text: server('DNS_CHECK {\n name a..b\n }'), status: 5 },
  { name: 'bindto of the other family', text: server('TCP_CHECK {\n bindto ::1\n }'), status: 5 },
  {
    name: 'ha_suspend with a firewall mark',
    text: 'virtual_server fwmark 3 {\n lb_algo rr\n lb_kind NAT\n ha_suspend\n real_server 10.0.0.8 {\n }\n}',
    status: 5,
  },
  {
    name: 'options of the load balancer',
    text: 'global_defs {\n lvs_sync_daemon eth0 VI_1 id 3 maxlen 1000 port 1 ttl 1 group 224.0.0.3\n lvs_timeouts tcp 3 tcpfin 4 udp 5\n lvs_flush\n lvs_flush_on_stop VS\n}',
    status: 0,
  },
  {
    name: 'an unknown option of lvs_sync_daemon',
    text: 'global_defs {\n lvs_sync_daemon eth0 inst VI_1 foo 3\n}',
    status: 5,
  },
  { name: 'a time-out without a number', text: 'global_defs {\n lvs_timeouts tcp\n}', status: 5 },
  { name: 'nb_get_retry in TCP_CHECK', text: server('TCP_CHECK {\n nb_get_retry 3\n }'), status: 5 },
  { name: 'a port out of range', text: server('TCP_CHECK {\n connect_port 99999\n }'), status: 5 },
  { name: 'a global value out of range', text: 'global_defs {\n vrrp_version 4\n}', status: 5 },
  { name: 'a truth value that is none', text: 'global_defs {\n smtp_alert maybe\n}', status: 5 },
  { name: 'a parameter', text: `$P=9\n${instance('priority $P')}`, status: 0 },
  { name: 'a parameter out of range', text: `$P=900\n${instance('priority $P')}`, status: 5 },
  { name: 'an undefined parameter', text: instance('priority $P'), status: 5 },
  { name: 'an undefined parameter in braces', text: instance('priority ${P}'), status: 5 },
  {
    name: 'a parameter of several lines',
    text: `$I= \\\nvrrp_instance v\${N} { \\\ninterface eth0 \\\nvirtual_router_id \${N} \\\nvirtual_ipaddress { \\\n10.0.0.\${N} \\\n} \\\n}\n\n~SEQ(N,1,3) $I\n`,
    status: 0,
  },
  {
    name: 'a sequence in a list',
    text: instance(
      'virtual_ipaddress_excluded {\n ~SEQ(N,20,30) 10.0.0.$N\n ~LST({A,B},{1,2},{3,4}) 10.${A}.${B}.1\n}',
    ),
    status: 0,
  },
  { name: 'a sequence that never ends', text: '~SEQ(X,1,0,3) a', status: 5 },
  { name: 'a line for this host', text: instance('@here priority 9\n@there priority 900'), status: 0 },
  { name: 'a bad line for this host', text: instance('@^there priority 900'), status: 5 },
  { name: 'a blank that is none', text: instance('\u00a0\npriority 9'), status: 5 },
  { name: 'a byte order mark', text: `\ufeff${instance()}`, status: 5 },
  { name: 'a missing include', text: `include nothing.conf\n${instance()}`, status: 0 },
  { name: 'an include', text: `include sub/inst*.conf\n`, status: 0 },
  { name: 'an include with braces and a mistake', text: `include sub/{bad,none}.conf\n`, status: 5 },
  { name: 'an address twice', text: instance('virtual_ipaddress_excluded {\n 10.0.0.9\n}'), status: 0 },
  {
    name: 'MASTER with AH',
    text: instance(`state MASTER\npriority 90\n${auth('AH', 'auth_pass a')}`),
    status: 5,
  },
  { name: 'BACKUP with AH', text: instance(`state BACKUP\n${auth('AH', 'auth_pass a')}`), status: 0 },
  {
    name: 'MASTER without a priority, with AH',
    text: instance(`state MASTER\n${auth('AH', 'auth_pass a')}`),
    status: 0,
  },
  {
    name: 'MASTER, a priority and nopreempt',
    text: instance('state MASTER\npriority 90\nnopreempt'),
    status: 5,
  },
  { name: 'BACKUP, priority 255 and nopreempt', text: instance('priority 255\nnopreempt'), status: 5 },
  {
    name: 'a protocol for a firewall mark',
    text: server('').replace('10.0.0.9 80', 'fwmark 3').replace('10.0.0.8 80', '10.0.0.8'),
    status: 5,
  },
  {
    name: 'a checker by a script that is not there',
    text: server('MISC_CHECK {\n misc_path "/nonexistent/x"\n }'),
    status: 6,
    daemon: [0, 'the parser does not look at the disk'],
  },
  {
    name: 'an interface that is not there',
    text: instance().replace('eth0', 'eth77'),
    status: 0,
    daemon: [5, 'the parser does not look at the host'],
  },
  {
    name: 'a route without a device',
    text: instance('virtual_routes {\n 10.9.0.0/24 via 10.0.0.1\n}'),
    status: 5,
  },
  {
    name: 'a rule without a preference',
    text: 'static_rules {\n from 10.9.0.0/24 table 1\n}',
    status: 5,
  },
  {
    name: 'an old name that still works',
    text: instance('linkbeat_use_polling'),
    status: 0,
    daemon: [5, 'an old name is a warning here'],
  },
  ...[
    ['nothing more', '', 0],
    ['nopreempt', 'nopreempt', 0],
    ['MASTER and no priority', 'state MASTER', 0],
    ['MASTER with a priority', 'state MASTER\npriority 90', 5],
    ['MASTER, priority 255', 'state MASTER\npriority 255', 0],
    ['authentication', auth('PASS', 'auth_pass a'), 5],
    ['authentication in version 3', `version 3\n${auth('AH', 'auth_pass a')}`, 5],
    ['unicast', 'unicast_peer {\n10.0.0.2\n}', 0],
    ['preempt_delay', 'preempt_delay 5', 5],
    ['accept in version 2', 'accept', 5],
    ['accept of the owner', 'priority 255\naccept', 0],
    ['accept in version 3', 'version 3\naccept', 0],
    ['no_accept', 'no_accept', 0],
    ['repeated announcements', 'garp_master_repeat 3\ngarp_master_refresh 3', 0],
    ['announcements for a lower priority', 'garp_lower_prio_repeat 1', 5],
    ['no announcements for a lower priority', 'garp_lower_prio_repeat 0', 0],
    ['an answer to a lower priority', 'lower_prio_no_advert off', 5],
    ['no answer to a lower priority', 'lower_prio_no_advert on', 0],
    ['an answer to a higher priority', 'higher_prio_send_advert on', 5],
    ['five adverts', 'down_timer_adverts 5', 5],
    ['three adverts', 'down_timer_adverts 3', 0],
    ['strict mode off', `strict_mode off\n${auth('PASS', 'auth_pass a')}`, 0],
  ].map(([what, more, status]) => ({
    name: `vrrp_strict and ${what}`,
    text: `global_defs {\n vrrp_strict\n}\n${instance(more as string)}`,
    status: status as number,
  })),
  {
    name: 'vrrp_strict and no address',
    text: `global_defs {\n vrrp_strict\n}\n${instance().replace(VIP, '')}`,
    status: 5,
  },
  {
    name: 'version 2 and IPv6',
    text: instance('version 2').replace('10.0.0.9/24', '2001:db8::9'),
    status: 5,
  },
  {
    name: 'vrrp_strict and an IPv6 address that is not link-local',
    text: instance('strict_mode\nversion 3').replace('10.0.0.9/24', '2001:db8::9'),
    status: 5,
  },
  {
    name: 'an interface that the host lacks',
    text: instance().replace('eth0', 'eth77'),
    status: 5,
    here: true,
  },
  {
    name: 'a tracked interface that the host lacks',
    text: instance('track_interface {\n eth77\n}'),
    status: 5,
    here: true,
  },
  {
    name: 'an interface that may come later',
    text: `global_defs {\n dynamic_interfaces\n}\n${instance().replace('eth0', 'eth77')}`,
    status: 0,
    here: true,
  },
  { name: 'a script that the host lacks', text: gone() + instance(TRACK), status: 5, here: true },
  {
    name: 'a script that the host lacks, secured',
    text: SECURE + gone() + instance(TRACK),
    status: 5,
    here: true,
  },
  {
    name: 'a notify script that the host lacks',
    text: instance('notify_master /nonexistent'),
    status: 0,
    here: true,
  },
  {
    name: 'a script that everybody may change',
    text: SECURE + open('changeable') + instance(TRACK),
    status: 5,
    here: true,
  },
  { name: 'the same without security', text: open('changeable') + instance(TRACK), status: 6, here: true },
  ...[
    ['the same peer', '10.0.0.2', 5],
    ['another peer', '10.0.0.3', 0],
  ].map(([what, peer, status]) => ({
    name: `a router id twice, by unicast to ${what}`,
    text:
      instance('unicast_src_ip 10.0.0.20\nunicast_peer {\n10.0.0.2\n}') +
      instance(`unicast_src_ip 10.0.0.20\nunicast_peer {\n${peer}\n}`, 'w').replace('10.0.0.9', '10.0.0.8'),
    status: status as number,
  })),
  {
    name: 'a redirection in the place of a script',
    text: script().replace('/bin/true', '</dev/tcp/127.0.0.1/80') + instance(TRACK),
    status: 0,
    here: true,
  },
  {
    name: 'a script without security, and an interface that the host lacks',
    text: script() + instance(TRACK).replace('eth0', 'eth77'),
    status: 5,
    here: true,
  },
  {
    name: 'a script that may not be executed',
    text: SECURE + open('plain') + instance(TRACK),
    status: 0,
    here: true,
  },
  {
    name: 'script security and nobody to run scripts as',
    text: `global_defs {\n enable_script_security\n}\n${open('fine')}${instance(TRACK)}`,
    status: 5,
    here: true,
  },
  {
    name: 'script security and an account that the host lacks',
    text: `global_defs {\n enable_script_security\n script_user nobodyx\n}\n${open('fine')}${instance(TRACK)}`,
    status: 5,
    here: true,
  },
  ...readdirSync(PUBLISHED)
    .sort()
    .flatMap((name) =>
      ['a', 'b'].map((host) => ({
        name: `${name}/${host} as published`,
        text: readFileSync(new URL(`${name}/${host}/keepalived.conf`, PUBLISHED), 'utf8'),
        status: 5,
        here: true,
      })),
    ),
  { name: 'a missing include that must be there', text: `includea nothing.conf\n${instance()}`, status: 6 },
];

describe.skipIf(why !== null)(`beside the real keepalived${why ? ` (skipped: ${why})` : ''}`, () => {
  const path = (index: number) => join(folder, `${index}.conf`);
  let answers = new Map<string, Answer>();
  beforeAll(() => {
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub/inst1.conf'), instance(), { mode: 0o644 });
    writeFileSync(join(folder, 'sub/bad.conf'), 'bogus\n', { mode: 0o644 });
    for (const [name, mode] of [
      ['fine', 0o755],
      ['plain', 0o644],
      ['changeable', 0o777],
    ] as const) {
      writeFileSync(join(folder, name), '#!/bin/sh\nexit 0\n');
      chmodSync(join(folder, name), mode);
    }
    CASES.forEach((each, i) => {
      writeFileSync(path(i), each.text, { mode: 0o644 });
    });
    answers = ask(CASES.map((_, i) => path(i)));
  }, 300_000);

  test.each(CASES.map((each, i) => ({ ...each, i })))('$name', ({ text, status, daemon, here, i }) => {
    const options = { configId: 'here', ...(here && { host: NAMESPACE }) };
    const { findings } = parseKeepalivedConf(text, path(i), readFilesFromDisk, options);
    const answer = answers.get(path(i));
    expect({ status: exitStatus(findings), findings: findings.map((f) => f.code) }).toMatchObject({ status });
    expect({ daemon: answer?.status, said: answer?.text }).toMatchObject({ daemon: daemon?.[0] ?? status });
  });
});

/** Newer than the daemon of Debian 12 (2.2.7), or not in its build. */
const NEWER = new Set([
  'vrrp_owner_ignore_adverts',
  'state_dump_file',
  'stats_dump_file',
  'json_dump_file',
  'json_version',
  'use_symlink_paths',
  'iproute_usr_dir',
  'iproute_etc_dir',
  'owner_ignore_adverts',
  'timer_expired_backup',
  'thread_timer_expired',
  'no_virtual_ipaddress',
  'v3_checksum_as_v2',
  'vrrp_ipsets',
  'dynamic',
]);

interface Probe {
  readonly path: string;
  readonly keywords: readonly string[];
  readonly text: string;
}

/** A file with every keyword of one block, each with as many words as it needs, for each block that has keywords of its own. */
function probes(schema: Schema, path: readonly string[], open: string, close: string): Probe[] {
  const opening = (keyword: string, spec: Spec<unknown>) => {
    const name =
      keyword === 'virtual_server' || keyword === 'real_server' ? ' 10.0.0.9 80' : ' x'.repeat(spec.words[0]);
    return `${keyword}${name} {\n`;
  };
  const line = ([keyword, spec]: [string, Spec<unknown>]) =>
    spec.content === 'none' ? `${keyword}${' 1'.repeat(spec.words[0])}\n` : `${opening(keyword, spec)}}\n`;
  const entries = Object.entries(schema).filter(
    ([keyword]) =>
      keyword !== 'instance' &&
      keyword !== 'net_namespace' &&
      keyword !== 'config_save_dir' &&
      keyword !== 'tmp_config_directory' &&
      // Our own.
      keyword !== 'MYSQL_CHECK',
  );
  const own = {
    path: path.join(' > ') || 'the top',
    keywords: entries.map(([k]) => k),
    text: open + entries.map(line).join('') + close,
  };
  const inner = entries.flatMap(([keyword, spec]) =>
    typeof spec.content === 'object'
      ? probes(spec.content, [...path, keyword], open + opening(keyword, spec), `}\n${close}`)
      : [],
  );
  return [own, ...inner];
}

describe.skipIf(why !== null)(
  `keywords that the real keepalived knows${why ? ` (skipped: ${why})` : ''}`,
  () => {
    const all = probes(TOP, [], '', '');
    const path = (index: number) => join(folder, `keywords-${index}.conf`);
    let answers = new Map<string, Answer>();
    beforeAll(() => {
      all.forEach((each, i) => {
        writeFileSync(path(i), each.text, { mode: 0o644 });
      });
      answers = ask(all.map((_, i) => path(i)));
    }, 300_000);

    test.each(all.map((each, i) => ({ ...each, i })))('in $path', ({ keywords, i }) => {
      const said = answers.get(path(i))?.text ?? '';
      const unknown = new Set([...said.matchAll(/Unknown keyword '([^']*)'/g)].map((m) => m[1] as string));
      expect(said).not.toContain('missing a parameter');
      expect([...unknown].sort()).toEqual(keywords.filter((k) => NEWER.has(k)).sort());
    });
  },
);
