import { expect, test } from 'vitest';
import { parsePair } from '../config/pair.ts';
import { whichNode } from './node.ts';

function pair(a: string, b: string) {
  const parsed = parsePair(
    `pair: shop\nnodes: { a: { address: "${a}", interface: eth0 }, b: { address: "${b}", interface: eth0 } }\nvips: { write: [203.0.113.9/32] }`,
    'pair.yaml',
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.findings));
  return parsed.config;
}
const config = pair('192.0.2.11', '192.0.2.12');

test('a node knows itself by the address on its host', () => {
  expect(whichNode(config, undefined, ['127.0.0.1', '192.0.2.12']).name).toBe('b');
  expect(whichNode(pair('2001:db8::1', '2001:DB8::2'), undefined, ['2001:db8::1']).name).toBe('a');
});

test('--node wins over the addresses, and must exist', () => {
  expect(whichNode(config, 'a', ['192.0.2.12']).name).toBe('a');
  expect(() => whichNode(config, 'c', [])).toThrow(/no node c/);
});

test('neither address here, or both, is refused', () => {
  expect(() => whichNode(config, undefined, ['127.0.0.1'])).toThrow(/no interface of this host/);
  expect(() => whichNode(config, undefined, ['192.0.2.11', '192.0.2.12'])).toThrow(/both nodes/);
});
