// What the dump files show of trackers: vrrp_script, track_file, vrrp_track_process, each with the instances that it counts for.

import type { Script } from '../../config/keepalived/spec.ts';
import type { KeepalivedConfig, ScriptConfig } from '../../config/keepalived/types.ts';
import { last } from '../../config/keepalived/values.ts';
import type {
  DumpInstance,
  DumpProcess,
  DumpTracked,
  DumpTrackerScript,
  DumpTrackerValue,
} from '../../core/keepalived/dump.ts';
import type { TrackerView } from './trackers.ts';

/** `'/bin/check' 'a b'`. */
export const commandText = ({ command }: Script): string => command.map((word) => `'${word}'`).join(' ');

type TrackKind = 'trackedScripts' | 'trackedFiles' | 'trackedProcesses';

/** Who tracks this one, seen from the tracked side. */
function tracking(instances: readonly DumpInstance[], kind: TrackKind, name: string): DumpTracked[] {
  return instances.flatMap((instance) =>
    instance[kind]
      .filter((tracked) => tracked.name === name)
      .map(({ weight, reverse }) => ({ name: instance.name, weight, reverse })),
  );
}

export function scriptDump(
  script: ScriptConfig,
  view: TrackerView | undefined,
  instances: readonly DumpInstance[],
): DumpTrackerScript {
  const status = view?.good === undefined || view.good === null ? 'INIT' : view.good ? 'GOOD' : 'BAD';
  return {
    name: script.name,
    command: commandText(script.script),
    intervalMs: script.intervalMs,
    timeoutMs: script.timeoutMs ?? 0,
    weight: script.weight,
    reverse: script.reverse,
    rise: script.rise,
    fall: script.fall,
    status,
    exitStatus: view?.value ?? null,
    because: view?.because ?? 'it has not run yet',
    instances: tracking(instances, 'trackedScripts', script.name),
  };
}

const valueDump = (
  view: TrackerView,
  of: string,
  weight: readonly string[] | undefined,
  instances: readonly DumpTracked[],
): DumpTrackerValue => ({
  name: view.name,
  of,
  value: view.value,
  good: view.good,
  weight: Number.parseInt(weight?.[0] ?? '', 10) || 0,
  instances,
});

export function fileDump(
  { reading: { values } }: KeepalivedConfig,
  view: TrackerView,
  instances: readonly DumpInstance[],
): DumpTrackerValue {
  const found = [...(values.track_file ?? []), ...(values.vrrp_track_file ?? [])].find(
    ({ value }) => value.args[0]?.text === view.name,
  )?.value.values;
  const watched = tracking(instances, 'trackedFiles', view.name);
  return valueDump(view, last(found?.file) ?? '', last(found?.weight), watched);
}

export function processDump(
  config: KeepalivedConfig,
  view: TrackerView,
  instances: readonly DumpInstance[],
): DumpProcess {
  const { vrrp_track_process = [] } = config.reading.values;
  const typed = vrrp_track_process.find(({ value }) => value.args[0]?.text === view.name)?.value.values;
  const delayMs = last(typed?.delay) ?? 0;
  return {
    ...valueDump(
      view,
      (last(typed?.process) ?? []).join(' '),
      last(typed?.weight),
      tracking(instances, 'trackedProcesses', view.name),
    ),
    parameters: last(typed?.param_match) ?? 'none',
    quorum: last(typed?.quorum) ?? 1,
    forkDelayMs: last(typed?.fork_delay) ?? delayMs,
    terminateDelayMs: last(typed?.terminate_delay) ?? delayMs,
    fullCommand: typed?.full_command !== undefined,
  };
}
