// What counts as a trouble of this server, and what as one of its source.
import { describe, expect, test } from 'vitest';
import { type Channel, judgeReplication, type ReplicationWanted } from './mysql.ts';

const HEALTHY: Channel = {
  name: '',
  receiver: 'running',
  receiverErrno: 0,
  receiverError: '',
  applier: 'running',
  applierErrno: 0,
  applierError: '',
  lagSeconds: 0,
};
const judge = (channel: Partial<Channel> | null, wanted: Partial<ReplicationWanted>) =>
  judgeReplication(channel === null ? [] : [{ ...HEALTHY, ...channel }], {
    replication: 'threads',
    lagSecondsMax: null,
    ...wanted,
  });

describe('replication of a server that is checked', () => {
  test('a source that is gone is no trouble of this server', () => {
    const gone = {
      receiver: 'connecting',
      receiverErrno: 2003,
      receiverError: "Can't connect",
      lagSeconds: null,
    } as const;
    expect(judge(gone, {})).toBeNull();
    expect(judge({ ...gone, receiver: 'stopped' }, {})).toBeNull();
    expect(judge(gone, { lagSecondsMax: 10 })).toBeNull();
  });

  test('unless it is asked for', () => {
    const gone = { receiver: 'connecting', receiverErrno: 2003, receiverError: 'no route' } as const;
    expect(judge(gone, { replication: 'connected' })).toBe(
      'the receiver is not connected: no route (error 2003)',
    );
  });

  test('an applier that is stopped is one, and so is a receiver that gave up for a reason of its own', () => {
    expect(judge({ applier: 'stopped', applierErrno: 1062, applierError: 'Duplicate' }, {})).toBe(
      'the applier is stopped: Duplicate (error 1062)',
    );
    expect(judge({ receiver: 'stopped', receiverErrno: 1236, receiverError: 'purged' }, {})).toBe(
      'the receiver is stopped: purged (error 1236)',
    );
    expect(judge({ receiver: 'stopped' }, {})).toBe('the receiver is stopped');
    expect(judge(null, {})).toBe('replication is not set up');
  });

  test('lag counts by itself, and above the limit only', () => {
    expect(judge({ lagSeconds: 120 }, { replication: 'ignored', lagSecondsMax: 120 })).toBeNull();
    expect(judge({ name: 'x', lagSeconds: 121 }, { replication: 'ignored', lagSecondsMax: 120 })).toBe(
      'channel x: 121 s behind its source (max_lag 120)',
    );
    expect(judge({ applier: 'stopped' }, { replication: 'ignored', lagSecondsMax: 1 })).toBeNull();
    expect(judge(null, { replication: 'ignored', lagSecondsMax: 1 })).toBeNull();
  });
});
