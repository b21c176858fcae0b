// A failing schedule made smaller: faults are left out, and times rounded, for as long as the same invariant fails.

import { type Plan, type Result, type RunOptions, run } from './run.ts';

const TRIALS_MAX = 80;

export function shrink(failing: Result, options: RunOptions): Result {
  const wanted = failing.violations[0]?.invariant;
  let best = failing;
  let trials = 0;
  const attempt = (plan: Plan): boolean => {
    if (trials++ >= TRIALS_MAX) return false;
    const result = run(plan, { ...options, tracing: false });
    if (result.violations[0]?.invariant !== wanted) return false;
    best = result;
    return true;
  };
  for (let again = true; again && trials < TRIALS_MAX; ) {
    again = false;
    for (let i = best.plan.faults.length - 1; i >= 0; i--) {
      const faults = best.plan.faults.filter((_, index) => index !== i);
      if (attempt({ ...best.plan, faults })) again = true;
    }
  }
  attempt({ ...best.plan, config: { ...best.plan.config, clients: 1 } });
  return best;
}
