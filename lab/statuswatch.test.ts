import { expect, test } from 'vitest';
import type { PairView as ApiView } from '../src/app/view.ts';
import type { NodeName } from './plan.ts';
import { type StatusAnswer, viewOf } from './statuswatch.ts';

function answer(
  node: NodeName,
  atMs: number,
  role: 'writing' | 'following',
  sync: 'paired' | 'alone' = 'paired',
  epoch = 1,
): StatusAnswer {
  const self = {
    name: node,
    self: true,
    address: '192.0.2.11',
    role,
    because: 'the record says so',
    server: 'up',
    executedGtid: '',
    history: '',
    origin: '',
    heartbeat: 0,
    replicating: true,
    lagMs: null,
    holdsWriteVip: false,
    ineligible: [],
    held: [],
  };
  const body: ApiView = {
    pair: 'lab',
    askedNode: node,
    record: { epoch, writer: 'a', sync },
    forecast: {
      writer: 'a',
      successor: null,
      outageMs: null,
      atRisk: null,
      against: [],
      because: '',
    },
    maintenance: null,
    witness: null,
    ifWriterFails: '',
    warnings: [],
    vips: [],
    nodes: [self],
    operation: null,
    wire: null,
    reads: null,
    replicas: [],
  };
  return { atMs, node, body, error: null };
}

test('a pair is whole when both nodes hold the same record, it says paired, and each plays its part', () => {
  const view = viewOf({ a: answer('a', 20, 'writing'), b: answer('b', 10, 'following') }, null);
  expect(view).toMatchObject({ paired: true, writer: 'a', atMs: 10, pairedSinceMs: 10 });
});

test('it stays whole since the first time', () => {
  const first = viewOf({ a: answer('a', 20, 'writing'), b: answer('b', 10, 'following') }, null);
  const later = viewOf({ a: answer('a', 50, 'writing'), b: answer('b', 40, 'following') }, first);
  expect(later).toMatchObject({ atMs: 40, pairedSinceMs: 10 });
});

test.each([
  ['a node does not answer', answer('a', 1, 'writing'), { ...answer('b', 1, 'following'), body: null }],
  ['they hold different records', answer('a', 1, 'writing'), answer('b', 1, 'following', 'paired', 2)],
  ['the record says alone', answer('a', 1, 'writing', 'alone'), answer('b', 1, 'following', 'alone')],
  ['the writer is not writing', answer('a', 1, 'following'), answer('b', 1, 'following')],
  ['both are writing', answer('a', 1, 'writing'), answer('b', 1, 'writing')],
])('it is not whole when %s', (_, a, b) => {
  expect(viewOf({ a, b }, null).paired).toBe(false);
});
