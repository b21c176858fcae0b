// The times of pair.yaml whose defaults follow from one another. Used by rules.ts to judge them and by pair.ts to fill them in.
import type { PairValues } from './schema.ts';

type Partially<T> = { readonly [K in keyof T]: T[K] | undefined };

export interface Times {
  readonly advertIntervalMs: number;
  readonly promoteWithinMs: number;
  readonly aloneAfterMs: number;
}

/** A time that was wrong already is undefined, and so is what would follow from it. */
export function resolveTimes({ vrrp, failover }: PairValues): Partially<Times> {
  const { version, advertInterval } = vrrp;
  const { promoteWithin, aloneAfter } = failover;
  const usual = version === undefined ? undefined : version === 2 ? 1_000 : 100;
  const advertIntervalMs = advertInterval === null ? usual : advertInterval;
  // A standby hears of a death after up to four adverts (Master_Down_Interval), and must still be allowed to act.
  const promoteWithinMs =
    promoteWithin === null ? advertIntervalMs && Math.max(2_000, 5 * advertIntervalMs) : promoteWithin;
  const aloneAfterMs =
    aloneAfter === null ? promoteWithinMs && Math.max(3_000, Math.ceil(1.5 * promoteWithinMs)) : aloneAfter;
  return { advertIntervalMs, promoteWithinMs, aloneAfterMs };
}
