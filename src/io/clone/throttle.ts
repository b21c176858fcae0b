// Holds a stream to so many bytes a second. What was not used is not saved up for longer than a moment.

import { setTimeout as sleep } from 'node:timers/promises';

export interface Throttle {
  /** Resolves when so many bytes may go. */
  take(bytes: number): Promise<void>;
  /** From now on everything may go at once. */
  lift(): void;
}

const BURST_S = 0.25;

export function throttleTo(bytesPerS: number | null): Throttle {
  let limit = bytesPerS;
  let allowance = 0;
  let lastMs = performance.now();
  return {
    async take(bytes) {
      if (limit === null) return;
      const nowMs = performance.now();
      allowance = Math.min(limit * BURST_S, allowance + ((nowMs - lastMs) / 1000) * limit);
      lastMs = nowMs;
      allowance -= bytes;
      // Short sleeps, so that lifting the limit is felt.
      while (limit !== null && allowance < 0) {
        await sleep(Math.min(100, (-allowance / limit) * 1000));
        const now = performance.now();
        allowance += ((now - lastMs) / 1000) * (limit ?? 0);
        lastMs = now;
      }
    },
    lift() {
      limit = null;
    },
  };
}
