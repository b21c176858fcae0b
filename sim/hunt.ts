// How many seeds it takes until each mutant is caught.

import { MUTANTS, type Mutant } from './mutants.ts';
import { drawPlan, run } from './run.ts';

/** The seed that catches it, counted from `start`; null: none of so many. */
export function seedsToCatch(mutant: Mutant, start: number, seedsMax: number): number | null {
  const { witness, family, flaws } = mutant;
  for (let n = 1; n <= seedsMax; n++) {
    const seed = start + n - 1;
    const plan = drawPlan(seed, { witness, family });
    // What fails without the defect proves nothing of it.
    if (run(plan, { witness, flaws }).violations.length > 0 && run(plan).violations.length === 0) return n;
  }
  return null;
}

const STARTS = [1, 10_001, 20_001] as const;
const SEEDS_MAX = 1000;

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((x, y) => x - y)[Math.floor(numbers.length / 2)] ?? Number.POSITIVE_INFINITY;

/** Prints a line for each; whether all were caught. */
export function huntMutants(write: (text: string) => void): boolean {
  let all = true;
  for (const mutant of MUTANTS) {
    const found = STARTS.map((start) => seedsToCatch(mutant, start, SEEDS_MAX));
    const counts = found.map((n) => n ?? Number.POSITIVE_INFINITY);
    const caught = found.every((n) => n !== null);
    all &&= caught;
    write(
      caught
        ? `caught after ${median(counts)} seeds (${counts.join(', ')}): ${mutant.name}`
        : `NOT CAUGHT in ${SEEDS_MAX} seeds (${counts.join(', ')}): ${mutant.name}`,
    );
  }
  return all;
}
