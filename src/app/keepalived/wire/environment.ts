// What the loop lends to each instance: the sockets, tables and reports that all of them share.

import type { StateKind } from '../../../core/vrrp/state.ts';
import type { RouteSocket } from '../../../io/linux/netlink.ts';
import type { AcceptGuard } from './accept.ts';
import type { Announcer } from './announcer.ts';
import type { Holdings } from './holdings.ts';
import type { Instance } from './instance.ts';
import type { LinkTable } from './links.ts';
import type { Policy } from './policy.ts';
import type { WireReport } from './protocol.ts';
import type { SocketPool } from './sockets.ts';

export type Say = (level: 'detail' | 'info' | 'warn' | 'error', code: string, text: string) => void;

export interface Environment {
  readonly route: RouteSocket;
  readonly policy: Policy;
  readonly links: LinkTable;
  readonly sockets: SocketPool;
  readonly holdings: Holdings;
  readonly announcer: Announcer;
  /** Opened when the first instance needs it. */
  readonly guard: () => AcceptGuard;
  readonly report: (message: WireReport) => void;
  readonly say: Say;
  /** Milliseconds of CLOCK_BOOTTIME. */
  readonly now: () => number;
  readonly startupDelayMs: () => number;
  /** The virtual addresses of all instances: none of them is a source of adverts. */
  readonly virtualAddresses: () => ReadonlySet<string>;
  /** After every event of an instance. */
  readonly moved: (instance: Instance, from: StateKind, to: StateKind) => void;
  /** So many kinds of dropped adverts an instance tells of; what is made up on the network must not fill the log. */
  readonly dropsToldMax: number;
}
