// Holds: why the writer role does not move by itself now, although it could. A set of reasons; an operator's
// switchover is refused by none of them.

import type { Reason } from './reason.ts';
import type { PairState } from './state.ts';

const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`;

/** As the writer: how much longer no failover may follow the last one. */
export function holdLeftMs(state: PairState): number {
  if (state.role !== 'writing' && state.role !== 'handing-over') return 0;
  return Math.max(0, state.failedOverAtMs + state.settings.holdAfterFailoverMs - state.nowMs);
}

export function holds(state: PairState): Reason[] {
  const { maintenance, heldUntilMs, nowMs } = state;
  const found: Reason[] = [];
  if (maintenance.because !== null) {
    found.push({
      code: 'maintenance',
      because: `the pair is under maintenance (${maintenance.because}): nothing moves by itself`,
      lift: '`twinkeep maintenance off`; `twinkeep switchover` moves the role meanwhile',
    });
  }
  if (heldUntilMs > nowMs) {
    found.push({
      code: 'flapping',
      because: `a failover happened a moment ago: no other one follows by itself for ${seconds(heldUntilMs - nowMs)} (failover.holdAfterFailover)`,
      lift: 'by itself, when that time has passed; `twinkeep switchover` moves the role meanwhile',
    });
  }
  return found;
}
