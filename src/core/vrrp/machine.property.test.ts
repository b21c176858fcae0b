// The invariants of SPEC.md, over random runs. A failure prints its seed: rerun with { seed, path } in fc.assert.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deadlineOf, step } from './machine.ts';
import { DROP_REASONS } from './reception.ts';
import {
  type Action,
  initialState,
  REPORTED_SOURCES_MAX,
  type RouterEvent,
  type RouterState,
  VIRTUAL_ROUTER_DEFAULTS,
  type VirtualRouterConfig,
} from './state.ts';
import { newWire, routerConfig, type Stimulus } from './transcript-wire.ts';
import { ownedAddresses } from './transitions.ts';

const SOURCES = ['192.0.2.10', '192.0.2.12', '192.0.2.13'];
const LISTS = [['192.0.2.100'], ['192.0.2.100', '192.0.2.101'], ['192.0.2.222'], []];
const FAULTS = ['link down', 'script failed'];

const config: fc.Arbitrary<VirtualRouterConfig> = fc
  .record({
    version: fc.constantFrom(2 as const, 3 as const),
    priority: fc.constantFrom(1, 100, 150, 254, 255),
    preempt: fc.boolean(),
    preemptDelayMs: fc.constantFrom(0, 2500),
    election: fc.constantFrom('vrrp' as const, 'ordered' as const),
    knownPeers: fc.constantFrom([], ['192.0.2.12']),
    announce: fc.constantFrom(VIRTUAL_ROUTER_DEFAULTS.announce, {
      count: 1,
      repeatMs: 0,
      refreshMs: 700,
      refreshCount: 2,
      rivalCount: 0,
      rivalRepeatMs: 300,
    }),
    answersLower: fc.boolean(),
    answersHigher: fc.boolean(),
    ownerIgnoresAdverts: fc.boolean(),
    startup: fc.record({
      delayMs: fc.constantFrom(0, 3000),
      leftoverAddresses: fc.constantFrom('remove' as const, 'keep' as const),
    }),
  })
  .map((fields) => routerConfig({ ...fields, advertIntervalMs: 1000, ownAddress: '192.0.2.11' }));

const advertisement: fc.Arbitrary<Stimulus> = fc
  .record({
    source: fc.constantFrom(...SOURCES),
    priority: fc.constantFrom(0, 1, 99, 100, 101, 255),
    advertIntervalMs: fc.constantFrom(100, 1000, 2000),
    addresses: fc.constantFrom(...LISTS, ['192.0.2.100'], ['192.0.2.100']),
  })
  .map(({ source, ...rest }) => ({
    kind: 'advertisement',
    source,
    advertisement: { version: 3, vrid: 51, ...rest },
  }));

const stimulus: fc.Arbitrary<Stimulus> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Stimulus>({ kind: 'start' }) },
  { weight: 1, arbitrary: fc.constant<Stimulus>({ kind: 'stop' }) },
  { weight: 8, arbitrary: advertisement },
  { weight: 2, arbitrary: fc.constant<Stimulus>({ kind: 'timer' }) },
  { weight: 2, arbitrary: fc.constant<Stimulus>({ kind: 'claim', because: 'a claim' }) },
  { weight: 1, arbitrary: fc.constant<Stimulus>({ kind: 'yield', because: 'a yield' }) },
  { weight: 1, arbitrary: fc.constantFrom(...FAULTS).map((reason): Stimulus => ({ kind: 'fault', reason })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...FAULTS).map((reason): Stimulus => ({ kind: 'cleared', reason })),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: -10, max: 300 }).map((value): Stimulus => ({ kind: 'priority', value })),
  },
  { weight: 1, arbitrary: fc.constant<Stimulus>({ kind: 'follow', because: 'the group' }) },
  { weight: 1, arbitrary: fc.constant<Stimulus>({ kind: 'stalled', forMs: 4000 }) },
  { weight: 1, arbitrary: fc.constant<Stimulus>({ kind: 'addressLost', address: '192.0.2.100' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...DROP_REASONS).map((reason): Stimulus => ({ kind: 'dropped', reason })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ list: fc.constantFrom(...LISTS), priority: fc.constantFrom(90, 255) }).map(
      ({ list, priority }): Stimulus => ({
        kind: 'configure',
        config: routerConfig({ ownAddress: '192.0.2.11', addresses: list, priority, advertIntervalMs: 500 }),
      }),
    ),
  },
);

/** A pause in milliseconds before the event; null: until the armed timer, which then fires as well. */
const pause = fc.oneof(fc.integer({ min: 0, max: 1500 }), fc.constant(null));
const course = fc.array(fc.tuple(pause, stimulus), { maxLength: 60 });

interface Moment {
  readonly before: RouterState;
  readonly event: RouterEvent;
  readonly after: RouterState;
  readonly actions: readonly Action[];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) deepFreeze(each);
  }
  return value;
}

/** Runs a course and shows each step to `look`. Events and states are frozen: a mutation throws. */
function follow(
  start: VirtualRouterConfig,
  events: readonly (readonly [number | null, Stimulus])[],
  look: (moment: Moment) => void,
): void {
  let state: RouterState = deepFreeze(initialState(start, 0));
  let nowMs = 0;
  const take = (each: Stimulus) => {
    // A reload cannot change version or election; the random configuration takes those of the run.
    const fitted =
      each.kind === 'configure'
        ? { ...each, config: { ...each.config, version: start.version, election: start.election } }
        : each;
    const event = deepFreeze({ ...fitted, nowMs }) as RouterEvent;
    const [after, actions] = step(state, event);
    look({ before: state, event, after: deepFreeze(after), actions: deepFreeze(actions) });
    state = after;
  };
  for (const [waitMs, each] of events) {
    const deadline = deadlineOf(state);
    nowMs = waitMs === null ? Math.max(nowMs, deadline ?? nowMs) : nowMs + waitMs;
    if (waitMs === null && deadline !== null) take({ kind: 'timer' });
    take(each);
  }
}

function always(makeLook: (start: VirtualRouterConfig) => (moment: Moment) => void): void {
  fc.assert(
    fc.property(config, course, (start, events) => {
      follow(start, events, makeLook(start));
    }),
    { numRuns: 400 },
  );
}

const count = (actions: readonly Action[], kind: Action['kind']) =>
  actions.filter((action) => action.kind === kind).length;

describe('in every run', () => {
  it('the addresses are held in MASTER, all of them, and nowhere else', () => {
    always(() => {
      const held = new Set<string>();
      return ({ after, actions }) => {
        for (const action of actions) {
          if (action.kind === 'addAddresses') {
            expect(after.kind).toBe('MASTER');
            for (const address of action.addresses) held.add(address);
          }
          if (action.kind === 'removeAddresses') for (const address of action.addresses) held.delete(address);
        }
        expect([...held].sort()).toEqual(
          after.kind === 'MASTER' ? [...ownedAddresses(after.router)].sort() : [],
        );
      };
    });
  });

  it('by order, only a claim makes a master', () => {
    always((start) => ({ before, event, after }) => {
      if (start.election === 'vrrp' || after.kind !== 'MASTER' || before.kind === 'MASTER') return;
      expect(event.kind).toBe('claim');
      expect(before.kind).toBe('BACKUP');
    });
  });

  it('by order, only yield, fault, stall and stop unmake one', () => {
    always((start) => ({ before, event, after }) => {
      if (start.election === 'vrrp' || before.kind !== 'MASTER' || after.kind === 'MASTER') return;
      expect(['yield', 'fault', 'stalled', 'stop']).toContain(event.kind);
    });
  });

  it('one timer is armed at most, and it is the deadline', () => {
    always(() => {
      let armedAtMs: number | null = null;
      return ({ event, after, actions }) => {
        if (event.kind === 'timer') armedAtMs = null;
        expect(count(actions, 'armTimer') + count(actions, 'disarmTimer')).toBeLessThanOrEqual(1);
        for (const action of actions) {
          if (action.kind === 'armTimer') armedAtMs = action.atMs;
          if (action.kind === 'disarmTimer') armedAtMs = null;
        }
        expect(armedAtMs).toBe(deadlineOf(after));
        if (after.kind === 'MASTER') expect(armedAtMs).not.toBeNull();
        if (after.kind === 'BACKUP' && after.router.config.election === 'vrrp')
          expect(armedAtMs).not.toBeNull();
      };
    });
  });

  it('a change of state is one transition with a reason', () => {
    always(() => ({ before, after, actions }) => {
      const transitions = actions.filter((action) => action.kind === 'transition');
      expect(transitions.length).toBe(before.kind === after.kind ? 0 : 1);
      for (const each of transitions) {
        expect([each.from, each.to, each.because]).toEqual([before.kind, after.kind, after.router.because]);
        expect(each.because).not.toBe('');
      }
    });
  });

  it('only MASTER sends, but for the goodbye on leaving', () => {
    always(() => ({ before, after, actions }) => {
      for (const action of actions) {
        if (action.kind !== 'send') continue;
        if (action.advertisement.priority === 0) {
          expect([before.kind, after.kind === 'MASTER']).toEqual(['MASTER', false]);
        } else {
          // The last advert before yielding to a higher priority, where the configuration wants one.
          const last = before.kind === 'MASTER' && before.router.config.answersHigher;
          expect(after.kind === 'MASTER' || last).toBe(true);
          expect(action.advertisement.priority).toBe(after.router.priority);
        }
      }
      expect(count(actions, 'send')).toBeLessThanOrEqual(1);
    });
  });

  it('the addresses are gone before the goodbye', () => {
    always(() => ({ actions }) => {
      const goodbye = actions.findIndex((each) => each.kind === 'send' && each.advertisement.priority === 0);
      if (goodbye < 0) return;
      const removal = actions.findIndex((each) => each.kind === 'removeAddresses');
      expect(removal).toBeGreaterThanOrEqual(0);
      expect(removal).toBeLessThan(goodbye);
    });
  });

  it('FAULT means that a fault is left', () => {
    always(() => ({ after }) => {
      if (after.kind !== 'INIT') expect(after.kind === 'FAULT').toBe(after.router.faults.length > 0);
      expect(new Set(after.router.faults).size).toBe(after.router.faults.length);
    });
  });

  it('masterDown and masterBack take turns', () => {
    always((start) => {
      let isDown = false;
      return ({ after, actions }) => {
        for (const action of actions) {
          if (action.kind === 'transition') isDown = false;
          if (action.kind !== 'masterDown' && action.kind !== 'masterBack') continue;
          expect(start.election).toBe('ordered');
          expect(after.kind).toBe('BACKUP');
          expect(action.kind === 'masterDown').toBe(!isDown);
          isDown = action.kind === 'masterDown';
        }
      };
    });
  });

  it('other masters are answered at most once an advert interval', () => {
    always(() => {
      let lastMs = Number.NEGATIVE_INFINITY;
      return ({ before, event, after, actions }) => {
        if (before.kind !== 'MASTER') lastMs = Number.NEGATIVE_INFINITY;
        if (event.kind !== 'advertisement' || event.advertisement.priority === 0) return;
        if (before.kind !== 'MASTER' || count(actions, 'send') === 0) return;
        // The last advert before it yields is no answer.
        if (after.kind !== 'MASTER') return;
        expect(event.nowMs - lastMs).toBeGreaterThanOrEqual(after.router.config.advertIntervalMs);
        lastMs = event.nowMs;
      };
    });
  });

  it("an owner's priority is 255, and anybody else's 1 to 254", () => {
    always(() => ({ after }) => {
      const { priority, config: current } = after.router;
      if (current.priority === 255) expect(priority).toBe(255);
      else expect(priority >= 1 && priority <= 254).toBe(true);
    });
  });

  it('the state is plain, bounded data', () => {
    always(() => ({ after }) => {
      expect(JSON.parse(JSON.stringify(after))).toEqual(after);
      expect(after.router.reportedSources.length).toBeLessThanOrEqual(REPORTED_SOURCES_MAX);
    });
  });
});

describe('on a link', () => {
  const disturbance = fc.record({
    host: fc.constantFrom('a', 'b', 'c'),
    what: fc.constantFrom('pulled', 'plugged', 'fault', 'cleared', 'stalled', 'stop', 'start'),
    pauseMs: fc.integer({ min: 0, max: 800 }),
  });

  it('exactly one router is master once the link is whole, whatever happened before', () => {
    fc.assert(
      fc.property(
        fc.array(disturbance, { maxLength: 15 }),
        fc.boolean(),
        fc.constantFrom([150, 100, 50], [100, 100, 100]),
        (disturbances, preempt, priorities) => {
          const names = ['a', 'b', 'c'];
          const wire = newWire(
            Object.fromEntries(
              names.map((name, i) => [
                name,
                routerConfig({ ownAddress: `192.0.2.${11 + i}`, priority: priorities[i] ?? 1, preempt }),
              ]),
            ),
          );
          let nowMs = 0;
          for (const name of names) wire.tell(name, { kind: 'start' });
          for (const { host, what, pauseMs } of disturbances) {
            if (what === 'pulled' || what === 'plugged') wire.cable(host, what);
            else if (what === 'stalled') wire.tell(host, { kind: what, forMs: 5000 });
            else if (what === 'fault' || what === 'cleared')
              wire.tell(host, { kind: what, reason: 'script' });
            else wire.tell(host, { kind: what });
            nowMs += pauseMs;
            wire.until(nowMs);
          }
          for (const name of names) {
            wire.cable(name, 'plugged');
            wire.tell(name, { kind: 'cleared', reason: 'script' });
            wire.tell(name, { kind: 'start' });
          }
          wire.until(nowMs + 3000);
          const states = names.map((name) => wire.stateOf(name).kind);
          expect(states.filter((kind) => kind === 'MASTER').length, wire.transcript()).toBe(1);
          if (preempt && priorities[0] === 150) expect(states[0]).toBe('MASTER');
        },
      ),
      { numRuns: 150 },
    );
  });
});
