import { describe, expect, it } from 'vitest';
import { forceRisks } from './force.ts';
import { forecast } from './forecast.ts';
import { holds } from './hold.ts';
import { unpairable, whyAlone } from './pairing.ts';
import { codes } from './reason.ts';
import { PAIRED, Rehearsal, reason, SETTINGS, STANDBY, standby, writer } from './rehearsal.ts';

const down = { kind: 'health', health: 'down', because: 'connection refused' } as const;

describe('maintenance', () => {
  it('keeps a dead writer from being replaced, and says so; an operator may still move the role', () => {
    const b = standby();
    b.feed({ kind: 'maintenance', because: 'new disks' });
    b.silence();
    expect(b.state.role).toBe('following');
    expect(b.said.at(-1)).toContain('new disks');
    b.feed({ kind: 'maintenance', because: null });
    expect(b.state.role).toBe('writing');
  });

  it('is known to both nodes from either, the newer word holds, and it is kept on the disk', () => {
    const a = writer();
    a.hear({ maintenance: { version: 3, because: 'at b' } });
    expect(codes(holds(a.state))).toBe('maintenance');
    a.feed({ kind: 'maintenance', because: null });
    expect(a.state.maintenance).toEqual({ version: 4, because: null });
    a.hear({ maintenance: { version: 3, because: 'at b' } });
    expect(holds(a.state)).toEqual([]);
    // Ordered on both while they were apart: the same on both afterwards.
    a.hear({ maintenance: { version: 4, because: 'at b, meanwhile' } });
    expect(codes(holds(a.state))).toBe('maintenance');
  });

  it('keeps a failing writer from handing over, but not an operator from ordering it', () => {
    const a = writer();
    a.hear({ held: [reason('under maintenance')] });
    a.feed(down);
    expect(a.state.role).toBe('writing');
    const c = writer();
    c.hear({ held: [reason('under maintenance')] });
    c.feed({ kind: 'switchover', because: 'asked' });
    expect(c.state.role).toBe('handing-over');
  });
});

describe('the hold after a failover', () => {
  const HOLD = { ...SETTINGS, holdAfterFailoverMs: 60_000 };

  it('outlives the writer that told of it, and ends by itself', () => {
    const b = standby(HOLD);
    b.hear({ role: 'writing', record: STANDBY, vouches: true, holdMs: 1500 });
    b.silence();
    expect(b.state.role).toBe('following');
    expect(codes(holds(b.state))).toBe('flapping');
    b.nowMs += 1500;
    b.feed({ kind: 'tick' });
    expect(b.state.role).toBe('writing');
  });

  it('begins with a failover, not with a switchover', () => {
    const failover = standby(HOLD);
    failover.silence();
    expect(failover.state.failedOverAtMs).toBe(failover.nowMs);
    const planned = standby(HOLD);
    planned.feed({
      kind: 'message',
      message: { kind: 'handover', epoch: 6, finalGtid: '0-1-100', planned: true, because: 'asked' },
    });
    expect(planned.state.role).toBe('writing');
    expect(planned.state.failedOverAtMs).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('the forecast', () => {
  it('names who takes over, and that nothing is at risk while paired', () => {
    const a = writer();
    expect(forecast(a.state)).toMatchObject({ writer: 'a', successor: 'b', atRisk: 0, against: [] });
  });

  it('names each rule that blocks, with what lifts it, and counts what the standby lacks while alone', () => {
    const b = new Rehearsal({ ...STANDBY, sync: 'alone' });
    b.up();
    b.hear({ role: 'writing', record: { ...STANDBY, sync: 'alone' }, executedGtid: '0-1-107' });
    const found = forecast(b.state);
    expect(found).toMatchObject({ writer: 'b', successor: null, outageMs: null, atRisk: 7 });
    expect(codes(found.against)).toBe('alone');
    expect(found.against[0]?.lift).toContain('promote --force');
  });
});

describe('a writer that stays alone', () => {
  const alone = (settings = SETTINGS) => {
    const a = new Rehearsal({ ...PAIRED, sync: 'alone' }, settings);
    a.feed({ kind: 'wire', wire: { ...a.state.wire, claimedEpoch: PAIRED.epoch } });
    a.up({ readOnly: false });
    return a;
  };

  it('says why it is not paired yet, and what lifts that', () => {
    const a = alone();
    expect(codes(unpairable(a.state))).toBe('peer-silent');
    const record = { ...PAIRED, sync: 'alone' } as const;
    a.hear({
      record,
      replicating: false,
      ineligible: [{ ...reason('the applier of b has stopped: duplicate key'), code: 'applier-stopped' }],
    });
    expect(whyAlone(a.state).because).toContain(
      'not paired, because the applier of b has stopped: duplicate key',
    );
    a.hear({ record, semiSyncReplica: false });
    expect(codes(unpairable(a.state))).toBe('catching-up');
  });

  it('does not pair with a history that went another way, though its numbers are higher', () => {
    const a = alone();
    const record = { ...PAIRED, sync: 'alone' } as const;
    for (let i = 0; i < 8; i++) {
      a.nowMs += 250;
      a.up({ readOnly: false });
      a.hear({ record, executedGtid: '0-2-190', receivedGtid: '0-2-190' });
    }
    expect(codes(unpairable(a.state))).toBe('old-term');
    a.hear({ record, executedGtid: '0-1-191', receivedGtid: '0-1-191' });
    expect(a.kinds()).toContain('prove-commit');
  });

  it('pauses after an attempt that failed, and says for how long', () => {
    const a = alone();
    a.fails = (order) => order.kind === 'prove-commit';
    const record = { ...PAIRED, sync: 'alone' } as const;
    for (let i = 0; i < 8; i++) {
      a.nowMs += 250;
      a.up({ readOnly: false });
      a.hear({ record });
    }
    expect(a.kinds()).toContain('prove-commit');
    expect(codes(unpairable(a.state))).toBe('pausing');
    expect(a.state.record.sync).toBe('alone');
  });
});

describe('promote --force', () => {
  const ALONE = { ...STANDBY, sync: 'alone' } as const;
  const lone = () => {
    const b = new Rehearsal(ALONE);
    b.up();
    return b;
  };

  it('says what may be lost, and drains all that was received before it opens', () => {
    const b = lone();
    expect(forceRisks(b.state).join('\n')).toContain('may lack acknowledged writes');
    b.feed({ kind: 'promote', because: 'the other host burnt down' });
    expect(b.kinds().slice(0, 7)).toEqual([
      'persist',
      'stop-receiving',
      'drain',
      'semi-sync-source',
      'skip-sequence',
      'open-writes',
      'claim-vip',
    ]);
    expect(b.state).toMatchObject({ role: 'writing', record: { writer: 'a', sync: 'alone' } });
  });

  it('takes an epoch above any that the other one may have claimed unheard', () => {
    const b = lone();
    b.feed({ kind: 'promote', because: 'ordered' });
    expect(b.state.record.epoch).toBeGreaterThan(PAIRED.epoch + 1);
  });

  it('is refused while the writer lives, and with a stopped applier: nothing received is thrown away', () => {
    const b = standby();
    b.feed({ kind: 'promote', because: 'ordered' });
    expect(b.said.at(-1)).toContain('switchover');
    const c = lone();
    const channel = c.state.own.status?.channel;
    expect(channel).toBeTruthy();
    if (channel) c.up({ channel: { ...channel, applierError: 'duplicate key' } });
    c.feed({ kind: 'promote', because: 'ordered' });
    expect(c.said.at(-1)).toContain('duplicate key');
    expect(c.kinds()).toEqual([]);
  });

  it('closes the other server first when it can be reached over SQL', () => {
    const b = lone();
    b.feed({ kind: 'peer-sql', sql: 'answers' });
    b.feed({ kind: 'promote', because: 'ordered' });
    expect(b.kinds().slice(0, 2)).toEqual(['persist', 'fence-peer']);
  });
});
