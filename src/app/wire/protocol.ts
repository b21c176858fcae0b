// What the agent's two threads tell each other: the main thread orders, the wire thread (VRRP, addresses, ARP) reports.

import type { WireView } from '../../core/pair/event.ts';
import type { Grant } from '../../core/readvip/state.ts';
import type { Authentication } from '../../core/vrrp/authentication.ts';
import type { WireDetail } from '../../io/agentlink/link.ts';

export interface Vip {
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
}

/** VIPs that move together: one virtual router an address family. */
export interface VipGroup {
  /** `write`: the manager says who holds it. `read`: VRRP elects among the nodes whose managers let them. */
  readonly name: 'write' | 'read';
  readonly vips: readonly Vip[];
  readonly vrid: number;
  /** Where pair.yaml says so. */
  readonly vridKey: string;
  readonly priority: number;
  /** Of the read group: what `preferred` is on the wire; a further replica stands behind the nodes. Default: 250. */
  readonly preferred?: number;
}

/** Everything the wire thread needs of the configuration. Plain data: it is handed over a thread boundary. */
export interface WireSettings {
  readonly pair: string;
  readonly interfaceName: string;
  readonly ownAddress: string;
  readonly peerAddress: string;
  /** Hosts beside the peer that may hold the read VIPs. */
  readonly furtherAddresses?: readonly string[];
  readonly groups: readonly VipGroup[];
  readonly version: 2 | 3;
  readonly advertIntervalMs: number;
  readonly unicast: boolean;
  readonly authentication: Authentication;
  readonly vipLeaseS: number;
  readonly mysqlPort: number;
  readonly gateway: string | null;
  /** A loop that did not run for this long has been frozen: its VIPs may have been given away. */
  readonly stallMs: number;
  /** VIPs of a former agent that nobody claims for this long are removed. */
  readonly leftoverMs: number;
}

export type WireOrder =
  | { readonly kind: 'claim'; readonly id: number; readonly epoch: number }
  | { readonly kind: 'yield'; readonly id: number; readonly because: string }
  /** Who may hold the read VIPs, as the manager sees it; renewed all the time. */
  | { readonly kind: 'reads'; readonly grant: Grant }
  | { readonly kind: 'stop' };

export type WireReport =
  /** Writing 8 bytes (1, as a 64-bit number) to this descriptor wakes the thread: see eventfd(2). */
  | { readonly kind: 'waker'; readonly fd: number }
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'failed-to-start';
      readonly code: string;
      readonly message: string;
      readonly hint: string;
    }
  | { readonly kind: 'wire'; readonly wire: WireView; readonly detail: WireDetail }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly because: string }
  | {
      readonly kind: 'say';
      readonly level: 'info' | 'warn' | 'error';
      readonly code: string;
      readonly because: string;
    }
  | { readonly kind: 'stopped' };
