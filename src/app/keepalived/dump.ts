// Fills in what the dump files show: the configuration as it was read, what the wire thread was told, and how things stand now.

import type { TrackEntry } from '../../config/keepalived/entries.ts';
import type { Placed, Script } from '../../config/keepalived/spec.ts';
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
} from '../../core/keepalived/dump.ts';
import { masterDownIntervalMs } from '../../core/vrrp/timers.ts';
import { bootMs } from '../../io/linux/libc.ts';
import { globalLines } from './dumpglobal.ts';
import { interfacesNow } from './dumpinterfaces.ts';
import { commandText, fileDump, processDump, scriptDump } from './dumptrackers.ts';
import { timeText } from './surfacelog.ts';
import type { TrackerView } from './trackers.ts';
import { planTrackers, type TrackerPlan } from './trackers-config.ts';
import type { InstanceView, WireAddress, WireInstance, WireSettings } from './wire/protocol.ts';

export interface Standing {
  readonly config: KeepalivedConfig;
  readonly settings: WireSettings;
  readonly views: readonly InstanceView[];
  readonly trackers: readonly TrackerView[];
}

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

/** What an instance tracks, with the weights that count for it: a sync group may have a word in it. */
function trackedOf(
  { name: instance, tracked }: InstanceConfig,
  { scripts, plan }: Known,
): Pick<DumpInstance, 'trackedScripts' | 'trackedFiles' | 'trackedProcesses'> {
  const plans = [...plan.scripts, ...plan.files, ...plan.processes];
  const weighed = (kind: TrackerView['kind'], { value }: Placed<TrackEntry>): DumpTracked => {
    const watchers = plans.find(({ id }) => id === `${kind} ${value.name}`)?.watchers;
    const own = watchers?.find((watcher) => watcher.instance === instance);
    const { weight, reverse } = own ?? value;
    return { name: value.name, weight: weight ?? 0, reverse };
  };
  return {
    trackedScripts: tracked.scripts.flatMap((entry) => {
      const script = scripts.get(entry.value.name);
      return script === undefined
        ? []
        : [{ ...weighed('script', entry), command: commandText(script.script) }];
    }),
    trackedFiles: tracked.files.map((entry) => weighed('file', entry)),
    trackedProcesses: tracked.processes.map((entry) => weighed('process', entry)),
  };
}

/** What every instance's part needs to look up. */
interface Known {
  readonly scripts: ReadonlyMap<string, ScriptConfig>;
  readonly plan: TrackerPlan;
  readonly instances: ReadonlyMap<string, InstanceValues>;
}

type InstanceValues = NonNullable<
  KeepalivedConfig['reading']['values']['vrrp_instance']
>[number]['value']['values'];

export function instanceDump(
  config: InstanceConfig,
  wire: WireInstance,
  view: InstanceView,
  group: string | null,
  known: Known,
): DumpInstance {
  const typed = known.instances.get(wire.name);
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
    ...trackedOf(config, known),
    mail: config.mail,
    notifyDeleted: typed?.notify_deleted !== undefined,
    notifyPriorityChanges: last(typed?.notify_priority_changes) ?? false,
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

/** The instances in the order of the file. */
export function instanceDumps({ config, settings, views }: Standing): DumpInstance[] {
  const configs = new Map(config.instances.map((each) => [each.name, each]));
  const seen = new Map(views.map((each) => [each.name, each]));
  const known: Known = {
    scripts: new Map(config.scripts.map((each) => [each.name, each])),
    plan: planTrackers(config),
    instances: new Map(
      (config.reading.values.vrrp_instance ?? []).map(({ value }) => [
        value.args[0]?.text ?? '',
        value.values,
      ]),
    ),
  };
  return settings.instances.flatMap((wire) => {
    const own = configs.get(wire.name);
    const view = seen.get(wire.name);
    if (own === undefined || view === undefined) return [];
    const group = config.syncGroups.find((g) => g.members.some(({ value }) => value === wire.name));
    return [instanceDump(own, wire, view, group?.name ?? null, known)];
  });
}

/** For the JSON. */
export const processDumps = (
  { config, trackers }: Standing,
  instances: readonly DumpInstance[],
): DumpProcess[] =>
  trackers.filter(({ kind }) => kind === 'process').map((view) => processDump(config, view, instances));

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
    files: trackers.filter(({ kind }) => kind === 'file').map((view) => fileDump(config, view, instances)),
    processes: processDumps(standing, instances),
    interfaces: interfacesNow(instances),
  };
}
