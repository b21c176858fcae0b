// Fills in what the dump files show: the configuration as it was read, what the wire thread was told, and how things stand now.

import type { Script } from '../../config/keepalived/spec.ts';
import type {
  InstanceConfig,
  KeepalivedConfig,
  Notify,
  ScriptConfig,
  SyncGroupConfig,
} from '../../config/keepalived/types.ts';
import { last } from '../../config/keepalived/values.ts';
import type {
  Dump,
  DumpAddress,
  DumpGroup,
  DumpInstance,
  DumpMoment,
  DumpProcess,
  DumpScripts,
  DumpState,
  DumpTracked,
  DumpTrackerScript,
  DumpTrackerValue,
} from '../../core/keepalived/dump.ts';
import { masterDownIntervalMs } from '../../core/vrrp/timers.ts';
import { bootMs } from '../../io/linux/libc.ts';
import { globalLines } from './dumpglobal.ts';
import { interfacesNow } from './dumpinterfaces.ts';
import { timeText } from './surfacelog.ts';
import type { TrackerView } from './trackers.ts';
import type { InstanceView, WireAddress, WireInstance, WireSettings } from './wire/protocol.ts';

export interface Standing {
  readonly config: KeepalivedConfig;
  readonly settings: WireSettings;
  readonly views: readonly InstanceView[];
  readonly trackers: readonly TrackerView[];
}

/** `'/bin/check' 'a b'`. */
export const commandText = ({ command }: Script): string => command.map((word) => `'${word}'`).join(' ');

const orNull = (script: Script | null): string | null => (script === null ? null : commandText(script));

function scriptsOf(notify: Notify, lowerPriority: Script | null): DumpScripts {
  return {
    backup: orNull(notify.backup),
    master: orNull(notify.master),
    fault: orNull(notify.fault),
    stop: orNull(notify.stop),
    any: orNull(notify.any),
    masterRxLowerPriority: orNull(lowerPriority),
  };
}

function addressOf(a: WireAddress, device: string, held: ReadonlySet<string>): DumpAddress {
  return {
    address: a.address,
    prefix: a.prefix,
    device: a.device ?? device,
    scope: a.scope ?? 'global',
    label: a.label,
    broadcast: a.broadcast,
    peer: a.peer,
    set: held.has(a.address),
  };
}

/** From a moment of CLOCK_BOOTTIME. */
function moment(sinceMs: number): DumpMoment {
  const ms = Date.now() - (bootMs() - sinceMs);
  const micros = Math.round(ms * 1000);
  const fraction = String(micros % 1_000_000).padStart(6, '0');
  return { seconds: micros / 1e6, text: timeText(ms, `.${fraction}`) };
}

const DEFAULT_GROUPS = { 4: '224.0.0.18', 6: 'ff02::12' } as const;

function trackedOf(
  config: InstanceConfig,
  scripts: ReadonlyMap<string, ScriptConfig>,
): Pick<DumpInstance, 'trackedScripts' | 'trackedFiles' | 'trackedProcesses'> {
  const plain = ({ value }: { value: { name: string; weight: number | null; reverse: boolean } }) => ({
    name: value.name,
    weight: value.weight ?? 0,
    reverse: value.reverse,
  });
  return {
    trackedScripts: config.tracked.scripts.flatMap(({ value }) => {
      const script = scripts.get(value.name);
      if (script === undefined) return [];
      const weight = value.weight ?? script.weight;
      return [{ name: value.name, weight, reverse: value.reverse, command: commandText(script.script) }];
    }),
    trackedFiles: config.tracked.files.map(plain),
    trackedProcesses: config.tracked.processes.map(plain),
  };
}

export function instanceDump(
  config: InstanceConfig,
  wire: WireInstance,
  view: InstanceView,
  group: string | null,
  scripts: ReadonlyMap<string, ScriptConfig>,
): DumpInstance {
  const held = new Set(view.held);
  const unicast = wire.unicastPeers.length > 0;
  const device = wire.vmac === null ? view.interfaceName : `${wire.vmac.name}@${view.interfaceName}`;
  return {
    name: wire.name,
    version: wire.version,
    family: wire.family,
    group,
    state: view.state,
    because: view.because,
    faults: view.faults,
    lastTransition: moment(view.sinceMs),
    masterDownMs: masterDownIntervalMs(
      wire.version,
      view.priority,
      view.masterIntervalMs,
      wire.masterDownAdverts,
    ),
    interfaceName: view.interfaceName,
    vmac: wire.vmac,
    sourceAddress: view.sourceAddress === '' ? null : view.sourceAddress,
    sourceConfigured: wire.sourceAddress !== null,
    multicastGroup: unicast ? null : (wire.multicastGroup ?? DEFAULT_GROUPS[wire.family]),
    garp: {
      delayS: wire.garp.masterDelayMs / 1000,
      repeat: wire.garp.masterRepeat,
      refreshS: wire.garp.refreshMs / 1000,
      refreshRepeat: wire.garp.refreshRepeat,
      lowerPrioDelayS: wire.garp.lowerPrioDelayMs / 1000,
      lowerPrioRepeat: wire.garp.lowerPrioRepeat,
    },
    downTimerAdverts: wire.masterDownAdverts,
    lowerPrioNoAdvert: wire.lowerPriorityNoAdvert,
    higherPrioSendAdvert: wire.higherPrioritySendAdvert,
    vrid: wire.vrid,
    basePriority: wire.priority,
    effectivePriority: view.priority,
    advertIntervalMs: wire.advertIntervalMs,
    masterIntervalMs: view.masterIntervalMs,
    masterPriority: view.state === 'MASTER' ? 0 : (view.master?.priority ?? 0),
    accept: wire.accept,
    preempt: wire.preempt,
    preemptDelayMs: wire.preemptDelayMs,
    promoteSecondaries: wire.promoteSecondaries,
    trackPrimary: wire.trackPrimary,
    skipCheckAdvertAddress: config.skipCheckAdvertAddress,
    strict: wire.strict,
    authentication: {
      kind: wire.authentication.kind,
      password: wire.authentication.kind === 'none' ? '' : wire.authentication.password,
    },
    addresses: wire.addresses.map((a) => addressOf(a, device, held)),
    excluded: wire.excluded.map((a) => addressOf(a, device, held)),
    routes: wire.routes.map(({ text }) => text),
    rules: wire.rules.map(({ text }) => text),
    unicastTtl: wire.unicastTtl,
    checkUnicastSource: wire.checkUnicastSource,
    unicastPeers: wire.unicastPeers.map((p) => ({
      address: p.address,
      minTtl: p.minTtl ?? 0,
      maxTtl: p.maxTtl ?? 255,
    })),
    trackedInterfaces: wire.trackedInterfaces,
    ...trackedOf(config, scripts),
    mail: config.mail,
    scripts: scriptsOf(config.notify, config.notifyMasterRxLowerPriority),
    statistics: view.statistics,
  };
}

/** As the C daemon: a group is in FAULT when a member is, and otherwise all are in one state. */
function groupDump(group: SyncGroupConfig, views: ReadonlyMap<string, InstanceView>): DumpGroup {
  const members = group.members.map(({ value }) => value);
  const states = members.flatMap((name): DumpState[] => {
    const view = views.get(name);
    return view === undefined ? [] : [view.state];
  });
  const worst = (['FAULT', 'INIT', 'BACKUP', 'MASTER'] as const).find((state) => states.includes(state));
  return {
    name: group.name,
    state: worst ?? 'INIT',
    members,
    faultMembers: states.filter((state) => state === 'FAULT').length,
    initMembers: states.filter((state) => state === 'INIT').length,
    mail: group.mail,
    scripts: scriptsOf(group.notify, null),
  };
}

type TrackKind = 'trackedScripts' | 'trackedFiles' | 'trackedProcesses';

/** Who tracks this one, seen from the tracked side. */
function tracking(instances: readonly DumpInstance[], kind: TrackKind, name: string): DumpTracked[] {
  return instances.flatMap((instance) =>
    instance[kind]
      .filter((tracked) => tracked.name === name)
      .map(({ weight, reverse }) => ({ name: instance.name, weight, reverse })),
  );
}

function scriptDump(
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

const valueDump = (view: TrackerView, of: string, instances: readonly DumpTracked[]): DumpTrackerValue => ({
  name: view.name,
  of,
  value: view.value,
  good: view.good,
  weight: instances[0]?.weight ?? 0,
  instances,
});

/** The instances in the order of the file. */
export function instanceDumps({ config, settings, views }: Standing): DumpInstance[] {
  const configs = new Map(config.instances.map((each) => [each.name, each]));
  const seen = new Map(views.map((each) => [each.name, each]));
  const scripts = new Map(config.scripts.map((each) => [each.name, each]));
  return settings.instances.flatMap((wire) => {
    const own = configs.get(wire.name);
    const view = seen.get(wire.name);
    if (own === undefined || view === undefined) return [];
    const group = config.syncGroups.find((g) => g.members.some(({ value }) => value === wire.name));
    return [instanceDump(own, wire, view, group?.name ?? null, scripts)];
  });
}

function fileOf(config: KeepalivedConfig, name: string): string {
  const { track_file = [], vrrp_track_file = [] } = config.reading.values;
  const found = [...track_file, ...vrrp_track_file].find(({ value }) => value.args[0]?.text === name);
  return found?.value.values.file?.at(-1)?.value ?? '';
}

function processDump(
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
      tracking(instances, 'trackedProcesses', view.name),
    ),
    parameters: last(typed?.param_match) ?? 'none',
    quorum: last(typed?.quorum) ?? 1,
    forkDelayMs: last(typed?.fork_delay) ?? delayMs,
    terminateDelayMs: last(typed?.terminate_delay) ?? delayMs,
    fullCommand: typed?.full_command !== undefined,
  };
}

/** For the JSON. */
export const processDumps = (standing: Standing, instances: readonly DumpInstance[]): DumpProcess[] =>
  standing.trackers
    .filter(({ kind }) => kind === 'process')
    .map((view) => processDump(standing.config, view, instances));

export function composeDump(standing: Standing): Dump {
  const { config, settings, views, trackers } = standing;
  const instances = instanceDumps(standing);
  const seen = new Map(views.map((each) => [each.name, each]));
  const none: ReadonlySet<string> = new Set();
  return {
    global: globalLines(config),
    staticAddresses: settings.staticAddresses.map((a) => addressOf(a, '?', none)),
    staticRoutes: settings.staticRoutes.map(({ text }) => text),
    staticRules: settings.staticRules.map(({ text }) => text),
    instances,
    groups: config.syncGroups.map((group) => groupDump(group, seen)),
    scripts: config.scripts.map((script) =>
      scriptDump(
        script,
        trackers.find((t) => t.kind === 'script' && t.name === script.name),
        instances,
      ),
    ),
    files: trackers
      .filter(({ kind }) => kind === 'file')
      .map((t) => valueDump(t, fileOf(config, t.name), tracking(instances, 'trackedFiles', t.name))),
    processes: processDumps(standing, instances),
    interfaces: interfacesNow(instances),
  };
}
