// What the machine knows of the witness: a third place that keeps the record by compare-and-swap. With one, no clocks are
// compared: a writer goes alone, and a standby takes over, only by changing the same record, so exactly one of them wins.

import type { PairRecord } from './record.ts';

/** What the witness holds, as one linearizable read, or the last compare-and-swap, saw it. */
export type WitnessView =
  | { readonly kind: 'holds'; readonly record: PairRecord; readonly revision: string }
  /** Nothing: it is new, or was wiped. */
  | { readonly kind: 'empty' }
  /** Another pair's record, or something that is no record. Never overwritten. */
  | { readonly kind: 'foreign'; readonly because: string }
  | { readonly kind: 'unreachable'; readonly because: string };

/** What a compare-and-swap expects to find. Both must hold: revisions start anew when a witness is wiped. */
export interface WitnessExpectation {
  readonly record: PairRecord;
  readonly revision: string;
}
