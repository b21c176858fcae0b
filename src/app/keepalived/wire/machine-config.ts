// What keepalived.conf says of an instance, in the words of the VRRP machine.

import type { VirtualRouterConfig } from '../../../core/vrrp/state.ts';
import type { WireInstance } from './protocol.ts';

/** `source`: null while the interface is not there; such an instance is in FAULT. `priority`: the effective one. */
export function machineConfig(
  settings: WireInstance,
  source: string | null,
  priority: number,
  startupDelayMs: number,
): VirtualRouterConfig {
  const { garp } = settings;
  return {
    vrid: settings.vrid,
    version: settings.version,
    priority,
    advertIntervalMs: settings.advertIntervalMs,
    preempt: settings.preempt,
    preemptDelayMs: settings.preemptDelayMs,
    masterDownAdverts: settings.masterDownAdverts,
    ownAddress: source ?? (settings.family === 4 ? '0.0.0.0' : '::'),
    addresses: settings.addresses.map(({ address }) => address),
    addressesNotAdvertised: settings.excluded.map(({ address }) => address),
    knownPeers: 'any',
    election: 'vrrp',
    announce: {
      count: garp.masterRepeat,
      repeatMs: garp.masterDelayMs,
      refreshMs: garp.refreshMs,
      refreshCount: garp.refreshRepeat,
      rivalCount: garp.lowerPrioRepeat,
      rivalRepeatMs: garp.lowerPrioDelayMs,
    },
    answersLower: !settings.lowerPriorityNoAdvert,
    answersHigher: settings.higherPrioritySendAdvert,
    ownerIgnoresAdverts: settings.ownerIgnoreAdverts,
    startup: { delayMs: startupDelayMs, leftoverAddresses: 'remove' },
  };
}
