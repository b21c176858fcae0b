// Lines of virtual_routes and static_routes: what each becomes, and what is said of those that are wrong.
import { describe, expect, test } from 'vitest';
import type { RouteSpec } from '../../core/netlink/route.ts';
import type { ReadFiles } from './lines.ts';
import { parseKeepalivedConf } from './parse.ts';

const TABLES: ReadFiles = (pattern) =>
  pattern === '/etc/iproute2/rt_tables'
    ? [{ file: pattern, text: '# reserved\n255\tlocal\n0x1f blue # ours\n32 red' }]
    : [];

const parse = (text: string) => parseKeepalivedConf(text, 'k.conf', TABLES);
const block = (line: string) => parse(`static_routes {\n${line}\n}\n`);

function read(line: string): RouteSpec {
  const [route] = block(line).config.staticRoutes;
  if (route === undefined) throw new Error(`no route: ${JSON.stringify(block(line).findings)}`);
  return route.value;
}

const said = (line: string) =>
  block(line).findings.map((f) => `${f.severity} ${f.code} ${f.line}:${f.column}`);

describe('a route', () => {
  test.each<[string, Partial<RouteSpec>]>([
    [
      '192.168.2.7 dev eth0',
      { destination: { address: '192.168.2.7', family: 4, prefix: 32 }, device: 'eth0' },
    ],
    [
      'default via 10.0.0.1 dev eth0',
      { destination: { address: '0.0.0.0', family: 4, prefix: 0 }, via: '10.0.0.1' },
    ],
    ['dev eth0 via 10.0.0.1 to 10.9.0.0/16', { destination: { address: '10.9.0.0', family: 4, prefix: 16 } }],
    ['to blackhole 10.9.0.0/16 no_track', { type: 'blackhole', tracked: false }],
    [
      'inet6 default via fd00::1 dev eth0',
      { family: 6, destination: { address: '::', family: 6, prefix: 0 } },
    ],
    ['10.9.0.0/16 dev eth0 table blue', { table: 31 }],
    ['10.9.0.0/16 dev eth0 table 4294967295', { table: 4_294_967_295 }],
    ['10.9.0.0/16 dev eth0 protocol 99 no_track', { protocol: 99, tracked: false }],
    ['10.9.0.0/16 dev eth0 tos 10', { tos: 16 }],
    ['10.9.0.0/16 dev eth0 realms 2', { realms: 2 }],
    ['10.9.0.0/16 dev eth0 realms 1/2', { realms: 65_538 }],
    ['fd01::/64 dev eth0 expires 60 pref low', { expiresS: 60, preference: 'low' }],
    ['10.9.0.0/16 via 10.0.0.1 onlink dev eth0 append', { onlink: true, append: true }],
  ])('%s', (line, expected) => {
    expect(read(line)).toMatchObject(expected);
  });

  test('metrics: locks, and times in units or in the numbers of the kernel', () => {
    const { metrics } = read(
      '10.9.0.0/16 dev eth0 mtu lock 1400 rtt 10ms rttvar 5ms rto_min 0.3s cwnd 7 congctl bbr',
    );
    expect(metrics).toEqual({
      values: { mtu: 1400, rtt: 80, rttvar: 20, rto_min: 300, cwnd: 7 },
      locked: ['mtu'],
      congestion: 'bbr',
    });
    expect(read('10.9.0.0/16 dev eth0 rtt 10 features ecn').metrics.values).toEqual({ rtt: 10, features: 1 });
  });

  test('several routers, in the new way and in the old', () => {
    const hop = { via: '10.0.0.1', device: 'eth0', onlink: false, weight: 1, realms: null };
    expect(
      read('10.9.0.0/16 nexthop via 10.0.0.1 dev eth0 nexthop via 10.0.0.2 weight 256 onlink').nexthops,
    ).toEqual([hop, { via: '10.0.0.2', device: null, onlink: true, weight: 256, realms: null }]);
    const old = read('10.9.0.0/16 via 10.0.0.1 or 10.0.0.2 dev eth0');
    expect(old).toMatchObject({ via: null, device: null, nexthops: [hop, { ...hop, via: '10.0.0.2' }] });
  });

  test('without an interface it is not tracked, as by the C daemon, and that is said', () => {
    expect(read('10.9.0.0/16 via 10.0.0.1')).toMatchObject({ tracked: false });
    expect(said('10.9.0.0/16 via 10.0.0.1')).toEqual(['error route-untracked 2:1']);
    expect(said('10.9.0.0/16 via 10.0.0.1 no_track')).toEqual([]);
  });

  test('of another protocol it is tracked only as protocol keepalived', () => {
    expect(read('10.9.0.0/16 dev eth0 protocol 4')).toMatchObject({ protocol: 18, tracked: true });
    expect(said('10.9.0.0/16 dev eth0 protocol static')).toEqual(['error route-protocol 2:1']);
  });

  test('bits of an address outside of the network are taken off, with a warning', () => {
    expect(read('10.9.7.5/16 dev eth0').destination).toEqual({ address: '10.9.0.0', family: 4, prefix: 16 });
    expect(said('10.9.7.5/16 dev eth0')).toEqual(['warning host-bits 2:1']);
  });
});

describe('what is wrong is said at its place, and the route is left out', () => {
  test.each([
    ['10.9.0.0/16 vai 10.0.0.1', 'error route-word 2:13'],
    ['10.9.0.0/16 dev eth0 table bleu', 'error value 2:28'],
    ['10.9.0.0/16 dev eth0 table 0', 'error value 2:28'],
    ['10.9.0.0/16 dev an-interface-name-too-long', 'error value 2:17'],
    ['10.9.0.0/33 dev eth0', 'error address 2:1'],
    ['10.9.0.0/16 via 10.0.0', 'error address 2:17'],
    ['10.9.0.0/16 via', 'fatal missing-parameter 2:13'],
    ['via 10.0.0.1', 'error route-destination 2:1'],
    ['10.9.0.0/16 via fd00::1', 'error route-family 2:1'],
    ['10.9.0.0/16 dev eth0 from 10.8.0.0/16', 'error route-family 2:1'],
    ['10.9.0.0/16 dev eth0 expires 5', 'error route-family 2:1'],
    ['fd00::/8 dev eth0 realms 5', 'error route-family 2:1'],
    ['10.9.0.0/16 dev eth0 nexthop via 10.0.0.1', 'error route-nexthop 2:1'],
    ['10.9.0.0/16 nexthop via 10.0.0.1 weight 257', 'error value 2:41'],
    ['10.9.0.0/16 dev eth0 rtt soon', 'error value 2:26'],
    ['10.9.0.0/16 dev eth0 encap mpls 100', 'warning not-implemented 2:22'],
    ['10.9.0.0/16 dev eth0 realms 1/2/3', 'error value 2:29'],
    ['10.9.0.0/16 10.8.0.0/16 dev eth0', 'error route-word 2:13'],
  ])('%s', (line, expected) => {
    expect(said(line)).toEqual([expected]);
    expect(block(line).config.staticRoutes).toEqual([]);
  });

  test('a name that is nearly right is suggested', () => {
    expect(block('10.9.0.0/16 dev eth0 table bleu').findings[0]?.hint).toContain('did you mean blue?');
  });

  test('a track_group must exist; of a virtual route it is a mistake', () => {
    const group = 'track_group g {\n group {\n v\n }\n}\n';
    const line = '10.9.0.0/16 dev eth0 track_group g';
    expect(said(line)).toEqual(['error track-group 2:1']);
    expect(read(line).trackGroup).toBeNull();
    expect(parse(`${group}static_routes {\n${line}\n}`).config.staticRoutes[0]?.value.trackGroup).toBe('g');
    const virtual = parse(
      `vrrp_instance v {\n interface eth0\n virtual_router_id 5\n virtual_routes {\n${line}\n}\n}`,
    );
    expect(virtual.findings.map((f) => f.code)).toContain('track-group');
    expect(virtual.config.instances[0]?.routes).toEqual([]);
  });
});

describe('the virtual interface of an instance', () => {
  const instance = (name: string, vrid: number, more: string, vip = '10.0.0.9/24') =>
    `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${vrid}\n virtual_ipaddress {\n ${vip}\n }\n ${more}\n}\n`;
  const vmacs = (text: string) => parse(text).config.instances.map((each) => each.vmac);
  const codes = (text: string) => parse(text).findings.map((f) => `${f.severity} ${f.code}`);

  test('has the names that the C daemon gives', () => {
    const six = instance('six', 51, 'use_vmac', 'fd00::9/64');
    const text = `${instance('a', 51, 'use_vmac')}${six}${instance('c', 51, 'use_vmac')}${instance('d', 7, 'use_vmac')}`;
    expect(vmacs(text).map((each) => each?.name)).toEqual(['vrrp.51', 'vrrp6.51', 'vrrp1.51', 'vrrp.7']);
    const prefixed = `global_defs {\n vmac_prefix vm\n}\n${instance('a', 51, 'use_vmac')}`;
    expect(vmacs(prefixed)[0]?.name).toBe('vm.51');
  });

  test('takes a name, an address, or both', () => {
    const of = (more: string) => vmacs(instance('a', 51, more))[0];
    expect(of('use_vmac v1 02:00:00:00:00:01')).toMatchObject({
      name: 'v1',
      macAddress: '02:00:00:00:00:01',
    });
    expect(of('use_vmac 02:00:00:00:00')).toMatchObject({ name: 'vrrp.51', macAddress: '02:00:00:00:00' });
    expect(of('use_ipvlan ipv0 10.0.0.7/24 private')).toEqual({
      name: 'ipv0',
      kind: 'ipvlan',
      transmitBase: false,
      macAddress: null,
      ipvlanFlag: 'private',
      sourceAddress: '10.0.0.7',
    });
    expect(of('vmac_xmit_base')).toBeNull();
  });

  test('of an address alone is not carried out, and that is said', () => {
    expect(codes(instance('a', 51, '', '10.0.0.9/24 dev eth1 use_vmac'))).toEqual([
      'warning not-implemented',
    ]);
  });

  test('an address with a scope that is none, or with a length beside its peer, loses that', () => {
    expect(codes(instance('a', 51, '', '10.0.0.9/24 scope far'))).toEqual(['error address-option']);
    expect(codes(instance('a', 51, '', '10.0.0.9/24 peer 10.0.1.9'))).toEqual(['error address-peer']);
  });

  test('what does not fit together is said', () => {
    expect(codes(instance('a', 51, 'vmac_xmit_base'))).toEqual(['error vmac-missing']);
    expect(codes(instance('a', 51, 'use_ipvlan'))).toEqual(['error ipvlan-address']);
    expect(codes(instance('a', 51, 'use_vmac a-name-that-is-too-long'))).toEqual(['error vmac-name']);
    const unicast = instance('a', 51, 'use_vmac\n unicast_peer {\n 10.0.0.2\n }');
    expect(codes(unicast)).toContain('error vmac-unicast');
    expect(vmacs(unicast)[0]?.transmitBase).toBe(true);
  });
});
