// What the three dump files of the keepalived mode show (SIGUSR1, SIGUSR2, the JSON signal), as plain data. The renderers beside this
// file make the C daemon's lines and keys of it: monitoring scripts read those. app/keepalived/dump.ts fills it in.

import type { Statistics } from '../vrrp/state.ts';

export type DumpState = 'INIT' | 'BACKUP' | 'MASTER' | 'FAULT';

/** A moment of the wall clock. */
export interface DumpMoment {
  /** Since 1970, with microseconds. */
  readonly seconds: number;
  /** In the local zone, e.g. `Sat Nov 21 19:42:17.801639 2026`. */
  readonly text: string;
}

export interface DumpAddress {
  readonly address: string;
  readonly prefix: number;
  readonly device: string;
  readonly scope: string;
  readonly label: string | null;
  readonly broadcast: string | null;
  readonly peer: string | null;
  /** It is on its interface now. */
  readonly set: boolean;
}

export interface DumpScripts {
  readonly backup: string | null;
  readonly master: string | null;
  readonly fault: string | null;
  readonly stop: string | null;
  readonly any: string | null;
  readonly masterRxLowerPriority: string | null;
}

export interface DumpTracked {
  readonly name: string;
  readonly weight: number;
  readonly reverse: boolean;
}

export interface DumpInstance {
  readonly name: string;
  readonly version: 2 | 3;
  readonly family: 4 | 6;
  readonly group: string | null;
  readonly state: DumpState;
  readonly because: string;
  readonly faults: readonly string[];
  readonly lastTransition: DumpMoment;
  readonly masterDownMs: number;
  readonly interfaceName: string;
  /** null: no VMAC. */
  readonly vmac: { readonly name: string; readonly transmitBase: boolean } | null;
  readonly sourceAddress: string | null;
  readonly sourceConfigured: boolean;
  /** null: unicast. */
  readonly multicastGroup: string | null;
  readonly garp: {
    readonly delayS: number;
    readonly repeat: number;
    readonly refreshS: number;
    readonly refreshRepeat: number;
    readonly lowerPrioDelayS: number;
    readonly lowerPrioRepeat: number;
  };
  readonly downTimerAdverts: number;
  readonly lowerPrioNoAdvert: boolean;
  readonly higherPrioSendAdvert: boolean;
  readonly vrid: number;
  readonly basePriority: number;
  readonly effectivePriority: number;
  readonly advertIntervalMs: number;
  readonly masterIntervalMs: number;
  /** Of the last master heard; 0: none, or it is this one. */
  readonly masterPriority: number;
  readonly accept: boolean;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  readonly promoteSecondaries: boolean;
  readonly trackPrimary: boolean;
  readonly skipCheckAdvertAddress: boolean;
  readonly strict: boolean;
  readonly authentication: { readonly kind: 'none' | 'pass' | 'ah'; readonly password: string };
  readonly addresses: readonly DumpAddress[];
  readonly excluded: readonly DumpAddress[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly unicastTtl: number;
  readonly checkUnicastSource: boolean;
  readonly unicastPeers: readonly {
    readonly address: string;
    readonly minTtl: number;
    readonly maxTtl: number;
  }[];
  readonly trackedInterfaces: readonly DumpTracked[];
  /** With the command, as the JSON shows it. */
  readonly trackedScripts: readonly (DumpTracked & { readonly command: string })[];
  readonly trackedFiles: readonly DumpTracked[];
  readonly trackedProcesses: readonly DumpTracked[];
  readonly mail: boolean;
  readonly notifyDeleted: boolean;
  readonly notifyPriorityChanges: boolean;
  readonly scripts: DumpScripts;
  readonly statistics: Statistics;
}

export interface DumpGroup {
  readonly name: string;
  readonly state: DumpState;
  readonly members: readonly string[];
  readonly faultMembers: number;
  readonly initMembers: number;
  readonly mail: boolean;
  readonly scripts: DumpScripts;
}

export interface DumpTrackerScript {
  readonly name: string;
  readonly command: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly weight: number;
  readonly reverse: boolean;
  readonly rise: number;
  readonly fall: number;
  readonly status: 'GOOD' | 'BAD' | 'INIT';
  readonly exitStatus: number | null;
  readonly because: string;
  readonly instances: readonly DumpTracked[];
}

export interface DumpTrackerValue {
  readonly name: string;
  /** The file, or the process's words. */
  readonly of: string;
  readonly value: number | null;
  readonly good: boolean | null;
  readonly weight: number;
  readonly instances: readonly DumpTracked[];
}

export interface DumpProcess extends DumpTrackerValue {
  readonly parameters: 'none' | 'initial' | 'partial';
  readonly quorum: number;
  readonly forkDelayMs: number;
  readonly terminateDelayMs: number;
  readonly fullCommand: boolean;
}

export interface DumpInterface {
  readonly name: string;
  readonly index: number;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly mac: string | null;
  readonly up: boolean;
  readonly running: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  readonly instances: readonly DumpTracked[];
}

/** One line of the global part: `Router ID`, `db1`; without a value the label stands alone. */
export type DumpLine = readonly [label: string, value: string | null];

export interface Dump {
  readonly global: readonly DumpLine[];
  readonly staticAddresses: readonly DumpAddress[];
  readonly staticRoutes: readonly string[];
  readonly staticRules: readonly string[];
  readonly instances: readonly DumpInstance[];
  readonly groups: readonly DumpGroup[];
  readonly scripts: readonly DumpTrackerScript[];
  readonly files: readonly DumpTrackerValue[];
  readonly processes: readonly DumpProcess[];
  readonly interfaces: readonly DumpInterface[];
}

/** `10.0.0.1/24 dev eth0 scope global label eth0:1 set`, as in both dumps. */
export function addressLine(a: DumpAddress): string {
  const v6 = a.address.includes(':');
  const words = [
    a.prefix === (v6 ? 128 : 32) ? a.address : `${a.address}/${a.prefix}`,
    ...(a.peer === null ? [] : [`peer ${a.peer}`]),
    ...(a.broadcast === null ? [] : [`brd ${a.broadcast}`]),
    `dev ${a.device}`,
    `scope ${a.scope}`,
    ...(a.label === null ? [] : [`label ${a.label}`]),
    ...(v6 ? ['preferred_lft forever'] : []),
    ...(a.set ? ['set'] : []),
  ];
  return words.join(' ');
}
