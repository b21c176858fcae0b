// Measured on keepalived 2.2.7 where a number stands: which weight does what to a priority of 100.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DELTA_MAX, effectOfValue, effectOfVerdict, valueOfFile } from './tracking.ts';

describe('a script or a process', () => {
  test.each([
    // weight, reverse, when good, when bad
    [10, false, 10, 0],
    [10, true, -10, 0],
    [-20, false, 0, -20],
    [-20, true, 0, 20],
  ])('with weight %d, reverse %s: %d when good, %d when bad', (weight, reverse, good, bad) => {
    expect(effectOfVerdict(true, { weight, reverse })).toEqual({ fault: false, delta: good });
    expect(effectOfVerdict(false, { weight, reverse })).toEqual({ fault: false, delta: bad });
  });
  test('with weight 0 is a fault when it is bad, and with reverse when it is good', () => {
    expect(effectOfVerdict(false, { weight: 0, reverse: false }).fault).toBe(true);
    expect(effectOfVerdict(true, { weight: 0, reverse: false }).fault).toBe(false);
    expect(effectOfVerdict(false, { weight: 0, reverse: true }).fault).toBe(false);
    expect(effectOfVerdict(true, { weight: 0, reverse: true }).fault).toBe(true);
  });
  test('changes nothing before anything is known', () => {
    expect(effectOfVerdict(null, { weight: 0, reverse: true })).toEqual({ fault: false, delta: 0 });
    expect(effectOfVerdict(null, { weight: -20, reverse: false })).toEqual({ fault: false, delta: 0 });
  });
});

describe('a file', () => {
  test.each([
    [5, 2, false, { fault: false, delta: 10 }],
    [-20, 2, false, { fault: false, delta: -40 }],
    [5, -4, false, { fault: false, delta: -20 }],
    [4, -3, false, { fault: false, delta: -12 }],
    [6, 1, true, { fault: false, delta: -6 }],
    [0, -3, false, { fault: false, delta: 0 }],
    [-20, 254, false, { fault: true, delta: 0 }],
    [-254, 1, false, { fault: true, delta: 0 }],
    [-253, 1, false, { fault: false, delta: -253 }],
    [300, 1, true, { fault: true, delta: 0 }],
    [400, 1, false, { fault: false, delta: DELTA_MAX }],
    [1, 0, false, { fault: true, delta: 0 }],
    [0, 0, false, { fault: false, delta: 0 }],
    [0, 0, true, { fault: true, delta: 0 }],
    [1, 0, true, { fault: false, delta: 0 }],
  ])('with %d and weight %d, reverse %s', (value, weight, reverse, effect) => {
    expect(effectOfValue(value, { weight, reverse })).toEqual(effect);
  });
  test.each([
    ['5\n', 5],
    ['  12 trailing', 12],
    ['-254', -254],
    ['+7', 7],
    ['abc', 0],
    ['', 0],
    ['99999999999', 2_147_483_647],
    ['-99999999999', -2_147_483_648],
  ])('of %j is read as %d', (text, value) => {
    expect(valueOfFile(text)).toBe(value);
  });
  test('never gives a priority more than its limit, nor a fault and a change together', () => {
    const any = fc.record({ weight: fc.integer({ min: -254, max: 254 }), reverse: fc.boolean() });
    fc.assert(
      fc.property(fc.string(), any, (text, weighing) => {
        const value = valueOfFile(text);
        const { fault, delta } = effectOfValue(value, weighing);
        expect(Math.abs(delta)).toBeLessThanOrEqual(DELTA_MAX);
        if (fault) expect(delta).toBe(0);
        expect(Number.isSafeInteger(value)).toBe(true);
      }),
    );
  });
});
