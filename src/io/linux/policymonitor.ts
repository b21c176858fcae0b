// What the kernel announces about routes and rules that go: of routes only those of protocol keepalived, because a router may see
// thousands of others a second. Apart from routemonitor.ts, since most configurations have none. Read by the wire thread of the
// keepalived mode.

import type { NetlinkMessage } from '../../core/netlink/message.ts';
import { PROTOCOL_KEEPALIVED, RTM_DELROUTE } from '../../core/netlink/route.ts';
import { decodeRoute, type Route } from '../../core/netlink/routelist.ts';
import { decodeRule, RTM_DELRULE, type RuleKey } from '../../core/netlink/rule.ts';
import { assemble, attachFilter, DROP, JUMP_EQUAL, KEEP, LOAD_HALF } from './bpf.ts';
import { explained } from './explain.ts';
import { NETLINK_ROUTE, NetlinkSocket } from './netlinksocket.ts';

const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV4_RULE = 0x80;
const RTMGRP_IPV6_ROUTE = 0x400;
/** RTNLGRP_IPV6_RULE is 19. */
const RTMGRP_IPV6_RULE = 1 << 18;

// One read() empties at most this many datagrams, so that a storm of changes cannot hold the VRRP loop.
const DATAGRAMS_PER_READ_MAX = 64;

const LOAD_BYTE = 0x30;
const NLMSG_TYPE_AT = 4;
/** nlmsghdr, then rtmsg: family, two lengths, tos, table, protocol. */
const RTM_PROTOCOL_AT = 16 + 5;

export type PolicyEvent =
  /** `originPort`: the RouteSocket whose request it was; 0 when the kernel acted by itself. */
  | { readonly kind: 'route-removed'; readonly route: Route; readonly originPort: number }
  | { readonly kind: 'rule-removed'; readonly rule: RuleKey; readonly originPort: number }
  /** Announcements were lost: look at what is there. */
  | { readonly kind: 'overrun' };

// Filters read in network order; netlink's header is in the host's, which is little-endian wherever this program runs.
const swap16 = (value: number): number => ((value & 0xff) << 8) | (value >> 8);

const KEEP_REMOVALS = assemble([
  [LOAD_HALF, 0, 0, NLMSG_TYPE_AT],
  [JUMP_EQUAL, 4, 0, swap16(RTM_DELRULE)],
  [JUMP_EQUAL, 0, 2, swap16(RTM_DELROUTE)],
  [LOAD_BYTE, 0, 0, RTM_PROTOCOL_AT],
  [JUMP_EQUAL, 1, 0, PROTOCOL_KEEPALIVED],
  DROP,
  KEEP,
]);

function eventOf(message: NetlinkMessage): PolicyEvent | null {
  if (message.type === RTM_DELROUTE) {
    const decoded = decodeRoute(message.body);
    return decoded.ok ? { kind: 'route-removed', route: decoded.route, originPort: message.port } : null;
  }
  if (message.type !== RTM_DELRULE) return null;
  const decoded = decodeRule(message.body);
  return decoded.ok ? { kind: 'rule-removed', rule: decoded.rule, originPort: message.port } : null;
}

export class PolicyMonitor {
  readonly #socket: NetlinkSocket;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  get fd(): number {
    return this.#socket.fd;
  }

  /** What happened since the last read, oldest first; empty when nothing did. Never blocks. */
  read(): PolicyEvent[] {
    const events: PolicyEvent[] = [];
    for (let i = 0; i < DATAGRAMS_PER_READ_MAX; i++) {
      const messages = this.#socket.read();
      if (messages === null) break;
      if (messages === 'overrun') events.push({ kind: 'overrun' });
      else events.push(...messages.map(eventOf).filter((event) => event !== null));
    }
    return events;
  }

  close(): void {
    this.#socket.close();
  }
}

export function openPolicyMonitor(): PolicyMonitor {
  return explained({ doing: 'listen to changes of routes and rules', needs: 'CAP_NET_ADMIN' }, () => {
    const groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_RULE;
    const socket = new NetlinkSocket(NETLINK_ROUTE, groups);
    attachFilter(socket.fd, KEEP_REMOVALS);
    return new PolicyMonitor(socket);
  });
}
