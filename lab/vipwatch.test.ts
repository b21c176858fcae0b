import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMonitorLine, spansOf } from './vipwatch.ts';

const added =
  '[2026-11-21T10:43:00.762086] 3: eth0    inet 192.0.2.100/24 scope global secondary dynamic eth0\\       valid_lft 2sec preferred_lft 2sec';
const removed =
  '[2026-11-21T10:43:01.819430] Deleted 3: eth0    inet 192.0.2.100/24 scope global secondary dynamic eth0\\       valid_lft 0sec preferred_lft 0sec';
const wallMs = Date.UTC(2026, 10, 21, 10, 43, 0);

test('an address that comes or goes is dated to the microsecond, on the monotonic clock', () => {
  expect(parseMonitorLine(added, '192.0.2.100', wallMs)).toEqual({
    atMs: expect.closeTo(762.086, 3),
    held: true,
  });
  expect(parseMonitorLine(removed, '192.0.2.100', wallMs)).toEqual({
    atMs: expect.closeTo(1819.43, 2),
    held: false,
  });
});

test('other addresses and other lines are nobody of ours', () => {
  expect(parseMonitorLine(added, '192.0.2.10', 0)).toBeNull();
  expect(parseMonitorLine('', '192.0.2.100', 0)).toBeNull();
});

test('renewals do not cut a span, and an address that stays is held to the end', () => {
  const event = (atMs: number, held: boolean) => ({ atMs, held });
  expect(spansOf([event(1, true), event(2, true), event(5, false), event(9, true)], 12)).toEqual([
    { fromMs: 1, toMs: 5 },
    { fromMs: 9, toMs: 12 },
  ]);
  expect(spansOf([event(3, false)], 12)).toEqual([]);
});

test('spans are disjoint and in order, whatever the events', () => {
  const events = fc.array(fc.record({ atMs: fc.nat(1000), held: fc.boolean() }), { maxLength: 30 });
  fc.assert(
    fc.property(events, (list) => {
      const edges = spansOf(list, 1000).flatMap((span) => [span.fromMs, span.toMs]);
      expect(edges).toEqual([...edges].sort((x, y) => x - y));
    }),
  );
});
