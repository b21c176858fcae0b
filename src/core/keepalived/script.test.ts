import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isGood,
  resultCount,
  SCRIPT_START,
  type ScriptEvent,
  type ScriptSettings,
  type ScriptState,
  stepScript,
} from './script.ts';

const settings: ScriptSettings = { name: 'chk', rise: 2, fall: 3, initFail: false };
const due: ScriptEvent = { kind: 'due' };
const exit = (status: number): ScriptEvent[] => [due, { kind: 'exited', status }];

/** What is said while the events happen, and where that leads. */
function run(
  events: readonly (ScriptEvent | readonly ScriptEvent[])[],
  own: Partial<ScriptSettings> = {},
): { state: ScriptState; said: string[] } {
  let state = SCRIPT_START;
  const said: string[] = [];
  for (const event of events.flat()) {
    const [next, actions] = stepScript(state, event, { ...settings, ...own });
    state = next;
    for (const action of actions) {
      if (action.kind === 'log') said.push(action.text);
      else if (action.kind === 'verdict') said.push(action.good ? '=> good' : '=> bad');
      else said.push('start');
    }
  }
  return { state, said };
}
const without = (said: readonly string[]) => said.filter((line) => line !== 'start');

describe('the first result', () => {
  test('is taken at once, whatever rise says', () => {
    expect(run([exit(0)]).said).toEqual(['start', 'VRRP_Script(chk) succeeded', '=> good']);
  });
  test('is taken at once, whatever fall says', () => {
    expect(run([exit(1)]).said).toEqual([
      'start',
      'Script `chk` now returning 1',
      'VRRP_Script(chk) failed (exited with status 1)',
      '=> bad',
    ]);
  });
  test('is not known before the script has run, and a failure with init_fail', () => {
    expect(isGood(SCRIPT_START, settings)).toBe(null);
    expect(isGood(SCRIPT_START, { ...settings, initFail: true })).toBe(false);
    expect(run([exit(0)], { initFail: true }).said).toContain('=> good');
  });
});

describe('rise and fall', () => {
  test('so many failures in a row are needed, and a success begins the count anew', () => {
    const { said, state } = run([exit(0), exit(1), exit(1), exit(0), exit(1), exit(1)]);
    expect(without(said).filter((line) => line.startsWith('=>'))).toEqual(['=> good']);
    expect(resultCount(state, settings)).toBe(2);
    expect(run([exit(0), exit(1), exit(1), exit(1)]).said.at(-1)).toBe('=> bad');
  });
  test('so many successes in a row are needed to come back', () => {
    const { said } = run([exit(1), exit(0), exit(1), exit(0), exit(0)]);
    expect(said.filter((line) => line.startsWith('=>'))).toEqual(['=> bad', '=> good']);
  });
  test('each change of the exit status is logged, as the C daemon does it', () => {
    const { said } = run([exit(0), exit(1), exit(3), exit(3), exit(0)]);
    expect(said.filter((line) => line.includes('now returning'))).toEqual([
      'Script `chk` now returning 1',
      'Script `chk` now returning 3',
      'Script `chk` now returning 0',
    ]);
  });
  test('the count of the dump is that of the C daemon', () => {
    expect(resultCount(SCRIPT_START, settings)).toBe(0);
    expect(resultCount(run([exit(0)]).state, settings)).toBe(4);
    expect(resultCount(run([exit(1)]).state, settings)).toBe(0);
    expect(resultCount(run([exit(1), exit(0)]).state, settings)).toBe(1);
  });
});

describe('a script that does not end', () => {
  test('is not started a second time; that is said once', () => {
    const { said, state } = run([due, due, due]);
    expect(said).toEqual(['start', 'Track script chk is already running, expect idle - skipping run']);
    expect(state.run).toBe('running');
  });
  test('counts as failed when its timeout runs out, not only when it is gone', () => {
    const { said, state } = run([due, { kind: 'timeout' }]);
    expect(without(said)).toEqual(['VRRP_Script(chk) timed_out', '=> bad']);
    expect(state.run).toBe('terminating');
  });
  test('what it returns after its timeout no longer counts', () => {
    const { said, state } = run([due, { kind: 'timeout' }, { kind: 'exited', status: 0 }]);
    expect(without(said)).toEqual(['VRRP_Script(chk) timed_out', '=> bad']);
    expect(state.run).toBe('idle');
  });
  test('is being timed out for the turns that fall into that', () => {
    const { said } = run([due, { kind: 'timeout' }, due]);
    expect(said.at(-1)).toBe('Track script chk is being timed out, expect idle - skipping run');
  });
  test('is started again when it is gone, and the log is not filled', () => {
    const hang: ScriptEvent[] = [due, due, { kind: 'timeout' }, { kind: 'killed', signal: 15 }];
    const { said } = run([hang, hang, hang]);
    expect(said.filter((line) => line === 'start')).toHaveLength(3);
    expect(said.filter((line) => line.includes('skipping'))).toHaveLength(1);
  });
});

test('a script that a signal ended has failed', () => {
  expect(without(run([due, { kind: 'killed', signal: 11 }]).said)).toEqual([
    'VRRP_Script(chk) failed (due to signal 11)',
    '=> bad',
  ]);
});

test('a script that cannot be started has failed, and is tried again', () => {
  const { said } = run([due, { kind: 'not-started', reason: 'spawn EAGAIN' }, due]);
  expect(said).toEqual(['start', 'VRRP_Script(chk) failed (spawn EAGAIN)', '=> bad', 'start']);
});

test('whatever happens in whatever order, no second run is started beside the first', () => {
  const event: fc.Arbitrary<ScriptEvent> = fc.oneof(
    fc.constant<ScriptEvent>({ kind: 'due' }),
    fc.constant<ScriptEvent>({ kind: 'timeout' }),
    fc.integer({ min: 0, max: 2 }).map((status): ScriptEvent => ({ kind: 'exited', status })),
    fc.constant<ScriptEvent>({ kind: 'killed', signal: 9 }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let state = SCRIPT_START;
      let runs = 0;
      for (const each of events) {
        // What ends is what was started.
        if ((each.kind === 'exited' || each.kind === 'killed') && runs === 0) continue;
        const [next, actions] = stepScript(state, each, settings);
        if (each.kind === 'exited' || each.kind === 'killed') runs--;
        runs += actions.filter(({ kind }) => kind === 'start').length;
        expect(runs).toBeLessThanOrEqual(1);
        expect(next.run === 'idle').toBe(runs === 0);
        state = next;
      }
    }),
  );
});
