// keepalived.conf -> what the wire thread needs of it. An instance that cannot run (its findings say why) is left out.

import type { AddressEntry } from '../../config/keepalived/entries.ts';
import type { Placed } from '../../config/keepalived/spec.ts';
import type { InstanceConfig, KeepalivedConfig } from '../../config/keepalived/types.ts';
import type { Authentication } from '../../core/vrrp/authentication.ts';
import { awaitedTrackers } from './trackers.ts';
import type {
  TrackedInterface,
  Vmac,
  WireAddress,
  WireGroup,
  WireInstance,
  WireSettings,
} from './wire/protocol.ts';

export interface CompileOptions {
  /** -D. */
  readonly detail: boolean;
  /** --dont-release-vrrp. */
  readonly keepOnStop: boolean;
}

export function wireAddress({ value }: Placed<AddressEntry>): WireAddress {
  const { address, prefix, device, label, scope, broadcast, peer, options } = value;
  const family = address.includes(':') ? 6 : 4;
  return { address, prefix, family, device, label, scope, broadcast, peer, options };
}

function authenticationOf({ authentication }: InstanceConfig): Authentication {
  return authentication.type === 'none'
    ? { kind: 'none' }
    : { kind: authentication.type, password: authentication.password };
}

function garpPace(
  instance: InstanceConfig,
  config: KeepalivedConfig,
): Pick<WireInstance['garp'], 'intervalMs' | 'group'> {
  const at = config.garpGroups.findIndex((group) => group.interfaces.includes(instance.interface ?? ''));
  const group = config.garpGroups[at];
  if (group === undefined) return { intervalMs: instance.garp.intervalMs, group: null };
  return {
    intervalMs: instance.family === 4 ? group.arpIntervalMs : group.naIntervalMs,
    group: `garp_group ${at + 1}`,
  };
}

function vmacOf({ vmac }: InstanceConfig): Vmac | null {
  if (vmac === null) return null;
  const { name, kind, transmitBase, macAddress, ipvlanFlag } = vmac;
  return { name, kind, transmitBase, macAddress, ipvlanFlag };
}

/** The instance's own track_interface and its group's; of one interface that both name the instance's counts. */
function trackedInterfaces(instance: InstanceConfig, config: KeepalivedConfig): TrackedInterface[] {
  const groups = config.syncGroups.filter((group) => group.members.some((m) => m.value === instance.name));
  const found = new Map<string, TrackedInterface>();
  for (const { value } of [
    ...groups.flatMap((group) => group.tracked.interfaces),
    ...instance.tracked.interfaces,
  ])
    found.set(value.name, { name: value.name, weight: value.weight ?? 0, reverse: value.reverse });
  return [...found.values()];
}

function compileInstance(instance: InstanceConfig, config: KeepalivedConfig): WireInstance[] {
  const { name, virtualRouterId: vrid } = instance;
  if (vrid === null || (instance.interface === null && instance.sourceAddress === null)) return [];
  return [
    {
      name,
      vrid,
      version: instance.version,
      family: instance.family,
      interfaceName: instance.interface,
      state: instance.state,
      priority: instance.priority,
      advertIntervalMs: instance.advertIntervalMs,
      preempt: instance.preempt,
      preemptDelayMs: instance.preemptDelayMs,
      authentication: authenticationOf(instance),
      addresses: instance.addresses.map(wireAddress),
      excluded: instance.excluded.map(wireAddress),
      routes: instance.routes.map(({ value }) => value),
      rules: instance.rules.map(({ value }) => value),
      sourceAddress: instance.sourceAddress ?? instance.vmac?.sourceAddress ?? null,
      multicastGroup: instance.multicastGroup,
      unicastPeers: instance.unicastPeers.map(({ value }) => value),
      unicastTtl: instance.unicastTtl,
      trackSource: instance.trackSource,
      lacksPeer: instance.lacksPeer,
      oldUnicastChecksum: instance.oldUnicastChecksum,
      checkUnicastSource: instance.checkUnicastSource,
      v3ChecksumAsV2: instance.v3ChecksumAsV2,
      garp: { ...instance.garp, ...garpPace(instance, config) },
      masterDownAdverts: instance.downTimerAdverts,
      lowerPriorityNoAdvert: instance.lowerPriorityNoAdvert,
      higherPrioritySendAdvert: instance.higherPrioritySendAdvert,
      ownerIgnoreAdverts: instance.ownerIgnoreAdverts,
      strict: instance.strict,
      accept: instance.accept,
      trackPrimary: instance.trackPrimary,
      trackedInterfaces: trackedInterfaces(instance, config),
      awaits: awaitedTrackers(config, name),
      promoteSecondaries: instance.promoteSecondaries,
      vmac: vmacOf(instance),
    },
  ];
}

/** Groups of one do nothing, and members that do not exist are reported by the parser. */
function compileGroups(config: KeepalivedConfig, instances: readonly WireInstance[]): WireGroup[] {
  return config.syncGroups
    .map(({ name, members }) => ({
      name,
      members: members.map((m) => m.value).filter((m) => instances.some((each) => each.name === m)),
    }))
    .filter(({ members }) => members.length > 0);
}

export function compile(config: KeepalivedConfig, options: CompileOptions): WireSettings {
  const instances = config.instances.flatMap((each) => compileInstance(each, config));
  const { global, reading } = config;
  const globals = (reading.values.global_defs ?? []).map(({ value }) => value.values);
  return {
    instances,
    groups: compileGroups(config, instances),
    staticAddresses: config.staticAddresses.map(wireAddress),
    staticRoutes: config.staticRoutes.map(({ value }) => value),
    staticRules: config.staticRules.map(({ value }) => value),
    startupDelayMs: global.startupDelayMs,
    interfaceDelays: config.interfaceDelays,
    realtimePriority: global.realtimePriority,
    logUnknownVrids: globals.some((each) => each.log_unknown_vrids !== undefined),
    ...options,
  };
}
