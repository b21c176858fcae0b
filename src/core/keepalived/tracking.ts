// What a tracked thing does to an instance: from its state, the weight and `reverse` to a fault or a change of priority. The weights
// mean what keepalived 2.2.7 does with them. Used by src/app/keepalived/trackers.ts.

export interface Weighing {
  /** 0: it decides between running and FAULT. */
  readonly weight: number;
  readonly reverse: boolean;
}

export interface Effect {
  readonly fault: boolean;
  /** Added to the priority. */
  readonly delta: number;
}

const NONE: Effect = { fault: false, delta: 0 };

/** Beyond this a file's value is no priority any more: FAULT below, the highest priority above. */
export const DELTA_MAX = 253;

/** Of a script or a process: good or bad. null: nothing is known yet, which changes nothing. */
export function effectOfVerdict(good: boolean | null, { weight, reverse }: Weighing): Effect {
  if (good === null) return NONE;
  if (weight === 0) return { fault: good === reverse, delta: 0 };
  const delta = weight > 0 ? (good ? weight : 0) : good ? 0 : weight;
  return { fault: false, delta: reverse && delta !== 0 ? -delta : delta };
}

/** Of a file: its number, times the weight. */
export function effectOfValue(value: number, { weight, reverse }: Weighing): Effect {
  if (weight === 0) return { fault: (value !== 0) !== reverse, delta: 0 };
  const product = value === 0 ? 0 : value * (reverse ? -weight : weight);
  if (product < -DELTA_MAX) return { fault: true, delta: 0 };
  return { fault: false, delta: Math.min(product, DELTA_MAX) };
}

const INT_MAX = 2_147_483_647;

/** The number that a file begins with, after blanks; 0 when there is none. */
export function valueOfFile(text: string): number {
  const digits = /^\s*([+-]?[0-9]{1,20})/.exec(text)?.[1];
  if (digits === undefined) return 0;
  return Math.max(-INT_MAX - 1, Math.min(INT_MAX, Number(digits))) + 0;
}
