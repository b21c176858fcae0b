import { expect, test } from 'vitest';
import { nextChunkRows, restMs, smallerChunk } from './pace.ts';

test('a chunk grows towards 100 ms, by half or double at most', () => {
  expect(nextChunkRows(1000, 80)).toBe(1250);
  expect(nextChunkRows(1000, 1)).toBe(2000);
  expect(nextChunkRows(1000, 10_000)).toBe(500);
});

test('a chunk has 50 to 20000 rows', () => {
  expect(nextChunkRows(60, 100_000)).toBe(50);
  expect(nextChunkRows(20_000, 0)).toBe(20_000);
});

test('a chunk that took too long is cut to a quarter, down to one row', () => {
  expect([smallerChunk(1000), smallerChunk(3), smallerChunk(1)]).toEqual([250, 1, null]);
});

test('half of the time is rest at a duty of 50 %, none at 100 %, five seconds at most', () => {
  expect([restMs(120, 50), restMs(120, 100), restMs(60_000, 10)]).toEqual([120, 0, 5000]);
});
