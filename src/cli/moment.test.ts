import { expect, test } from 'vitest';
import { parseMoment, requireMoment, showMoment, showSpan } from './moment.ts';

const NOW = new Date(2026, 10, 21, 14, 30, 0).getTime();

test('a span is so long ago', () => {
  expect(parseMoment('10m', NOW)).toBe(NOW - 600_000);
  expect(parseMoment('1.5h', NOW)).toBe(NOW - 5_400_000);
  expect(parseMoment('2d', NOW)).toBe(NOW - 172_800_000);
});

test('a time of day is the last one that has been', () => {
  expect(parseMoment('14:05', NOW)).toBe(new Date(2026, 10, 21, 14, 5).getTime());
  expect(parseMoment('9:05:07', NOW)).toBe(new Date(2026, 10, 21, 9, 5, 7).getTime());
  expect(parseMoment('14:31', NOW)).toBe(new Date(2026, 10, 20, 14, 31).getTime());
});

test('a date is that of the host, unless it carries a zone', () => {
  expect(parseMoment('2026-11-20', NOW)).toBe(new Date(2026, 10, 20).getTime());
  expect(parseMoment('2026-11-20 08:00', NOW)).toBe(new Date(2026, 10, 20, 8).getTime());
  expect(parseMoment('2026-11-20T08:00:00Z', NOW)).toBe(Date.UTC(2026, 10, 20, 8));
});

test.each(['', 'soon', '10', '10 m', '25:00', '14:60', '2026-13-01', '-5m', '2026-11-20x'])(
  '%j is no time',
  (text) => {
    expect(parseMoment(text, NOW)).toBeNull();
    expect(() => requireMoment(text, NOW)).toThrow(/not a time/);
  },
);

test('what is still to come is refused', () => {
  expect(() => requireMoment('2026-11-22', NOW)).toThrow(/still to come/);
});

test('a moment is shown with its date when that is not today', () => {
  expect(showMoment(NOW + 42, NOW)).toBe('14:30:00.042');
  expect(showMoment(NOW - 86_400_000, NOW)).toBe('2026-11-20 14:30:00.000');
});

test('a span is shown in one unit', () => {
  expect([40, 12_000, 300_000, 10_800_000, 259_200_000].map(showSpan)).toEqual([
    '40 ms',
    '12 s',
    '5 minutes',
    '3 hours',
    '3 days',
  ]);
});
