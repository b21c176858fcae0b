// Any life of a virtual server: the invariants P1 to P7 of SPEC.md.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepPool } from './pool.ts';
import { destination, judge, pool, SORRY, START, STOP, server, weigh } from './pool-samples.ts';
import { aliveWeight, newPool, type PoolEvent, type PoolState, type Rule } from './pool-state.ts';
import { ruleKey, rulesOf } from './rules.ts';

const anyServer = fc
  .record({
    n: fc.integer({ min: 1, max: 4 }),
    weight: fc.integer({ min: 0, max: 5 }),
    inhibit: fc.boolean(),
    alpha: fc.array(fc.boolean(), { maxLength: 2 }),
  })
  .map(({ n, weight, inhibit, alpha }) =>
    server(n, { weight, inhibit, checkers: alpha.map((a, i) => ({ id: `c${i}`, alpha: a })) }),
  );
const anySettings = fc
  .record({
    quorum: fc.integer({ min: 1, max: 6 }),
    slack: fc.integer({ min: 0, max: 5 }),
    omega: fc.boolean(),
    initNotifies: fc.boolean(),
    servers: fc.uniqueArray(anyServer, { maxLength: 4, selector: (s) => s.name }),
    sorry: fc.option(
      fc.record({ inhibit: fc.boolean(), twin: fc.boolean() }).map(({ inhibit, twin }) => ({
        ...SORRY,
        inhibit,
        destination: destination(twin ? '10.0.0.1' : '10.0.0.9'),
      })),
    ),
  })
  .map(({ slack, ...more }) => pool({ ...more, hysteresis: Math.min(slack, more.quorum - 1) }));
const anyEvent: fc.Arbitrary<PoolEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.boolean(), fc.constantFrom('c0', 'c1'), fc.boolean())
      .map(([n, up, checker, first]) => judge(n, up, checker, first)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: -9, max: 9 }))
      .map(([n, w]) => weigh(n, w)),
  },
  anySettings.map((settings): PoolEvent => ({ kind: 'reload', settings })),
  fc.constant(STOP),
);

function checkState(state: PoolState): void {
  if (state.phase !== 'running') {
    expect(rulesOf(state)).toEqual([]);
    return;
  }
  const { settings, servers, quorumUp, sorryInUse } = state;
  for (const s of settings.servers) expect(servers[s.name]?.alive).toBe(servers[s.name]?.failed.length === 0);
  expect(sorryInUse).toBe(settings.sorry !== null && !quorumUp);
  const sum = aliveWeight(state);
  if (quorumUp) expect(sum).toBeGreaterThanOrEqual(Math.max(1, settings.quorum - settings.hysteresis));
  else expect(sum).toBeLessThan(settings.quorum + settings.hysteresis);
  const rules = rulesOf(state);
  expect(new Set(rules.map(ruleKey)).size).toBe(rules.length);
  for (const s of settings.servers) {
    const rule = rules.find((r) => ruleKey(r) === ruleKey(s.destination));
    const isSorry =
      settings.sorry !== null && sorryInUse && ruleKey(settings.sorry.destination) === ruleKey(s.destination);
    if (rule !== undefined && !isSorry && !servers[s.name]?.alive) expect(rule.weight).toBe(0);
  }
}

describe('any life of a virtual server', () => {
  test('P1 to P7', () => {
    fc.assert(
      fc.property(anySettings, fc.array(anyEvent, { maxLength: 40 }), (settings, events) => {
        let state = newPool(settings);
        const kernel = new Map<string, Rule>();
        const told = new Map<string, boolean>();
        let quorum = false;
        for (const event of [START, ...events]) {
          const [next, actions] = stepPool(state, event);
          state = next;
          for (const action of actions) {
            if (action.kind === 'add-rule') {
              expect(kernel.has(ruleKey(action.rule))).toBe(false);
              kernel.set(ruleKey(action.rule), action.rule);
            } else if (action.kind === 'edit-rule') {
              expect(kernel.has(ruleKey(action.rule))).toBe(true);
              kernel.set(ruleKey(action.rule), action.rule);
            } else if (action.kind === 'remove-rule') {
              expect(kernel.delete(ruleKey(action.rule))).toBe(true);
            } else if (action.kind === 'notify-server') {
              if (action.up) expect(told.get(action.server)).not.toBe(true);
              told.set(action.server, action.up);
            } else if (action.kind === 'notify-quorum') {
              if (action.up) expect(quorum).toBe(false);
              quorum = action.up;
            }
          }
          expect([...kernel.values()].sort((a, b) => ruleKey(a).localeCompare(ruleKey(b)))).toEqual(
            [...rulesOf(state)].sort((a, b) => ruleKey(a).localeCompare(ruleKey(b))),
          );
          checkState(state);
        }
      }),
      { numRuns: 300 },
    );
  });
});
