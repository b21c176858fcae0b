// What counts as a node's word about itself.
import { expect, test } from 'vitest';
import { parseStatement } from './pairpoll.ts';

const own = {
  name: 'a',
  self: true,
  role: 'writing',
  server: 'up',
  executedGtid: '0-511-5',
  history: '0-511-5',
  origin: '511',
  replicating: false,
  heartbeat: 7,
};
const body = {
  askedNode: 'a',
  record: { epoch: 1, writer: 'a', sync: 'paired' },
  nodes: [{ name: 'b' }, own],
};

test('what the asked node says of itself is read', () => {
  expect(parseStatement(body, 'a')).toMatchObject({ role: 'writing', heartbeat: 7, record: { epoch: 1 } });
});

test.each([
  ['an answer of the other node', { ...body, askedNode: 'b' }],
  ['no record', { ...body, record: { epoch: 0, writer: 'a', sync: 'paired' } }],
  ['an unknown role', { ...body, nodes: [{ ...own, role: 'king' }] }],
  ['no history', { ...body, nodes: [{ ...own, history: undefined }] }],
  ['a heartbeat below zero', { ...body, nodes: [{ ...own, heartbeat: -1 }] }],
  ['no nodes', { ...body, nodes: null }],
  ['no object', 'hello'],
])('%s is none', (_, given) => {
  expect(parseStatement(given, 'a')).toBeNull();
});
