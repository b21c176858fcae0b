// I5: after a crash before any order of any plan, the pair finishes it or undoes it.

import { describe, expect, it } from 'vitest';
import { describeFault } from './faults.ts';
import { crashEverywhere, PLAN_KINDS } from './prefixes.ts';

describe('after a crash of a manager or a host before any order, the pair is well again', () => {
  for (const kind of PLAN_KINDS) {
    it(kind.name, { timeout: 120_000 }, () => {
      for (const witness of [true, false]) {
        const { runs, failures } = crashEverywhere(kind, witness);
        const told = failures.map(
          ({ crash, result }) =>
            `${witness ? 'with' : 'without'} a witness, ${describeFault(crash)}: ${result.violations[0]?.because}`,
        );
        expect(told).toEqual([]);
        expect(runs).toBeGreaterThanOrEqual(8);
      }
    });
  }
});
