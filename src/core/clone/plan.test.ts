import { expect, test } from 'vitest';
import { type DonorFacts, planClone, type ReceiverFacts } from './plan.ts';

const GIB = 1024 ** 3;
const absent = (code: string) => ({ code, because: `there is no ${code}`, lift: 'install it' });
const donor: DonorFacts = {
  name: 'a',
  role: 'writing',
  family: 'mariadb',
  version: '10.11.19-MariaDB',
  dataBytes: GIB,
  history: '0-512-40,0-511-100',
  executed: '0-511-100',
  methods: { backup: null, 'clone-plugin': absent('plugin'), dump: null },
};
const receiver: ReceiverFacts = {
  name: 'b',
  role: 'following',
  server: {
    family: 'mariadb',
    version: '10.11.11-MariaDB',
    history: '0-512-40,0-511-90',
    executed: '0-511-90',
    received: '0-511-95',
  },
  salvaged: '',
  datadir: '/var/lib/mysql',
  bytesFree: 10 * GIB,
  isRoot: true,
  isMountPoint: false,
  outside: [],
  methods: { backup: null, 'clone-plugin': null, dump: null },
};
const auto = { method: 'auto', forgetErrant: false } as const;

function codes(
  d: Partial<DonorFacts>,
  r: Partial<ReceiverFacts>,
  wanted = auto as Parameters<typeof planClone>[2],
) {
  const plan = planClone({ ...donor, ...d }, { ...receiver, ...r }, wanted);
  return plan.ok ? plan.method : plan.against.map((each) => each.code);
}

test('a standby behind its writer is cloned, with the best method there is', () => {
  expect(codes({}, {})).toBe('backup');
  expect(codes({ methods: { ...donor.methods, backup: absent('tool') } }, {})).toBe('dump');
  expect(codes({}, { methods: { ...receiver.methods, backup: absent('mbstream') } })).toBe('dump');
  const instead = planClone(
    { ...donor, methods: { ...donor.methods, backup: absent('tool') } },
    receiver,
    auto,
  );
  expect(instead.ok && instead.because).toContain('because there is no tool');
});

test('the writer is never overwritten, and only the writer is copied', () => {
  for (const role of ['writing', 'promoting', 'handing-over'])
    expect(codes({}, { role })).toEqual(['is-writer']);
  for (const role of ['following', 'starting', 'unknown'])
    expect(codes({ role }, {})).toEqual(['donor-not-writer']);
  expect(codes({}, { role: 'unknown' })).toBe('backup');
});

test('what only the overwritten node holds is not forgotten without a word', () => {
  const errant = {
    ...receiver,
    server: { ...receiver.server, history: '0-511-90,0-512-41' },
  } as ReceiverFacts;
  expect(codes({}, errant)).toEqual(['errant']);
  expect(codes({}, errant, { ...auto, forgetErrant: true })).toBe('backup');
  expect(codes({}, { ...errant, salvaged: '0-512-41' })).toBe('backup');
  expect(codes({}, { ...errant, salvaged: '0-512-39' })).toEqual(['errant']);
  const ahead = { ...receiver, server: { ...receiver.server, received: '0-511-101' } } as ReceiverFacts;
  expect(codes({}, ahead)).toEqual(['errant']);
  expect(codes({}, { server: null })).toEqual(['errant-unknown']);
  expect(codes({}, { server: null }, { ...auto, forgetErrant: true })).toBe('backup');
});

test('MySQL: transactions are compared as sets', () => {
  const uuid = (n: number): string => `${n}`.repeat(8).concat('-1111-1111-1111-111111111111');
  const mysql = {
    family: 'mysql',
    version: '9.7.4',
    history: `${uuid(1)}:1-100`,
    executed: `${uuid(1)}:1-100`,
    methods: { backup: absent('backup'), 'clone-plugin': null, dump: null },
  } as const;
  const server = {
    family: 'mysql',
    version: '9.7.4',
    history: `${uuid(1)}:1-90`,
    executed: `${uuid(1)}:1-90`,
    received: '',
  } as const;
  expect(codes(mysql, { server })).toBe('clone-plugin');
  const errant = { ...server, history: `${uuid(1)}:1-90,${uuid(2)}:1-3` };
  expect(codes(mysql, { server: errant })).toEqual(['errant']);
  expect(codes(mysql, { server: errant, salvaged: `${uuid(2)}:1-3` })).toBe('clone-plugin');
});

test('every other rule has a name and something that lifts it', () => {
  const all = planClone(
    { ...donor, version: '11.4.2-MariaDB' },
    { ...receiver, isRoot: false, isMountPoint: true, outside: ['log_bin'], bytesFree: GIB },
    { ...auto, method: 'backup' },
  );
  expect(all.ok).toBe(false);
  if (all.ok) return;
  expect(all.against.map((each) => each.code)).toEqual([
    'not-root',
    'datadir-is-mount',
    'files-outside',
    'no-space',
    'version',
  ]);
  for (const { because, lift } of all.against) {
    expect(because.length).toBeGreaterThan(20);
    expect(lift.length).toBeGreaterThan(20);
  }
  expect(codes({ family: 'mysql' }, {})).toContain('family');
});
