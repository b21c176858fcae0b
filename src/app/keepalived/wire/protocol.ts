// What the two threads of the keepalived mode tell each other. The wire thread holds VRRP, addresses, routes and ARP for all instances;
// the main thread reads files, runs scripts, notifies, logs and answers signals. Plain data: it crosses a thread boundary.

import type { MessagePort } from 'node:worker_threads';
import type { RouteSpec } from '../../../core/netlink/route.ts';
import type { RuleSpec } from '../../../core/netlink/rule.ts';
import type { Authentication } from '../../../core/vrrp/authentication.ts';
import type { StateKind, Statistics } from '../../../core/vrrp/state.ts';

export interface WireAddress {
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
  /** null: the instance's interface (or its VMAC). */
  readonly device: string | null;
  readonly label: string | null;
  readonly scope: string | null;
  readonly broadcast: string | null;
  readonly peer: string | null;
  /** home, -nodad, mngtmpaddr, noprefixroute, autojoin, `preferred_lft 0`: as typed. */
  readonly options: readonly string[];
}

export interface TrackedInterface {
  readonly name: string;
  /** 0: its loss is a FAULT. */
  readonly weight: number;
  readonly reverse: boolean;
}

export interface Vmac {
  /** Default: vrrp.VRID (vrrp6.VRID). */
  readonly name: string;
  /** macvlan with 00:00:5e:00:01:VRID, or an ipvlan that shares the interface's MAC. */
  readonly kind: 'macvlan' | 'ipvlan';
  /** Adverts leave from the underlying interface. */
  readonly transmitBase: boolean;
  /** null: VRRP's own. With five octets the VRID is the sixth. */
  readonly macAddress: string | null;
  readonly ipvlanFlag: 'bridge' | 'private' | 'vepa';
}

/** One vrrp_instance with every default filled in. */
export interface WireInstance {
  readonly name: string;
  readonly vrid: number;
  readonly version: 2 | 3;
  readonly family: 4 | 6;
  /** null: unicast, found by its source address. */
  readonly interfaceName: string | null;
  /** How it begins; MASTER matters to an owner only. */
  readonly state: 'MASTER' | 'BACKUP';
  readonly priority: number;
  readonly advertIntervalMs: number;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly authentication: Authentication;
  readonly addresses: readonly WireAddress[];
  readonly excluded: readonly WireAddress[];
  readonly routes: readonly RouteSpec[];
  readonly rules: readonly RuleSpec[];
  /** null: the interface's first address. */
  readonly sourceAddress: string | null;
  /** null: VRRP's own. */
  readonly multicastGroup: string | null;
  /** Empty: multicast. */
  readonly unicastPeers: readonly {
    readonly address: string;
    readonly minTtl: number | null;
    readonly maxTtl: number | null;
  }[];
  readonly unicastTtl: number;
  readonly trackSource: boolean;
  readonly lacksPeer: boolean;
  readonly oldUnicastChecksum: boolean;
  readonly checkUnicastSource: boolean;
  readonly v3ChecksumAsV2: boolean;
  readonly garp: {
    readonly masterRepeat: number;
    readonly masterDelayMs: number;
    readonly refreshMs: number;
    readonly refreshRepeat: number;
    readonly lowerPrioRepeat: number;
    readonly lowerPrioDelayMs: number;
    /** Between two announcements of one interface, or of one garp_group; 0: none. */
    readonly intervalMs: number;
    /** The garp_group; null: each interface by itself. */
    readonly group: string | null;
  };
  readonly masterDownAdverts: number;
  readonly lowerPriorityNoAdvert: boolean;
  readonly higherPrioritySendAdvert: boolean;
  readonly ownerIgnoreAdverts: boolean;
  readonly strict: boolean;
  /** false: an owner's addresses only answer ARP (no_accept; vrrp_strict). */
  readonly accept: boolean;
  /** The interface's own loss is a FAULT. */
  readonly trackPrimary: boolean;
  readonly trackedInterfaces: readonly TrackedInterface[];
  /** Trackers (by id) that must have spoken once before the instance starts: weight 0, without init_fail. */
  readonly awaits: readonly string[];
  readonly promoteSecondaries: boolean;
  readonly vmac: Vmac | null;
}

export interface WireGroup {
  readonly name: string;
  readonly members: readonly string[];
}

export interface WireSettings {
  readonly instances: readonly WireInstance[];
  readonly groups: readonly WireGroup[];
  readonly staticAddresses: readonly WireAddress[];
  readonly staticRoutes: readonly RouteSpec[];
  readonly staticRules: readonly RuleSpec[];
  readonly startupDelayMs: number;
  /** A link must be up, or down, for so long before that counts. */
  readonly interfaceDelays: readonly {
    readonly name: string;
    readonly downMs: number;
    readonly upMs: number;
  }[];
  /** SCHED_RR priority; null: the usual one. */
  readonly realtimePriority: number | null;
  readonly logUnknownVrids: boolean;
  /** -D: also what keepalived says only in detail. */
  readonly detail: boolean;
  /** -x of the C daemon's --dont-release-vrrp: VIPs stay when the daemon stops. */
  readonly keepOnStop: boolean;
}

/** What one tracker (a script, a file, a process) does to one instance now. */
export interface Contribution {
  readonly instance: string;
  /** Not null: the instance is in FAULT for this reason, e.g. `script chk_db failed`. */
  readonly fault: string | null;
  /** Added to the priority. */
  readonly delta: number;
}

/** What daemon.ts hands to the wire thread. */
export interface WireThreadData {
  readonly settings: WireSettings;
  /** LeaseShare's. */
  readonly share: SharedArrayBuffer;
  /** To the lease thread. */
  readonly keeper: MessagePort;
  /** The netlink port of the lease thread's socket. */
  readonly renewingPort: number;
}

export interface LeaseThreadData {
  readonly share: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly renewingPort: number;
  readonly realtimePriority: number | null;
}

export type WireOrder =
  /** Replaces what this tracker said before. `tracker` is its id: `script chk_db`, `file load`, `process mariadbd`. */
  | {
      readonly kind: 'tracked';
      readonly tracker: string;
      readonly contributions: readonly Contribution[];
    }
  /** SIGHUP: instances that are the same stay as they are, with their VIPs. */
  | { readonly kind: 'reload'; readonly settings: WireSettings }
  | { readonly kind: 'dump'; readonly id: number }
  | { readonly kind: 'stop' };

export interface InstanceView {
  readonly name: string;
  readonly state: StateKind;
  readonly because: string;
  /** Milliseconds of CLOCK_BOOTTIME. */
  readonly sinceMs: number;
  readonly priority: number;
  readonly faults: readonly string[];
  readonly statistics: Statistics;
  /** Of the last router heard as master: null when none was. */
  readonly master: { readonly source: string; readonly priority: number } | null;
  readonly masterIntervalMs: number;
  readonly sourceAddress: string;
  readonly interfaceName: string;
  /** Addresses that are set now. */
  readonly held: readonly string[];
}

export type WireReport =
  /** Writing 8 bytes (1, as a 64-bit number) to this descriptor wakes the thread: eventfd(2). */
  | { readonly kind: 'waker'; readonly fd: number }
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'failed-to-start';
      readonly code: string;
      readonly message: string;
      readonly hint: string;
    }
  | {
      readonly kind: 'transition';
      readonly instance: string;
      readonly from: StateKind;
      readonly to: StateKind;
      readonly priority: number;
      readonly because: string;
    }
  /** After the transitions of its members. */
  | { readonly kind: 'group'; readonly group: string; readonly to: Exclude<StateKind, 'INIT'> | 'INIT' }
  | {
      readonly kind: 'priority';
      readonly instance: string;
      readonly from: number;
      readonly to: number;
      readonly state: StateKind;
    }
  /** A master heard another of lower priority: notify_master_rx_lower_pri. */
  | {
      readonly kind: 'lower-heard';
      readonly instance: string;
      readonly source: string;
      readonly priority: number;
    }
  /** The reload took this instance away (its transition to INIT came before). */
  | { readonly kind: 'deleted'; readonly instance: string }
  | { readonly kind: 'reloaded' }
  | {
      readonly kind: 'say';
      readonly level: 'detail' | 'info' | 'warn' | 'error';
      readonly code: string;
      /** As keepalived words it where it has a word for it, e.g. `(VI_1) sent 0 priority`. */
      readonly text: string;
    }
  | { readonly kind: 'dump'; readonly id: number; readonly instances: readonly InstanceView[] }
  | { readonly kind: 'stopped' };
