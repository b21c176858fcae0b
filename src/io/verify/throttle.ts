// When `twinkeep verify` may go on: after a reading of the writer, once the standby has executed what that reading saw; and
// between two chunks, once the writer has threads to spare. Says why it waits.
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../../core/error.ts';
import { type Pace, restMs } from '../../core/verify/pace.ts';
import type { VerifyServer } from './server.ts';

export interface Throttle {
  /** Resolves when the standby has executed all that the writer had at the call. */
  standbyReached(): Promise<void>;
  /** Whether all that the standby may have shown is visible at the writer by now: waits for it a moment. */
  settled(): Promise<boolean>;
  /** Rests after work of that long; longer while the standby is behind or the writer is busy. */
  rest(workedMs: number): Promise<void>;
  /** Milliseconds spent on waiting for lag and for the writer's threads. */
  heldMs(): number;
}

/** A standby that has not come along for this long ends the comparing. */
const STANDBY_MS_MAX = 120_000;
const APPLIER_ASKED_AFTER_MS = 2_000;
/** Between two waits of the standby. */
const AGAIN_MS = 10;
const SETTLE_MS_MAX = 1_000;
const BUSY_LOOK_MS = 500;
/** A writer busy for longer than this is compared all the same, slowly: it may be so all day. */
const BUSY_MS_MAX = 60_000;

export function makeThrottle(
  writer: VerifyServer,
  standby: VerifyServer,
  pace: Pace,
  told: (because: string | null) => void,
): Throttle {
  let lagMs = 0;
  let held = 0;
  let threadsLookedMs = Number.NEGATIVE_INFINITY;

  async function reachedNow(): Promise<number> {
    const startedMs = performance.now();
    const waitedMs = (): number => performance.now() - startedMs;
    const position = await writer.position();
    let asked = false;
    while (!(await standby.reaches(position, 1_000))) {
      // With a stopped applier the server answers at once.
      await sleep(AGAIN_MS);
      if (waitedMs() > pace.lagMsMax)
        told(`${standby.node} is ${Math.round(waitedMs() / 1000)} s behind: waiting`);
      if (!asked && waitedMs() > APPLIER_ASKED_AFTER_MS) {
        asked = true;
        const because = await standby.applierError();
        if (because !== null) throw standsStill(standby, because);
      }
      if (waitedMs() > STANDBY_MS_MAX)
        throw standsStill(standby, `it has not caught up within ${STANDBY_MS_MAX / 1000} s`);
    }
    return waitedMs();
  }

  async function waitForLag(): Promise<void> {
    for (let pauseMs = 500; lagMs > pace.lagMsMax; pauseMs = Math.min(pauseMs * 2, 10_000)) {
      told(`${standby.node} was ${Math.round(lagMs)} ms behind: waiting`);
      await sleep(pauseMs);
      lagMs = await reachedNow();
    }
  }

  async function waitForThreads(): Promise<void> {
    const startedMs = performance.now();
    // Chunks of a few milliseconds would ask more about the load than about rows.
    if (startedMs - threadsLookedMs < BUSY_LOOK_MS) return;
    for (;;) {
      threadsLookedMs = performance.now();
      const running = await writer.threadsRunning();
      if (running <= pace.runningMax || performance.now() - startedMs > BUSY_MS_MAX) return;
      told(`${writer.node} has ${running} threads running: waiting`);
      await sleep(BUSY_LOOK_MS);
    }
  }

  return {
    async standbyReached() {
      lagMs = await reachedNow();
    },
    async settled() {
      const startedMs = performance.now();
      const first = await writer.commits();
      if (first.waiting === 0) return true;
      for (;;) {
        await sleep(5);
        const now = await writer.commits();
        if (now.waiting === 0 || now.released >= first.released + first.waiting) return true;
        if (performance.now() - startedMs > SETTLE_MS_MAX) return false;
      }
    },
    async rest(workedMs) {
      const startedMs = performance.now();
      await waitForLag();
      await waitForThreads();
      held += performance.now() - startedMs;
      told(null);
      const leftMs = restMs(workedMs, pace.dutyPercent);
      if (leftMs >= 1) await sleep(leftMs);
    },
    heldMs: () => held,
  };
}

function standsStill(standby: VerifyServer, because: string): OperatorError {
  return new OperatorError(
    'standby-behind',
    `${standby.node} cannot be compared: ${because}`,
    'rows can be compared only at a standby that replicates: see `twinkeep status`, then run it again',
  );
}
