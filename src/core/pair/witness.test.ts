import { describe, expect, it } from 'vitest';
import { ineligible } from './eligibility.ts';
import { codes } from './reason.ts';
import type { PairRecord } from './record.ts';
import { PAIRED, Rehearsal, SETTINGS, STANDBY, standby, writer } from './rehearsal.ts';

const WITH = { ...SETTINGS, witness: true };
const ALONE: PairRecord = { ...PAIRED, sync: 'alone' };

describe('with a witness, a standby', () => {
  it('claims the epoch there first, and writes and opens only what the witness took', () => {
    const b = standby(WITH);
    b.silence();
    expect(b.kinds().slice(0, 6)).toEqual([
      'witness',
      'persist',
      'stop-receiving',
      'drain',
      'open-writes',
      'claim-vip',
    ]);
    expect(b.orders[0]).toMatchObject({
      record: { epoch: 6, writer: 'a', sync: 'alone' },
      expected: { record: STANDBY, revision: expect.any(String) },
    });
    expect(b.state.role).toBe('writing');
  });

  it('writes nothing and opens nothing when the witness does not answer the claim', () => {
    const b = standby(WITH);
    b.fails = (order) => order.kind === 'witness';
    b.feed({
      kind: 'message',
      message: { kind: 'handover', epoch: 6, finalGtid: '0-1-100', planned: true, because: 'asked' },
    });
    expect(b.kinds()).toEqual(['wait-for', 'witness']);
    expect(b.state.record).toEqual(STANDBY);
    expect(b.told).toMatchObject([{ message: { kind: 'refused', epoch: 6 } }]);
  });

  it('is not held up by a window: a standby that was just started takes over if the witness says paired', () => {
    const b = new Rehearsal(STANDBY, WITH);
    b.witness(STANDBY);
    b.up();
    b.silence();
    expect(b.state.role).toBe('writing');
  });

  it('does not take over when the witness says that the writer went on alone, whatever its own record says', () => {
    const b = new Rehearsal(STANDBY, WITH);
    b.witness({ ...STANDBY, sync: 'alone' });
    b.up();
    b.silence();
    expect(b.state.role).toBe('following');
    expect(codes(ineligible(b.state))).toBe('alone');
  });

  it('is not eligible without the witness, nor with one that is another pair´s or was wiped', () => {
    const b = standby(WITH);
    expect(ineligible(b.state)).toEqual([]);
    b.feed({ kind: 'witness', view: { kind: 'unreachable', because: 'connection refused' } });
    expect(codes(ineligible(b.state))).toBe('witness-unreachable');
    b.feed({ kind: 'witness', view: { kind: 'foreign', because: 'it is the record of pair x' } });
    expect(codes(ineligible(b.state))).toContain('witness-foreign');
    b.witness(null);
    expect(codes(ineligible(b.state))).toBe('witness-behind');
    b.nowMs += 10_000;
    b.witness(STANDBY);
    expect(ineligible(b.state)).toEqual([]);
    b.nowMs += 10_000;
    b.feed({ kind: 'tick' });
    expect(codes(ineligible(b.state))).toBe('witness-unreachable');
  });

  it('becomes the writer, drained first, when a claim whose answer was lost turns out to have been taken', () => {
    const b = standby(WITH);
    b.fails = (order) => order.kind === 'witness';
    b.silence();
    expect(b.state.role).toBe('following');
    b.fails = null;
    b.orders.length = 0;
    b.witness({ epoch: 6, writer: 'a', sync: 'alone' });
    expect(b.kinds().slice(0, 7)).toEqual([
      'persist',
      'stop-receiving',
      'drain',
      'semi-sync-source',
      'skip-sequence',
      'open-writes',
      'claim-vip',
    ]);
    expect(b.state.role).toBe('writing');
  });
});

describe('with a witness, the writer', () => {
  it('goes alone there first, and relaxes only when the witness has it', () => {
    const a = writer(WITH);
    a.silence();
    a.nowMs += 2000;
    a.witness(PAIRED);
    expect(a.kinds().slice(0, 3)).toEqual(['witness', 'persist', 'semi-sync-source']);
    expect(a.state.record).toEqual(ALONE);
  });

  it('acknowledges nothing without standby and witness: it stays paired', () => {
    const a = writer(WITH);
    a.silence();
    a.fails = (order) => order.kind === 'witness';
    for (let i = 0; i < 50; i++) {
      a.nowMs += 250;
      a.feed({ kind: 'witness', view: { kind: 'unreachable', because: 'no answer' } });
    }
    expect(a.kinds()).not.toContain('semi-sync-source');
    expect(a.state.record).toEqual(PAIRED);
  });

  it('does not relax by what the witness says of it: only by a new swap of its own', () => {
    const a = writer(WITH);
    a.witness(ALONE);
    expect(a.state.record).toEqual(PAIRED);
    expect(a.kinds().filter((kind) => kind === 'semi-sync-source')).toEqual([]);
  });

  it('stands down when the witness knows a later epoch, though the standby is not heard', () => {
    const a = writer(WITH);
    a.silence();
    a.witness({ epoch: 6, writer: 'b', sync: 'alone' });
    expect(a.state.role).toBe('following');
    expect(a.kinds().slice(0, 3)).toEqual(['persist', 'yield-vip', 'close-writes']);
  });

  it('says paired on its own disk first, and at the witness last', () => {
    const a = new Rehearsal(ALONE, WITH);
    a.witness(ALONE);
    a.up({ readOnly: true, channel: null });
    expect(a.state.role).toBe('writing');
    a.orders.length = 0;
    a.nowMs += 1000;
    a.up({ readOnly: false, channel: null });
    a.nowMs += 250;
    a.hear({ record: ALONE });
    expect(a.kinds().slice(0, 4)).toEqual(['semi-sync-source', 'prove-commit', 'persist', 'witness']);
    expect(a.state.record).toEqual(PAIRED);
  });

  it('writes a wiped witness anew only while the standby agrees', () => {
    const a = writer(WITH);
    a.nowMs += 1500;
    a.feed({ kind: 'peer-channel', open: false, because: 'closed' });
    a.orders.length = 0;
    a.witness(null);
    expect(a.kinds()).toEqual([]);
    a.feed({ kind: 'peer-channel', open: true, because: 'open' });
    a.hear({ record: { epoch: 6, writer: 'b', sync: 'alone' }, role: 'writing' });
    expect(a.kinds()).not.toContain('witness');
    const c = writer(WITH);
    c.witness(null);
    c.hear();
    expect(c.orders.at(-1)).toMatchObject({ kind: 'witness', record: PAIRED, expected: null });
  });

  it('after a restart opens nothing before the witness has answered, and then what it confirms', () => {
    const a = new Rehearsal(ALONE, WITH);
    a.up();
    a.nowMs += 60_000;
    a.feed({ kind: 'tick' });
    expect(a.kinds()).not.toContain('open-writes');
    a.witness({ epoch: 6, writer: 'b', sync: 'alone' });
    expect(a.state.role).toBe('following');
    const c = new Rehearsal(ALONE, WITH);
    c.up();
    c.witness(ALONE);
    expect(c.state.role).toBe('writing');
  });

  it('after a crash while paired waits for the standby, which may hold what it lost', () => {
    const a = new Rehearsal(PAIRED, WITH);
    a.witness(PAIRED);
    a.up();
    a.nowMs += 60_000;
    a.witness(PAIRED);
    expect(a.kinds()).not.toContain('open-writes');
    a.hear({ receivedGtid: '0-1-101', receiverStopped: true });
    expect(a.kinds()).not.toContain('open-writes');
    a.up({ executedGtid: '0-1-101' });
    expect(a.kinds()).toContain('open-writes');
  });
});
