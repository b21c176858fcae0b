// What the kernel announces about links and addresses: a cable pulled, an address taken away by somebody else. Opened by the VRRP loops.

import { RTM_NEWADDR } from '../../core/netlink/address.ts';
import {
  decodeRouteEvent,
  type RouteEvent,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_LINK,
} from '../../core/netlink/monitor.ts';
import {
  assemble,
  attachFilter,
  DROP,
  type Instruction,
  JUMP_EQUAL,
  KEEP,
  LOAD_HALF,
  LOAD_WORD,
} from './bpf.ts';
import { explained } from './explain.ts';
import { NETLINK_ROUTE, NetlinkSocket } from './netlinksocket.ts';

// One read() empties at most this many datagrams, so that a storm of changes cannot hold the VRRP loop.
const DATAGRAMS_PER_READ_MAX = 64;

/** The announcements. */
export class RouteMonitor {
  readonly #socket: NetlinkSocket;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  get fd(): number {
    return this.#socket.fd;
  }

  /** What happened since the last read, oldest first; empty when nothing did. Never blocks. */
  read(): RouteEvent[] {
    const events: RouteEvent[] = [];
    for (let i = 0; i < DATAGRAMS_PER_READ_MAX; i++) {
      const messages = this.#socket.read();
      if (messages === null) break;
      if (messages === 'overrun') {
        events.push({ kind: 'overrun' });
        continue;
      }
      for (const message of messages) {
        const event = decodeRouteEvent(message);
        if (event !== null) events.push(event);
      }
    }
    return events;
  }

  close(): void {
    this.#socket.close();
  }
}

// Filters read in network order; netlink's header is in the host's, which is little-endian wherever this program runs.
const swap16 = (value: number): number => ((value & 0xff) << 8) | (value >> 8);
const swap32 = (value: number): number => ((swap16(value & 0xffff) << 16) | swap16(value >>> 16)) >>> 0;

/** Drops the additions of these sockets: a thousand renewals a second would wake the thread as often. */
function withoutRenewals(ports: readonly number[]): Uint8Array<ArrayBuffer> {
  return assemble([
    [LOAD_HALF, 0, 0, 4],
    [JUMP_EQUAL, 0, ports.length + 2, swap16(RTM_NEWADDR)],
    [LOAD_WORD, 0, 0, 12],
    ...ports.map(
      (port, i): Instruction => [
        JUMP_EQUAL,
        ports.length - 1 - i,
        i === ports.length - 1 ? 1 : 0,
        swap32(port),
      ],
    ),
    DROP,
    KEEP,
  ]);
}

function openMonitorSocket(renewingPorts: readonly number[]): NetlinkSocket {
  const socket = new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  if (renewingPorts.length > 0) attachFilter(socket.fd, withoutRenewals(renewingPorts));
  return socket;
}

/**
 * Listens to link and address changes of this network namespace. `renewingPorts` (of RouteSockets) leaves out the additions of those
 * sockets: every renewal of a VIP would otherwise come back as an event. Their removals stay in, because removing a primary address can
 * take secondaries along that nobody asked to remove.
 */
export function openRouteMonitor(renewingPorts: readonly number[] = []): RouteMonitor {
  return explained(
    { doing: 'listen to interface changes', needs: 'CAP_NET_ADMIN' },
    () => new RouteMonitor(openMonitorSocket(renewingPorts)),
  );
}
