// The pool machine: by the cases of keepalived's manual, and by random lives.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepPool } from './pool.ts';
import {
  aliveWeight,
  type Destination,
  newPool,
  type PoolAction,
  type PoolEvent,
  type PoolSettings,
  type PoolState,
  type RealServer,
  type Rule,
} from './pool-state.ts';
import { ruleKey, rulesOf } from './rules.ts';

const destination = (address: string): Destination => ({
  address,
  port: 3306,
  forwarding: { method: 'NAT' },
  upperThreshold: 0,
  lowerThreshold: 0,
});

const server = (n: number, more: Partial<RealServer> = {}): RealServer => ({
  name: `[10.0.0.${n}]:tcp:3306`,
  weight: 1,
  inhibit: false,
  mail: true,
  checkers: [{ id: 'tcp', alpha: false }],
  destination: destination(`10.0.0.${n}`),
  ...more,
});

const pool = (more: Partial<PoolSettings> = {}): PoolSettings => ({
  name: '[192.0.2.100]:tcp:3306',
  quorum: 1,
  hysteresis: 0,
  omega: false,
  initNotifies: false,
  mail: false,
  checkerMails: true,
  servers: [server(1), server(2)],
  sorry: null,
  ...more,
});
const SORRY = { name: '[10.0.0.9]:tcp:3306', inhibit: false, destination: destination('10.0.0.9') };

const judge = (n: number, up: boolean, checker = 'tcp', first = false): PoolEvent => ({
  kind: 'judged',
  server: `[10.0.0.${n}]:tcp:3306`,
  checker,
  up,
  first,
  words: up ? '=> TCP CHECK succeed on service <=' : '=> TCP CHECK failed on service <=',
});
const weigh = (n: number, share: number): PoolEvent => ({
  kind: 'weighted',
  server: `[10.0.0.${n}]:tcp:3306`,
  checker: 'tcp',
  share,
});
const START: PoolEvent = { kind: 'start' };
const STOP: PoolEvent = { kind: 'stop', removed: false };

function live(settings: PoolSettings, ...events: PoolEvent[]) {
  let state = newPool(settings);
  let actions: readonly PoolAction[] = [];
  for (const event of events) [state, actions] = stepPool(state, event);
  const said = actions.flatMap((a) => (a.kind === 'say' ? [a.text] : []));
  const notified = actions.flatMap((a) =>
    a.kind === 'notify-server' ? [`${a.server} ${a.up}`] : a.kind === 'notify-quorum' ? [`VS ${a.up}`] : [],
  );
  const rules = rulesOf(state).map((r) => `${r.address} ${r.weight}`);
  return { state, actions, said, notified, rules };
}

describe('a virtual server', () => {
  test('starts with all its servers, and with its quorum', () => {
    const { said, notified, rules } = live(pool(), START);
    expect(said).toEqual(['Gained quorum 1+0=1 <= 2 for VS [192.0.2.100]:tcp:3306']);
    expect(notified).toEqual(['VS true']);
    expect(rules).toEqual(['10.0.0.1 1', '10.0.0.2 1']);
  });

  test('a server whose checker says no leaves the pool', () => {
    const { said, notified, rules, actions } = live(pool(), START, judge(1, false));
    expect(said).toEqual(['Removing service [10.0.0.1]:tcp:3306 from VS [192.0.2.100]:tcp:3306']);
    expect(notified).toEqual(['[10.0.0.1]:tcp:3306 false']);
    expect(rules).toEqual(['10.0.0.2 1']);
    expect(actions[0]).toMatchObject({ kind: 'remove-rule', rule: { address: '10.0.0.1' } });
    expect(actions).toContainEqual({
      kind: 'mail-server',
      server: '[10.0.0.1]:tcp:3306',
      up: false,
      words: '=> TCP CHECK failed on service <=',
    });
  });

  test('of several checkers all must say yes', () => {
    const two = pool({
      servers: [
        server(1, {
          checkers: [
            { id: 'a', alpha: false },
            { id: 'b', alpha: false },
          ],
        }),
      ],
    });
    const down = live(two, START, judge(1, false, 'a'), judge(1, false, 'b'), judge(1, true, 'a'));
    expect(down.rules).toEqual([]);
    const up = live(
      two,
      START,
      judge(1, false, 'a'),
      judge(1, false, 'b'),
      judge(1, true, 'a'),
      judge(1, true, 'b'),
    );
    expect(up.rules).toEqual(['10.0.0.1 1']);
    expect(up.said[0]).toBe('Adding service [10.0.0.1]:tcp:3306 to VS [192.0.2.100]:tcp:3306');
  });

  test('the last server gone is the quorum lost', () => {
    const { said, notified } = live(pool(), START, judge(1, false), judge(2, false));
    expect(said[1]).toBe('Lost quorum 1-0=1 > 0 for VS [192.0.2.100]:tcp:3306');
    expect(notified).toEqual(['[10.0.0.2]:tcp:3306 false', 'VS false']);
  });

  test('hysteresis keeps a quorum that is barely missed, and asks for more to gain it', () => {
    const settings = pool({ quorum: 2, hysteresis: 1, servers: [server(1), server(2), server(3)] });
    const one = live(settings, START, judge(1, false), judge(2, false));
    expect(one.state.quorumUp).toBe(true);
    const none = live(settings, START, judge(1, false), judge(2, false), judge(3, false));
    expect(none.state.quorumUp).toBe(false);
    const two = live(
      settings,
      START,
      ...[1, 2, 3].map((n) => judge(n, false)),
      judge(1, true),
      judge(2, true),
    );
    expect(two.state.quorumUp).toBe(false);
    const three = live(
      settings,
      START,
      ...[1, 2, 3].map((n) => judge(n, false)),
      ...[1, 2, 3].map((n) => judge(n, true)),
    );
    expect(three.said).toContain('Gained quorum 2+1=3 <= 3 for VS [192.0.2.100]:tcp:3306');
  });

  test('the sorry server takes over with the quorum lost, and leaves with it gained', () => {
    const settings = pool({ quorum: 2, sorry: SORRY });
    const lost = live(settings, START, judge(1, false));
    expect(lost.said).toEqual([
      'Removing service [10.0.0.1]:tcp:3306 from VS [192.0.2.100]:tcp:3306',
      'Lost quorum 2-0=2 > 1 for VS [192.0.2.100]:tcp:3306',
      'Adding sorry server [10.0.0.9]:tcp:3306 to VS [192.0.2.100]:tcp:3306',
      'Removing alive servers from the pool for VS [192.0.2.100]:tcp:3306',
    ]);
    expect(lost.rules).toEqual(['10.0.0.9 1']);
    expect(lost.actions[0]).toMatchObject({ kind: 'add-rule', rule: { address: '10.0.0.9' } });
    const gained = live(settings, START, judge(1, false), judge(1, true));
    expect(gained.rules).toEqual(['10.0.0.1 1', '10.0.0.2 1']);
    expect(gained.said).toContain('Removing sorry server [10.0.0.9]:tcp:3306 from VS [192.0.2.100]:tcp:3306');
  });

  test('with inhibit_on_failure a failed server stays with weight 0', () => {
    const settings = pool({ servers: [server(1, { inhibit: true }), server(2)] });
    const { said, rules } = live(settings, START, judge(1, false));
    expect(rules).toEqual(['10.0.0.1 0', '10.0.0.2 1']);
    expect(said).toEqual(['Disabling service [10.0.0.1]:tcp:3306 of VS [192.0.2.100]:tcp:3306']);
  });

  test('an inhibited sorry server is always there', () => {
    const settings = pool({ sorry: { ...SORRY, inhibit: true } });
    expect(live(settings, START).rules).toEqual(['10.0.0.1 1', '10.0.0.2 1', '10.0.0.9 0']);
    const lost = live(settings, START, judge(1, false), judge(2, false));
    expect(lost.rules).toEqual(['10.0.0.9 1']);
    expect(lost.said).toContain('Enabling sorry server [10.0.0.9]:tcp:3306 to VS [192.0.2.100]:tcp:3306');
  });

  test('a sorry server that is one of the real servers is there once', () => {
    const settings = pool({ sorry: { ...SORRY, destination: destination('10.0.0.1') } });
    expect(live(settings, START, judge(1, false), judge(2, false)).rules).toEqual(['10.0.0.1 1']);
    expect(live(settings, START, judge(1, false), judge(2, false), judge(1, true)).rules).toEqual([
      '10.0.0.1 1',
    ]);
  });

  test('alpha: a server is out until its checker found it; quorum comes with it', () => {
    const alpha = { checkers: [{ id: 'tcp', alpha: true }] };
    const settings = pool({ servers: [server(1, alpha), server(2, alpha)], sorry: SORRY });
    const started = live(settings, START);
    expect(started.rules).toEqual(['10.0.0.9 1']);
    expect(started.said[0]).toBe('Starting with quorum down 1-0=1 > 0 for VS [192.0.2.100]:tcp:3306');
    expect(live(settings, START, judge(1, true, 'tcp', true)).rules).toEqual(['10.0.0.1 1']);
    expect(live(settings, START, judge(1, false, 'tcp', true)).notified).toEqual([
      '[10.0.0.1]:tcp:3306 false',
    ]);
  });

  test('a weight changes in the pool and in the quorum', () => {
    const { said, rules } = live(pool({ quorum: 2 }), START, weigh(1, 9));
    expect(said).toEqual([
      'Changing weight from 1 to 10 for active service [10.0.0.1]:tcp:3306 of VS [192.0.2.100]:tcp:3306',
    ]);
    expect(rules).toEqual(['10.0.0.1 10', '10.0.0.2 1']);
    expect(live(pool({ quorum: 2 }), START, weigh(1, -1)).state.quorumUp).toBe(false);
    expect(live(pool(), START, weigh(1, -50)).rules).toEqual(['10.0.0.1 0', '10.0.0.2 1']);
  });

  test('what a checker said of the weight ends with its failure', () => {
    const inhibited = pool({ servers: [server(1, { inhibit: true })] });
    expect(live(inhibited, START, weigh(1, 9), judge(1, false), judge(1, true)).rules).toEqual([
      '10.0.0.1 1',
    ]);
  });

  test('its end takes the rules away, with scripts only in omega mode', () => {
    const plain = live(pool(), START, STOP);
    expect(plain.notified).toEqual([]);
    expect(plain.said).toHaveLength(2);
    expect(plain.rules).toEqual([]);
    const omega = live(pool({ omega: true }), START, STOP);
    expect(omega.notified).toEqual(['[10.0.0.1]:tcp:3306 false', '[10.0.0.2]:tcp:3306 false', 'VS false']);
  });

  test('a reload that changes nothing does nothing', () => {
    const { actions } = live(pool(), START, judge(1, false), { kind: 'reload', settings: pool() });
    expect(actions).toEqual([]);
  });

  test('a reload keeps what is down down, and tells of what is gone', () => {
    const next = pool({ servers: [server(1), server(3)] });
    const { rules, said, notified } = live(pool(), START, judge(1, false), {
      kind: 'reload',
      settings: next,
    });
    expect(rules).toEqual(['10.0.0.3 1']);
    expect(said).toEqual([
      'service [10.0.0.2]:tcp:3306 no longer exist',
      'Removing service [10.0.0.2]:tcp:3306 from VS [192.0.2.100]:tcp:3306',
    ]);
    expect(notified).toEqual(['[10.0.0.2]:tcp:3306 false']);
  });

  test('a reload without the checker that said no brings the server back', () => {
    const next = pool({ servers: [server(1, { checkers: [] }), server(2)] });
    const { rules } = live(pool(), START, judge(1, false), { kind: 'reload', settings: next });
    expect(rules).toEqual(['10.0.0.1 1', '10.0.0.2 1']);
  });

  test('a reload without the sorry server puts alive servers back', () => {
    const settings = pool({ quorum: 2, sorry: SORRY });
    const { rules } = live(settings, START, judge(1, false), {
      kind: 'reload',
      settings: { ...settings, sorry: null },
    });
    expect(rules).toEqual(['10.0.0.2 1']);
  });
});

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
