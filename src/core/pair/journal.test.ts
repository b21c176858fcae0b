import { describe, expect, it } from 'vitest';
import { PAIRED, Rehearsal, SETTINGS, STANDBY, standby, writer } from './rehearsal.ts';
import { type Journal, parseStored } from './stored.ts';

const OFFERED: Journal = { kind: 'handover', epoch: 6, because: 'an operator asked', fence: false };

describe('a plan that was interrupted', () => {
  it('is journalled before its first step: the offered epoch with the record', () => {
    const a = writer();
    a.feed({ kind: 'switchover', because: 'asked' });
    expect(a.orders[0]).toMatchObject({
      kind: 'persist',
      record: PAIRED,
      journal: { kind: 'handover', epoch: 6 },
    });
  });

  it('does not open under the old epoch after an offer: it is taken back, and refused, first', () => {
    const a = new Rehearsal(PAIRED, SETTINGS, OFFERED);
    a.up();
    a.hear();
    expect(a.state.role).toBe('handing-over');
    expect(a.kinds()).not.toContain('open-writes');
    expect(a.told).toMatchObject([{ message: { kind: 'withdrawn', epoch: 6 } }]);
    a.feed({
      kind: 'message',
      message: { kind: 'refused', epoch: 6, record: PAIRED, because: 'taken back' },
    });
    expect(a.state).toMatchObject({ role: 'writing', record: { epoch: 7, writer: 'a' }, journal: null });
  });

  it('waits for the peer, which may have taken the offer, when there is no witness to ask', () => {
    const a = new Rehearsal(PAIRED, SETTINGS, OFFERED);
    a.up();
    a.nowMs += 600_000;
    a.feed({ kind: 'tick' });
    expect(a.kinds()).not.toContain('open-writes');
    expect(a.state.because).toContain('may have taken it');
  });

  it('is undone under a later epoch when the witness says that the offer was not taken', () => {
    const a = writer({ ...SETTINGS, witness: true });
    a.feed({ kind: 'switchover', because: 'asked' });
    expect(a.state.role).toBe('handing-over');
    a.silence();
    a.nowMs += 5000;
    a.orders.length = 0;
    a.witness(PAIRED);
    expect(a.kinds().slice(0, 5)).toEqual([
      'witness',
      'persist',
      'semi-sync-source',
      'open-writes',
      'claim-vip',
    ]);
    expect(a.state).toMatchObject({ role: 'writing', record: { epoch: 7 } });
  });

  it('does not open by the witness after a crash: the peer may hold what this server lost, and GTIDs are given once', () => {
    const a = new Rehearsal(PAIRED, { ...SETTINGS, witness: true }, OFFERED);
    a.up();
    a.witness(PAIRED);
    a.nowMs += 60_000;
    a.witness(PAIRED);
    expect(a.kinds()).not.toContain('open-writes');
    a.hear({ receivedGtid: '0-1-140' });
    a.feed({
      kind: 'message',
      message: { kind: 'refused', epoch: 6, record: PAIRED, because: 'taken back' },
    });
    expect(a.state).toMatchObject({ role: 'writing', record: { epoch: 7 } });
    expect(a.kinds()).not.toContain('open-writes');
    a.hear({ receivedGtid: '0-1-140', record: { ...PAIRED, epoch: 7 }, receiverStopped: true });
    a.up({ executedGtid: '0-1-140' });
    expect(a.kinds()).toContain('open-writes');
  });

  it('follows when the peer has taken what was offered', () => {
    const a = new Rehearsal(PAIRED, SETTINGS, OFFERED);
    a.up();
    a.hear({ role: 'writing', record: { epoch: 6, writer: 'b', sync: 'alone' } });
    expect(a.state.role).toBe('following');
  });

  it('a standby asked to refuse an offer does so, and forgets it', () => {
    const b = standby();
    b.feed({ kind: 'message', message: { kind: 'withdrawn', epoch: 6, because: 'interrupted' } });
    expect(b.told).toMatchObject([{ message: { kind: 'refused', epoch: 6 } }]);
    expect(b.state.role).toBe('following');
  });

  it('a takeover goes on after its claim with every step that was left', () => {
    const crashed = standby();
    crashed.fails = (order) => order.kind === 'open-writes';
    crashed.silence();
    const claim = crashed.orders.find((order) => order.kind === 'persist');
    const stored = parseStored(JSON.parse(JSON.stringify(claim)));
    expect(stored).toMatchObject({
      record: { epoch: 6, writer: 'a' },
      journal: { kind: 'takeover', epoch: 6 },
    });
    const b = new Rehearsal(stored?.record ?? STANDBY, SETTINGS, stored?.journal ?? null);
    b.up();
    expect(b.kinds().slice(0, 6)).toEqual([
      'stop-receiving',
      'drain',
      'semi-sync-source',
      'skip-sequence',
      'open-writes',
      'claim-vip',
    ]);
    expect(b.state).toMatchObject({ role: 'writing', journal: null });
  });
});
