import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, likelyDuration, parseDuration } from './duration.ts';

test.each([
  ['100ms', 100],
  ['3s', 3_000],
  ['3 s', 3_000],
  ['1.5s', 1_500],
  ['40.95s', 40_950],
  ['1m', 60_000],
  ['24h', 86_400_000],
  ['0ms', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '3', 's', '-1s', '3 seconds', '3S', '1e3s', '0.5ms', '3s ', '1m30s', '3,5s'])(
  '"%s" is no duration',
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);

test('what is printed is read back as the same time', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000_000 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});

test('a bare number is guessed in the unit that comes nearest to the usual value', () => {
  expect(likelyDuration(100, 100)).toBe('100ms');
  expect(likelyDuration(3, 2_000)).toBe('3s');
  expect(likelyDuration(3000, 3_000)).toBe('3000ms');
  expect(likelyDuration(1, 60_000)).toBe('1m');
});
