// The clocks of a process that calls no foreign functions. CLOCK_BOOTTIME is derived: Node's own clock is
// CLOCK_MONOTONIC, which stands still while the host is suspended; the difference is read from /proc/uptime.

import { uptime } from 'node:os';
import type { Clock } from '../runtime/ports.ts';

/** Milliseconds on CLOCK_MONOTONIC: comparable between the processes of one host, also in a container. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** The offset is looked at this often, and at once when the wall clock jumps. */
const CHECK_MS = 1000;
/** A suspend moves the wall clock against the monotonic one by as much as CLOCK_BOOTTIME: asking it needs no system call. */
const WALL_JUMP_MS = 50;
/** /proc/uptime counts in 10 ms; only a real suspend moves the offset by more than this. */
const SUSPEND_MS_MIN = 100;

export interface ClockSources {
  /** CLOCK_MONOTONIC, milliseconds. */
  readonly monotonicMs: () => number;
  /** CLOCK_REALTIME, milliseconds. */
  readonly wallMs: () => number;
  /** CLOCK_BOOTTIME, coarse and dear, milliseconds. */
  readonly uptimeMs: () => number;
}

const SYSTEM: ClockSources = {
  monotonicMs,
  wallMs: () => Date.now(),
  uptimeMs: () => uptime() * 1000,
};

export function bootClock(sources: ClockSources = SYSTEM): Clock {
  let offsetMs = sources.uptimeMs() - sources.monotonicMs();
  let checkedMs = sources.monotonicMs();
  let wallOffsetMs = sources.wallMs() - checkedMs;
  return {
    bootMs() {
      const now = sources.monotonicMs();
      const wallNow = sources.wallMs() - now;
      if (now - checkedMs > CHECK_MS || Math.abs(wallNow - wallOffsetMs) > WALL_JUMP_MS) {
        checkedMs = now;
        wallOffsetMs = wallNow;
        const offsetNow = sources.uptimeMs() - now;
        if (offsetNow - offsetMs > SUSPEND_MS_MIN) offsetMs = offsetNow;
      }
      return now + offsetMs;
    },
  };
}
