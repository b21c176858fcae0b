// Runs one vrrp_script on its interval and feeds core/keepalived/script.ts. Made and steered by trackers.ts.

import {
  isGood,
  resultCount,
  SCRIPT_START,
  type ScriptEvent,
  type ScriptState,
  stepScript,
} from '../../core/keepalived/script.ts';
import { effectOfVerdict } from '../../core/keepalived/tracking.ts';
import { type RunningScript, runScript } from '../../io/scripts/run.ts';
import type { Outlets } from './outlets.ts';
import type { ScriptPlan } from './trackers-config.ts';
import type { Contribution } from './wire/protocol.ts';

export interface ScriptTracker {
  readonly plan: ScriptPlan;
  /** Goes on with what it knows; the interval begins anew. */
  update(plan: ScriptPlan): void;
  /** null: it has nothing to say yet. */
  contributions(): readonly Contribution[] | null;
  state(): ScriptState;
  good(): boolean | null;
  /** As keepalived's dump counts: 0 to rise + fall - 1. */
  result(): number;
  /** Its run, if any, is ended; this resolves when the process is gone. */
  stop(): Promise<void>;
}

/** `spoken` is called when what it contributes has changed. The first run is `delayMs` from now. */
export function startScriptTracker(
  first: ScriptPlan,
  delayMs: number,
  log: Outlets['log'],
  spoken: (tracker: ScriptTracker) => void,
): ScriptTracker {
  let plan = first;
  let state = SCRIPT_START;
  let running: RunningScript | null = null;
  let timer: NodeJS.Timeout | undefined;
  let nextAtMs = 0;
  let gone: (() => void) | null = null;
  let stopped = false;

  const feed = (event: ScriptEvent): void => {
    const [next, actions] = stepScript(state, event, plan);
    state = next;
    for (const action of actions) {
      if (action.kind === 'log') log(action.level, action.text);
      else if (action.kind === 'verdict') spoken(tracker);
      else start();
    }
  };

  const start = (): void => {
    running = runScript(plan.command, {
      timeoutMs: plan.timeoutMs,
      onTimeout: () => {
        if (!stopped) feed({ kind: 'timeout' });
      },
      onEnd: (end) => {
        running = null;
        gone?.();
        if (!stopped) feed(end);
      },
    });
  };

  const turn = (): void => {
    // A turn that comes late (a stalled machine) does not make the next ones come in a heap.
    nextAtMs = Math.max(nextAtMs + plan.intervalMs, performance.now());
    timer = setTimeout(turn, nextAtMs - performance.now());
    feed({ kind: 'due' });
  };

  const tracker: ScriptTracker = {
    get plan() {
      return plan;
    },
    update(changed) {
      const restart = changed.intervalMs !== plan.intervalMs;
      plan = changed;
      if (!restart) return;
      clearTimeout(timer);
      nextAtMs = performance.now();
      turn();
    },
    contributions() {
      const good = isGood(state, plan);
      if (good === null) return null;
      const fault = `script ${plan.name} ${good ? 'succeeded, and counts in reverse' : 'failed'}`;
      return plan.watchers.map((watcher): Contribution => {
        const effect = effectOfVerdict(good, watcher);
        return { instance: watcher.instance, fault: effect.fault ? fault : null, delta: effect.delta };
      });
    },
    state: () => state,
    good: () => isGood(state, plan),
    result: () => resultCount(state, plan),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      if (running === null) return;
      const end = new Promise<void>((resolve) => {
        gone = resolve;
      });
      running.end();
      await end;
    },
  };
  nextAtMs = performance.now() + delayMs;
  if (delayMs === 0) turn();
  else timer = setTimeout(turn, delayMs);
  return tracker;
}
