// Counts the processes of all vrrp_track_process at once, several times a second. Made and steered by trackers.ts.

import { processCount } from '../../core/keepalived/loglines.ts';
import { effectOfVerdict } from '../../core/keepalived/tracking.ts';
import {
  needsCommandLine,
  processMatches,
  type QuorumState,
  startQuorum,
  stepQuorum,
} from '../../core/keepalived/tracking-process.ts';
import { ProcessList } from '../../io/linux/processes.ts';
import type { Outlets } from './outlets.ts';
import type { ProcessPlan } from './trackers-config.ts';
import type { Contribution } from './wire/protocol.ts';

const LOOK_EVERY_MS = 100;

export interface ProcessTracker {
  readonly plan: ProcessPlan;
  readonly state: QuorumState;
}

export interface ProcessTrackers {
  /** Those of the same name go on with what they know. */
  update(plans: readonly ProcessPlan[]): void;
  all(): readonly ProcessTracker[];
  stop(): void;
}

export function processContributions({ plan, state }: ProcessTracker): readonly Contribution[] {
  const { name, watchers } = plan;
  const fault = `process ${name}: ${state.count} running`;
  return watchers.map((watcher) => {
    const effect = effectOfVerdict(state.good, watcher);
    return { instance: watcher.instance, fault: effect.fault ? fault : null, delta: effect.delta };
  });
}

export function startProcessTrackers(
  log: Outlets['log'],
  spoken: (tracker: ProcessTracker) => void,
): ProcessTrackers {
  const list = new ProcessList();
  let trackers: readonly ProcessTracker[] = [];
  let timer: NodeJS.Timeout | undefined;

  const count = (plans: readonly ProcessPlan[]): ((plan: ProcessPlan) => number) => {
    const commandLine = plans.some(({ pattern }) => needsCommandLine(pattern));
    const found = list.read(commandLine, (facts) =>
      plans.some(({ pattern }) => processMatches(pattern, facts)),
    );
    return ({ pattern }) => found.filter((facts) => processMatches(pattern, facts)).length;
  };

  const look = (): void => {
    const countOf = count(trackers.map(({ plan }) => plan));
    const nowMs = performance.now();
    const changed: ProcessTracker[] = [];
    trackers = trackers.map((tracker) => {
      const { plan, state } = tracker;
      const next = { plan, state: stepQuorum(state, countOf(plan), nowMs, plan) };
      const turned = next.state.good === state.good ? null : next.state.good ? 'up' : 'down';
      if (next.state.count !== state.count || turned !== null)
        log(
          turned === null ? 'detail' : 'info',
          processCount(plan.name, state.count, next.state.count, turned),
        );
      if (turned !== null) changed.push(next);
      return next;
    });
    for (const tracker of changed) spoken(tracker);
  };

  return {
    update(plans) {
      clearInterval(timer);
      timer = undefined;
      if (plans.length > 0) {
        const countOf = count(plans);
        timer = setInterval(look, LOOK_EVERY_MS);
        trackers = plans.map((plan) => {
          const before = trackers.find((tracker) => tracker.plan.name === plan.name);
          return { plan, state: before?.state ?? startQuorum(countOf(plan), plan) };
        });
      } else trackers = [];
    },
    all: () => trackers,
    stop: () => clearInterval(timer),
  };
}
