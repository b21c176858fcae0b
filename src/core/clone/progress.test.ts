import { expect, test } from 'vitest';
import { addSample, describeProgress, formatBytes, parseBytes, progressOf, type Sample } from './progress.ts';

const MIB = 1024 * 1024;

function run(rates: readonly number[]): readonly Sample[] {
  let samples: readonly Sample[] = [{ atMs: 0, bytes: 0 }];
  let bytes = 0;
  rates.forEach((perS, i) => {
    bytes += perS;
    samples = addSample(samples, { atMs: (i + 1) * 1000, bytes });
  });
  return samples;
}

test('rate and time left are of the last seconds', () => {
  const steady = progressOf(run([50, 50, 50, 50].map((n) => n * MIB)), 1000 * MIB);
  expect(steady).toEqual({ bytes: 200 * MIB, bytesTotal: 1000 * MIB, bytesPerS: 50 * MIB, leftS: 16 });
  const slowed = progressOf(run([...Array(20).fill(50 * MIB), ...Array(10).fill(MIB)]), 2000 * MIB);
  expect(slowed.bytesPerS).toBe(MIB);
});

test('a copy that is larger than was thought has a second left, not less than none', () => {
  expect(progressOf(run([50 * MIB]), 10 * MIB).leftS).toBe(1);
  expect(progressOf(run([]), 10 * MIB)).toMatchObject({ bytes: 0, bytesPerS: 0, leftS: null });
});

test('it is said in words', () => {
  const words = describeProgress({
    bytes: 512 * MIB,
    bytesTotal: 2048 * MIB,
    bytesPerS: 64 * MIB,
    leftS: 24,
  });
  expect(words).toBe('512 MiB of about 2.0 GiB, 64.0 MiB/s, about 24 s left');
  expect(describeProgress({ bytes: 10, bytesTotal: null, bytesPerS: 0, leftS: null })).toBe('10 B, 0 B/s');
  expect(formatBytes(1536)).toBe('1.5 KiB');
});

test('rates are typed as people type them', () => {
  expect(parseBytes('50MB')).toBe(50 * MIB);
  expect(parseBytes('50MiB')).toBe(50 * MIB);
  expect(parseBytes(' 1.5 g ')).toBe(1.5 * 1024 * MIB);
  expect(parseBytes('4096')).toBe(4096);
  for (const wrong of ['', '0', '-5MB', 'fast', '5 MB/s', '1e9', '0.0001k'])
    expect(parseBytes(wrong), wrong).toBeNull();
});
