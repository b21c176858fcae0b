import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from './suggest.ts';

test.each([
  ['priority', 'priorty', 1],
  ['address', 'adress', 1],
  ['gtid', 'gtdi', 1],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
])('%s and %s differ by %d', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
});

test('the distance does not depend on the direction, and is 0 only for equal words', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
    }),
  );
});

test('the nearest word is found across case, hyphens and small slips', () => {
  const known = ['advertInterval', 'preempt', 'peers', 'id'];
  expect(nearest('advert_interval', known)).toBe('advertInterval');
  expect(nearest('AdvertIntervall', known)).toBe('advertInterval');
  expect(nearest('premtp', known)).toBe('preempt');
});

test('a word that is far from all is not corrected', () => {
  expect(nearest('virtual_router', ['advertInterval', 'preempt', 'id'])).toBeNull();
  expect(nearest('x'.repeat(100_000), ['id'])).toBeNull();
});
