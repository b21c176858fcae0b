// Every deliberate defect is caught. `npm run sim -- --mutants` tells after how many seeds.

import { describe, expect, it } from 'vitest';
import { seedsToCatch } from './hunt.ts';
import { MUTANTS } from './mutants.ts';

/** Most need fewer than twenty. */
const SEEDS_MAX = 600;

describe('the simulator catches', () => {
  for (const mutant of MUTANTS) {
    it(mutant.name, { timeout: 300_000 }, () => {
      expect(seedsToCatch(mutant, mutant.from, SEEDS_MAX)).not.toBeNull();
    });
  }
});
