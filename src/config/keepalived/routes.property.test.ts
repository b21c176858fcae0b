// No line of a route or a rule crashes the reader, and whatever comes out of it can be sent to the kernel and is read back as it was.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeMessages, MessageWriter } from '../../core/netlink/message.ts';
import { encodeAddRoute, encodeRemoveRoute } from '../../core/netlink/route.ts';
import { decodeRoute, isRouteOf } from '../../core/netlink/routelist.ts';
import { decodeRule, encodeAddRule } from '../../core/netlink/rule.ts';
import { parseKeepalivedConf } from './parse.ts';

const VALUES = [
  '10.9.0.0/16',
  '10.0.0.1',
  'fd00::/8',
  'fd00::1',
  'default',
  'eth0',
  '5',
  '0x10',
  '1/2',
  '10-20',
  '10ms',
  'main',
  'lock',
  'ecn',
  'high',
  'on',
  '4294967295',
  '-1',
  '',
  'ü',
];
const ROUTE_WORDS = [
  'inet6',
  'to',
  'from',
  'src',
  'via',
  'gw',
  'or',
  'dev',
  'table',
  'protocol',
  'scope',
  'metric',
  'tos',
  'realms',
  'pref',
  'expires',
  'ttl-propagate',
  'onlink',
  'append',
  'no_track',
  'track_group',
  'nexthop',
  'weight',
  'features',
  'congctl',
  'mtu',
  'rtt',
  'rto_min',
  'blackhole',
  'unreachable',
  'encap',
  'vrf',
  '__proto__',
  'constructor',
];
const RULE_WORDS = [
  'inet6',
  'not',
  'from',
  'to',
  'table',
  'lookup',
  'preference',
  'tos',
  'fwmark',
  'realms',
  'iif',
  'oif',
  'suppress_prefixlength',
  'suppress_ifgroup',
  'tunnel-id',
  'uidrange',
  'l3mdev',
  'protocol',
  'ipproto',
  'sport',
  'dport',
  'goto',
  'type',
  'nop',
  'blackhole',
  'no_track',
  'track_group',
  'toString',
];

const line = (words: readonly string[], start: string) =>
  fc
    .array(fc.oneof(fc.constantFrom(...words), fc.constantFrom(...VALUES), fc.string({ maxLength: 8 })), {
      maxLength: 14,
    })
    .map((typed) => `${start} ${typed.join(' ').replace(/[{}"!#\n]/g, '')}`);

/** Half of the lines begin well, so that some are right as a whole. */
const routeLine = fc.oneof(
  line(ROUTE_WORDS, ''),
  line(ROUTE_WORDS, '10.9.0.0/16 dev eth0'),
  line(ROUTE_WORDS, 'fd00::/8 dev eth0'),
);
const ruleLine = fc.oneof(line(RULE_WORDS, ''), line(RULE_WORDS, 'from 10.9.0.0/16 table 9 preference 5'));

const body = (writer: MessageWriter): Uint8Array => {
  const [message] = decodeMessages(writer.bytes());
  if (message === undefined) throw new Error('no whole message was written');
  return message.body;
};

test('routes', () => {
  let right = 0;
  fc.assert(
    fc.property(routeLine, (typed) => {
      const { config } = parseKeepalivedConf(`static_routes {\n${typed}\n}\n`, 'k.conf', () => []);
      for (const { value } of config.staticRoutes) {
        right++;
        const writer = new MessageWriter();
        encodeRemoveRoute(writer, 1, value, () => 7);
        encodeAddRoute(writer.clear(), 2, value, () => 7);
        const decoded = decodeRoute(body(writer));
        if (!decoded.ok) throw new Error(decoded.reason);
        // The kernel fills in the metric of IPv6.
        const route = {
          ...decoded.route,
          metric: decoded.route.metric || (value.family === 6 && value.metric === null ? 1024 : 0),
        };
        expect(
          isRouteOf(route, value, () => 7),
          typed,
        ).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
  expect(right).toBeGreaterThan(20);
});

test('rules', () => {
  let right = 0;
  fc.assert(
    fc.property(ruleLine, (typed) => {
      const { config } = parseKeepalivedConf(`static_rules {\n${typed}\n}\n`, 'k.conf', () => []);
      for (const { value } of config.staticRules) {
        right++;
        const { text: _text, tracked: _tracked, trackGroup: _trackGroup, ...key } = value;
        const writer = new MessageWriter();
        encodeAddRule(writer, 1, value);
        expect(decodeRule(body(writer)), typed).toEqual({ ok: true, rule: key });
      }
    }),
    { numRuns: 500 },
  );
  expect(right).toBeGreaterThan(20);
});
