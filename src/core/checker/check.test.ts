// The checker machine by its table, and by random lives.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CheckAction,
  type CheckEvent,
  type CheckSettings,
  type CheckState,
  migrateCheck,
  newCheck,
  stepCheck,
} from './check.ts';

const SETTINGS: CheckSettings = {
  intervalMs: 10_000,
  retries: 2,
  delayBeforeRetryMs: 1000,
  warmupMs: 8000,
  alpha: false,
  logAllFailures: false,
  steps: 1,
  patientAtFirst: false,
  fastRecovery: false,
};

function live(settings: CheckSettings, events: readonly CheckEvent[]) {
  let state = newCheck(settings);
  const seen: CheckAction[][] = [];
  for (const event of events) {
    const [next, actions] = stepCheck(state, event, settings);
    state = next;
    seen.push([...actions]);
  }
  return { state, seen, last: seen.at(-1) ?? [] };
}

const start: CheckEvent = { kind: 'start', fraction: 0.5 };
const due: CheckEvent = { kind: 'due' };
const pass: CheckEvent = { kind: 'passed' };
const fail: CheckEvent = { kind: 'failed', because: 'refused' };
const looks = (...results: CheckEvent[]): CheckEvent[] => [start, ...results.flatMap((r) => [due, r])];
const kinds = (actions: readonly CheckAction[]) => actions.map((a) => a.kind);

describe('one checker', () => {
  test('looks first after a random part of the warm-up', () => {
    expect(live(SETTINGS, [start]).last).toEqual([{ kind: 'arm', delayMs: 4000 }]);
  });

  test('says so when its first look succeeds, and is quiet while it goes on so', () => {
    const { seen, state } = live(SETTINGS, looks(pass, pass));
    expect(seen[2]).toEqual([
      { kind: 'say-passed' },
      { kind: 'judge', up: true, first: true },
      { kind: 'arm', delayMs: 10_000 },
    ]);
    expect(seen[4]).toEqual([{ kind: 'arm', delayMs: 10_000 }]);
    expect(state).toMatchObject({ up: true, hasRun: true });
  });

  test('is down only after its retries, which come sooner than the next interval', () => {
    const { seen, state } = live(SETTINGS, looks(pass, fail, fail, fail));
    expect(seen[4]).toEqual([{ kind: 'arm', delayMs: 1000 }]);
    expect(seen[6]).toEqual([{ kind: 'arm', delayMs: 1000 }]);
    expect(seen[8]).toEqual([
      { kind: 'say-exhausted', because: 'refused', retries: 2 },
      { kind: 'judge', up: false, first: false },
      { kind: 'arm', delayMs: 10_000 },
    ]);
    expect(state).toMatchObject({ up: false, because: 'refused' });
  });

  test('a failure of its first look is final, unless its kind is patient', () => {
    const [because, retries] = ['refused', 0];
    expect(live(SETTINGS, looks(fail)).last[0]).toEqual({ kind: 'say-exhausted', because, retries });
    const patient = { ...SETTINGS, patientAtFirst: true };
    expect(live(patient, looks(fail)).last).toEqual([{ kind: 'arm', delayMs: 1000 }]);
    expect(live(patient, looks(fail, fail, fail)).state.up).toBe(false);
  });

  test('a success between failures starts the count anew', () => {
    expect(live(SETTINGS, looks(pass, fail, fail, pass, fail, fail)).state.up).toBe(true);
  });

  test('tells every failure when asked to', () => {
    const { seen } = live({ ...SETTINGS, logAllFailures: true }, looks(pass, fail));
    expect(kinds(seen.at(-1) ?? [])).toEqual(['say-failed', 'arm']);
  });

  test('with alpha it is down until its first success, and one failure is enough for its word', () => {
    const alpha = { ...SETTINGS, alpha: true };
    expect(newCheck(alpha).up).toBe(false);
    const { seen, state } = live(alpha, looks(fail, fail, pass));
    expect(kinds(seen[2] ?? [])).toEqual(['say-exhausted', 'judge', 'arm']);
    expect(kinds(seen[4] ?? [])).toEqual(['arm']);
    expect(seen[6]).toContainEqual({ kind: 'judge', up: true, first: false });
    expect(state.up).toBe(true);
  });

  test('of several URLs each must succeed before it is up, an interval apart', () => {
    const three = { ...SETTINGS, steps: 3 };
    const { seen, state } = live(three, looks(pass, pass, pass, pass));
    expect(seen.slice(1).map((a) => (a[0]?.kind === 'look' ? a[0].step : kinds(a)))).toEqual([
      0,
      ['arm'],
      1,
      ['arm'],
      2,
      ['say-passed', 'judge', 'arm'],
      0,
      ['arm'],
    ]);
    expect(state.step).toBe(1);
  });

  test('fast recovery leaves the interval between URLs out', () => {
    const { seen } = live({ ...SETTINGS, steps: 2, fastRecovery: true }, looks(pass));
    expect(seen.at(-1)).toEqual([{ kind: 'arm', delayMs: 0 }]);
  });

  test('retries ask the URL that failed', () => {
    const { seen } = live({ ...SETTINGS, steps: 2 }, [...looks(pass, pass, pass, fail), due]);
    expect(seen.at(-1)).toEqual([{ kind: 'look', step: 1 }]);
  });

  test('suspended it looks at nothing and keeps its word; resumed it looks at once', () => {
    const { seen, state } = live(SETTINGS, [
      ...looks(pass),
      due,
      { kind: 'suspend' },
      fail,
      { kind: 'resume' },
    ]);
    expect(seen.slice(-3)).toEqual([[{ kind: 'abandon' }], [], [{ kind: 'arm', delayMs: 0 }]]);
    expect(state.up).toBe(true);
  });

  test('a reload keeps its word', () => {
    const down = live(SETTINGS, looks(pass, fail, fail, fail)).state;
    expect(migrateCheck(down, { ...SETTINGS, intervalMs: 1 })).toMatchObject({ up: false, hasRun: true });
    const trying = live(SETTINGS, looks(pass, fail, fail)).state;
    expect(migrateCheck(trying, { ...SETTINGS, retries: 1 }).failures).toBe(1);
  });
});

const anySettings: fc.Arbitrary<CheckSettings> = fc.record({
  intervalMs: fc.integer({ min: 1, max: 100_000 }),
  retries: fc.integer({ min: 0, max: 4 }),
  delayBeforeRetryMs: fc.integer({ min: 0, max: 10_000 }),
  warmupMs: fc.integer({ min: 0, max: 100_000 }),
  alpha: fc.boolean(),
  logAllFailures: fc.boolean(),
  steps: fc.integer({ min: 1, max: 4 }),
  patientAtFirst: fc.boolean(),
  fastRecovery: fc.boolean(),
});
const anyEvent: fc.Arbitrary<CheckEvent> = fc.oneof(
  fc.constant(start),
  { weight: 4, arbitrary: fc.constant(due) },
  { weight: 3, arbitrary: fc.constant(pass) },
  { weight: 3, arbitrary: fc.constant(fail) },
  fc.constant<CheckEvent>({ kind: 'suspend' }),
  fc.constant<CheckEvent>({ kind: 'resume' }),
);

describe('any life of a checker', () => {
  test('C1 to C4: one thing under way, a word for each change, retries bounded', () => {
    fc.assert(
      fc.property(anySettings, fc.array(anyEvent, { maxLength: 60 }), (settings, events) => {
        let state: CheckState = newCheck(settings);
        let armed = false;
        let looking = false;
        let word: boolean | null = null;
        for (const event of events) {
          // The runner delivers these only when there is such a timer, or such a look.
          if (event.kind === 'due' && !armed) continue;
          if ((event.kind === 'passed' || event.kind === 'failed') && !looking) continue;
          const before = state;
          if (event.kind === 'due') armed = false;
          if (event.kind === 'passed' || event.kind === 'failed') looking = false;
          const [next, actions] = stepCheck(state, event, settings);
          state = next;
          for (const action of actions) {
            if (action.kind === 'arm') armed = true;
            if (action.kind === 'disarm') armed = false;
            if (action.kind === 'look') looking = true;
            if (action.kind === 'abandon') looking = false;
            if (action.kind === 'judge') {
              expect(action.up).toBe(state.up);
              if (word !== null && !action.first) expect(action.up).not.toBe(word);
              word = action.up;
            }
          }
          expect(armed && looking).toBe(false);
          expect(armed).toBe(state.phase === 'resting');
          expect(looking).toBe(state.phase === 'looking');
          expect(state.failures).toBeLessThanOrEqual(settings.retries);
          expect(state.step).toBeLessThan(settings.steps);
          if (before.up !== state.up) expect(actions.some((a) => a.kind === 'judge')).toBe(true);
        }
      }),
    );
  });
});
