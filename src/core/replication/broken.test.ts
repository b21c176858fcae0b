// An applier that is started again and again.
import { expect, test } from 'vitest';
import type { ChannelStatus } from '../pair/server.ts';
import { ATTEMPTS_EVERY_MS, attemptsNow, stillBroken } from './broken.ts';

const well: ChannelStatus = {
  sourceHost: 'a',
  sourcePort: 3306,
  receiver: 'running',
  applier: 'running',
  receiverError: null,
  applierError: null,
  receivedGtid: '0-1-9',
  appliedGtid: '0-1-4',
  drained: false,
  heartbeats: 1,
};
const stopped: ChannelStatus = { ...well, applier: 'stopped', applierError: 'row missing (error 1032)' };

test('it counts as broken while it stands at the same transaction, also when it runs again for a moment', () => {
  const broken = stillBroken(null, stopped, 1000);
  expect(broken).toEqual({ error: 'row missing (error 1032)', appliedGtid: '0-1-4', sinceMs: 1000 });
  expect(stillBroken(broken, well, 1100)).toEqual(broken);
  // Thrown away and not fetched again yet: nothing is left, and nothing is proven.
  expect(stillBroken(broken, { ...well, drained: true, receivedGtid: '0-1-4' }, 1200)).toEqual(broken);
  expect(stillBroken(broken, { ...well, appliedGtid: '0-1-5' }, 1300)).toBeNull();
});

test('a further error at the same place is the same breakdown; at another place it is a new one', () => {
  const broken = stillBroken(null, stopped, 1000);
  const other = { ...stopped, applierError: 'another (error 1062)' };
  expect(stillBroken(broken, other, 2000)).toMatchObject({ error: other.applierError, sinceMs: 1000 });
  expect(stillBroken(broken, { ...other, appliedGtid: '0-1-7' }, 3000)).toMatchObject({ sinceMs: 3000 });
});

test('a server that never was broken is not, whatever it has applied', () => {
  expect(stillBroken(null, well, 0)).toBeNull();
  expect(stillBroken(null, null, 0)).toBeNull();
});

test('it is tried again at once, and later once in each period', () => {
  const broken = { error: 'x', appliedGtid: '', sinceMs: 0 };
  expect(attemptsNow(broken, 1)).toBe(true);
  for (let period = 1; period < 20; period += 1) {
    const asked = Array.from({ length: 100 }, (_, i) =>
      attemptsNow(broken, period * ATTEMPTS_EVERY_MS + (i * ATTEMPTS_EVERY_MS) / 100),
    );
    expect(asked.some((each) => each)).toBe(true);
    expect(asked.filter((each) => !each).length).toBeGreaterThan(50);
  }
});
