// An applier that has stopped with an error is started again by the pair machine, and for a moment looks well each time. It counts
// as broken until it has passed the transaction at which it stopped: a standby must not be promoted in such a moment.
// The attempts are what mends a channel where that is safe: a deadlock, a lock wait, a row that was put right, and, while the
// writer lives and goes on alone, a damaged relay log, which each attempt then fetches anew. Nothing is ever skipped.
import type { ChannelStatus } from '../pair/server.ts';

export interface Broken {
  readonly error: string;
  /** What was applied when it stopped. */
  readonly appliedGtid: string;
  readonly sinceMs: number;
}

/** Null: it is not broken, or no longer. */
export function stillBroken(
  before: Broken | null,
  channel: ChannelStatus | null,
  nowMs: number,
): Broken | null {
  if (channel === null) return null;
  const { applierError, appliedGtid } = channel;
  const same = before?.appliedGtid === appliedGtid ? before : null;
  if (applierError !== null) return { error: applierError, appliedGtid, sinceMs: same?.sinceMs ?? nowMs };
  // Being drained says nothing: the relay log may just have been thrown away, to be fetched again.
  return same;
}

/** An attempt may fetch the whole backlog again: not every second, for as long as a person needs. */
export const ATTEMPTS_EVERY_MS = 10_000;
/** The first time several are made: most of what passes by itself passes soon. */
const FIRST_ATTEMPTS_MS = 5_000;
/** Long enough for the machine to see it. */
const ATTEMPT_MS = 1_500;

/** Whether the applier is to be started again now. */
export function attemptsNow({ sinceMs }: Broken, nowMs: number): boolean {
  const elapsedMs = nowMs - sinceMs;
  return elapsedMs < FIRST_ATTEMPTS_MS || elapsedMs % ATTEMPTS_EVERY_MS < ATTEMPT_MS;
}
