// What is sent to etcd and read from it; test/witness asks real ones.
import { expect, test } from 'vitest';
import { encodeEntry } from './entry.ts';
import { swapRequest, viewOf } from './etcd.ts';
import { explainFailure, explainRefusal } from './explain.ts';

const owner = { pair: 'shop', pairId: '0123456789abcdef', nodes: ['a', 'b'] };
const RECORD = { epoch: 7, writer: 'a', sync: 'paired' } as const;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const key = base64('/twinkeep/shop/record');

test('a swap compares both the revision and the text, and asks what is there if either differs', () => {
  const next = { ...RECORD, sync: 'alone' } as const;
  expect(swapRequest(next, { record: RECORD, revision: '12' }, owner)).toEqual({
    compare: [
      { key, target: 'MOD', result: 'EQUAL', mod_revision: '12' },
      { key, target: 'VALUE', result: 'EQUAL', value: base64(encodeEntry(RECORD, owner)) },
    ],
    success: [{ request_put: { key, value: base64(encodeEntry(next, owner)) } }],
    failure: [{ request_range: { key } }],
  });
});

test('a swap that expects nothing compares that the key was never made', () => {
  expect(swapRequest(RECORD, null, owner)).toMatchObject({
    compare: [{ key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
  });
});

test('what etcd holds becomes a view; an answer without keys means nothing is there', () => {
  const value = base64(encodeEntry(RECORD, owner));
  expect(viewOf({ kvs: [{ key, mod_revision: '9', value }] }, owner)).toEqual({
    kind: 'holds',
    record: RECORD,
    revision: '9',
  });
  expect(viewOf({}, owner)).toEqual({ kind: 'empty' });
  expect(viewOf({ kvs: [] }, owner)).toEqual({ kind: 'empty' });
});

test('an empty value, which etcd leaves out of its answer, is foreign and not empty', () => {
  expect(viewOf({ kvs: [{ key, mod_revision: '9' }] }, owner)).toMatchObject({ kind: 'foreign' });
});

test.each([{ kvs: 7 }, { kvs: [{ key, value: 'AA==' }] }, { kvs: [{ key, mod_revision: 3, value: '' }] }])(
  'an answer that etcd would not give (%j) counts as none',
  (range) => {
    expect(viewOf(range, owner)).toMatchObject({ kind: 'unreachable' });
  },
);

test('a failure is told with the endpoint, what happened and what to do', () => {
  const failed = (code: string, sent = false, message = '') =>
    explainFailure('http://w:2379', sent, Object.assign(new Error(message), { code }));
  expect(failed('ECONNREFUSED')).toMatch(/^http:\/\/w:2379 refused the connection: start etcd there/);
  expect(failed('ETOOLATE', true, 'no answer within 300 ms')).toMatch(/no answer within 300 ms.*frozen/);
  expect(failed('ETOOLATE', false, 'no answer within 300 ms')).toMatch(/could not be connected.*firewall/);
  expect(failed('HPE_INVALID_CONSTANT', true)).toMatch(/something else listens there/);
  expect(failed('DEPTH_ZERO_SELF_SIGNED_CERT')).toMatch(/witness\.caFile/);
  expect(failed('EUNHEARDOF', false, 'so it is')).toBe('http://w:2379 cannot be asked (so it is)');
});

test("etcd's refusals are told in its own words, with what to do", () => {
  const refused = (message: string) => explainRefusal('http://w:2379', 400, message, '');
  expect(refused('etcdserver: user name is empty')).toMatch(
    /"etcdserver: user name is empty".*witness\.user/,
  );
  expect(refused('etcdserver: no leader')).toMatch(/too few members/);
  expect(refused('etcdserver: something new')).toBe('http://w:2379 answered "etcdserver: something new"');
  expect(explainRefusal('http://w:2380', 404, null, '404 page not found\n')).toMatch(
    /no etcd, or an etcd before 3\.4.*404 "404 page not found"/,
  );
});
