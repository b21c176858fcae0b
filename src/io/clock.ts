// CLOCK_BOOTTIME without a foreign function: Node's monotonic clock is CLOCK_MONOTONIC, which stands still while the
// host is suspended; the difference is read from /proc/uptime (which counts suspend) now and then.

import { readFileSync } from 'node:fs';
import type { Clock } from '../runtime/ports.ts';

/** A suspended manager must learn soon after waking that time has passed. */
const CHECK_MS = 50;

function uptimeMs(): number {
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000;
}

export function bootClock(): Clock {
  const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
  let offsetMs = uptimeMs() - monotonicMs();
  let checkedMs = monotonicMs();
  return {
    bootMs() {
      const now = monotonicMs();
      if (now - checkedMs > CHECK_MS) {
        checkedMs = now;
        // /proc/uptime counts in 10 ms; only a real suspend moves the offset by more than a second.
        const offsetNow = uptimeMs() - now;
        if (offsetNow - offsetMs > 1000) offsetMs = offsetNow;
      }
      return now + offsetMs;
    },
  };
}
