// The addresses that instances hold on this host, as leases: added with a finite lifetime and renewed (leasethread.ts), so that the kernel
// takes them away from a daemon that was killed or frozen. keepalived's own stay, and then two hosts have them.

import type { MessagePort } from 'node:worker_threads';
import { assert } from '../../../core/error.ts';
import { leaseSeconds } from '../../../core/keepalived/lease.ts';
import type { InterfaceAddress } from '../../../core/netlink/address.ts';
import type { Link } from '../../../core/netlink/link.ts';
import type { RouteSocket } from '../../../io/linux/netlink.ts';
import { addressKeyOf, newAddressOf } from './address-spec.ts';
import { type LeaseOrder, type LeaseShare, SLOTS_MAX } from './leaseshare.ts';
import type { WireAddress } from './protocol.ts';

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
  readonly slot: number;
  generation: number;
}

export interface Holdings {
  /** Null, or why it could not be set; it is tried again at each renewal. */
  set(holder: Holder, spec: WireAddress, link: Link): string | null;
  /** `keep`: it stays, for good. */
  unset(spec: WireAddress, link: Link, keep?: boolean): void;
  /** A notice of the kernel: an address went, and not by our doing. */
  removed(address: InterfaceAddress): void;
  /** After lost notices: puts back what should be there. */
  verify(): void;
}

const keyOf = (index: number, address: string, prefix: number): string => `${index} ${address}/${prefix}`;

/** `keeper`: the lease thread's port. `total`: the virtual addresses of all instances. */
export function openHoldings(
  route: RouteSocket,
  share: LeaseShare,
  keeper: MessagePort,
  total: () => number,
  say: (text: string) => void,
): Holdings {
  const held = new Map<string, Held>();
  const free: number[] = [];
  let used = 0;
  let generation = 0;
  const nextGeneration = (): number => {
    generation = (generation % 0x7fff_ffff) + 1;
    return generation;
  };

  function put(each: Held): string | null {
    try {
      route.addAddress(newAddressOf(each.spec, each.link.index, each.leaseS));
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** The lease thread goes on from here. */
  function entrust(each: Held): void {
    const { slot, generation, leaseS, spec, link, holder } = each;
    share.hold(slot, generation);
    const order: LeaseOrder = {
      slot,
      generation,
      leaseS,
      wanted: newAddressOf(spec, link.index, leaseS),
      who: holder.name,
    };
    keeper.postMessage(order);
  }

  function newSlot(): number {
    const slot = free.pop() ?? used++;
    assert(slot < SLOTS_MAX, `this host holds at most ${SLOTS_MAX} virtual addresses`);
    return slot;
  }

  return {
    set(holder, spec, link) {
      const key = keyOf(link.index, spec.address, addressKeyOf(spec, link.index).prefix);
      const before = held.get(key);
      const each: Held = {
        holder,
        spec,
        link,
        leaseS: leaseSeconds(holder.advertIntervalMs, total()),
        slot: before?.slot ?? newSlot(),
        generation: nextGeneration(),
      };
      held.set(key, each);
      const refusal = put(each);
      entrust(each);
      return refusal;
    },
    unset(spec, link, keep = false) {
      const key = keyOf(link.index, spec.address, addressKeyOf(spec, link.index).prefix);
      const each = held.get(key);
      held.delete(key);
      if (each !== undefined) {
        share.release(each.slot);
        free.push(each.slot);
      }
      try {
        share.alone(() => {
          if (keep) route.addAddress(newAddressOf(spec, link.index, null));
          else route.removeAddress(addressKeyOf(spec, link.index));
        });
      } catch (error) {
        say((error as Error).message);
      }
    },
    removed(address) {
      held.get(keyOf(address.interfaceIndex, address.address, address.prefix))?.holder.lost(address.address);
    },
    verify() {
      const there = new Set(
        route.listAddresses().map((each) => keyOf(each.interfaceIndex, each.address, each.prefix)),
      );
      for (const [key, each] of [...held]) {
        if (there.has(key)) continue;
        const refusal = put(each);
        if (refusal !== null) say(`(${each.holder.name}) ${refusal}`);
        // Its lease has ended for the lease thread, too.
        each.generation = nextGeneration();
        entrust(each);
      }
    },
  };
}
