// What a pair lives through besides failures: errant transactions, mending, asynchronous pairs, the return to the preferred node.
import { describe, expect, it } from 'vitest';
import { ineligible } from './eligibility.ts';
import { errantAtPeer, errantHere } from './errant.ts';
import { unpairable } from './pairing.ts';
import { codes } from './reason.ts';
import { PAIRED, Rehearsal, reason, SETTINGS, STANDBY, standby, writer } from './rehearsal.ts';

const A = '3e11fa47-0000-11ee-8000-00000000000a';
const B = '3e11fa47-0000-11ee-8000-00000000000b';
const OPEN = {
  readOnly: false,
  semiSync: { source: true, replica: false, replicas: 1, waitingSessions: 0 },
};
const ALONE = { ...PAIRED, sync: 'alone' } as const;

/** a is open and goes on alone; b is heard as `patch` has it. */
function alone(patch: Parameters<Rehearsal['hear']>[0], own: Parameters<Rehearsal['up']>[0] = {}): Rehearsal {
  const a = new Rehearsal(ALONE);
  a.feed({ kind: 'wire', wire: { ...a.state.wire, claimedEpoch: ALONE.epoch } });
  a.hear({ record: ALONE, ...patch });
  a.up({ ...OPEN, semiSync: { ...OPEN.semiSync, source: false }, ...own });
  for (let beats = 0; beats < 6; beats += 1) {
    a.nowMs += 250;
    a.up({ ...OPEN, semiSync: { ...OPEN.semiSync, source: a.state.record.sync === 'paired' }, ...own });
    a.hear({ record: a.state.record, ...patch });
  }
  return a;
}

describe('a standby with errant transactions', () => {
  it('is not paired, and they are named, though it has all that the writer has', () => {
    const a = alone(
      { executedGtid: `${A}:1-5,${B}:1`, history: `${A}:1-5,${B}:1`, origin: B },
      { executedGtid: `${A}:1-5`, history: `${A}:1-5`, origin: A },
    );
    expect(codes(unpairable(a.state))).toBe('errant');
    expect(unpairable(a.state)[0]?.because).toContain(`${B}:1`);
    expect(a.kinds()).not.toContain('prove-commit');
    // Its own channel would fetch them.
    expect(a.kinds()).not.toContain('start-channel');
  });

  it('is told from one that has a commit of the writer which waits', () => {
    const a = alone(
      { executedGtid: `${A}:1-6`, history: `${A}:1-6`, origin: B },
      { executedGtid: `${A}:1-5`, history: `${A}:1-5`, origin: A },
    );
    expect(errantAtPeer(a.state)).toEqual([]);
    expect(a.state.record.sync).toBe('paired');
  });

  it('knows of them itself', () => {
    const b = standby();
    b.up({ history: '0-1-100,0-2-101', origin: '1' });
    b.hear({ role: 'writing', record: STANDBY, history: '0-2-100', origin: '2' });
    expect(errantHere(b.state)).toEqual(['0-1-100']);
  });
});

describe('a commit of MySQL that waits', () => {
  const waiting = { ...OPEN, semiSync: { ...OPEN.semiSync, waitingSessions: 1 } };
  const mysql = (gtid: string) => ({ executedGtid: gtid, history: gtid, origin: A });

  it('is stuck only when the standby is seen to have more than the writer names', () => {
    const a = writer();
    a.up({ ...waiting, ...mysql(`${A}:1-5`) });
    a.hear({ executedGtid: `${A}:1-5`, receivedGtid: `${A}:1-5`, history: `${A}:1-5` });
    a.up({ ...waiting, ...mysql(`${A}:1-5`) });
    expect(a.state.own.stuck).toBeNull();
    a.hear({ executedGtid: `${A}:1-6`, receivedGtid: `${A}:1-6`, history: `${A}:1-6` });
    a.up({ ...waiting, ...mysql(`${A}:1-5`) });
    expect(a.state.own.stuck).not.toBeNull();
  });
});

describe('a standby whose data are being mended', () => {
  it('is not steered, not eligible, and tells that it does not replicate', () => {
    const b = standby();
    b.feed({ kind: 'mending', because: 'a clone from a' });
    expect(codes(ineligible(b.state))).toBe('mending');
    b.up({ channel: null, readOnly: false });
    b.nowMs += 3000;
    b.feed({ kind: 'tick' });
    expect(b.orders).toEqual([]);
    b.silence();
    expect(b.state.role).toBe('following');
    b.feed({ kind: 'mending', because: null });
    expect(b.kinds()).toContain('close-writes');
  });

  it('is a standby: a writer passes it over', () => {
    const a = writer();
    a.feed({ kind: 'mending', because: 'a clone from b' });
    expect(a.state.mending).toBeNull();
    expect(a.state.role).toBe('writing');
  });
});

describe('an asynchronous pair', () => {
  const ASYNC = { ...SETTINGS, durability: 'async' } as const;
  const quiet = { ...OPEN, semiSync: { source: false, replica: false, replicas: 0, waitingSessions: 0 } };

  it('pairs without semi-sync, and commits never wait', () => {
    const a = new Rehearsal(ALONE, ASYNC);
    a.feed({ kind: 'wire', wire: { ...a.state.wire, claimedEpoch: ALONE.epoch } });
    for (let beats = 0; beats < 6; beats += 1) {
      a.hear({ record: a.state.record, semiSyncReplica: false });
      a.up(quiet);
      a.nowMs += 250;
    }
    expect(a.state.record).toEqual(PAIRED);
    expect(a.orders.filter((order) => order.kind === 'semi-sync-source' && order.on)).toEqual([]);
    expect(a.kinds()).not.toContain('prove-commit');
  });

  it('goes alone when the standby does not replicate any more, so that it is not promoted stale', () => {
    const a = writer(ASYNC);
    a.up(quiet);
    a.hear({ semiSyncReplica: false });
    for (let beats = 0; beats < 6; beats += 1) {
      a.nowMs += 250;
      a.up(quiet);
      a.hear({ replicating: false, record: a.state.record });
    }
    expect(a.state.record).toEqual(ALONE);
  });

  it('has a standby that receives as fast as it can', () => {
    const b = standby(ASYNC);
    b.up({ receivesDurably: true });
    expect(b.orders).toMatchObject([{ kind: 'receive-durably', on: false }]);
  });

  it('has a standby that takes over with what it has received', () => {
    const b = standby(ASYNC);
    b.silence();
    expect(b.state.role).toBe('writing');
  });
});

describe('a writer that reaches nobody who could let it acknowledge', () => {
  const CONSISTENT = { ...SETTINGS, partition: 'consistency' } as const;

  it('sends its clients away, and admits them again when the standby is back', () => {
    const a = writer(CONSISTENT);
    a.silence();
    expect(a.kinds()).not.toContain('yield-vip');
    a.nowMs += 4000;
    a.feed({ kind: 'tick' });
    expect(a.kinds()).toContain('yield-vip');
    expect(a.kinds()).not.toContain('close-writes');
    expect(a.state.record).toEqual(PAIRED);
    a.feed({ kind: 'peer-channel', open: true, because: 'open' });
    a.hear();
    expect(a.kinds().at(-1)).toBe('claim-vip');
  });
});

describe('the return to the preferred node', () => {
  const FAILBACK = { ...SETTINGS, failback: true };
  /** b is the preferred one; this node is the writer. */
  function writes(settings = FAILBACK, patch: Parameters<Rehearsal['hear']>[0] = {}): Rehearsal {
    const a = writer(settings);
    for (let beats = 0; beats < 20; beats += 1) {
      a.nowMs += 250;
      a.up(OPEN);
      a.hear(patch);
    }
    return a;
  }

  it('is a planned switchover, once nothing has spoken against it for some seconds', () => {
    const a = writes();
    expect(a.state.role).toBe('handing-over');
    expect(a.told[0]).toMatchObject({ message: { kind: 'handover', planned: true } });
  });

  it('does not happen without preempt, under maintenance, or while the node is not fit', () => {
    expect(writes(SETTINGS).state.role).toBe('writing');
    expect(writes(FAILBACK, { held: [reason('under maintenance')] }).state.role).toBe('writing');
    expect(writes(FAILBACK, { ineligible: [reason('lag')] }).state.role).toBe('writing');
  });

  it('is not tried again at once when it was refused', () => {
    const a = writes();
    const record = PAIRED;
    a.feed({ kind: 'message', message: { kind: 'refused', epoch: 6, record, because: 'as told' } });
    a.told.length = 0;
    for (let beats = 0; beats < 40; beats += 1) {
      a.nowMs += 250;
      a.up(OPEN);
      a.hear({ record: a.state.record });
    }
    expect(a.state.role).toBe('writing');
    expect(a.told).toEqual([]);
  });
});
