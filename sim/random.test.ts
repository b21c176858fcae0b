import { describe, expect, it } from 'vitest';
import { newRandom } from './random.ts';

const numbers = (seed: number, name: string): number[] => {
  const random = newRandom(seed, name);
  return Array.from({ length: 200 }, () => random.next());
};

describe('chance that can be repeated', () => {
  it('gives the same numbers for the same seed and name, and others for another', () => {
    expect(numbers(1, 'network')).toEqual(numbers(1, 'network'));
    expect(numbers(1, 'network')).not.toEqual(numbers(2, 'network'));
    expect(numbers(1, 'network')).not.toEqual(numbers(1, 'clients'));
  });

  it('keeps within its bounds, and reaches all of them', () => {
    const random = newRandom(7, 'bounds');
    const drawn = new Set(Array.from({ length: 400 }, () => random.whole(3, 6)));
    expect([...drawn].sort()).toEqual([3, 4, 5, 6]);
    for (const number of numbers(7, 'unit')) expect(number >= 0 && number < 1).toBe(true);
  });
});
