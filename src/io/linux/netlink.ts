// The host's addresses and interfaces over rtnetlink: the VIPs are added, renewed and removed here, and the route
// monitor tells the VRRP loop of pulled cables and of addresses that came or went.
//
// A VIP's prefix length is the configuration's. With the subnet's own length (192.0.2.100/24 beside 192.0.2.11/24)
// IPv4 makes it a secondary address: never chosen as a source, and its removal leaves the subnet's route alone. But
// if somebody deletes the primary while net.ipv4.conf.*.promote_secondaries is 0 (the kernel's default; systemd
// sets 1), the kernel deletes the secondaries too: the monitor reports each as removed. A /32 depends on nothing.

import { assert } from '../../core/error.ts';
import {
  type AddressKey,
  decodeAddress,
  encodeAddAddress,
  encodeDumpAddresses,
  encodeRemoveAddress,
  type InterfaceAddress,
  type NewAddress,
  RTM_NEWADDR,
} from '../../core/netlink/address.ts';
import { decodeLink, encodeDumpLinks, type Link, RTM_NEWLINK } from '../../core/netlink/link.ts';
import { MessageWriter } from '../../core/netlink/message.ts';
import {
  decodeRouteEvent,
  type RouteEvent,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_LINK,
} from '../../core/netlink/monitor.ts';
import { explain, explained } from './explain.ts';
import { NETLINK_ROUTE, NetlinkSocket } from './netlinksocket.ts';

/** The requests. Each method is one synchronous exchange with the kernel and throws an OperatorError when refused. */
export class RouteSocket {
  readonly #socket: NetlinkSocket;
  readonly #writer = new MessageWriter();

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** For the monitor: announcements with this origin are answers to this socket's own requests. */
  get portId(): number {
    return this.#socket.portId;
  }

  /** Adds the address or, when it is there already, renews its lifetime: the same call does both. */
  addAddress(wanted: NewAddress): void {
    const sequence = this.#socket.nextSequence();
    const encoded = encodeAddAddress(this.#writer.clear(), sequence, wanted);
    assert(encoded, `${wanted.address} is an IP address`);
    this.#request(sequence, 'RTM_NEWADDR', `add the address ${wanted.address}/${wanted.prefix}`);
  }

  /** Removes the address. False when it was not there (its lifetime ended, or somebody was faster). */
  removeAddress(key: AddressKey): boolean {
    const sequence = this.#socket.nextSequence();
    const encoded = encodeRemoveAddress(this.#writer.clear(), sequence, key);
    assert(encoded, `${key.address} is an IP address`);
    const refused = this.#socket.try(this.#writer.bytes(), sequence, 'RTM_DELADDR');
    if (refused === null) return true;
    if (refused.errno === 'EADDRNOTAVAIL' || refused.errno === 'ENODEV') return false;
    throw explain(refused, {
      doing: `remove the address ${key.address}/${key.prefix}`,
      needs: 'CAP_NET_ADMIN',
    });
  }

  /** The addresses of all interfaces, or of one. */
  listAddresses(interfaceIndex?: number): InterfaceAddress[] {
    const found: InterfaceAddress[] = [];
    explained({ doing: 'list the addresses', needs: 'CAP_NET_ADMIN' }, () => {
      this.#socket.dump(
        (sequence) => {
          encodeDumpAddresses(this.#writer.clear(), sequence);
          return this.#writer.bytes();
        },
        'RTM_GETADDR',
        (message) => {
          const decoded = message.type === RTM_NEWADDR ? decodeAddress(message.body) : null;
          if (!decoded?.ok) return;
          // The kernel may ignore a filter in the request (it does unless strict checking is on), so it is applied here.
          if (interfaceIndex !== undefined && decoded.address.interfaceIndex !== interfaceIndex) return;
          found.push(decoded.address);
        },
        () => found.splice(0),
      );
    });
    return found;
  }

  listLinks(): Link[] {
    const found: Link[] = [];
    explained({ doing: 'list the interfaces', needs: 'CAP_NET_ADMIN' }, () => {
      this.#socket.dump(
        (sequence) => {
          encodeDumpLinks(this.#writer.clear(), sequence);
          return this.#writer.bytes();
        },
        'RTM_GETLINK',
        (message) => {
          const decoded = message.type === RTM_NEWLINK ? decodeLink(message.body) : null;
          if (decoded?.ok) found.push(decoded.link);
        },
        () => found.splice(0),
      );
    });
    return found;
  }

  close(): void {
    this.#socket.close();
  }

  #request(sequence: number, name: string, doing: string): void {
    explained({ doing, needs: 'CAP_NET_ADMIN' }, () =>
      this.#socket.request(this.#writer.bytes(), sequence, name),
    );
  }
}

export function openRouteSocket(): RouteSocket {
  return explained(
    { doing: 'open the netlink socket', needs: 'CAP_NET_ADMIN' },
    () => new RouteSocket(new NetlinkSocket(NETLINK_ROUTE)),
  );
}

// One read() empties at most this many datagrams, so that a storm of changes cannot hold the VRRP loop.
const DATAGRAMS_PER_READ_MAX = 64;

/** The announcements. */
export class RouteMonitor {
  readonly #socket: NetlinkSocket;
  readonly #renewingPort: number | null;

  constructor(socket: NetlinkSocket, renewingPort: number | null) {
    this.#socket = socket;
    this.#renewingPort = renewingPort;
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
        if (event === null) continue;
        if (event.kind === 'address-added' && event.originPort === this.#renewingPort) continue;
        events.push(event);
      }
    }
    return events;
  }

  close(): void {
    this.#socket.close();
  }
}

/**
 * Listens to link and address changes of this network namespace. `renewingPort` (a RouteSocket's portId) leaves out
 * the additions of that socket: every renewal of a VIP would otherwise come back as an event. Its removals stay in,
 * because removing a primary address can take secondaries along that nobody asked to remove.
 */
export function openRouteMonitor(renewingPort: number | null = null): RouteMonitor {
  const groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  return explained(
    { doing: 'listen to interface changes', needs: 'CAP_NET_ADMIN' },
    () => new RouteMonitor(new NetlinkSocket(NETLINK_ROUTE, groups), renewingPort),
  );
}
