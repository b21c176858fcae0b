// The VIPs on this host as leases: each address is added with a finite lifetime and renewed well before its end, so
// that a killed or frozen agent loses it by the kernel's own clock. And the door in front of them: who may connect.

import { encodeGratuitousArp } from '../../core/arp/arp.ts';
import { parseMac } from '../../core/arp/ethernet.ts';
import { encodeNeighbourAdvertisement } from '../../core/arp/neighbour.ts';
import { type AddressKey, type InterfaceAddress, OUR_ADDRESS_PROTOCOL } from '../../core/netlink/address.ts';
import { type ArpSocket, openArpSocket } from '../../io/linux/arpsocket.ts';
import { noSuchInterface } from '../../io/linux/explain.ts';
import { bootMs, interfaceIndexOf } from '../../io/linux/libc.ts';
import { type NdSocket, openNdSocket } from '../../io/linux/ndsocket.ts';
import type { RouteSocket } from '../../io/linux/netlink.ts';
import { openRejector } from '../../io/linux/reject.ts';
import { openSocketDiagnostics } from '../../io/linux/sockdiag.ts';
import type { WireSettings } from './protocol.ts';

/** A lease is renewed this many times within its lifetime. */
const RENEWALS_PER_LEASE = 4;
/** How long newcomers are turned away with a reset after the VIP has left: by then the neighbours know its new host. */
const TURN_AWAY_MS = 2000;

type Say = (level: 'info' | 'warn' | 'error', code: string, because: string) => void;

export interface Leases {
  readonly mac: Uint8Array;
  readonly interfaceIndex: number;
  add(addresses: readonly string[]): void;
  remove(addresses: readonly string[]): void;
  announce(addresses: readonly string[], count: number): void;
  held(): ReadonlySet<string>;
  renew(): void;
  dueMs(): number;
  /** Whether a removed address is one that we hold: somebody else took it away. */
  wasLost(address: InterfaceAddress): boolean;
  /** After lost announcements: add again what should be there. */
  verify(): void;
  /** The interface is gone or down: nothing is held any more. */
  forgetAll(): void;
  /** VIPs on this host that were not put there by an agent are removed, with a warning. */
  sweepStrangers(): void;
  /** Whether a former agent left VIPs behind. */
  leftovers(): boolean;
  removeLeftovers(): void;
  /** Newcomers at these VIPs get a reset at once, instead of silence that costs them a second. */
  turnClientsAway(addresses: readonly string[]): void;
  admitClients(addresses: readonly string[]): void;
  /** Resets every client connection of the database port, but the peer's and this host's own. */
  cutClients(): void;
  /** Resets those that came by one of these VIPs. */
  cutClientsOf(addresses: readonly string[]): void;
  close(): void;
}

export function openLeases(settings: WireSettings, route: RouteSocket, say: Say): Leases {
  const index = interfaceIndexOf(settings.interfaceName);
  if (index === null) throw noSuchInterface('watch over the VIPs', settings.interfaceName);
  const mac =
    parseMac(route.listLinks().find((link) => link.index === index)?.mac ?? '') ?? new Uint8Array(6);
  const diagnostics = openSocketDiagnostics();
  const rejector = openRejector({ tableName: `twinkeep-${settings.pair}`, port: settings.mysqlPort });
  if (!rejector.available) {
    say(
      'warn',
      'no-rejector',
      `clients may wait a second at a switchover: ${rejector.reason ?? 'nftables is not available'}`,
    );
  }
  const vips = settings.groups.flatMap((group) => group.vips);
  const hasV4 = vips.some((vip) => vip.family === 4);
  const hasV6 = vips.some((vip) => vip.family === 6);
  const arp: ArpSocket | null = hasV4
    ? openArpSocket({ interfaceName: settings.interfaceName, receives: false })
    : null;
  const nd: NdSocket | null = hasV6
    ? openNdSocket({ interfaceName: settings.interfaceName, receives: false })
    : null;
  const vipAddresses = vips.map((vip) => vip.address);
  const renewEveryMs = (settings.vipLeaseS * 1000) / RENEWALS_PER_LEASE;
  const holding = new Set<string>();
  let renewAtMs = Number.POSITIVE_INFINITY;

  const keyOf = (address: string): AddressKey => ({
    interfaceIndex: index,
    address,
    prefix: vips.find((vip) => vip.address === address)?.prefix ?? 32,
  });
  const put = (address: string): void =>
    route.addAddress({ ...keyOf(address), validLifetimeS: settings.vipLeaseS });
  const present = (): InterfaceAddress[] =>
    route.listAddresses(index).filter((each) => vipAddresses.includes(each.address));

  const keeps = (remoteAddress: string): boolean =>
    remoteAddress === settings.peerAddress ||
    remoteAddress === settings.ownAddress ||
    remoteAddress.startsWith('127.') ||
    remoteAddress === '::1';

  return {
    mac,
    interfaceIndex: index,
    add(addresses) {
      for (const address of addresses) {
        put(address);
        holding.add(address);
      }
      renewAtMs = bootMs() + renewEveryMs;
    },
    remove(addresses) {
      for (const address of addresses) {
        holding.delete(address);
        route.removeAddress(keyOf(address));
      }
      if (holding.size === 0) renewAtMs = Number.POSITIVE_INFINITY;
    },
    announce(addresses, count) {
      for (const address of addresses) {
        for (let i = 0; i < count; i++) {
          if (!address.includes(':')) arp?.send(encodeGratuitousArp(mac, address));
          else nd?.send(encodeNeighbourAdvertisement(mac, address, address), address, 'ff02::1');
        }
      }
    },
    held: () => holding,
    renew() {
      const now = bootMs();
      if (now < renewAtMs) return;
      renewAtMs = now + renewEveryMs;
      for (const address of holding) {
        try {
          put(address);
        } catch (error) {
          say('error', 'vip-renewal', (error as Error).message);
        }
      }
    },
    dueMs: () => renewAtMs,
    wasLost: (address) => address.interfaceIndex === index && holding.has(address.address),
    verify() {
      const there = new Set(present().map((each) => each.address));
      for (const address of holding) if (!there.has(address)) put(address);
    },
    forgetAll() {
      holding.clear();
      renewAtMs = Number.POSITIVE_INFINITY;
    },
    sweepStrangers() {
      for (const each of present()) {
        if (each.protocol === OUR_ADDRESS_PROTOCOL && each.validLifetimeS !== null) continue;
        route.removeAddress(each);
        say(
          'warn',
          'vip-not-ours',
          `the VIP ${each.address} was set on ${settings.interfaceName} by somebody else (another VRRP daemon, or the host's network configuration) and was removed: take it out there`,
        );
      }
    },
    leftovers: () => present().length > 0,
    removeLeftovers() {
      for (const each of present()) {
        if (holding.has(each.address)) continue;
        route.removeAddress(each);
        say(
          'info',
          'vip-leftover',
          `removed the VIP ${each.address}, left behind by an agent that was killed`,
        );
      }
    },
    turnClientsAway(addresses) {
      rejector.reject(addresses, TURN_AWAY_MS);
    },
    admitClients(addresses) {
      rejector.accept(addresses);
    },
    cutClients() {
      diagnostics.destroyTcp({ localPort: settings.mysqlPort, keep: keeps });
    },
    cutClientsOf(addresses) {
      diagnostics.destroyTcp({
        localPort: settings.mysqlPort,
        keep: (_remote, _port, local) => !addresses.includes(local),
      });
    },
    close() {
      rejector.close();
      diagnostics.close();
      arp?.close();
      nd?.close();
    },
  };
}
