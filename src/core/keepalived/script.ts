// One vrrp_script as a machine: when it is due, what its exits mean, rise and fall. The first result counts whatever rise and fall
// say, as in keepalived; from then on so many in a row are needed. Driven by src/app/keepalived/trackers-script.ts.

import { exitText, nowReturning, scriptFailed, scriptSucceeded, skippedRun, timedOut } from './loglines.ts';

export interface ScriptSettings {
  readonly name: string;
  readonly rise: number;
  readonly fall: number;
  /** Counts as failed until it has succeeded; without it, whoever tracks it with weight 0 waits for the first result. */
  readonly initFail: boolean;
}

export interface ScriptState {
  readonly verdict: 'init' | 'good' | 'bad';
  /** Results in a row that speak against the verdict. */
  readonly against: number;
  /** 'terminating': it was told to end and still runs. */
  readonly run: 'idle' | 'running' | 'terminating';
  /** What it returned last; keepalived begins with 0. */
  readonly lastStatus: number;
  /** How the last run ended, in words. */
  readonly because: string;
  /** Turns that were left out since a run last ended by itself. */
  readonly skipped: number;
}

export type ScriptEvent =
  | { readonly kind: 'due' }
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'killed'; readonly signal: number }
  /** It has run for longer than allowed; it is being ended. */
  | { readonly kind: 'timeout' }
  /** It could not be started. */
  | { readonly kind: 'not-started'; readonly reason: string };

export type ScriptAction =
  | { readonly kind: 'start' }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly text: string }
  /** Those who track it must hear the new verdict. */
  | { readonly kind: 'verdict'; readonly good: boolean };

export type ScriptStep = readonly [ScriptState, readonly ScriptAction[]];

export const SCRIPT_START: ScriptState = {
  verdict: 'init',
  against: 0,
  run: 'idle',
  lastStatus: 0,
  because: 'has not run yet',
  skipped: 0,
};

function judge(state: ScriptState, settings: ScriptSettings, good: boolean, because: string): ScriptStep {
  const next = { ...state, because };
  if (state.verdict === (good ? 'good' : 'bad')) return [{ ...next, against: 0 }, []];
  const against = state.against + 1;
  const needed = good ? settings.rise : settings.fall;
  if (state.verdict !== 'init' && against < needed) return [{ ...next, against }, []];
  const text = good ? scriptSucceeded(settings.name) : scriptFailed(settings.name, because);
  return [
    { ...next, verdict: good ? 'good' : 'bad', against: 0 },
    [
      { kind: 'log', level: good ? 'info' : 'warn', text },
      { kind: 'verdict', good },
    ],
  ];
}

function due(state: ScriptState, settings: ScriptSettings): ScriptStep {
  if (state.run === 'idle') return [{ ...state, run: 'running' }, [{ kind: 'start' }]];
  const next = { ...state, skipped: state.skipped + 1 };
  // Said for the first turn only: a script that hangs for good would fill the log.
  if (state.skipped > 0) return [next, []];
  return [next, [{ kind: 'log', level: 'warn', text: skippedRun(settings.name, state.run) }]];
}

function exited(state: ScriptState, settings: ScriptSettings, status: number): ScriptStep {
  // Ended by the timeout: that was counted when it ran out, whatever it returned since.
  if (state.run === 'terminating') return [{ ...state, run: 'idle' }, []];
  const idle: ScriptState = { ...state, run: 'idle', skipped: 0 };
  const changed: readonly ScriptAction[] =
    status === state.lastStatus
      ? []
      : [{ kind: 'log', level: 'info', text: nowReturning(settings.name, status) }];
  const [next, actions] = judge(
    { ...idle, lastStatus: status },
    settings,
    status === 0,
    exitText('exited', status),
  );
  return [next, [...changed, ...actions]];
}

export function stepScript(state: ScriptState, event: ScriptEvent, settings: ScriptSettings): ScriptStep {
  switch (event.kind) {
    case 'due':
      return due(state, settings);
    case 'exited':
      return exited(state, settings, event.status);
    case 'killed':
      if (state.run === 'terminating') return [{ ...state, run: 'idle' }, []];
      return judge({ ...state, run: 'idle' }, settings, false, exitText('killed', event.signal));
    case 'timeout':
      if (state.run !== 'running') return [state, []];
      return judge({ ...state, run: 'terminating' }, settings, false, timedOut);
    case 'not-started':
      return judge({ ...state, run: 'idle' }, settings, false, event.reason);
  }
}

/** null: nothing is known, and who tracks it waits. */
export function isGood(state: ScriptState, settings: ScriptSettings): boolean | null {
  if (state.verdict === 'init') return settings.initFail ? false : null;
  return state.verdict === 'good';
}

/** keepalived's own count, as its dump shows it: 0 to rise + fall - 1, good from rise on. */
export function resultCount(state: ScriptState, settings: ScriptSettings): number {
  if (state.verdict === 'good') return settings.rise + settings.fall - 1 - state.against;
  return state.verdict === 'bad' ? state.against : 0;
}
