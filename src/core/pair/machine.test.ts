import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Order, PairEvent } from './event.ts';
import { step } from './machine.ts';
import { NO_RECORD, type PairRecord } from './record.ts';
import {
  CHANNEL,
  PAIRED,
  Rehearsal,
  reason,
  report,
  SETTINGS,
  STANDBY,
  standby,
  status,
  type WithoutTime,
  writer,
} from './rehearsal.ts';
import { initialState } from './state.ts';
import { NOTHING_STORED } from './stored.ts';

describe('the pair machine', () => {
  it('refuses an offer of an epoch that is over', () => {
    const b = standby();
    b.feed({
      kind: 'message',
      message: { kind: 'handover', epoch: 5, finalGtid: null, planned: true, because: 'late' },
    });
    expect(b.told).toMatchObject([{ message: { kind: 'refused', epoch: 5 } }]);
    expect(b.state.role).toBe('following');
  });

  it('goes alone for a moment when commits wait for an acknowledgement that was lost', () => {
    const a = writer();
    const waiting = {
      readOnly: false,
      executedGtid: '0-1-102',
      semiSync: { source: true, replica: false, replicas: 1, waitingSessions: 2 },
    };
    a.hear({ receivedGtid: '0-1-101' });
    a.up(waiting);
    expect(a.state.own.stuck).toBeNull();
    for (let i = 0; i < 5; i++) {
      a.nowMs += 250;
      a.hear({ receivedGtid: '0-1-102' });
      a.up(waiting);
    }
    expect(a.kinds()).toContain('persist');
    expect(a.orders.find((order) => order.kind === 'persist')).toMatchObject({ record: { sync: 'alone' } });
  });

  it('takes nobody for silent because it was frozen itself, and then waits to hear the peer, which may have taken over', () => {
    const a = writer();
    a.freeze(20_000);
    expect(a.kinds()).toEqual([]);
    a.nowMs += 10 * SETTINGS.aloneAfterMs;
    a.feed({ kind: 'tick' });
    expect(a.state.record.sync).toBe('paired');
    a.hear();
    a.nowMs += SETTINGS.aloneAfterMs + 500;
    a.feed({ kind: 'tick' });
    expect(a.state.record.sync).toBe('alone');
  });

  it('refuses an offer that skips an epoch', () => {
    const b = standby();
    b.feed({
      kind: 'message',
      message: { kind: 'handover', epoch: 9, finalGtid: '0-1-1', planned: true, because: 'far' },
    });
    expect(b.told).toMatchObject([{ message: { kind: 'refused', epoch: 9 } }]);
  });

  it('claims an offered epoch only after it has reached the final GTID', () => {
    const b = standby();
    b.feed({
      kind: 'message',
      message: { kind: 'handover', epoch: 6, finalGtid: '0-1-200', planned: true, because: 'switchover' },
    });
    expect(b.kinds().slice(0, 4)).toEqual(['wait-for', 'persist', 'open-writes', 'claim-vip']);
    expect(b.state.record).toEqual({ epoch: 6, writer: 'a', sync: 'alone' });
  });

  it('refuses, and claims nothing, when it does not reach the final GTID', () => {
    const b = standby();
    b.fails = (order) => order.kind === 'wait-for';
    b.feed({
      kind: 'message',
      message: { kind: 'handover', epoch: 6, finalGtid: '0-1-200', planned: true, because: 'switchover' },
    });
    expect(b.kinds()).toEqual(['wait-for']);
    expect(b.told).toMatchObject([{ message: { kind: 'refused', epoch: 6 } }]);
    expect(b.state.record).toEqual(STANDBY);
  });

  it('opens again when the standby refuses, under an epoch above the refused one', () => {
    const a = writer();
    a.feed({ kind: 'switchover', because: 'asked' });
    expect(a.kinds()).toEqual(['persist', 'yield-vip', 'close-writes']);
    expect(a.state.role).toBe('handing-over');
    a.feed({
      kind: 'message',
      message: { kind: 'refused', epoch: 6, record: PAIRED, because: 'the applier stopped' },
    });
    expect(a.state).toMatchObject({ role: 'writing', record: { epoch: 7, writer: 'a', sync: 'paired' } });
    expect(a.kinds().slice(3)).toEqual(['persist', 'semi-sync-source', 'open-writes', 'claim-vip']);
  });

  it('ends without an answer when it is stopped together with its standby', () => {
    const a = writer();
    a.feed({ kind: 'stop', because: 'SIGTERM' });
    expect(a.kinds()).toEqual(['persist', 'yield-vip', 'close-writes']);
    a.hear({ leaving: true, record: { epoch: 5, writer: 'a', sync: 'alone' } });
    a.feed({ kind: 'tick' });
    expect(a.told).toMatchObject([{ kind: 'tell', message: { kind: 'handover', epoch: 6 } }]);
    a.nowMs += 1500;
    a.feed({ kind: 'tick' });
    expect(a.told.at(-1)).toMatchObject({ kind: 'exit' });
    expect(a.told.at(-1)).toHaveProperty('because', expect.stringMatching(/^SIGTERM; b left/));
    expect(a.kinds()).not.toContain('open-writes');
  });

  it('hands over with the GTIDs unknown when its server is down, without asking that server anything', () => {
    const a = writer();
    a.feed({ kind: 'health', health: 'down', because: 'connection refused' });
    expect(a.kinds()).toEqual(['persist', 'yield-vip']);
    expect(a.told).toMatchObject([{ message: { kind: 'handover', epoch: 6, finalGtid: null } }]);
  });

  it('keeps its role when its server is down and the standby is not eligible', () => {
    const a = writer();
    a.hear({ ineligible: [reason('the applier of b has stopped')] });
    a.feed({ kind: 'health', health: 'down', because: 'connection refused' });
    expect([a.state.role, a.kinds()]).toEqual(['writing', []]);
  });

  it('does not open a server that fell while it was paired before it holds all that the standby holds', () => {
    const a = writer();
    a.hear({ ineligible: [reason('the agent of b does not answer')] });
    a.feed({ kind: 'health', health: 'down', because: 'killed' });
    a.hear({ ineligible: [reason('the agent of b does not answer')], receivedGtid: '0-1-105' });
    a.up({
      executedGtid: '0-1-100',
      semiSync: { source: true, replica: false, replicas: 0, waitingSessions: 0 },
    });
    const closed = { semiSync: { source: true, replica: false, replicas: 0, waitingSessions: 0 } };
    const told = { ineligible: [reason('the agent of b does not answer')], receivedGtid: '0-1-105' };
    a.nowMs += 1500;
    a.hear(told);
    expect(a.kinds()).not.toContain('open-writes');
    // It holds all that b has told of; more may be on its way to b until its receiver has stopped.
    a.up({ ...closed, executedGtid: '0-1-105' });
    expect(a.kinds()).not.toContain('open-writes');
    a.hear({ ...told, receivedGtid: '0-1-106', receiverStopped: true });
    expect(a.kinds()).not.toContain('open-writes');
    a.up({ ...closed, executedGtid: '0-1-106' });
    expect(a.kinds()).toContain('open-writes');
  });

  it('as the standby stops receiving while the server of the writer, which fell, asks what it holds', () => {
    const b = standby();
    b.hear({ role: 'writing', record: STANDBY, vouches: true, advertising: true, suspect: true });
    expect(b.kinds()).toEqual(['stop-receiving']);
    b.up({ channel: { ...CHANNEL, receiver: 'stopped' } });
    expect(b.kinds()).toEqual(['stop-receiving']);
    b.nowMs += 250;
    b.hear({ role: 'writing', record: STANDBY, vouches: true, advertising: true });
    expect(b.kinds()).toEqual(['stop-receiving', 'start-channel']);
  });

  it('does not open a server that somebody else has closed, nor go alone with it, before the peer is heard', () => {
    const a = writer();
    a.feed({ kind: 'peer-channel', open: false, because: 'closed' });
    const semiSync = { source: true, replica: false, replicas: 0, waitingSessions: 0 };
    a.up({ readOnly: true, uptimeS: 11, semiSync });
    a.nowMs += 20_000;
    a.feed({ kind: 'tick' });
    expect(a.kinds()).toEqual([]);
    a.feed({ kind: 'peer-channel', open: true, because: 'open' });
    // On its way since before the server was closed.
    a.feed({
      kind: 'message',
      message: { kind: 'report', sentMs: 1, echoMs: 9000, asks: false, report: report() },
    });
    expect(a.kinds()).toEqual([]);
    a.hear();
    expect(a.kinds()).toContain('open-writes');
  });

  it('receives without syncing only when the writer has heard of it and does not pair', () => {
    const b = standby();
    const alone = { role: 'writing', record: { ...STANDBY, sync: 'alone' }, advertising: true } as const;
    b.hear(alone);
    b.nowMs += 250;
    b.hear({ ...alone, executedGtid: '0-1-900' });
    b.nowMs += 1250;
    b.hear({ ...alone, executedGtid: '0-1-1900', pairing: true });
    expect(b.kinds()).not.toContain('receive-durably');
    b.nowMs += 250;
    b.hear({ ...alone, executedGtid: '0-1-1900' });
    expect(b.orders.at(-1)).toMatchObject({ kind: 'receive-durably', on: false });
  });

  it('steps down at once when the peer knows a later epoch, and kills a server with commits in doubt', () => {
    const a = writer();
    a.fails = (order) => order.kind === 'close-writes';
    a.hear({ role: 'writing', record: { epoch: 6, writer: 'b', sync: 'alone' } });
    expect(a.kinds().slice(0, 3)).toEqual(['persist', 'yield-vip', 'close-writes']);
    expect(a.state).toMatchObject({ role: 'following', record: { epoch: 6, writer: 'b' } });
  });

  it('does not count a report that echoes nothing of its own as a contact', () => {
    const b = new Rehearsal(STANDBY);
    b.up();
    b.feed({
      kind: 'message',
      message: {
        kind: 'report',
        sentMs: 1,
        asks: false,
        echoMs: null,
        report: report({ role: 'writing', record: STANDBY, vouches: true }),
      },
    });
    expect(b.state.peer.vouchedForMs).toBe(Number.NEGATIVE_INFINITY);
  });

  it('takes over from a silent writer within its window, and not after it', () => {
    for (const [ageMs, kinds] of [
      [1900, ['persist', 'stop-receiving', 'drain', 'open-writes', 'claim-vip']],
      [2100, []],
    ] as const) {
      const b = standby();
      b.nowMs += ageMs - 150;
      b.feed({ kind: 'peer-sql', sql: 'silent' });
      b.feed({ kind: 'wire', wire: { ...b.state.wire, peerAdverts: 'silent' } });
      expect(b.kinds()).toEqual([]);
      b.nowMs += 150;
      b.feed({ kind: 'tick' });
      expect(b.kinds().slice(0, 5)).toEqual(kinds);
    }
  });

  it('asks a silent writer over the peer channel, and does not take over when it answers', () => {
    const b = standby();
    b.nowMs += 400;
    b.feed({ kind: 'peer-sql', sql: 'silent' });
    b.feed({ kind: 'wire', wire: { ...b.state.wire, peerAdverts: 'silent' } });
    b.nowMs += 90;
    b.hear({ role: 'writing', record: STANDBY, vouches: true, advertising: true });
    b.nowMs += 90;
    b.feed({ kind: 'tick' });
    expect(b.kinds()).toEqual([]);
  });

  it('does not take over while its gateway does not answer', () => {
    const b = new Rehearsal(STANDBY, { ...SETTINGS, gatewayChecked: true });
    b.up();
    b.hear({ role: 'writing', record: STANDBY, vouches: true, advertising: true });
    b.orders.length = 0;
    b.nowMs += 500;
    b.feed({ kind: 'peer-sql', sql: 'silent' });
    b.feed({ kind: 'wire', wire: { ...b.state.wire, peerAdverts: 'silent', gateway: 'unknown' } });
    b.nowMs += 200;
    b.feed({ kind: 'tick' });
    b.feed({ kind: 'wire', wire: { ...b.state.wire, gateway: 'silent' } });
    expect(b.kinds()).toEqual([]);
    b.feed({ kind: 'wire', wire: { ...b.state.wire, gateway: 'answers' } });
    expect(b.kinds()[0]).toBe('persist');
  });

  it('waits for the answer of its gateway before it goes alone', () => {
    const a = new Rehearsal(PAIRED, { ...SETTINGS, gatewayChecked: true });
    a.hear();
    a.up();
    a.feed({ kind: 'wire', wire: { ...a.state.wire, gateway: 'silent' } });
    a.nowMs += 10_000;
    a.feed({ kind: 'tick' });
    expect(a.state.record.sync).toBe('paired');
  });
});

// ---- properties -----------------------------------------------------------------------------------------------------

const anyRecord = fc.record({
  epoch: fc.integer({ min: 1, max: 9 }),
  writer: fc.constantFrom('a', 'b'),
  sync: fc.constantFrom('paired' as const, 'alone' as const),
});

const anyEvent = fc.oneof(
  fc.constant({ kind: 'tick' } as const),
  fc
    .constantFrom('up', 'down', 'hung', 'unwritable')
    .map((health) => ({ kind: 'health', health, because: 'x' }) as WithoutTime),
  fc
    .record({ readOnly: fc.boolean(), source: fc.boolean(), n: fc.integer({ min: 90, max: 110 }) })
    .map(({ readOnly, source, n }) => ({
      kind: 'status',
      status: status({
        readOnly,
        executedGtid: `0-1-${n}`,
        semiSync: { source, replica: true, replicas: 0, waitingSessions: 0 },
      }),
    })),
  fc
    .record({
      record: anyRecord,
      role: fc.constantFrom('starting' as const, 'following' as const, 'writing' as const),
      vouches: fc.boolean(),
      leaving: fc.boolean(),
      replicating: fc.boolean(),
      eligible: fc.boolean(),
    })
    .map(({ eligible, ...patch }) => ({
      kind: 'message',
      message: {
        kind: 'report',
        sentMs: 1,
        asks: false,
        echoMs: 10_000,
        report: report({ ...patch, ineligible: eligible ? [] : [reason('x')] }),
      },
    })),
  fc
    .record({ epoch: fc.integer({ min: 1, max: 9 }), finalGtid: fc.constantFrom(null, '0-1-100') })
    .map(
      (offer) => ({ kind: 'message', message: { kind: 'handover', because: 'x', ...offer } }) as WithoutTime,
    ),
  fc
    .integer({ min: 1, max: 9 })
    .map((epoch) => ({ kind: 'message', message: { kind: 'refused', epoch, because: 'x' } }) as WithoutTime),
  fc.boolean().map((open) => ({ kind: 'peer-channel', open, because: 'x' })),
  fc.constantFrom('answers', 'silent', 'refused').map((sql) => ({ kind: 'peer-sql', sql }) as WithoutTime),
  fc.constantFrom('up', 'lost').map((link) => ({ kind: 'agent', link, because: 'x' }) as WithoutTime),
  fc
    .record({
      claimedEpoch: fc.constantFrom(null, 5, 6),
      peerAdverts: fc.constantFrom('heard' as const, 'silent' as const),
    })
    .map((wire) => ({
      kind: 'wire',
      wire: { interfaceUp: true, interfaceBecause: 'x', gateway: 'unknown', ...wire },
    })),
  fc.constant({ kind: 'switchover', because: 'x' } as const),
);

describe('under any order of events', () => {
  it('never throws, never lowers the epoch, and never opens writes under a record that was not persisted', () => {
    fc.assert(
      fc.property(
        fc.option(anyRecord),
        fc.array(fc.tuple(anyEvent, fc.integer({ min: 0, max: 1500 }), fc.integer({ min: 0, max: 3 })), {
          maxLength: 60,
        }),
        (record, events) => {
          let state = initialState(SETTINGS, record === null ? null : { ...NOTHING_STORED, record }, 0);
          let nowMs = 0;
          let disk: PairRecord = record ?? NO_RECORD;
          const flying: { id: number; order: Order }[] = [];
          const take = (event: object): void => {
            const before = state.record.epoch;
            const [next, actions] = step(state, { ...event, nowMs } as PairEvent);
            state = next;
            expect(state.record.epoch).toBeGreaterThanOrEqual(before);
            expect(state.record).toEqual(disk);
            for (const action of actions) {
              if (action.kind !== 'order') continue;
              flying.push(action);
              // What is opened is allowed by what is on the disk at this moment.
              if (action.order.kind === 'open-writes' || action.order.kind === 'claim-vip')
                expect(disk.writer).toBe('a');
              if (action.order.kind === 'semi-sync-source' && !action.order.on && disk.writer === 'a') {
                expect(disk.sync).toBe('alone');
              }
            }
          };
          for (const [event, passMs, luck] of events) {
            nowMs += passMs;
            take(event);
            const done = flying.shift();
            if (done === undefined) continue;
            const ok = luck > 0;
            const current = state.operation?.id === done.id;
            if (ok && current && done.order.kind === 'persist') disk = done.order.record;
            take({
              kind: 'result',
              id: done.id,
              outcome: ok ? { ok, gtid: '0-1-100' } : { ok, code: 'down', because: 'x' },
            });
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
