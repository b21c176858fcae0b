// The addresses that instances hold on this host, as leases: added with a finite lifetime and renewed, so that the kernel takes them away
// from a daemon that was killed or frozen. keepalived's own stay, and then two hosts have them.

import { leaseSeconds, RENEWALS_PER_LEASE } from '../../../core/keepalived/lease.ts';
import type { InterfaceAddress } from '../../../core/netlink/address.ts';
import type { Link } from '../../../core/netlink/link.ts';
import type { RouteSocket } from '../../../io/linux/netlink.ts';
import { addressKeyOf, newAddressOf } from './address-spec.ts';
import type { WireAddress } from './protocol.ts';

/** So many renewals in one message to the kernel, which takes only so long ones. */
const RENEWALS_PER_MESSAGE_MAX = 100;
/** And so many in one turn; the others follow in the next, which comes at once. */
const RENEWALS_PER_TURN_MAX = 1000;

export interface Holder {
  readonly name: string;
  readonly advertIntervalMs: number;
  /** Somebody else took the address away. */
  lost(address: string): void;
}

interface Held {
  readonly holder: Holder;
  readonly spec: WireAddress;
  readonly link: Link;
  readonly leaseS: number;
  renewAtMs: number;
  /** The last refusal, said once. */
  refusal: string | null;
}

export interface Holdings {
  /** Null, or why it could not be set; it is tried again at each renewal. */
  set(holder: Holder, spec: WireAddress, link: Link, nowMs: number): string | null;
  /** `keep`: it stays, for good. */
  unset(spec: WireAddress, link: Link, keep?: boolean): void;
  heldBy(holder: Holder): readonly string[];
  dueMs(): number;
  renew(nowMs: number): void;
  /** A notice of the kernel: an address went, and not by our doing. */
  removed(address: InterfaceAddress): void;
  /** After lost notices: puts back what should be there. */
  verify(nowMs: number): void;
}

const keyOf = (index: number, address: string, prefix: number): string => `${index} ${address}/${prefix}`;

/** `total`: the virtual addresses of all instances. */
export function openHoldings(route: RouteSocket, total: () => number, say: (text: string) => void): Holdings {
  const held = new Map<string, Held>();
  /** By lease length: in the order of their next renewal, because those of one length are renewed equally often. */
  const lines = new Map<number, Map<string, Held>>();

  function put(each: Held): string | null {
    try {
      route.addAddress(newAddressOf(each.spec, each.link.index, each.leaseS));
      each.refusal = null;
    } catch (error) {
      each.refusal = (error as Error).message;
    }
    return each.refusal;
  }

  function schedule(key: string, each: Held, nowMs: number): void {
    each.renewAtMs = nowMs + (each.leaseS * 1000) / RENEWALS_PER_LEASE;
    const line = lines.get(each.leaseS) ?? new Map<string, Held>();
    lines.set(each.leaseS, line);
    line.delete(key);
    line.set(key, each);
  }

  /** What is wrong with each, or with all of them. */
  function renewed(
    wanted: Parameters<RouteSocket['renewAddresses']>[0],
  ): ReadonlyMap<number, string> | string {
    try {
      return route.renewAddresses(wanted);
    } catch (error) {
      return (error as Error).message;
    }
  }

  function renewInParts(list: readonly [string, Held][], nowMs: number): void {
    for (let i = 0; i < list.length; i += RENEWALS_PER_MESSAGE_MAX)
      renewThese(list.slice(i, i + RENEWALS_PER_MESSAGE_MAX), nowMs);
  }

  function renewThese(list: readonly [string, Held][], nowMs: number): void {
    const wanted = list.map(([, each]) => newAddressOf(each.spec, each.link.index, each.leaseS));
    const failures = renewed(wanted);
    for (const [place, [key, each]] of list.entries()) {
      const refusal = typeof failures === 'string' ? failures : (failures.get(place) ?? null);
      if (refusal !== null && refusal !== each.refusal) say(`(${each.holder.name}) ${refusal}`);
      each.refusal = refusal;
      schedule(key, each, nowMs);
    }
  }

  return {
    set(holder, spec, link, nowMs) {
      const key = keyOf(link.index, spec.address, addressKeyOf(spec, link.index).prefix);
      const each: Held = {
        holder,
        spec,
        link,
        leaseS: leaseSeconds(holder.advertIntervalMs, total()),
        renewAtMs: 0,
        refusal: null,
      };
      const before = held.get(key);
      if (before !== undefined) lines.get(before.leaseS)?.delete(key);
      held.set(key, each);
      const refusal = put(each);
      schedule(key, each, nowMs);
      return refusal;
    },
    unset(spec, link, keep = false) {
      const key = keyOf(link.index, spec.address, addressKeyOf(spec, link.index).prefix);
      const each = held.get(key);
      held.delete(key);
      if (each !== undefined) lines.get(each.leaseS)?.delete(key);
      try {
        if (keep) route.addAddress(newAddressOf(spec, link.index, null));
        else route.removeAddress(addressKeyOf(spec, link.index));
      } catch (error) {
        say((error as Error).message);
      }
    },
    heldBy: (holder) =>
      [...held.values()].filter((each) => each.holder === holder).map(({ spec }) => spec.address),
    dueMs() {
      let dueMs = Number.POSITIVE_INFINITY;
      for (const line of lines.values())
        for (const each of line.values()) {
          dueMs = Math.min(dueMs, each.renewAtMs);
          break;
        }
      return dueMs;
    },
    renew(nowMs) {
      const due: [string, Held][] = [];
      for (const line of lines.values())
        for (const entry of line) {
          if (entry[1].renewAtMs > nowMs || due.length === RENEWALS_PER_TURN_MAX) break;
          due.push(entry);
        }
      renewInParts(due, nowMs);
    },
    removed(address) {
      held.get(keyOf(address.interfaceIndex, address.address, address.prefix))?.holder.lost(address.address);
    },
    verify(nowMs) {
      const there = new Set(
        route.listAddresses().map((each) => keyOf(each.interfaceIndex, each.address, each.prefix)),
      );
      const missing = [...held].filter(([key]) => !there.has(key));
      renewInParts(missing, nowMs);
    },
  };
}
