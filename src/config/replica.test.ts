// Further replicas in pair.yaml: what is read, what is refused, and their my.cnf.
import { expect, test } from 'vitest';
import type { ServerFamily } from '../core/family.ts';
import { usualServer } from '../core/family.ts';
import { renderMyCnf, settingsFor } from './mycnf.ts';
import { parsePair } from './pair.ts';
import { showPair } from './show.ts';
import type { PairConfig } from './types.ts';

const file = (replicas: string, more = ''): string => `pair: shop
nodes:
  a: { address: 192.0.2.11, interface: eth0 }
  b: { address: 192.0.2.12, interface: eth0 }
vips: { write: [192.0.2.100/24] }
${more}
replicas:
${replicas}
`;

function config(text: string): PairConfig {
  const parsed = parsePair(text, 'pair.yaml');
  if (!parsed.ok) throw new Error(parsed.findings.map((each) => each.message).join('; '));
  return parsed.config;
}

const TWO = file(`  r1: { address: 192.0.2.13, interface: eth0 }
  r2: { address: 192.0.2.14, interface: eth1, priority: 70, source: writer }`);

test('replicas are read in order, with their defaults, and shown as they were read', () => {
  const read = config(TWO);
  expect(read.replicas).toEqual([
    { name: 'r1', address: '192.0.2.13', interface: 'eth0', priority: 50, source: 'standby' },
    { name: 'r2', address: '192.0.2.14', interface: 'eth1', priority: 70, source: 'writer' },
  ]);
  expect(config(showPair(read)).replicas).toEqual(read.replicas);
});

test('a file without replicas has none', () => {
  expect(config(TWO.slice(0, TWO.indexOf('replicas:'))).replicas).toEqual([]);
});

test.each([
  ['the address of a node', '  r1: { address: 192.0.2.12, interface: eth0 }', 'equal-addresses', '8:18'],
  ['the address of a VIP', '  r1: { address: 192.0.2.100, interface: eth0 }', 'equal-addresses', '8:18'],
  ['another family', '  r1: { address: 2001:db8::1, interface: eth0 }', 'mixed-families', '8:18'],
  ['the name of a node', '  a: { address: 192.0.2.13, interface: eth0 }', 'replica-is-node', '8:3'],
  ['the word for a role', '  standby: { address: 192.0.2.13, interface: eth0 }', 'wrong-value', '8:3'],
  [
    'a source that is no node',
    '  r1: { address: 192.0.2.13, interface: eth0, source: c }',
    'unknown-node',
    '8:55',
  ],
  ['no address', '  r1: { interface: eth0 }', 'missing-key', '8:3'],
  ['an unknown key', '  r1: { address: 192.0.2.13, interface: eth0, promote: true }', 'unknown-key', '8:47'],
])('a replica with %s is refused at its place', (_, line, code, place) => {
  const parsed = parsePair(file(line), 'pair.yaml');
  if (parsed.ok) throw new Error('it was taken');
  expect(parsed.findings.map((each) => [each.code, `${each.line}:${each.column}`])).toEqual([[code, place]]);
});

test('two replicas with one address, and an eighth replica, are refused', () => {
  const line = (n: number, last: number) => `  r${n}: { address: 192.0.2.${last}, interface: eth0 }`;
  const twice = parsePair(file([line(1, 13), line(2, 13)].join('\n')), 'pair.yaml');
  expect(twice).toMatchObject({ ok: false, findings: [{ code: 'equal-addresses', line: 9 }] });
  const eight = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => line(n, 20 + n)).join('\n');
  expect(parsePair(file(eight), 'pair.yaml')).toMatchObject({
    ok: false,
    findings: [{ code: 'replica-count', line: 15 }],
  });
});

test.each<ServerFamily>(['mariadb', 'mysql', 'mysql56'])(
  'the my.cnf of a replica on %s neither waits for an acknowledgement nor gives one, whatever the durability',
  (family) => {
    const settings = settingsFor(config(TWO), 'r2', usualServer[family]).flatMap((group) => group.settings);
    const values = new Map(settings.map(({ name, value }) => [name, value]));
    expect(values.get('server_id')).toBe('514');
    expect(values.get(family === 'mysql' ? 'super_read_only' : 'read_only')).toBe('ON');
    expect(settings.filter(({ name }) => /^rpl_semi_sync/.test(name)).map(({ value }) => value)).toEqual(
      family === 'mysql56' ? [] : ['OFF', 'OFF'],
    );
    expect(values.get('relay_log_recovery')).toBe('OFF');
    expect(values.has('auto_increment_offset')).toBe(false);
    const text = renderMyCnf(config(TWO), 'r2', family);
    expect(text).not.toMatch(/durability: async/);
  },
);
