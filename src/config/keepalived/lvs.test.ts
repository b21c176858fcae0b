// Virtual servers as configured: what of a file reaches the checkers and the kernel, and what is said about the rest.
import { describe, expect, test } from 'vitest';
import {
  FLAG_ONE_PACKET,
  FLAG_PERSISTENT,
  FLAG_SCHEDULER_1,
  FLAG_SCHEDULER_2,
} from '../../core/netlink/ipvs.ts';
import { parseKeepalivedConf } from './parse.ts';

const parse = (text: string) => parseKeepalivedConf(text, 'k.conf', () => []);
const HEAD = 'protocol TCP\nlb_algo rr\nlb_kind NAT\n';
const REAL = 'real_server 10.0.0.8 80 {\n}\n';
const server = (more: string, real = REAL, name = '10.0.0.9 80', head = HEAD) =>
  `virtual_server ${name} {\n${head}${more}\n${real}}\n`;
const first = (text: string) => {
  const [found] = parse(text).config.virtualServers;
  if (found === undefined) throw new Error('no virtual server was read');
  return found;
};
const codes = (text: string) =>
  parse(text)
    .findings.filter((f) => !['ip-vs', 'delay-loop-long', 'script-security'].includes(f.code))
    .map((f) => `${f.line} ${f.severity} ${f.code}`);
const checker = (block: string, more = '') => {
  const text = server(more, `real_server 10.0.0.8 80 {\n${block}\n}\n`);
  expect(codes(text)).toEqual([]);
  return first(text).realServers[0]?.checkers[0];
};

describe('services of the kernel', () => {
  test('an address, with scheduler, flags and persistence', () => {
    const text = server(
      'persistence_timeout 50\npersistence_granularity 255.255.255.0\nsh-port\nsh-fallback',
      REAL,
      '10.0.0.9 80',
      HEAD.replace('rr', 'sh'),
    );
    expect(first(text).services).toEqual([
      {
        id: { kind: 'address', protocol: 'TCP', address: '10.0.0.9', port: 80 },
        options: {
          scheduler: 'sh',
          flags: FLAG_PERSISTENT | FLAG_SCHEDULER_1 | FLAG_SCHEDULER_2,
          persistenceTimeoutS: 50,
          persistencePrefix: 24,
          engine: null,
        },
      },
    ]);
    expect(first(text)).toMatchObject({ name: '[10.0.0.9]:tcp:80' });
  });

  test('a firewall mark takes the family of its real servers, unless it is told', () => {
    const six = 'real_server fd00::8 80 {\n}\n';
    expect(first(server('', six, 'fwmark 3', 'lb_algo rr\nlb_kind NAT\n'))).toMatchObject({
      name: 'FWM 3',
      services: [{ id: { kind: 'mark', mark: 3, family: 6 } }],
      realServers: [{ name: '[fd00::8]:none:80' }],
    });
    const told = 'lb_algo rr\nlb_kind TUN\nip_family inet6\n';
    expect(first(server('', REAL.replace(' 80', ''), 'fwmark 3', told)).services[0]?.id).toMatchObject({
      family: 6,
    });
  });

  test('a group is a service for each address of its ranges, and for each mark', () => {
    const group =
      'virtual_server_group g {\n10.0.1.1-3 80\n10.0.1.254-10.0.2.1 81\n10.0.3.4/31\nfd00::a-c 80\nfwmark 7 inet6\n}\n';
    const ids = first(group + server('', REAL, 'group g')).services.map(({ id }) =>
      id.kind === 'mark' ? `mark ${id.mark} ${id.family}` : `${id.address} ${id.port}`,
    );
    expect(ids).toEqual([
      '10.0.1.1 80',
      '10.0.1.2 80',
      '10.0.1.3 80',
      '10.0.1.254 81',
      '10.0.1.255 81',
      '10.0.2.0 81',
      '10.0.2.1 81',
      '10.0.3.4 0',
      '10.0.3.5 0',
      'fd00::a 80',
      'fd00::b 80',
      'fd00::c 80',
      'mark 7 6',
    ]);
  });

  test('a range that would fill the memory is left out', () => {
    const group = 'virtual_server_group g {\n10.0.0.0/8 80\nfd00::/64 80\n10.0.0.1 80\n}\n';
    expect(codes(group + server('', REAL, 'group g'))).toEqual([
      '2 error group-entry',
      '3 error group-entry',
    ]);
    expect(first(group + server('', REAL, 'group g')).services).toHaveLength(1);
  });

  test('groups and virtual servers together stay within bounds', () => {
    const groups = Array.from(
      { length: 40 },
      (_, i) => `virtual_server_group g${i} {\n10.${i}.0.0/20 80\n}\n`,
    );
    const { config, findings } = parse(
      groups.join('') + server('', REAL, 'group g0') + server('', REAL, 'group g39'),
    );
    expect(findings.filter((f) => f.code === 'group-entry')).toHaveLength(24);
    expect(config.virtualServers.map((v) => v.services.length)).toEqual([4096, 0]);
    const protocols = ['TCP', 'UDP', 'SCTP'].map((p) => HEAD.replace('TCP', p));
    const many = Array.from({ length: 6 }, (_, i) =>
      protocols.map((head) => server('', REAL, `group g${i}`, head)).join(''),
    );
    const all = parse(groups.join('') + many.join(''));
    expect(all.config.virtualServers).toHaveLength(16);
    expect(all.findings.map((f) => f.code)).toContain('services-many');
  });

  test('one packet scheduling is for UDP', () => {
    const udp = HEAD.replace('TCP', 'UDP');
    expect(first(server('ops', REAL, '10.0.0.9 80', udp)).services[0]?.options.flags).toBe(FLAG_ONE_PACKET);
    expect(codes(server('ops'))).toEqual(['5 error one-packet']);
  });

  test('without a protocol it is UDP, as in the C daemon, and that is told', () => {
    expect(codes(server('', REAL, '10.0.0.9 80', 'lb_algo rr\nlb_kind NAT\n'))).toEqual([
      '1 error protocol-missing',
    ]);
    expect(first(server('', REAL, '10.0.0.9 80', 'lb_algo rr\nlb_kind NAT\n'))).toMatchObject({
      protocol: 'UDP',
    });
  });
});

describe('real servers', () => {
  test('forwarding is inherited, and each may have its own', () => {
    const own =
      'real_server 10.0.0.8 80 {\nlvs_method TUN type gue port 6080 csum\n}\nreal_server 10.0.0.7 80 {\n}\n';
    expect(first(server('', own)).realServers.map((r) => r.forwarding)).toEqual([
      { method: 'TUN', tunnel: 'gue', port: 6080, checksum: 'csum' },
      { method: 'NAT' },
    ]);
  });

  test('thresholds, weight and what is inherited of failures', () => {
    const own =
      'real_server 10.0.0.8 80 {\nweight 0\nuthreshold 20\nlthreshold 10\ninhibit_on_failure off\n}\n';
    expect(first(server('inhibit_on_failure', own)).realServers[0]).toMatchObject({
      weight: 0,
      upperThreshold: 20,
      lowerThreshold: 10,
      inhibitOnFailure: false,
    });
  });

  test('mail goes out for servers unless it is switched off, for the quorum only when it is switched on', () => {
    expect(first(server(''))).toMatchObject({ mail: false, realServers: [{ mail: true }] });
    const off = `global_defs {\nsmtp_alert_checker off\nsmtp_alert on\n}\n`;
    expect(first(off + server('smtp_alert'))).toMatchObject({ mail: true, realServers: [{ mail: false }] });
  });

  test('a sorry server that is a real server too shares its inhibition', () => {
    const text = server('sorry_server 10.0.0.8 80\nsorry_server_inhibit');
    expect(codes(text)).toEqual(['5 error sorry-server-inhibit']);
    expect(first(text).sorry).toMatchObject({ address: '10.0.0.8', inhibit: false });
  });

  test('a quorum above all weights is lowered, unless a checker adds weight', () => {
    expect(first(server('quorum 5'))).toMatchObject({ quorum: 1 });
    const dynamic = 'real_server 10.0.0.8 80 {\nMISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic\n}\n}\n';
    expect(first(server('quorum 5\nhysteresis 2', dynamic))).toMatchObject({ quorum: 5, hysteresis: 2 });
  });
});

describe('checkers', () => {
  test('connect where the real server is, unless told otherwise', () => {
    expect(checker('TCP_CHECK {\n}')?.target).toMatchObject({
      connection: { address: '10.0.0.8', port: 80, timeoutMs: 5000 },
    });
    const told =
      'TCP_CHECK {\nconnect_ip 10.0.0.7\nconnect_port 81\nbindto 10.0.0.1\nbind_if eth0\nbind_port 99\nfwmark 5\n}';
    expect(checker(told)?.target).toEqual({
      kind: 'TCP_CHECK',
      connection: {
        address: '10.0.0.7',
        port: 81,
        timeoutMs: 5000,
        bindAddress: '10.0.0.1',
        bindPort: 99,
        bindInterface: 'eth0',
        firewallMark: 5,
      },
    });
  });

  test('HTTP: the virtual host comes from the nearest that has one', () => {
    const block =
      'HTTP_GET {\nhttp_protocol 1.1\nurl {\npath /a\nstatus_code 200-204 301\nvirtualhost x\n}\nurl {\npath /b\nregex "a.c"\nregex_options caseless dotall\nregex_no_match\n}\n}';
    const { target } = checker(block, 'virtualhost y') ?? {};
    expect(target).toMatchObject({
      version: '1.1',
      urls: [
        {
          path: '/a',
          statusCodes: [
            [200, 204],
            [301, 301],
          ],
          virtualHost: 'x',
          pattern: null,
        },
        { path: '/b', virtualHost: 'y', pattern: { source: 'a.c', flags: 'is', negated: true } },
      ],
    });
  });

  test('UDP: bytes as the manual writes them', () => {
    const { target } = checker('UDP_CHECK {\npayload Ab12f 3 456 546443123\nrequire_reply 1x xF\n}') ?? {};
    expect(target).toMatchObject({
      payload: [0xab, 0x12, 0x0f, 0x03, 0x45, 0x06, 0x54, 0x64, 0x43, 0x12, 0x03],
      reply: { bytes: [0x10, 0x0f], mask: [0xf0, 0x0f], minBytes: 0, maxBytes: 255 },
    });
  });

  test('MISC: its time-out is its interval unless given, its user the one behind user', () => {
    const { target } = checker('MISC_CHECK {\nmisc_path "/bin/x y"\nuser mysql dba\ndelay_loop 7\n}') ?? {};
    expect(target).toMatchObject({ command: ['/bin/x', 'y'], user: 'mysql', group: 'dba', timeoutMs: 7000 });
  });

  test('the old SMTP_CHECK has a checker for each of its hosts', () => {
    const block = 'SMTP_CHECK {\nhelo_name me\nhost {\nconnect_port 25\n}\nhost {\nconnect_port 26\n}\n}';
    const [real] = first(server('', `real_server 10.0.0.8 80 {\n${block}\n}\n`)).realServers;
    expect(real?.checkers.map((c) => c.connectPort)).toEqual([25, 26]);
  });

  test('MYSQL_CHECK', () => {
    const block =
      'MYSQL_CHECK {\nconnect_port 3306\nuser monitor\npassword_file /etc/x\nquery "SELECT 2"\nreplication connected\nmax_lag 120\nrequire_writable\ntls verify /etc/ca.pem\n}';
    expect(checker(block)?.target).toEqual({
      kind: 'MYSQL_CHECK',
      connection: expect.objectContaining({ address: '10.0.0.8', port: 3306 }),
      user: 'monitor',
      passwordFile: '/etc/x',
      query: 'SELECT 2',
      replication: 'connected',
      lagSecondsMax: 120,
      requireWritable: true,
      tls: { mode: 'verify', caFile: '/etc/ca.pem' },
    });
    const wrong = server(
      '',
      'real_server 10.0.0.8 80 {\nMYSQL_CHECK {\npassword x\nreplication maybe\n}\n}\n',
    );
    expect(codes(wrong)).toEqual(['7 error mysql-user', '8 error unknown-keyword', '9 error value']);
  });
});

describe('what global_defs says', () => {
  test('sync daemon, time-outs, flushing', () => {
    const { config } = parse(
      'global_defs {\nlvs_sync_daemon eth1 VI_1 id 3 ttl 2 group 224.0.0.9\nlvs_timeouts tcp 900 udp 5\nlvs_flush\nlvs_flush_on_stop\n}\n',
    );
    expect(config.lvs).toMatchObject({
      syncDaemon: {
        interfaceName: 'eth1',
        instance: 'VI_1',
        syncId: 3,
        ttl: 2,
        group: '224.0.0.9',
        port: null,
      },
      timeouts: { tcp: 900, tcpFin: 0, udp: 5 },
      flush: true,
      flushOnStop: true,
    });
  });
});
