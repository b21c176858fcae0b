// What the virtual router machine knows (config, state), hears (events) and orders (actions). See SPEC.md.
// All of it is plain data: texts for addresses, milliseconds of CLOCK_BOOTTIME for times.

import { assert } from '../error.ts';
import { formatIp, parseIp } from '../ip/address.ts';
import type { Advertisement, VrrpVersion } from './advertisement.ts';
import { DROP_REASONS, type DropReason } from './reception.ts';
import { MASTER_DOWN_ADVERTS_DEFAULT } from './timers.ts';

export interface VirtualRouterConfig {
  /** 1 to 255. */
  readonly vrid: number;
  readonly version: VrrpVersion;
  /** 1 to 254; 255 for the owner of the addresses, whose priority never changes. */
  readonly priority: number;
  readonly advertIntervalMs: number;
  /** Take over from a living master of lower priority. Only in the election 'vrrp'. */
  readonly preempt: boolean;
  /** How long a living master of lower priority is suffered before it's preempted. */
  readonly preemptDelayMs: number;
  /** keepalived's down_timer_adverts. */
  readonly masterDownAdverts: number;
  /** The source of our adverts: the tie-break between equal priorities. */
  readonly ownAddress: string;
  /** The virtual addresses in the adverts, without prefix lengths. */
  readonly addresses: readonly string[];
  /** Further ones, added and removed with them (keepalived's virtual_ipaddress_excluded). */
  readonly addressesNotAdvertised: readonly string[];
  /**
   * Sources that are known to belong to this virtual router. An advert of theirs is heeded even when its addresses
   * are all different: that is a typing error in one of the two configurations, not a stranger. 'any': every source, as
   * keepalived does from 2.3.3 on.
   */
  readonly knownPeers: readonly string[] | 'any';
  /** 'vrrp': the protocol elects the master. 'ordered': somebody else does, by claim and yield. */
  readonly election: 'vrrp' | 'ordered';
  readonly announce: {
    /** Announcements an address, at once. keepalived: garp_master_repeat. */
    readonly count: number;
    /** As many again after this; 0: not. keepalived: garp_master_delay. */
    readonly repeatMs: number;
    /** And again, this often, for as long as it's master; 0: never. keepalived: garp_master_refresh. */
    readonly refreshMs: number;
    /** So many an address then. keepalived: garp_master_refresh_repeat. */
    readonly refreshCount: number;
    /** After a master of lower priority was heard. keepalived: garp_lower_prio_repeat. */
    readonly rivalCount: number;
    /** keepalived: garp_lower_prio_delay. */
    readonly rivalRepeatMs: number;
  };
  /** A master of lower priority is told at once who is master. Off: keepalived's lower_prio_no_advert. */
  readonly answersLower: boolean;
  /** One advert more before it yields to a higher priority: keepalived's higher_prio_send_advert. */
  readonly answersHigher: boolean;
  /** Priority 255 does not look at what others advertise: keepalived's owner_ignore_adverts. */
  readonly ownerIgnoresAdverts: boolean;
  readonly startup: {
    /** Added to the first master-down timer: for ports that drop the first seconds after link-up (spanning tree). */
    readonly delayMs: number;
    /**
     * What to do with virtual addresses that a former process left on the interface. 'keep' is for a restarted agent
     * that may resume its role before their lease ends; the kernel removes them if it doesn't.
     */
    readonly leftoverAddresses: 'remove' | 'keep';
  };
}

/** keepalived's defaults. To be spread before what a configuration says. */
export const VIRTUAL_ROUTER_DEFAULTS = {
  version: 2,
  priority: 100,
  advertIntervalMs: 1000,
  preempt: true,
  preemptDelayMs: 0,
  masterDownAdverts: MASTER_DOWN_ADVERTS_DEFAULT,
  addressesNotAdvertised: [],
  knownPeers: [],
  election: 'vrrp',
  announce: { count: 5, repeatMs: 5000, refreshMs: 0, refreshCount: 1, rivalCount: 5, rivalRepeatMs: 5000 },
  answersLower: true,
  answersHigher: false,
  ownerIgnoresAdverts: false,
  startup: { delayMs: 0, leftoverAddresses: 'remove' },
} as const satisfies Partial<VirtualRouterConfig>;

export interface Statistics {
  readonly advertsSent: number;
  readonly advertsReceived: number;
  readonly priorityZeroSent: number;
  readonly priorityZeroReceived: number;
  /** Adverts of another group of routers that uses our VRID. */
  readonly foreignReceived: number;
  readonly becameMaster: number;
  readonly releasedMaster: number;
  readonly transitions: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** What every state carries. */
export interface Router {
  readonly config: VirtualRouterConfig;
  /** The effective priority: the configured one, or what the last 'priority' event made of it. */
  readonly priority: number;
  /** The reasons to be in FAULT; a set. Empty outside FAULT, but for INIT, where they wait for the start. */
  readonly faults: readonly string[];
  readonly statistics: Statistics;
  /** Sources whose differing address lists have been reported; at most REPORTED_SOURCES_MAX. */
  readonly reportedSources: readonly string[];
  /** Why it is in this state. */
  readonly because: string;
  readonly sinceMs: number;
}

/** A flood of forged sources must not grow the state. */
export const REPORTED_SOURCES_MAX = 32;

export interface InitState {
  readonly kind: 'INIT';
  readonly router: Router;
}

export interface BackupState {
  readonly kind: 'BACKUP';
  readonly router: Router;
  /** Null once the silence has been reported ('ordered' only). */
  readonly masterDownAtMs: number | null;
  /** RFC 9568's Active_Adver_Interval: learned from the master in version 3, our own in version 2. */
  readonly masterIntervalMs: number;
  /** The last router whose advert was heeded. */
  readonly master: { readonly source: string; readonly priority: number; readonly heardAtMs: number } | null;
  /** The master said goodbye: the timer runs for the skew alone. */
  readonly goodbye: boolean;
  /** The last advert that was discarded because this router means to preempt its sender. */
  readonly preempting: { readonly source: string; readonly priority: number } | null;
  /** When the preempt delay ends; null while no master of lower priority is heard. */
  readonly preemptAtMs: number | null;
}

export interface MasterState {
  readonly kind: 'MASTER';
  readonly router: Router;
  readonly nextAdvertAtMs: number;
  readonly nextAnnounceAtMs: number | null;
  /** The next announcement is one of the endless refreshes, not the repeat after becoming master. */
  readonly nextAnnounceIsRefresh: boolean;
  /** How many an address then. */
  readonly nextAnnounceCount: number;
  /** When another router's advert was last answered (and, if ordered, reported). */
  readonly answeredAtMs: number | null;
  /** Another router was answered and has not said goodbye since. */
  readonly rivalHeard: boolean;
}

export interface FaultState {
  readonly kind: 'FAULT';
  readonly router: Router;
}

export type RouterState = InitState | BackupState | MasterState | FaultState;
export type StateKind = RouterState['kind'];

type At<Kind extends string, Fields = unknown> = {
  readonly kind: Kind;
  readonly nowMs: number;
} & Readonly<Fields>;

export type RouterEvent =
  | At<'start'>
  | At<'stop'>
  /** A packet that decodeAdvertisement accepted. `source` is canonical. */
  | At<'advertisement', { source: string; advertisement: Advertisement }>
  /** A packet that it did not. */
  | At<'dropped', { reason: DropReason }>
  /** The armed timer has run out. Deliver packets that wait in the socket first. */
  | At<'timer'>
  /** `reason` names one cause, e.g. "link eth0 is down"; it's shown to operators. */
  | At<'fault', { reason: string }>
  | At<'cleared', { reason: string }>
  /** The effective priority; anything is rounded and clamped to 1..254. */
  | At<'priority', { value: number }>
  /** 'ordered' only: be master, at once. */
  | At<'claim', { because: string }>
  /** 'ordered' only: cease to be master, at once. */
  | At<'yield', { because: string }>
  /** 'vrrp' only: another router of its group ceased to be master, and those of a group move together. No goodbye. */
  | At<'follow', { because: string }>
  /** The process did not run for longer than the addresses' lease. Deliver it before anything else that waited. */
  | At<'stalled', { forMs: number }>
  /** One of our addresses vanished from the interface, and not by our doing. */
  | At<'addressLost', { address: string }>
  /** A reload: same vrid, version and election, or it is refused. The priority falls back to the configured one. */
  | At<'configure', { config: VirtualRouterConfig }>;
export type EventKind = RouterEvent['kind'];

export type Action =
  | {
      readonly kind: 'transition';
      readonly from: StateKind;
      readonly to: StateKind;
      readonly because: string;
      readonly priority: number;
    }
  /** To the group, or to every unicast peer. */
  | { readonly kind: 'send'; readonly advertisement: Advertisement }
  | { readonly kind: 'addAddresses'; readonly addresses: readonly string[] }
  /** Removing what is not there is no failure. */
  | { readonly kind: 'removeAddresses'; readonly addresses: readonly string[] }
  /** Gratuitous ARP or unsolicited neighbour advertisements, `count` for each address. */
  | { readonly kind: 'announce'; readonly addresses: readonly string[]; readonly count: number }
  /** Replaces whatever timer was armed: there is only one. `atMs` may be in the past. */
  | { readonly kind: 'armTimer'; readonly atMs: number }
  | { readonly kind: 'disarmTimer' }
  /** 'ordered': the master is silent, or said goodbye. Once, until masterBack. */
  | {
      readonly kind: 'masterDown';
      readonly because: string;
      readonly lastHeardAtMs: number | null;
      readonly goodbye: boolean;
    }
  | {
      readonly kind: 'masterBack';
      readonly because: string;
      readonly source: string;
      readonly priority: number;
    }
  /** 'ordered': another router is master too. At most once an advert interval. */
  | { readonly kind: 'rival'; readonly because: string; readonly source: string; readonly priority: number }
  /** 'vrrp': a master of lower priority was heard, and answered. At most once an advert interval. */
  | { readonly kind: 'lowerHeard'; readonly source: string; readonly priority: number }
  /** Somebody else on this link uses our VRID for other addresses. Once a source. */
  | {
      readonly kind: 'vridConflict';
      readonly because: string;
      readonly source: string;
      readonly addresses: readonly string[];
    }
  /** A peer advertises other addresses than ours. Once a source, until they agree again. */
  | {
      readonly kind: 'addressMismatch';
      readonly because: string;
      readonly source: string;
      readonly addresses: readonly string[];
    }
  | { readonly kind: 'addressRestored'; readonly because: string; readonly address: string }
  | { readonly kind: 'refused'; readonly event: 'claim' | 'yield' | 'configure'; readonly because: string };

export type Step = readonly [RouterState, readonly Action[]];

function canonical(text: string): string {
  const bytes = parseIp(text);
  assert(bytes !== null, `'${text}' is no IP address`);
  return formatIp(bytes);
}

/** The same configuration with canonical address texts; asserts on what the configuration's reader must have refused. */
export function normalizeConfig(config: VirtualRouterConfig): VirtualRouterConfig {
  assert(config.priority >= 1 && config.priority <= 255, 'the priority is 1 to 255');
  assert(config.advertIntervalMs > 0, 'the advertisement interval is above 0');
  return {
    ...config,
    ownAddress: canonical(config.ownAddress),
    addresses: config.addresses.map(canonical),
    addressesNotAdvertised: config.addressesNotAdvertised.map(canonical),
    knownPeers: config.knownPeers === 'any' ? 'any' : config.knownPeers.map(canonical),
  };
}

/** A virtual router before its 'start' event. */
export function initialState(config: VirtualRouterConfig, nowMs: number): InitState {
  const dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
  return {
    kind: 'INIT',
    router: {
      config: normalizeConfig(config),
      priority: config.priority,
      faults: [],
      statistics: {
        advertsSent: 0,
        advertsReceived: 0,
        priorityZeroSent: 0,
        priorityZeroReceived: 0,
        foreignReceived: 0,
        becameMaster: 0,
        releasedMaster: 0,
        transitions: 0,
        dropped,
      },
      reportedSources: [],
      because: 'not started yet',
      sinceMs: nowMs,
    },
  };
}
