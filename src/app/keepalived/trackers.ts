// vrrp_script, track_file and vrrp_track_process on the main thread: what they find becomes the wire thread's `tracked` orders.
// In the flow: trackers-config.ts says what to watch for whom, the three trackers-*.ts watch, this sends and survives reloads.

import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { consideredOnReload } from '../../core/keepalived/loglines.ts';
import type { Outlets } from './outlets.ts';
import { planTrackers, type TrackerPlan, type Watcher } from './trackers-config.ts';
import { type FileTracker, startFileTracker } from './trackers-file.ts';
import { type ProcessTracker, processContributions, startProcessTrackers } from './trackers-process.ts';
import { type ScriptTracker, startScriptTracker } from './trackers-script.ts';
import type { Contribution, WireOrder } from './wire/protocol.ts';

export { awaitedTrackers } from './trackers-config.ts';

/** One tracker as the dumps show it. */
export interface TrackerView {
  /** As in the orders: `script chk_db`, `file load`, `process mariadbd`. */
  readonly id: string;
  readonly kind: 'script' | 'file' | 'process';
  readonly name: string;
  /** null: it has not spoken yet. */
  readonly good: boolean | null;
  /** What it saw last, in words. */
  readonly because: string;
  /** The exit status of a script, the number in a file, the count of processes. */
  readonly value: number;
  /** What it counts for, and how. */
  readonly watchers: readonly Watcher[];
  /** Of a script only. */
  readonly script: {
    /** keepalived's own count: 0 to rise + fall - 1. */
    readonly result: number;
    readonly run: 'idle' | 'running' | 'terminating';
    readonly uid: number;
    readonly gid: number;
  } | null;
}

export interface Trackers {
  /**
   * Trackers that are the same go on with what they know. Says everything again, for a wire thread that was reloaded: to be called after
   * that was sent its `reload`.
   */
  reload(config: KeepalivedConfig): void;
  /** Ends the scripts that run. */
  stop(): Promise<void>;
  view(): TrackerView[];
}

/** Without VRRP (-C) there is nobody to be told. */
export const NO_TRACKERS: Trackers = { reload() {}, async stop() {}, view: () => [] };

function viewOfScript(tracker: ScriptTracker): TrackerView {
  const { plan } = tracker;
  const { because, lastStatus, run } = tracker.state();
  return {
    id: plan.id,
    kind: 'script',
    name: plan.name,
    good: tracker.good(),
    because,
    value: lastStatus,
    watchers: plan.watchers,
    script: { result: tracker.result(), run, uid: plan.command.uid, gid: plan.command.gid },
  };
}

function viewOfFile({ plan, value }: FileTracker): TrackerView {
  const { id, name, watchers, path } = plan;
  const number = value();
  return {
    id,
    kind: 'file',
    name,
    good: number === 0,
    because: `${path} has ${number}`,
    value: number,
    watchers,
    script: null,
  };
}

function viewOfProcess({ plan, state }: ProcessTracker): TrackerView {
  const { id, name, watchers } = plan;
  const because = `${state.count} running`;
  return {
    id,
    kind: 'process',
    name,
    good: state.good,
    because,
    value: state.count,
    watchers,
    script: null,
  };
}

/** Many scripts of one interval would otherwise run in one heap, turn by turn. The first few begin at once. */
const SCRIPTS_AT_ONCE = 4;
const APART_MS = 5;
const delayOf = (place: number, intervalMs: number): number =>
  Math.min(Math.max(0, place - SCRIPTS_AT_ONCE + 1) * APART_MS, intervalMs / 2);

export function startTrackers(
  config: KeepalivedConfig,
  send: (order: WireOrder) => void,
  outlets: Outlets,
): Trackers {
  const scripts = new Map<string, ScriptTracker>();
  const files = new Map<string, FileTracker>();
  const log: Outlets['log'] = (level, text) => outlets.log(level, text);
  const say = (id: string, contributions: readonly Contribution[]) =>
    send({ kind: 'tracked', tracker: id, contributions });
  const sayScript = (tracker: ScriptTracker): void => {
    const contributions = tracker.contributions();
    if (contributions !== null) say(tracker.plan.id, contributions);
  };
  const sayFile = (tracker: FileTracker): void => say(tracker.plan.id, tracker.contributions());
  const sayProcess = (tracker: ProcessTracker): void => say(tracker.plan.id, processContributions(tracker));
  const processes = startProcessTrackers(log, sayProcess);

  /** Those that are no longer there are stopped, and take back what they said. */
  const dropOld = <T extends { stop(): unknown }>(
    trackers: Map<string, T>,
    plans: readonly { readonly id: string }[],
  ) => {
    for (const [id, tracker] of trackers) {
      if (plans.some((plan) => plan.id === id)) continue;
      void tracker.stop();
      trackers.delete(id);
      say(id, []);
    }
  };

  const apply = (plan: TrackerPlan, begin: boolean): void => {
    for (const line of plan.lines) log('warn', line);
    dropOld(scripts, plan.scripts);
    dropOld(files, plan.files);
    for (const { plan: old } of processes.all())
      if (!plan.processes.some(({ id }) => id === old.id)) say(old.id, []);
    for (const file of plan.files) {
      const known = files.get(file.id);
      if (known === undefined) files.set(file.id, startFileTracker(file, begin, log, sayFile));
      else known.update(file);
    }
    processes.update(plan.processes);
    for (const file of files.values()) sayFile(file);
    for (const process of processes.all()) sayProcess(process);
    for (const [place, script] of plan.scripts.entries()) {
      const known = scripts.get(script.id);
      const good = known?.good() ?? null;
      if (good !== null) log('info', consideredOnReload(script.name, good));
      const delayMs = delayOf(place, script.intervalMs);
      if (known === undefined) scripts.set(script.id, startScriptTracker(script, delayMs, log, sayScript));
      else known.update(script);
    }
    for (const script of scripts.values()) sayScript(script);
  };

  apply(planTrackers(config), true);
  return {
    reload: (changed) => apply(planTrackers(changed), false),
    async stop() {
      processes.stop();
      for (const file of files.values()) file.stop();
      await Promise.all([...scripts.values()].map((script) => script.stop()));
    },
    view: () => [
      ...[...scripts.values()].map(viewOfScript),
      ...[...files.values()].map(viewOfFile),
      ...processes.all().map(viewOfProcess),
    ],
  };
}
