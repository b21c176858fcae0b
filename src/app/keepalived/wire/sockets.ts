// The raw sockets of all instances: one for each interface, family and way of sending, however many virtual routers share it.
// A raw socket hears every packet of its protocol; they are sorted by VRID here.

import type { Link } from '../../../core/netlink/link.ts';
import { readVrid } from '../../../core/vrrp/reception.ts';
import { openVrrpSocket, type ReceivedPacket, type VrrpSocket } from '../../../io/linux/rawsocket.ts';

/** So many packets of one socket are read before timers and the other sockets have their turn. */
const PACKETS_PER_TURN_MAX = 512;

export interface SocketNeeds {
  readonly link: Link;
  readonly family: 4 | 6;
  readonly ah: boolean;
  readonly unicast: boolean;
  /** null: VRRP's own. */
  readonly group: string | null;
  readonly source: string;
}

export interface Listening {
  /** Null when the kernel took it, otherwise the errno's name. */
  send(bytes: Uint8Array, destination: string): string | null;
  close(): void;
}

type Hear = (packet: ReceivedPacket) => void;

interface Shared {
  readonly socket: VrrpSocket;
  readonly family: 4 | 6;
  readonly byVrid: Map<number, Set<Hear>>;
  users: number;
}

export interface SocketPool {
  listen(needs: SocketNeeds, vrid: number, hear: Hear): Listening;
  fds(): readonly number[];
  receive(ready: readonly number[]): void;
}

export function openSocketPool(unknownVrid: (vrid: number, source: string) => void): SocketPool {
  const shared = new Map<string, Shared>();
  const byFd = new Map<number, Shared>();
  let fds: readonly number[] = [];

  function open(key: string, needs: SocketNeeds): Shared {
    const socket = openVrrpSocket({
      interfaceName: needs.link.name,
      family: needs.family,
      protocols: needs.ah ? [51] : [112],
      sourceAddress: needs.source,
      destination: needs.unicast ? 'unicast' : 'multicast',
      ...(needs.group === null ? {} : { group: needs.group }),
    });
    const entry: Shared = { socket, family: needs.family, byVrid: new Map(), users: 0 };
    shared.set(key, entry);
    for (const fd of socket.fds) byFd.set(fd, entry);
    fds = [...byFd.keys()];
    return entry;
  }

  function close(key: string, entry: Shared): void {
    for (const fd of entry.socket.fds) byFd.delete(fd);
    fds = [...byFd.keys()];
    shared.delete(key);
    entry.socket.close();
  }

  function drain(entry: Shared): void {
    for (let i = 0; i < PACKETS_PER_TURN_MAX; i++) {
      const packet = entry.socket.receive();
      if (packet === null) return;
      const vrid = readVrid(packet.bytes, entry.family);
      if (vrid === null) continue;
      const listeners = entry.byVrid.get(vrid);
      if (listeners === undefined) unknownVrid(vrid, packet.source);
      else for (const hear of listeners) hear(packet);
    }
  }

  return {
    listen(needs, vrid, hear) {
      const { link, family, ah, unicast, group } = needs;
      // IPv6 binds to its source; IPv4 writes it into each packet.
      const source = family === 6 ? needs.source : '';
      const key = [link.index, family, ah, unicast, group, source].join(' ');
      const entry = shared.get(key) ?? open(key, needs);
      entry.users++;
      const listeners = entry.byVrid.get(vrid) ?? new Set();
      entry.byVrid.set(vrid, listeners.add(hear));
      return {
        send: (bytes, destination) => entry.socket.send(bytes, destination),
        close() {
          listeners.delete(hear);
          if (listeners.size === 0) entry.byVrid.delete(vrid);
          if (--entry.users === 0) close(key, entry);
        },
      };
    },
    fds: () => fds,
    receive(ready) {
      for (const fd of ready) {
        const entry = byFd.get(fd);
        if (entry !== undefined) drain(entry);
      }
    },
  };
}
