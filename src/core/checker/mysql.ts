// What MYSQL_CHECK makes of a server's replication: which of its troubles are troubles of this server. A source that is gone is none:
// otherwise the survivor of a pair would be taken for dead as soon as the other dies.

export interface Channel {
  /** '' is the unnamed one. */
  readonly name: string;
  readonly receiver: 'running' | 'connecting' | 'stopped';
  readonly receiverErrno: number;
  readonly receiverError: string;
  readonly applier: 'running' | 'stopped';
  readonly applierErrno: number;
  readonly applierError: string;
  /** null: not known, for want of a source. */
  readonly lagSeconds: number | null;
}

export interface ReplicationWanted {
  readonly replication: 'ignored' | 'threads' | 'connected';
  readonly lagSecondsMax: number | null;
}

/** CR_... of the client library: the source could not be reached, or fell silent. */
const CLIENT_ERRNO_MIN = 2000;
const CLIENT_ERRNO_MAX = 2999;

const withError = (text: string, errno: number, error: string): string =>
  errno === 0 ? text : `${text}: ${error} (error ${errno})`;

function judgeThreads(channel: Channel, strict: boolean): string | null {
  const { receiver, receiverErrno, receiverError, applier, applierErrno, applierError } = channel;
  if (applier === 'stopped') return withError('the applier is stopped', applierErrno, applierError);
  if (receiver === 'running') return null;
  if (strict)
    return withError(
      `the receiver is ${receiver === 'stopped' ? 'stopped' : 'not connected'}`,
      receiverErrno,
      receiverError,
    );
  const sourceGone = receiverErrno >= CLIENT_ERRNO_MIN && receiverErrno <= CLIENT_ERRNO_MAX;
  if (receiver === 'connecting' || sourceGone) return null;
  return withError('the receiver is stopped', receiverErrno, receiverError);
}

/** Why this server is not to be used; null: it may be. */
export function judgeReplication(channels: readonly Channel[], wanted: ReplicationWanted): string | null {
  const { replication, lagSecondsMax } = wanted;
  if (replication !== 'ignored' && channels.length === 0) return 'replication is not set up';
  for (const channel of channels) {
    const name = channel.name === '' ? '' : `channel ${channel.name}: `;
    const trouble = replication === 'ignored' ? null : judgeThreads(channel, replication === 'connected');
    if (trouble !== null) return `${name}${trouble}`;
    const { lagSeconds } = channel;
    if (lagSecondsMax !== null && lagSeconds !== null && lagSeconds > lagSecondsMax)
      return `${name}${lagSeconds} s behind its source (max_lag ${lagSecondsMax})`;
  }
  return null;
}
