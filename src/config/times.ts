// The times of pair.yaml whose defaults follow from one another. Used by rules.ts to judge them and by pair.ts to fill them in.
import type { PairValues } from './schema.ts';

export interface Times {
  readonly advertIntervalMs: number;
  readonly promoteWithinMs: number;
  readonly aloneAfterMs: number;
}

/** Null when one of them was wrong already. */
export function resolveTimes({ vrrp, failover }: PairValues): Times | null {
  const { version, advertInterval } = vrrp;
  const { promoteWithin, aloneAfter } = failover;
  if (
    version === undefined ||
    advertInterval === undefined ||
    promoteWithin === undefined ||
    aloneAfter === undefined
  ) {
    return null;
  }
  const advertIntervalMs = advertInterval ?? (version === 2 ? 1_000 : 100);
  // A standby hears of a death after up to four adverts (Master_Down_Interval), and must still be allowed to act.
  const promoteWithinMs = promoteWithin ?? Math.max(2_000, 5 * advertIntervalMs);
  const aloneAfterMs = aloneAfter ?? Math.max(3_000, 1.5 * promoteWithinMs);
  return { advertIntervalMs, promoteWithinMs, aloneAfterMs };
}
