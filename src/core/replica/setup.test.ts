// What set-up does with one further replica, and when it refuses.
import { expect, test } from 'vitest';
import type { SeenServer, SetupNode } from '../pair/setup-facts.ts';
import { planReplicaSetup, type ReplicaSetupInput } from './setup.ts';

const seen = (more: Partial<SeenServer> = {}): SeenServer => ({
  family: 'mariadb',
  version: '10.11.19-MariaDB',
  serverId: 513,
  uuid: '',
  logBin: true,
  variables: { server_id: '513', read_only: 'ON' },
  rplStatus: 'AUTH_MASTER',
  executed: '',
  history: '',
  fetchFrom: '',
  purged: '',
  channel: null,
  otherChannels: [],
  accountStatements: [],
  tables: [],
  checksums: {},
  privileged: [],
  ...more,
});

const host = (name: string, last: number, more: Partial<SeenServer>): SetupNode => ({
  name,
  address: `192.0.2.${last}`,
  required: name === 'r1' ? [{ name: 'read_only', value: 'ON' }] : [],
  seen: seen({ serverId: 500 + last, ...more }),
});

function plan(replica: Partial<SeenServer>, a: Partial<SeenServer> = {}, b: Partial<SeenServer> = a) {
  const input: ReplicaSetupInput = {
    replica: host('r1', 13, replica),
    nodes: [host('a', 11, a), host('b', 12, b)],
    source: 'b',
    port: 3306,
    replicationUser: 'repl',
    heartbeatS: 0.2,
  };
  return planReplicaSetup(input);
}

const kinds = (planned: ReturnType<typeof plan>): string[] =>
  planned.ok ? planned.steps.map((step) => step.kind) : planned.refusals.map((each) => each.code);

const DATA = { executed: '0-511-9', history: '0-511-9', fetchFrom: '0-511-9', tables: ['shop.orders'] };
const CHANNEL = {
  host: '192.0.2.11',
  port: 3306,
  user: 'repl',
  usingGtid: true,
  heartbeatS: 0.2,
  connectRetryS: 1,
  running: true,
};

test('an empty replica of a pair whose binary log is complete is pointed at its source', () => {
  const planned = plan({ accountStatements: [{ what: 'make the account', sql: 'CREATE USER' }] }, DATA);
  expect(kinds(planned)).toEqual(['account', 'point']);
  expect(planned.ok && planned.steps[1]).toMatchObject({ source: 'b', host: '192.0.2.12' });
});

test('one that replicates from either node is left as it is', () => {
  expect(kinds(plan({ ...DATA, channel: CHANNEL }, DATA))).toEqual([]);
});

test('one whose channel stands still is started, one that replicates from elsewhere is pointed', () => {
  expect(kinds(plan({ ...DATA, channel: { ...CHANNEL, running: false } }, DATA))).toEqual(['start']);
  expect(kinds(plan({ ...DATA, channel: { ...CHANNEL, host: '192.0.2.100' } }, DATA))).toEqual(['point']);
});

test('a copy is told where to fetch from, when its position says less than its log', () => {
  expect(kinds(plan({ ...DATA, fetchFrom: '' }, DATA))).toEqual(['position', 'point']);
});

test.each<[string, string, Partial<SeenServer>, Partial<SeenServer>]>([
  ['a binary log that was cut', 'log-purged', {}, { ...DATA, purged: '0-511-4' }],
  ['data that the log of the pair does not hold', 'data-older-than-log', {}, { tables: ['shop.orders'] }],
  ['tables of its own without a position', 'data-unknown', { tables: ['x.y'] }, DATA],
  ['transactions of its own', 'errant', { ...DATA, history: '0-511-8,0-513-9' }, DATA],
  ['the server id of a node', 'server-ids', { serverId: 511 }, DATA],
  ['another kind of server', 'server-family', { family: 'mysql', version: '9.7.4' }, DATA],
  ['further channels', 'other-channel', { otherChannels: ['old'] }, DATA],
  ['a server that takes writes', 'setting', { variables: { read_only: 'OFF' } }, DATA],
])('%s is refused, and what mends it is said', (_, code, replica, pair) => {
  const planned = plan(replica, pair);
  expect(kinds(planned)).toEqual([code]);
  expect(planned.ok || planned.refusals[0]?.hint).toMatch(/\S/);
});

test('what one of the nodes has is not errant, though the other is behind', () => {
  expect(kinds(plan({ ...DATA, channel: CHANNEL }, DATA, { ...DATA, history: '0-511-7' }))).toEqual([]);
});
