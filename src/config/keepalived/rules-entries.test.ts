// Lines of virtual_rules and static_rules: what each becomes, and what is said of those that are wrong.
import { describe, expect, test } from 'vitest';
import type { RuleSpec } from '../../core/netlink/rule.ts';
import { parseKeepalivedConf } from './parse.ts';

const block = (line: string) => parseKeepalivedConf(`static_rules {\n${line}\n}\n`, 'k.conf', () => []);

function read(line: string): RuleSpec {
  const [rule] = block(line).config.staticRules;
  if (rule === undefined) throw new Error(`no rule: ${JSON.stringify(block(line).findings)}`);
  return rule.value;
}

const said = (line: string) =>
  block(line).findings.map((f) => `${f.severity} ${f.code} ${f.line}:${f.column}`);

describe('a rule', () => {
  test.each<[string, Partial<RuleSpec>]>([
    [
      'from 10.9.0.0/16 table main preference 5',
      { from: { address: '10.9.0.0', family: 4, prefix: 16 }, table: 254, preference: 5, action: 'lookup' },
    ],
    [
      'from all to fd00::/8 lookup 9 order 5',
      { family: 6, from: null, to: { address: 'fd00::', family: 6, prefix: 8 } },
    ],
    ['inet6 from any table 9 pref 5', { family: 6, from: null }],
    ['not fwmark 0x10/0xf0 table 9 priority 5', { not: true, mark: { value: 16, mask: 240 } }],
    ['fwmark 7 table 9 priority 5', { mark: { value: 7, mask: 0xffff_ffff } }],
    ['iif eth0 oif eth1 type blackhole preference 5', { iif: 'eth0', oif: 'eth1', action: 'blackhole' }],
    [
      'ipproto tcp dport 80 sport 1000-2000 table 9 preference 5',
      { ipProtocol: 6, destinationPorts: { from: 80, to: 80 }, sourcePorts: { from: 1000, to: 2000 } },
    ],
    ['ipproto 112 table 9 preference 5', { ipProtocol: 112 }],
    ['from 10.9.0.0/16 preference 5 goto 9', { action: 'goto', goto: 9, table: null }],
    ['l3mdev preference 5', { l3mdev: true, action: 'lookup', table: null }],
    ['uidrange 5-9 table 9 preference 5', { users: { from: 5, to: 9 } }],
    ['lookup main suppress_prefixlength 0 preference 5', { suppressPrefixLength: 0 }],
    ['from 10.9.0.0/16 table 9 protocol 4 no_track preference 5', { protocol: 4, tracked: false }],
    ['from 10.9.0.0/16 table 9 preference 5', { protocol: 18, tracked: true, trackGroup: null }],
  ])('%s', (line, expected) => {
    expect(read(line)).toMatchObject(expected);
    expect(said(line)).toEqual([]);
  });

  test('without a preference it gets one, counted down from 16384 for each family, and that is said', () => {
    const lines = 'from 10.1.0.0/16 table 9\nfrom fd00::/8 table 9\nfrom 10.2.0.0/16 table 9';
    const { config, findings } = block(lines);
    expect(config.staticRules.map(({ value }) => value.preference)).toEqual([16_384, 16_384, 16_383]);
    expect(findings.map((f) => f.code)).toEqual(['rule-preference', 'rule-preference', 'rule-preference']);
  });
});

describe('what is wrong is said at its place, and the rule is left out', () => {
  test.each([
    ['from 10.9.0.0/16 tabel 9 preference 5', 'error rule-word 2:18'],
    ['from 10.9.0.0/16 preference 5', 'error rule-action 2:1'],
    ['from 10.9.0.0/16 table 9 blackhole preference 5', 'error rule-action 2:26'],
    ['from 10.9.0.0/16 blackhole realms 5 preference 5', 'error rule-action 2:1'],
    ['from 10.9.0.0/16 goto 5 preference 5', 'error rule-goto 2:1'],
    ['from 10.9.0.0/16 goto 5', 'error rule-goto 2:1'],
    ['from 10.9.0.0/16 to fd00::/8 table 9 preference 5', 'error rule-family 2:1'],
    ['from fd00::/8 realms 5 table 9 preference 5', 'error rule-family 2:1'],
    ['from 10.9.0.0/16 table', 'fatal missing-parameter 2:18'],
    ['from 10.9.0/16 table 9 preference 5', 'error address 2:6'],
    ['fwmark -1 table 9 preference 5', 'error value 2:8'],
    ['sport 9-5 table 9 preference 5', 'error value 2:7'],
    ['ipproto smoke table 9 preference 5', 'error value 2:9'],
    ['table 9 preference 4294967296', 'error value 2:20'],
  ])('%s', (line, expected) => {
    expect(said(line)).toEqual([expected]);
    expect(block(line).config.staticRules).toEqual([]);
  });

  test('with a track_group it needs an interface', () => {
    expect(said('from 10.9.0.0/16 table 9 preference 5 track_group g')).toEqual(['error rule-untracked 2:1']);
  });
});
