// keepalived.conf as the rest of the program sees it: defaults filled in and odd values made even as the C daemon does it.
// Times are in milliseconds. Made by config.ts; what is not here (static routes, BFD, LVS groups) is in `reading`, as typed.
import type { RouteSpec } from '../../core/netlink/route.ts';
import type { RuleSpec } from '../../core/netlink/rule.ts';
import type { AddressEntry, TrackEntry, UnicastPeer } from './entries.ts';
import type { LvsGlobalConfig, VirtualServerConfig } from './lvstypes.ts';
import type { TOP } from './schema/index.ts';
import type { Placed, Reading, Script } from './spec.ts';
import type { Place } from './text.ts';

export type {
  CheckerConfig,
  LvsGlobalConfig,
  RealServerConfig,
  VirtualServerConfig,
} from './lvstypes.ts';

export interface Notify {
  readonly any: Script | null;
  readonly master: Script | null;
  readonly backup: Script | null;
  readonly fault: Script | null;
  readonly stop: Script | null;
}

export interface Account {
  readonly user: string;
  readonly group: string | null;
}

export interface Mail {
  readonly to: readonly string[];
  /** null: keepalived@<host name>. */
  readonly from: string | null;
  readonly server: { readonly host: string; readonly port: number } | null;
  readonly helo: string | null;
  readonly timeoutMs: number;
}

export interface GlobalConfig {
  /** null: the host's name. */
  readonly routerId: string | null;
  readonly mail: Mail;
  readonly scriptSecurity: boolean;
  /** null: keepalived_script if there is such a user, otherwise root. */
  readonly scriptUser: Account | null;
  readonly vrrpVersion: 2 | 3;
  readonly startupDelayMs: number;
  readonly strict: boolean;
  readonly notifyFifo: string | null;
  readonly vrrpNotifyFifo: string | null;
  readonly lvsNotifyFifo: string | null;
  readonly realtimePriority: number | null;
  /** null: not given. */
  readonly umask: number | null;
}

export interface ScriptConfig {
  readonly name: string;
  readonly at: Place;
  readonly script: Script;
  readonly intervalMs: number;
  /** null: as long as the interval. */
  readonly timeoutMs: number | null;
  /** 0: a failure is a FAULT. */
  readonly weight: number;
  readonly reverse: boolean;
  readonly rise: number;
  readonly fall: number;
  readonly user: Account | null;
  readonly initFail: boolean;
}

export interface Tracked {
  readonly interfaces: readonly Placed<TrackEntry>[];
  readonly scripts: readonly Placed<TrackEntry>[];
  readonly files: readonly Placed<TrackEntry>[];
  readonly processes: readonly Placed<TrackEntry>[];
}

export interface Garp {
  readonly masterDelayMs: number;
  readonly masterRepeat: number;
  readonly refreshMs: number;
  readonly refreshRepeat: number;
  readonly lowerPrioDelayMs: number;
  readonly lowerPrioRepeat: number;
  /** Between two announcements of one interface; 0: none. */
  readonly intervalMs: number;
}

export type Authentication =
  | { readonly type: 'none' }
  /** At most 8 characters; the rest is cut off as the C daemon does. */
  | { readonly type: 'pass' | 'ah'; readonly password: string };

export interface VmacConfig {
  /** Default: vrrp.VRID; made up anew where another instance has that. */
  readonly name: string;
  readonly kind: 'macvlan' | 'ipvlan';
  /** Adverts leave from the underlying interface. */
  readonly transmitBase: boolean;
  /** null: VRRP's own. With five octets the VRID is the sixth. */
  readonly macAddress: string | null;
  readonly ipvlanFlag: 'bridge' | 'private' | 'vepa';
  /** The ipvlan's own address. */
  readonly sourceAddress: string | null;
}

export interface InstanceConfig {
  readonly name: string;
  readonly at: Place;
  readonly state: 'MASTER' | 'BACKUP';
  /** null: not given. Only a unicast instance can do without. */
  readonly interface: string | null;
  /** null: missing or out of range; such an instance cannot run. */
  readonly virtualRouterId: number | null;
  readonly priority: number;
  readonly version: 2 | 3;
  readonly family: 4 | 6;
  readonly advertIntervalMs: number;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly authentication: Authentication;
  /** false: the addresses answer ARP and take no connections (no_accept; strict mode of any but the owner). */
  readonly accept: boolean;
  readonly addresses: readonly Placed<AddressEntry>[];
  readonly excluded: readonly Placed<AddressEntry>[];
  readonly routes: readonly Placed<RouteSpec>[];
  readonly rules: readonly Placed<RuleSpec>[];
  /** null: the addresses live on the interface itself. */
  readonly vmac: VmacConfig | null;
  readonly sourceAddress: string | null;
  readonly multicastGroup: string | null;
  /** Empty: multicast. */
  readonly unicastPeers: readonly Placed<UnicastPeer>[];
  readonly checkUnicastSource: boolean;
  readonly unicastTtl: number;
  /** The source address is no longer on the host: FAULT. */
  readonly trackSource: boolean;
  /** unicast_fault_no_peer without a peer: FAULT, and not multicast. */
  readonly lacksPeer: boolean;
  /** The checksum of version 3 as keepalived up to 1.3.6 has it in unicast. */
  readonly oldUnicastChecksum: boolean;
  readonly v3ChecksumAsV2: boolean;
  readonly ownerIgnoreAdverts: boolean;
  readonly promoteSecondaries: boolean;
  readonly tracked: Tracked;
  readonly trackPrimary: boolean;
  readonly notify: Notify;
  readonly notifyMasterRxLowerPriority: Script | null;
  readonly mail: boolean;
  readonly garp: Garp;
  readonly downTimerAdverts: number;
  readonly lowerPriorityNoAdvert: boolean;
  readonly higherPrioritySendAdvert: boolean;
  readonly skipCheckAdvertAddress: boolean;
  readonly strict: boolean;
  /** Where a keyword of the instance was typed; the place of the instance when it was not. */
  placeOf(keyword: string): Place;
}

export interface SyncGroupConfig {
  readonly name: string;
  readonly at: Place;
  readonly members: readonly Placed<string>[];
  readonly tracked: Tracked;
  readonly notify: Notify;
  readonly mail: boolean;
}

/** interface_up_down_delays: a link must be up, or down, for so long before that counts. */
export interface InterfaceDelay {
  readonly name: string;
  readonly downMs: number;
  readonly upMs: number;
}

/** garp_group: announcements of these interfaces are spaced out together. */
export interface GarpGroup {
  readonly interfaces: readonly string[];
  readonly arpIntervalMs: number;
  readonly naIntervalMs: number;
}

export interface KeepalivedConfig {
  readonly interfaceDelays: readonly InterfaceDelay[];
  readonly garpGroups: readonly GarpGroup[];
  readonly global: GlobalConfig;
  readonly staticAddresses: readonly Placed<AddressEntry>[];
  readonly staticRoutes: readonly Placed<RouteSpec>[];
  readonly staticRules: readonly Placed<RuleSpec>[];
  readonly scripts: readonly ScriptConfig[];
  readonly instances: readonly InstanceConfig[];
  readonly syncGroups: readonly SyncGroupConfig[];
  readonly lvs: LvsGlobalConfig;
  readonly virtualServers: readonly VirtualServerConfig[];
  /** Everything as typed, with places; also the blocks that have no form of their own above. */
  readonly reading: Reading<typeof TOP>;
}
