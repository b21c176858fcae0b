// The interfaces and addresses of this host as the kernel reports them: read once, then kept up to date by its notices.

import type { InterfaceAddress } from '../../../core/netlink/address.ts';
import { OUR_ADDRESS_PROTOCOL } from '../../../core/netlink/address.ts';
import type { Link } from '../../../core/netlink/link.ts';
import type { RouteEvent } from '../../../core/netlink/monitor.ts';
import type { RouteSocket } from '../../../io/linux/netlink.ts';

export interface LinkDelay {
  readonly name: string;
  readonly downMs: number;
  readonly upMs: number;
}

export interface LinkTable {
  named(name: string): Link | null;
  /** What the kernel said last, whether it counts yet or not. */
  runs(name: string): boolean;
  indexed(index: number): Link | null;
  /** The interface that has this address. */
  holding(address: string): Link | null;
  /**
   * The address that adverts leave from: the first of the family that is not one of `exclude` (IPv6: the link-local one, RFC 9568
   * 5.1.2.1). Null: there is none.
   */
  sourceOn(link: Link, family: 4 | 6, exclude: ReadonlySet<string>): string | null;
  /** Reads everything again. */
  refresh(): void;
  /** interface_up_down_delays. */
  delay(delays: readonly LinkDelay[]): void;
  /** When a delayed change is due. */
  dueMs(): number;
  /** The interfaces whose delayed change counts from now on. */
  settle(nowMs: number): readonly string[];
  /** Takes a notice in. The interface that it is about, or 'all'; null: nothing changed. */
  learn(event: RouteEvent, nowMs: number): string | 'all' | null;
}

function mayBeSource(each: InterfaceAddress, family: 4 | 6): boolean {
  if (each.family !== family || each.duplicate) return false;
  // An address of ours is a VIP, here or left over by a former run.
  if (each.protocol === OUR_ADDRESS_PROTOCOL) return false;
  return family === 4 ? true : each.address.startsWith('fe80:');
}

export function openLinkTable(route: RouteSocket): LinkTable {
  let links = new Map<string, Link>();
  let addresses: InterfaceAddress[] = [];
  let delays = new Map<string, LinkDelay>();
  /** What is delayed: the interface as it will be. */
  const pending = new Map<string, { readonly link: Link; readonly atMs: number }>();

  /** The interface as it counts now; its change is set aside where it must last first. */
  function settled(before: Link | undefined, link: Link, nowMs: number): Link {
    const delay = delays.get(link.name);
    const changes = before !== undefined && before.running !== link.running;
    if (!changes) pending.delete(link.name);
    if (!changes || delay === undefined) return link;
    const waitMs = link.running ? delay.upMs : delay.downMs;
    if (waitMs === 0) return link;
    pending.set(link.name, { link, atMs: pending.get(link.name)?.atMs ?? nowMs + waitMs });
    return { ...link, running: before.running };
  }

  const table: LinkTable = {
    named: (name) => links.get(name) ?? null,
    runs: (name) => (pending.get(name)?.link ?? links.get(name))?.running ?? false,
    indexed(index) {
      for (const link of links.values()) if (link.index === index) return link;
      return null;
    },
    holding(address) {
      const found = addresses.find((each) => each.address === address);
      return found === undefined ? null : table.indexed(found.interfaceIndex);
    },
    sourceOn(link, family, exclude) {
      const candidates = addresses.filter(
        (each) =>
          each.interfaceIndex === link.index && mayBeSource(each, family) && !exclude.has(each.address),
      );
      const first = candidates.find((each) => !each.secondary) ?? candidates[0];
      return first?.address ?? null;
    },
    refresh() {
      links = new Map(route.listLinks().map((link) => [link.name, link]));
      addresses = route.listAddresses();
    },
    delay(list) {
      delays = new Map(list.map((each) => [each.name, each]));
    },
    dueMs() {
      let dueMs = Number.POSITIVE_INFINITY;
      for (const { atMs } of pending.values()) dueMs = Math.min(dueMs, atMs);
      return dueMs;
    },
    settle(nowMs) {
      const due = [...pending].filter(([, { atMs }]) => atMs <= nowMs);
      for (const [name, { link }] of due) {
        pending.delete(name);
        links.set(name, link);
      }
      return due.map(([name]) => name);
    },
    learn(event, nowMs) {
      switch (event.kind) {
        case 'overrun':
          table.refresh();
          return 'all';
        case 'link': {
          const before = [...links.values()].find((link) => link.index === event.link.index);
          if (before !== undefined && before.name !== event.link.name) links.delete(before.name);
          const link = settled(before, event.link, nowMs);
          links.set(link.name, link);
          const same =
            before?.name === event.link.name &&
            before.running === link.running &&
            before.up === event.link.up &&
            before.mac === event.link.mac;
          return same ? null : event.link.name;
        }
        case 'link-removed':
          links.delete(event.link.name);
          pending.delete(event.link.name);
          addresses = addresses.filter((each) => each.interfaceIndex !== event.link.index);
          return event.link.name;
        case 'address-added':
        case 'address-removed': {
          const { address } = event;
          const same = (each: InterfaceAddress): boolean =>
            each.interfaceIndex === address.interfaceIndex &&
            each.address === address.address &&
            each.prefix === address.prefix;
          addresses = addresses.filter((each) => !same(each));
          if (event.kind === 'address-added') addresses.push(address);
          return address.protocol === OUR_ADDRESS_PROTOCOL
            ? null
            : (table.indexed(address.interfaceIndex)?.name ?? null);
        }
      }
    },
  };
  table.refresh();
  return table;
}
