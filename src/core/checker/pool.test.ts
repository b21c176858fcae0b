// The pool machine by the cases of keepalived's manual.
import { describe, expect, test } from 'vitest';
import { stepPool } from './pool.ts';
import { destination, judge, pool, SORRY, START, STOP, server, weigh } from './pool-samples.ts';
import { newPool, type PoolAction, type PoolEvent, type PoolSettings } from './pool-state.ts';
import { rulesOf } from './rules.ts';

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
