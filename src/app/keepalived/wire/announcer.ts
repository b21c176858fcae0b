// Gratuitous ARP and unsolicited neighbour advertisements, from the interface that holds the address and with its MAC; spaced out where
// the configuration wants that (vrrp_garp_interval).

import { encodeGratuitousArp } from '../../../core/arp/arp.ts';
import { parseMac } from '../../../core/arp/ethernet.ts';
import { encodeNeighbourAdvertisement } from '../../../core/arp/neighbour.ts';
import type { Link } from '../../../core/netlink/link.ts';
import { type ArpSocket, openArpSocket } from '../../../io/linux/arpsocket.ts';
import { type NdSocket, openNdSocket } from '../../../io/linux/ndsocket.ts';

/** Announcements that wait for their turn; more are of no use to anybody. */
const QUEUE_MAX = 20_000;

/** Announcements of one group (null: of one interface) are so far apart. */
export interface Pace {
  readonly intervalMs: number;
  readonly group: string | null;
}

export interface Announcer {
  announce(link: Link, addresses: readonly string[], count: number, pace: Pace, nowMs: number): void;
  dueMs(): number;
  tick(nowMs: number): void;
  /** The interface is gone: its sockets are of no use any more. */
  forget(index: number): void;
  close(): void;
}

interface Waiting {
  readonly link: Link;
  readonly address: string;
  readonly intervalMs: number;
}

interface Outlet {
  readonly arp: ArpSocket | null;
  readonly nd: NdSocket | null;
}

export function openAnnouncer(say: (text: string) => void): Announcer {
  const outlets = new Map<string, Outlet>();
  /** By group or interface index: what is spaced out. */
  const waiting = new Map<string, { queue: Waiting[]; atMs: number }>();

  function outletOf(link: Link, six: boolean): Outlet {
    const key = `${link.index} ${six}`;
    const known = outlets.get(key);
    if (known !== undefined) return known;
    const options = { interfaceName: link.name, receives: false };
    const outlet = six ? { arp: null, nd: openNdSocket(options) } : { arp: openArpSocket(options), nd: null };
    outlets.set(key, outlet);
    return outlet;
  }

  function send(link: Link, address: string): void {
    // Loopback and tunnels have no neighbours to tell.
    const mac = parseMac(link.mac ?? '');
    if (mac === null) return;
    try {
      const outlet = outletOf(link, address.includes(':'));
      outlet.arp?.send(encodeGratuitousArp(mac, address));
      outlet.nd?.send(encodeNeighbourAdvertisement(mac, address, address), address, 'ff02::1');
    } catch (error) {
      say((error as Error).message);
    }
  }

  return {
    announce(link, addresses, count, { intervalMs, group }, nowMs) {
      const lane = group ?? String(link.index);
      for (let i = 0; i < count; i++) {
        for (const address of addresses) {
          if (intervalMs === 0) {
            send(link, address);
            continue;
          }
          const line = waiting.get(lane) ?? { queue: [], atMs: nowMs };
          waiting.set(lane, line);
          if (line.queue.length < QUEUE_MAX) line.queue.push({ link, address, intervalMs });
        }
      }
    },
    dueMs() {
      let dueMs = Number.POSITIVE_INFINITY;
      for (const { atMs } of waiting.values()) dueMs = Math.min(dueMs, atMs);
      return dueMs;
    },
    tick(nowMs) {
      for (const [lane, line] of waiting) {
        while (line.atMs <= nowMs) {
          const next = line.queue.shift();
          if (next === undefined) {
            waiting.delete(lane);
            break;
          }
          send(next.link, next.address);
          line.atMs = Math.max(line.atMs, nowMs - next.intervalMs) + next.intervalMs;
        }
      }
    },
    forget(index) {
      for (const line of waiting.values())
        line.queue = line.queue.filter((each) => each.link.index !== index);
      for (const six of [false, true]) {
        const key = `${index} ${six}`;
        outlets.get(key)?.arp?.close();
        outlets.get(key)?.nd?.close();
        outlets.delete(key);
      }
    },
    close() {
      for (const { arp, nd } of outlets.values()) {
        arp?.close();
        nd?.close();
      }
      outlets.clear();
    },
  };
}
