// An applier that has stopped with an error is started again every second, and for a moment looks well each time. It counts as
// broken until it has passed the transaction at which it stopped: a standby must not be promoted in such a moment.
import type { ChannelStatus } from '../pair/server.ts';

export interface Broken {
  readonly error: string;
  /** What was applied when it stopped. */
  readonly appliedGtid: string;
}

/** Null: it is not broken, or no longer. */
export function stillBroken(before: Broken | null, channel: ChannelStatus | null): Broken | null {
  if (channel === null) return null;
  const { applierError, appliedGtid } = channel;
  if (applierError !== null) return { error: applierError, appliedGtid };
  if (before === null || before.appliedGtid !== appliedGtid) return null;
  // Nothing is left that it could stop at again; before the receiver has connected nobody knows what is left.
  const done = channel.drained && channel.receiver === 'running' && channel.receivedGtid !== '';
  return done ? null : before;
}
