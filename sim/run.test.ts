// The pair machines in the seeded world: a bounded sweep, and the same seed twice. `npm run sim` goes on where this ends.

import { describe, expect, it } from 'vitest';
import { drawPlan, run } from './run.ts';

const SEEDS = 300;

describe('the pair in the simulated world', () => {
  it('does the same for the same seed, to the letter', () => {
    for (const seed of [3, 11]) {
      const [first, second] = [
        run(drawPlan(seed), { tracing: true }),
        run(drawPlan(seed), { tracing: true }),
      ];
      expect(first.transcript.length).toBeGreaterThan(50);
      expect(first.transcript).toEqual(second.transcript);
    }
  });

  it('keeps every invariant with servers of MySQL, and a salvage of what they keep makes the pair well again', {
    timeout: 300_000,
  }, () => {
    const failures: string[] = [];
    let salvaged = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const result = run(drawPlan(seed, { family: 'mysql' }));
      if (result.operator !== null) salvaged += 1;
      const [first] = result.violations;
      if (first !== undefined)
        failures.push(`npm run sim -- --family mysql --seed ${seed} --trace: ${first.because}`);
    }
    expect(failures).toEqual([]);
    expect(salvaged).toBeGreaterThan(0);
  });

  it(`keeps every invariant for ${SEEDS} seeds`, { timeout: 300_000 }, () => {
    const failures: string[] = [];
    let acknowledged = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = run(drawPlan(seed));
      acknowledged += result.acknowledged;
      const [first] = result.violations;
      if (first !== undefined)
        failures.push(`npm run sim -- --seed ${seed} --trace: ${first.invariant}: ${first.because}`);
    }
    expect(failures).toEqual([]);
    expect(acknowledged).toBeGreaterThan(SEEDS * 50);
  });
});
