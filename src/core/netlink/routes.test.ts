// Routes, rules, stacked interfaces and addresses as bytes: golden messages, hostile ones, and what is written read back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAddress, encodeAddAddress, encodeRemoveAddress } from './address.ts';
import { decodeStackedLink, encodeAddStackedLink, parseMac, virtualMac } from './macvlan.ts';
import { decodeMessages, MessageWriter } from './message.ts';
import { encodeAddRoute, encodeRemoveRoute, type RouteSpec } from './route.ts';
import { decodeRoute, isRouteOf } from './routelist.ts';
import { NO_METRICS } from './routemetrics.ts';
import { decodeRule, encodeAddRule, encodeRemoveRule, type RuleKey } from './rule.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const golden = (...lines: string[]): string => lines.join('').replace(/\s/g, '');
const indexOf = (device: string): number => (device === 'eth0' ? 7 : 8);

function only(bytes: Uint8Array) {
  const [message, ...more] = decodeMessages(bytes);
  if (message === undefined || more.length > 0) throw new Error('not exactly one message');
  return message;
}

const ROUTE: RouteSpec = {
  text: '192.0.2.0/24 via 198.51.100.1 dev eth0',
  family: 4,
  type: 'unicast',
  destination: { address: '192.0.2.0', family: 4, prefix: 24 },
  from: null,
  source: null,
  via: '198.51.100.1',
  device: 'eth0',
  onlink: false,
  nexthops: [],
  table: 254,
  protocol: 18,
  scope: null,
  metric: null,
  tos: 0,
  realms: null,
  preference: null,
  expiresS: null,
  ttlPropagate: null,
  metrics: NO_METRICS,
  append: false,
  tracked: true,
  trackGroup: null,
};

const HOP = { via: '198.51.100.1', device: 'eth0', onlink: true, weight: 2, realms: null };

const RULE: RuleKey = {
  family: 4,
  action: 'lookup',
  table: 300,
  goto: null,
  not: true,
  from: { address: '192.0.2.0', family: 4, prefix: 24 },
  to: null,
  tos: 0,
  mark: { value: 16, mask: 255 },
  iif: 'eth0',
  oif: null,
  preference: 500,
  realms: null,
  ipProtocol: 6,
  sourcePorts: null,
  destinationPorts: { from: 80, to: 81 },
  users: null,
  l3mdev: false,
  suppressPrefixLength: null,
  suppressGroup: null,
  tunnelId: null,
  protocol: 18,
};

describe('a route', () => {
  it('is added before others of its destination, and named in full when it is removed', () => {
    const writer = new MessageWriter();
    encodeAddRoute(writer, 9, ROUTE, indexOf);
    const body = golden(
      '0800 0100 c0000200',
      '0800 0f00 fe000000',
      '0800 0500 c6336401',
      '0800 0400 07000000',
    );
    // RTM_NEWROUTE, REQUEST|ACK|CREATE; IPv4, /24, table main, protocol 18, scope universe, unicast.
    expect(hex(writer.bytes())).toBe(
      golden('3c000000 1800 0504 09000000 00000000', '02 18 00 00 fe 12 00 01 00000000', body),
    );
    encodeRemoveRoute(writer.clear(), 10, ROUTE, indexOf);
    // RTM_DELROUTE, REQUEST|ACK; scope nowhere: any.
    expect(hex(writer.bytes())).toBe(
      golden('3c000000 1900 0500 0a000000 00000000', '02 18 00 00 fe 12 ff 01 00000000', body),
    );
  });

  it('with several routers carries them as next hops with weights and flags', () => {
    const writer = new MessageWriter();
    encodeAddRoute(
      writer,
      9,
      { ...ROUTE, via: null, device: null, nexthops: [HOP, { ...HOP, device: 'eth1' }] },
      indexOf,
    );
    const decoded = decodeRoute(only(writer.bytes()).body);
    expect(decoded).toMatchObject({
      ok: true,
      route: {
        hops: [
          { via: '198.51.100.1', interfaceIndex: 7, onlink: true, weight: 2 },
          { via: '198.51.100.1', interfaceIndex: 8, onlink: true, weight: 2 },
        ],
      },
    });
  });

  it('is known again in what the kernel lists, and another is not taken for it', () => {
    const listed = (spec: RouteSpec) => {
      const writer = new MessageWriter();
      encodeAddRoute(writer, 9, spec, indexOf);
      const decoded = decodeRoute(only(writer.bytes()).body);
      if (!decoded.ok) throw new Error(decoded.reason);
      return decoded.route;
    };
    const metrics = { values: { mtu: 1400, rtt: 80 }, locked: ['mtu' as const], congestion: 'bbr' };
    const full: RouteSpec = { ...ROUTE, table: 4000, metric: 5, tos: 16, metrics, source: '192.0.2.9' };
    expect(isRouteOf(listed(full), full, indexOf)).toBe(true);
    expect(listed(full).metrics).toEqual(metrics);
    const others: Partial<RouteSpec>[] = [
      { table: 4001 },
      { metric: 6 },
      { tos: 0 },
      { via: '198.51.100.2' },
      { device: 'eth1' },
      { protocol: 4 },
      { type: 'local' },
      { destination: { address: '192.0.2.0', family: 4, prefix: 25 } },
    ];
    for (const other of others) expect(isRouteOf(listed({ ...full, ...other }), full, indexOf)).toBe(false);
  });
});

describe('a rule', () => {
  it('carries its selectors; large tables only in the attribute', () => {
    const writer = new MessageWriter();
    encodeAddRule(writer, 9, RULE);
    // RTM_NEWRULE, REQUEST|ACK|CREATE|EXCL; to /0, from /24, lookup, inverted.
    expect(hex(writer.bytes())).toBe(
      golden(
        '68000000 2000 0506 09000000 00000000 02 00 18 00 00 00 00 01 02000000',
        '0800 0200 c0000200',
        '0800 0600 f4010000',
        '0800 0a00 10000000 0800 1000 ff000000',
        '0900 0300 6574683000 000000',
        '0500 1600 06 000000',
        '0800 1800 50005100',
        '0800 0f00 2c010000',
        '0500 1500 12 000000',
      ),
    );
  });

  it('is read back as it was written, whatever it is', () => {
    const u16 = fc.nat(65_535);
    const range = fc.tuple(u16, u16).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
    const lookups = fc.record({
      not: fc.boolean(),
      table: fc.integer({ min: 1, max: 0xffff_ffff }),
      tos: fc.nat(255),
      mark: maybe(fc.record({ value: fc.nat(0xffff_ffff), mask: fc.nat(0xffff_ffff) })),
      iif: maybe(fc.constantFrom('eth0', 'a-long-one.1234')),
      preference: fc.nat(0xffff_ffff),
      realms: maybe(fc.nat(0xffff_ffff)),
      ipProtocol: maybe(fc.nat(255)),
      sourcePorts: maybe(range),
      destinationPorts: maybe(range),
      users: maybe(range),
      suppressPrefixLength: maybe(fc.nat(128)),
      suppressGroup: maybe(fc.nat(0x7fff_ffff)),
      tunnelId: maybe(fc.nat(Number.MAX_SAFE_INTEGER)),
      protocol: fc.nat(255),
    });
    fc.assert(
      fc.property(lookups, (some) => {
        const rule: RuleKey = { ...RULE, ...some };
        const writer = new MessageWriter();
        encodeRemoveRule(writer, 1, rule);
        expect(decodeRule(only(writer.bytes()).body)).toEqual({ ok: true, rule });
      }),
    );
  });
});

describe('a stacked interface', () => {
  it('has the MAC of the virtual router', () => {
    expect(virtualMac(4, 51)).toBe('00:00:5e:00:01:33');
    expect(virtualMac(6, 255)).toBe('00:00:5e:00:02:ff');
    for (const bad of [
      '',
      '00:00:5e:00:01',
      '01:00:5e:00:00:12',
      '00:00:00:00:00:00',
      '00:00:5e:00:01:333',
      'zz:00:5e:00:01:33',
    ])
      expect(parseMac(bad), bad).toBeNull();
  });

  it('is a macvlan that leaves multicast to its base, whoever sent it', () => {
    const writer = new MessageWriter();
    const type = { kind: 'macvlan', mac: '00:00:5e:00:01:33' } as const;
    expect(encodeAddStackedLink(writer, 9, { name: 'vrrp.51', baseIndex: 7, type })).toBe(true);
    expect(decodeStackedLink(only(writer.bytes()).body)).toEqual({
      index: 0,
      name: 'vrrp.51',
      kind: 'macvlan',
      hearsOnBase: true,
      baseIndex: 7,
      mac: '00:00:5e:00:01:33',
    });
    const none = { kind: 'macvlan', mac: 'nonsense' } as const;
    expect(encodeAddStackedLink(writer, 9, { name: 'vrrp.51', baseIndex: 7, type: none })).toBe(false);
  });
});

describe('an address', () => {
  it('carries peer, broadcast, scope and flags when they are given', () => {
    const writer = new MessageWriter();
    encodeAddAddress(writer, 9, {
      interfaceIndex: 7,
      address: '192.0.2.100',
      prefix: 32,
      validLifetimeS: 60,
      preferredLifetimeS: 99,
      peer: '198.51.100.1',
      broadcast: '192.0.2.255',
      scope: 253,
      noPrefixRoute: true,
      autoJoin: true,
    });
    expect(hex(writer.bytes())).toBe(
      golden(
        '54000000 1400 0505 09000000 00000000 02 20 00 fd 07000000',
        '0800 0200 c0000264 0800 0100 c6336401 0800 0400 c00002ff',
        '1400 0600 3c000000 3c000000 00000000 00000000',
        '0800 0800 00060000 0500 0b00 54 000000',
      ),
    );
  });

  it('with a peer is read and removed with it', () => {
    const writer = new MessageWriter();
    const key = { interfaceIndex: 7, address: '192.0.2.100', prefix: 32, peer: '198.51.100.1' };
    encodeRemoveAddress(writer, 9, key);
    expect(decodeAddress(only(writer.bytes()).body)).toMatchObject({ ok: true, address: key });
  });
});

it('no decoder throws or runs on, whatever the bytes are', () => {
  const ways = [decodeRoute, decodeRule, decodeStackedLink];
  const body = fc.tuple(fc.uint8Array({ maxLength: 16 }), fc.uint8Array({ maxLength: 96 }));
  fc.assert(
    fc.property(body, ([head, rest]) => {
      for (const way of ways) {
        way(head);
        // Families and attribute types that lead further than random ones.
        way(Uint8Array.of(2, 24, 0, 0, 254, 18, 0, 1, 0, 0, 0, 0, ...rest));
        way(Uint8Array.of(10, 24, 0, 0, 254, 18, 0, 1, 0, 0, 0, 0, rest.length + 4, 0, 9, 0, ...rest));
      }
    }),
  );
});
