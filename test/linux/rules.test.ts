// Policy rules as keepalived.conf types them, in a real kernel: what `ip rule show` says of them, and that they can be set and removed
// twice.

import { afterEach, expect, test } from 'vitest';
import { readFilesFromDisk } from '../../src/config/keepalived/files.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';
import type { RuleSpec } from '../../src/core/netlink/rule.ts';
import { openRouteSocket } from '../../src/io/linux/netlink.ts';
import { createNamespace, deleteNamespaces, shell, within } from './namespaces.ts';

afterEach(deleteNamespaces);

function specsOf(lines: readonly string[]): RuleSpec[] {
  const text = `static_rules {\n${lines.join('\n')}\n}\n`;
  return parseKeepalivedConf(text, 'k.conf', readFilesFromDisk).config.staticRules.map(({ value }) => value);
}

const shown = (namespace: string): string[] =>
  ['-4', '-6'].flatMap((family) =>
    shell(`ip -n ${namespace} -d ${family} rule show`)
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' ').trim())
      .filter((line) => line.includes('proto keepalived')),
  );

/** The line, and what ip(8) says; the C daemon 2.2.7 makes the same of each, but for single ports, which it leaves out. */
const CASES: readonly [line: string, shown: string][] = [
  ['to 192.168.2.0/24 table 1 preference 500', '500: from all to 192.168.2.0/24 lookup 1'],
  ['from 10.1.0.0/16 preference 39 goto 40', '39: from 10.1.0.0/16 goto 40 [unresolved]'],
  [
    'to 1:2:3:4:5:6:7:0/112 from 7:6:5:4:3:2::/96 table 6908 uidrange 10000-19999 preference 41',
    '41: from 7:6:5:4:3:2::/96 to 1:2:3:4:5:6:7:0/112 uidrange 10000-19999 lookup 6908',
  ],
  [
    'from 8:6:5:4:3:2::/96 l3mdev ipproto UDP sport 10-20 dport 53 preference 42',
    '42: from 8:6:5:4:3:2::/96 lookup [l3mdev-table] ipproto udp sport 10-20 dport 53',
  ],
  [
    'from all lookup main suppress_prefixlength 0 preference 43',
    '43: from all lookup main suppress_prefixlength 0',
  ],
  ['inet6 from all table 9 preference 44', '44: from all lookup 9'],
  ['from 10.2.0.0/16 blackhole preference 45', '45: from 10.2.0.0/16 blackhole'],
  ['from 10.3.0.0/16 type prohibit preference 46', '46: from 10.3.0.0/16 prohibit'],
  [
    'not from 10.4.0.0/16 fwmark 0x10/0xff table 12 preference 47',
    '47: not from 10.4.0.0/16 fwmark 0x10/0xff lookup 12',
  ],
  [
    'from 10.8.0.0/16 table 5 suppress_ifgroup default preference 52',
    '52: from 10.8.0.0/16 lookup 5 suppress_ifgroup default',
  ],
  ['from 10.9.0.0/16 table 5 tunnel-id 7 preference 53', '53: from 10.9.0.0/16 tun_id 7 lookup 5'],
  ['from 10.10.0.0/16 nop preference 54', '54: from 10.10.0.0/16 nop'],
  [
    'from 10.11.0.0/16 iif lo oif lo tos 0x10 realms 3/4 table 5 priority 55',
    '55: from 10.11.0.0/16 tos 0x10 iif lo oif lo lookup 5 realms 3/4',
  ],
];

test('each line makes the rule that ip(8) shows; a second time nothing changes, and so with its removal', () => {
  const name = createNamespace('rules');
  within(name, () => {
    const route = openRouteSocket();
    for (const [line, expected] of CASES) {
      const [spec] = specsOf([line]);
      if (spec === undefined) throw new Error(`${line} is no rule`);
      expect(route.addRule(spec), line).toBe(true);
      expect(route.addRule(spec), line).toBe(false);
      expect(shown(name), line).toEqual([`${expected} proto keepalived`]);
      const { text: _text, tracked: _tracked, trackGroup: _trackGroup, ...key } = spec;
      expect(route.listRules(spec.family), line).toContainEqual(key);
      expect(route.removeRule(spec), line).toBe(true);
      expect(route.removeRule(spec), line).toBe(false);
      expect(shown(name), line).toEqual([]);
    }
    route.close();
  });
});

test('rules without a preference stand in the order of the file, the first one below all that follow', () => {
  const name = createNamespace('order');
  const specs = specsOf(['from 10.1.0.0/16 table 1', 'from 10.2.0.0/16 table 1', 'from fd00::/8 table 1']);
  within(name, () => {
    const route = openRouteSocket();
    for (const spec of specs) route.addRule(spec);
    route.close();
  });
  expect(shown(name).map((line) => line.split(' from ').map((part) => part.split(' ')[0]))).toEqual([
    ['16383:', '10.2.0.0/16'],
    ['16384:', '10.1.0.0/16'],
    ['16384:', 'fd00::/8'],
  ]);
});

test('a refusal carries the words of the kernel and a way out', () => {
  within(createNamespace('refusal'), () => {
    const route = openRouteSocket();
    const [spec] = specsOf(['from 10.1.0.0/16 tos 0x01 table 5 preference 5']);
    if (spec === undefined) throw new Error('no rule');
    expect(() => route.addRule(spec)).toThrow(/cannot add the rule from 10\.1\.0\.0\/16 tos 0x01.*ECN/);
    route.close();
  });
});
