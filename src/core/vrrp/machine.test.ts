import { describe, expect, it } from 'vitest';
import { deadlineOf, step } from './machine.ts';
import {
  type Action,
  initialState,
  REPORTED_SOURCES_MAX,
  type RouterEvent,
  type RouterState,
  VIRTUAL_ROUTER_DEFAULTS,
  type VirtualRouterConfig,
} from './state.ts';
import { masterDownIntervalMs, skewMs } from './timers.ts';
import { routerConfig, type Stimulus } from './transcript-wire.ts';

const PEER = '192.0.2.12';
const own = (fields: Partial<VirtualRouterConfig> = {}) =>
  routerConfig({ ownAddress: '192.0.2.11', priority: 100, ...fields });

/** Runs events of given times; the actions are those of the last one. */
function run(
  config: VirtualRouterConfig,
  ...events: readonly (readonly [number, Stimulus])[]
): { state: RouterState; actions: readonly Action[] } {
  let state: RouterState = initialState(config, 0);
  let actions: readonly Action[] = [];
  for (const [nowMs, stimulus] of events)
    [state, actions] = step(state, { ...stimulus, nowMs } as RouterEvent);
  return { state, actions };
}

function heard(priority: number, source = PEER, addresses: readonly string[] = ['192.0.2.100']): Stimulus {
  return {
    kind: 'advertisement',
    source,
    advertisement: { version: 3, vrid: 51, priority, advertIntervalMs: 100, addresses },
  };
}

const START: Stimulus = { kind: 'start' };
const TIMER: Stimulus = { kind: 'timer' };
const CLAIM: Stimulus = { kind: 'claim', because: 'told to' };
const kinds = (actions: readonly Action[]) => actions.map((action) => action.kind);

describe('the intervals', () => {
  it('count the skew in seconds in version 2, and in shares of the master interval in version 3', () => {
    expect(skewMs(2, 100, 1000)).toBe(609.375);
    expect(skewMs(2, 100, 5000)).toBe(609.375);
    expect(skewMs(3, 100, 1000)).toBe(609.375);
    expect(skewMs(3, 100, 100)).toBe(60.9375);
    expect(skewMs(3, 255, 256)).toBe(1);
  });

  it('make the master down after three adverts and the skew', () => {
    expect(masterDownIntervalMs(2, 100, 1000)).toBe(3609.375);
    expect(masterDownIntervalMs(3, 150, 100)).toBe(341.40625);
    expect(masterDownIntervalMs(3, 150, 100, 2)).toBe(241.40625);
  });
});

describe('as BACKUP', () => {
  it('accepts equal priority, and does not look at addresses to do so', () => {
    const { state } = run(own(), [0, START], [300, heard(100, '192.0.2.1')]);
    expect(deadlineOf(state)).toBe(300 + 360.9375);
  });

  it('does not let a lower priority push the timer on, if it preempts', () => {
    const { state, actions } = run(own(), [0, START], [300, heard(99)]);
    expect(deadlineOf(state)).toBe(360.9375);
    expect(actions).toEqual([]);
  });

  it('names the master that fell silent, not one that it meant to preempt before', () => {
    const { state } = run(own(), [0, START], [10, heard(50)], [20, heard(200, '192.0.2.13')], [381, TIMER]);
    expect(state.kind).toBe('MASTER');
    expect(state.router.because).toBe(
      'no advertisement from 192.0.2.13 for 361 ms (limit: 3 x 100 ms and a skew of 60.9 ms)',
    );
  });

  it('preempts as the owner, whatever the configuration says', () => {
    const owner = own({ priority: 255, preempt: false });
    const { state } = run(
      owner,
      [0, { kind: 'fault', reason: 'link' }],
      [0, START],
      [10, { kind: 'cleared', reason: 'link' }],
    );
    expect(state.kind).toBe('MASTER');
    const delayed = own({
      priority: 255,
      preempt: false,
      startup: { delayMs: 1000, leftoverAddresses: 'remove' },
    });
    const waiting = run(delayed, [0, START], [10, heard(200)]);
    expect(waiting.state.kind).toBe('BACKUP');
    expect(deadlineOf(waiting.state)).toBeCloseTo(1000 + masterDownIntervalMs(3, 255, 100));
  });

  it('adds the startup delay to the first wait only', () => {
    const config = own({ startup: { delayMs: 5000, leftoverAddresses: 'remove' } });
    expect(deadlineOf(run(config, [0, START]).state)).toBe(5360.9375);
    expect(deadlineOf(run(config, [0, START], [10, heard(200)]).state)).toBe(370.9375);
  });

  it('leaves left-over addresses alone when told to keep them, but not with a fault', () => {
    const keep = own({ startup: { delayMs: 0, leftoverAddresses: 'keep' } });
    expect(kinds(run(keep, [0, START]).actions)).toEqual(['transition', 'armTimer']);
    const faulty = run(keep, [0, { kind: 'fault', reason: 'link' }], [0, START]);
    expect(kinds(faulty.actions)).toEqual(['transition', 'removeAddresses']);
  });

  it('keeps its own interval in version 2', () => {
    const { state } = run(own({ version: 2, advertIntervalMs: 1000 }), [0, START], [100, heard(200)]);
    expect(deadlineOf(state)).toBe(100 + 3609.375);
  });

  it('ignores a timer that fires early, and arms it again', () => {
    const { state, actions } = run(own(), [0, START], [360, TIMER]);
    expect(state.kind).toBe('BACKUP');
    expect(actions).toEqual([{ kind: 'armTimer', atMs: 360.9375 }]);
  });

  it('begins its wait anew after a stall, so that adverts in the socket are read first', () => {
    const { state } = run(own(), [0, START], [5000, { kind: 'stalled', forMs: 4900 }]);
    expect(deadlineOf(state)).toBe(5360.9375);
  });

  it('by order: reports a goodbye of its master only', () => {
    const ordered = own({ election: 'ordered', knownPeers: [PEER] });
    const other = run(ordered, [0, START], [10, heard(50)], [20, heard(0, '192.0.2.13')]);
    expect(other.actions).toEqual([]);
    const master = run(ordered, [0, START], [10, heard(50)], [20, heard(0)]);
    expect(kinds(master.actions)).toEqual(['masterDown', 'disarmTimer']);
    const again = run(ordered, [0, START], [10, heard(50)], [20, heard(0)], [21, heard(0)]);
    expect(again.actions).toEqual([]);
  });
});

describe('as MASTER', () => {
  const MASTER: readonly (readonly [number, Stimulus])[] = [
    [0, START],
    [360.9375, TIMER],
  ];

  it('keeps the rhythm of its adverts when a timer is late, and piles none up', () => {
    expect(deadlineOf(run(own(), ...MASTER, [465, TIMER]).state)).toBe(560.9375);
    const late = run(own(), ...MASTER, [1000, TIMER]);
    expect(kinds(late.actions)).toEqual(['send', 'armTimer']);
    expect(deadlineOf(late.state)).toBe(1100);
  });

  it('announces again after the repeat interval, and from then on by the refresh interval', () => {
    const config = own({
      advertIntervalMs: 40_000,
      announce: { ...VIRTUAL_ROUTER_DEFAULTS.announce, repeatMs: 1000, refreshMs: 3000 },
    });
    const wait = masterDownIntervalMs(3, 100, 40_000);
    const first = run(config, [0, START], [wait, TIMER]);
    expect(deadlineOf(first.state)).toBe(wait + 1000);
    const second = run(config, [0, START], [wait, TIMER], [wait + 1000, TIMER]);
    expect(second.actions).toEqual([
      { kind: 'announce', addresses: ['192.0.2.100'], count: 5 },
      { kind: 'armTimer', atMs: wait + 4000 },
    ]);
    const third = run(config, [0, START], [wait, TIMER], [wait + 1000, TIMER], [wait + 4000, TIMER]);
    expect(third.actions).toEqual([
      { kind: 'announce', addresses: ['192.0.2.100'], count: 1 },
      { kind: 'armTimer', atMs: wait + 7000 },
    ]);
  });

  it('answers a lower priority with an advert and announcements, and says that it heard it', () => {
    const lower = [500, heard(50, PEER)] as const;
    expect(kinds(run(own(), ...MASTER, lower).actions)).toEqual([
      'lowerHeard',
      'send',
      'announce',
      'armTimer',
    ]);
    const quiet = run(own({ answersLower: false }), ...MASTER, lower);
    expect(kinds(quiet.actions)).toEqual(['lowerHeard', 'announce']);
  });

  it('sends one advert more before it yields to a higher priority, where it is told to', () => {
    const higher = [500, heard(200, PEER)] as const;
    expect(kinds(run(own(), ...MASTER, higher).actions)).not.toContain('send');
    const told = run(own({ answersHigher: true }), ...MASTER, higher);
    expect(told.state.kind).toBe('BACKUP');
    expect(told.actions[0]?.kind).toBe('send');
  });

  it('follows its group to BACKUP without a goodbye, and only as master', () => {
    const event = { kind: 'follow', because: 'VI_2 of its group is BACKUP' } as const;
    const { state, actions } = run(own(), ...MASTER, [500, event]);
    expect(state.kind).toBe('BACKUP');
    expect(kinds(actions)).not.toContain('send');
    expect(run(own(), [0, START], [1, event]).actions).toEqual([]);
  });

  it('looks at no advert as an owner that ignores them', () => {
    const owner = own({ priority: 255, ownerIgnoresAdverts: true });
    expect(run(owner, [0, START], [500, heard(255, '192.0.2.200')]).state.kind).toBe('MASTER');
    expect(run(own({ priority: 255 }), [0, START], [500, heard(255, '192.0.2.200')]).state.kind).toBe(
      'BACKUP',
    );
  });

  it('does not yield to its own address at its own priority', () => {
    expect(run(own(), ...MASTER, [400, heard(100, '192.0.2.11')]).state.kind).toBe('MASTER');
    expect(run(own(), ...MASTER, [400, heard(100, '192.0.2.12')]).state.kind).toBe('BACKUP');
    expect(run(own(), ...MASTER, [400, heard(100, '192.0.2.10')]).state.kind).toBe('MASTER');
  });

  it('answers priority 0 with an advert at once', () => {
    expect(kinds(run(own(), ...MASTER, [400, heard(0)]).actions)).toEqual(['send', 'armTimer']);
  });

  it("announces again when a rival says goodbye: the rival's announcement may have been the last", () => {
    const { actions } = run(own(), ...MASTER, [400, heard(50)], [401, heard(0)]);
    expect(kinds(actions)).toEqual(['send', 'announce', 'armTimer']);
    const second = run(own(), ...MASTER, [400, heard(50)], [401, heard(0)], [402, heard(0)]);
    expect(kinds(second.actions)).toEqual(['send', 'armTimer']);
  });

  it('carries addresses that it does not advertise', () => {
    const config = own({ addressesNotAdvertised: ['192.0.2.200'] });
    const { actions } = run(config, ...MASTER);
    expect(actions).toContainEqual({ kind: 'addAddresses', addresses: ['192.0.2.100', '192.0.2.200'] });
    expect(actions).toContainEqual(
      expect.objectContaining({ advertisement: expect.objectContaining({ addresses: ['192.0.2.100'] }) }),
    );
  });

  it('advertises a changed priority, within 1 to 254', () => {
    for (const [value, effective] of [
      [-5, 1],
      [300, 254],
      [77.4, 77],
      [Number.NaN, 100],
    ] as const) {
      const { actions } = run(own(), ...MASTER, [400, { kind: 'priority', value }], [465, TIMER]);
      expect(actions).toContainEqual(
        expect.objectContaining({ advertisement: expect.objectContaining({ priority: effective }) }),
      );
    }
  });
});

describe('whoever it is', () => {
  it('counts what it receives, drops and becomes', () => {
    const { state } = run(
      own(),
      [0, START],
      [10, { kind: 'dropped', reason: 'auth-password' }],
      [11, { kind: 'dropped', reason: 'auth-password' }],
      [20, heard(50)],
      [30, heard(50, '192.0.2.99', ['192.0.2.222'])],
      [361, TIMER],
      [400, heard(0)],
      [410, { kind: 'stop' }],
    );
    expect(state.router.statistics).toMatchObject({
      advertsSent: 3,
      advertsReceived: 3,
      priorityZeroSent: 1,
      priorityZeroReceived: 1,
      foreignReceived: 1,
      becameMaster: 1,
      releasedMaster: 1,
      transitions: 3,
    });
    expect(state.router.statistics.dropped['auth-password']).toBe(2);
    expect(state.router.statistics.dropped.ttl).toBe(0);
  });

  it('reports a differing address list once a source, and again after they agreed', () => {
    const odd = heard(200, PEER, ['192.0.2.100', '192.0.2.101']);
    const first = run(own(), [0, START], [10, odd]);
    expect(kinds(first.actions)).toEqual(['addressMismatch', 'armTimer']);
    expect(kinds(run(own(), [0, START], [10, odd], [20, odd]).actions)).toEqual(['armTimer']);
    const agreed = run(own(), [0, START], [10, odd], [20, heard(200)], [30, odd]);
    expect(kinds(agreed.actions)).toEqual(['addressMismatch', 'armTimer']);
  });

  it('obeys an advert that names no address, as version 2 may, and reports it', () => {
    const { state, actions } = run(own(), [0, START], [10, heard(200, PEER, [])]);
    expect(kinds(actions)).toEqual(['addressMismatch', 'armTimer']);
    expect(deadlineOf(state)).toBe(370.9375);
  });

  it('remembers a bounded number of strangers', () => {
    const strangers = Array.from(
      { length: 100 },
      (_, i) => [i, heard(200, `198.51.100.${i}`, ['203.0.113.1'])] as const,
    );
    const { state } = run(own(), [0, START], ...strangers);
    expect(state.router.reportedSources.length).toBe(REPORTED_SOURCES_MAX);
    expect(state.router.statistics.foreignReceived).toBe(100);
  });

  it('takes no orders in the election of VRRP', () => {
    expect(run(own(), [0, START], [1, CLAIM]).actions).toMatchObject([{ kind: 'refused', event: 'claim' }]);
    const yielding = run(own(), [0, START], [361, TIMER], [362, { kind: 'yield', because: 'told to' }]);
    expect(yielding.actions).toMatchObject([{ kind: 'refused', event: 'yield' }]);
    expect(yielding.state.kind).toBe('MASTER');
  });

  it('writes address texts in their canonical form', () => {
    const config = own({ addresses: ['2001:DB8:0::0100'], ownAddress: 'FE80::0001' });
    const state = initialState(config, 0);
    expect(state.router.config.addresses).toEqual(['2001:db8::100']);
    expect(state.router.config.ownAddress).toBe('fe80::1');
  });
});
