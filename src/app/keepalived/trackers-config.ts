// From the configuration to what is to be watched, and for whom: vrrp_script, track_file and vrrp_track_process with the instances that
// track them. Worked out once for each configuration; compile.ts asks for what an instance waits for, trackers.ts for all of it.

import type { TrackEntry } from '../../config/keepalived/entries.ts';
import type { Placed } from '../../config/keepalived/spec.ts';
import type {
  InstanceConfig,
  KeepalivedConfig,
  ScriptConfig,
  Tracked,
} from '../../config/keepalived/types.ts';
import {
  disabledScript,
  ignoredWeights,
  trackedByGroupToo,
  trackedTwice,
  trackerNotFound,
  unusedScript,
  weightCleared,
} from '../../core/keepalived/loglines.ts';
import type { ScriptSettings } from '../../core/keepalived/script.ts';
import type { Weighing } from '../../core/keepalived/tracking.ts';
import type { ProcessPattern, QuorumSettings } from '../../core/keepalived/tracking-process.ts';
import type { ScriptCommand } from '../../io/scripts/run.ts';
import { scriptDesk } from './scripts.ts';
import { readTrackedFiles, readTrackedProcesses } from './trackers-reading.ts';

/** An instance, and what the tracked thing does to it. */
export interface Watcher extends Weighing {
  readonly instance: string;
}

export interface ScriptPlan extends ScriptSettings {
  readonly id: string;
  readonly command: ScriptCommand;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly watchers: readonly Watcher[];
}

export interface FilePlan {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** Written when the daemon starts; null: the file is left as it is. */
  readonly init: { readonly value: number; readonly overwrite: boolean } | null;
  readonly watchers: readonly Watcher[];
}

export interface ProcessPlan extends QuorumSettings {
  readonly id: string;
  readonly name: string;
  readonly pattern: ProcessPattern;
  readonly watchers: readonly Watcher[];
}

export interface TrackerPlan {
  readonly scripts: readonly ScriptPlan[];
  readonly files: readonly FilePlan[];
  readonly processes: readonly ProcessPlan[];
  /** What is to be said about the configuration. */
  readonly lines: readonly string[];
}

type Kind = 'script' | 'file' | 'process';
const LIST: Readonly<Record<Kind, keyof Tracked>> = {
  script: 'scripts',
  file: 'files',
  process: 'processes',
};

const PRIORITY_OWNER = 255;

interface Group {
  readonly name: string;
  readonly tracked: Tracked;
  readonly members: ReadonlySet<string>;
  /** sync_group_tracking_weight: its members may have weights of their own. */
  readonly weights: boolean;
  readonly owner: boolean;
}

function groupsOf(config: KeepalivedConfig): Group[] {
  const owners = new Set(config.instances.filter((i) => i.priority === PRIORITY_OWNER).map((i) => i.name));
  return config.syncGroups.map((group) => {
    const reading = config.reading.values.vrrp_sync_group?.find(
      ({ value }) => value.args[0]?.text === group.name,
    );
    const members = new Set(group.members.map(({ value }) => value));
    return {
      name: group.name,
      tracked: group.tracked,
      members,
      weights: reading?.value.values.sync_group_tracking_weight !== undefined,
      owner: [...members].some((name) => owners.has(name)),
    };
  });
}

function weighing(entry: TrackEntry, own: Weighing): Weighing {
  return {
    weight: entry.weight ?? own.weight,
    reverse: entry.reverseTyped ? entry.reverse : own.reverse,
  };
}

/** Why an instance's own weight does not count; null: it does. */
function whyIgnored(
  instance: InstanceConfig,
  group: Group | undefined,
  weight: number,
): 'address_owner' | 'SYNC group' | null {
  if (weight === 0) return null;
  if (instance.priority === PRIORITY_OWNER) return 'address_owner';
  return group !== undefined && !group.weights ? 'SYNC group' : null;
}

/** By the name of what is watched, then by instance. */
type Found = Map<string, Map<string, Watcher>>;

/** False: it is watched for this instance already. */
function add(found: Found, name: string, watcher: Watcher): boolean {
  const watchers = found.get(name) ?? new Map<string, Watcher>();
  found.set(name, watchers);
  if (watchers.has(watcher.instance)) return false;
  watchers.set(watcher.instance, watcher);
  return true;
}

/** Who watches the things of one kind, by their names. */
function watchersOf(
  config: KeepalivedConfig,
  kind: Kind,
  known: ReadonlyMap<string, Weighing>,
  lines: string[],
): ReadonlyMap<string, Watcher[]> {
  const found: Found = new Map();
  const entries = (owner: string, tracked: readonly Placed<TrackEntry>[]) =>
    tracked.flatMap(({ value }) => {
      const own = known.get(value.name);
      if (own === undefined) lines.push(trackerNotFound(owner, kind, value.name));
      return own === undefined ? [] : [{ name: value.name, ...weighing(value, own) }];
    });
  const groups = groupsOf(config);
  // A group's word comes first: what its members say about the same thing does not count beside it.
  for (const { name: of, tracked, members, owner } of groups)
    for (const { name, weight, reverse } of entries(of, tracked[LIST[kind]])) {
      if (owner && weight !== 0) lines.push(weightCleared(of, kind, name));
      for (const instance of members) add(found, name, { instance, weight: owner ? 0 : weight, reverse });
    }
  for (const instance of config.instances) {
    const group = groups.find(({ members }) => members.has(instance.name));
    for (const { name, weight, reverse } of entries(instance.name, instance.tracked[LIST[kind]])) {
      const because = whyIgnored(instance, group, weight);
      if (because !== null) lines.push(ignoredWeights(instance.name, kind, name, because));
      else if (!add(found, name, { instance: instance.name, weight, reverse })) {
        const byGroup = group?.tracked[LIST[kind]].some(({ value }) => value.name === name) === true;
        lines.push((byGroup ? trackedByGroupToo : trackedTwice)(instance.name, kind, name));
      }
    }
  }
  return new Map([...found].map(([name, watchers]) => [name, [...watchers.values()]]));
}

function planScript(
  config: KeepalivedConfig,
  script: ScriptConfig,
  watchers: readonly Watcher[],
  lines: string[],
): ScriptPlan[] {
  const { name } = script;
  if (watchers.length === 0) {
    lines.push(unusedScript(name));
    return [];
  }
  const prepared = scriptDesk(config).prepare(script.script, script.user);
  lines.push(...prepared.lines);
  if (prepared.kind === 'disabled') {
    if (prepared.why === 'user') lines.push(`Unable to set default user for vrrp script ${name} - removing`);
    else if (prepared.why !== 'not-executable')
      lines.push(disabledScript(name, prepared.why === 'insecure' ? 'insecure' : 'missing'));
    return [];
  }
  return [
    {
      id: `script ${name}`,
      name,
      command: prepared.command,
      intervalMs: script.intervalMs,
      timeoutMs: script.timeoutMs || script.intervalMs,
      rise: script.rise,
      fall: script.fall,
      initFail: script.initFail,
      watchers,
    },
  ];
}

function makePlan(config: KeepalivedConfig): TrackerPlan {
  const lines: string[] = [];
  const files = readTrackedFiles(config.reading);
  const processes = readTrackedProcesses(config.reading);
  const named = <T extends Weighing & { readonly name: string }>(things: readonly T[]) =>
    new Map(things.map(({ name, weight, reverse }) => [name, { weight, reverse }]));
  const ofScripts = watchersOf(config, 'script', named(config.scripts), lines);
  const ofFiles = watchersOf(config, 'file', named(files), lines);
  const ofProcesses = watchersOf(config, 'process', named(processes), lines);
  const watched = <T extends { readonly name: string }>(
    kind: Kind,
    thing: T,
    all: ReadonlyMap<string, Watcher[]>,
  ) => {
    const watchers = all.get(thing.name);
    return watchers === undefined ? [] : [{ ...thing, id: `${kind} ${thing.name}`, watchers }];
  };
  return {
    scripts: config.scripts.flatMap((s) => planScript(config, s, ofScripts.get(s.name) ?? [], lines)),
    files: files.flatMap((file) => watched('file', file, ofFiles)),
    processes: processes.flatMap((process) => watched('process', process, ofProcesses)),
    lines,
  };
}

const plans = new WeakMap<KeepalivedConfig, TrackerPlan>();

/** The plan of this configuration: whoever asks first has it made. */
export function planTrackers(config: KeepalivedConfig): TrackerPlan {
  const plan = plans.get(config) ?? makePlan(config);
  plans.set(config, plan);
  return plan;
}

/** Ids of the trackers that must have spoken before the instance may start: those that decide between running and FAULT. */
export function awaitedTrackers(config: KeepalivedConfig, instanceName: string): string[] {
  const { scripts, files, processes } = planTrackers(config);
  const decides = ({ watchers }: { readonly watchers: readonly Watcher[] }) =>
    watchers.some(({ instance, weight }) => instance === instanceName && weight === 0);
  return [...scripts.filter((s) => !s.initFail), ...files, ...processes].filter(decides).map(({ id }) => id);
}
