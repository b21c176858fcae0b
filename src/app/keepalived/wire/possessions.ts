// What one instance has on this host while it is MASTER: its addresses, routes and rules, and for as long as it lives its VMAC.
// In the flow: instance.ts performs the machine's orders here.

import type { Link } from '../../../core/netlink/link.ts';
import type { RouteSpec } from '../../../core/netlink/route.ts';
import type { RuleSpec } from '../../../core/netlink/rule.ts';
import { prefixRouteOf } from './address-spec.ts';
import type { Environment } from './environment.ts';
import type { Holder } from './holdings.ts';
import { promoteSecondaries } from './promote.ts';
import type { WireAddress, WireInstance } from './protocol.ts';
import { openVmac } from './vmac.ts';

export interface Possessions {
  /** Where adverts leave: the VMAC, or the interface itself. */
  readonly sender: Link;
  add(addresses: readonly string[]): void;
  remove(addresses: readonly string[]): void;
  announce(addresses: readonly string[], count: number): void;
  /** Puts back routes and rules that somebody took away. */
  restore(): void;
  held(): readonly string[];
  /** Before the machine hears of the new configuration; `master`: what differs in a word only is set anew. */
  reload(settings: WireInstance, master: boolean): void;
  /** --dont-release-vrrp: what is released from now on stays. */
  keepOnRelease(keep: boolean): void;
  /** Takes away what is still held. */
  close(): void;
}

const REFUSALS_MAX = 64;

const sameWords = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b);

export function openPossessions(
  first: WireInstance,
  base: Link,
  environment: Environment,
  lost: (address: string) => void,
): Possessions {
  const { route, policy, links, holdings, announcer, say, now } = environment;
  let settings = first;
  let keeps = false;
  const vmac = first.vmac === null ? null : openVmac(first, base, route);
  const link: Link = vmac === null ? base : { ...base, name: vmac.name, index: vmac.index, mac: vmac.mac };
  if (vmac !== null && vmac.warning !== null) say('warn', 'vmac', `(${first.name}) ${vmac.warning}`);
  const demote = first.promoteSecondaries ? promoteSecondaries(base.name, say) : null;
  const set = new Map<string, { readonly spec: WireAddress; readonly on: Link }>();
  const refusals = new Set<string>();
  let routed = false;
  const holder: Holder = { name: first.name, advertIntervalMs: first.advertIntervalMs, lost };

  const all = (): readonly WireAddress[] => [...settings.addresses, ...settings.excluded];
  const specOf = (address: string): WireAddress | undefined => all().find((each) => each.address === address);
  const guards = (): boolean => !settings.accept && settings.priority !== 255;

  /** Each refusal is said once, as routes are tried again and again. */
  function tried(doing: () => unknown): void {
    try {
      doing();
    } catch (error) {
      const { message } = error as Error;
      if (refusals.has(message) || refusals.size >= REFUSALS_MAX) return;
      refusals.add(message);
      say('error', 'kernel', `(${settings.name}) ${message}`);
    }
  }

  function addOne(address: string): void {
    const spec = specOf(address);
    if (spec === undefined) return;
    const on = spec.device === null ? link : links.named(spec.device);
    if (on === null) {
      say('error', 'no-interface', `(${settings.name}) there is no interface ${spec.device} for ${address}`);
      return;
    }
    const refusal = holdings.set(holder, spec, on);
    if (refusal !== null) say('error', 'vip', `(${settings.name}) ${refusal}; it is tried again`);
    set.set(address, { spec, on });
    const subnet = prefixRouteOf(spec, on.name);
    if (subnet !== null) tried(() => policy.addRoute(settings.name, subnet));
  }

  function removeOne(address: string): void {
    const known = set.get(address);
    set.delete(address);
    const spec = known?.spec ?? specOf(address);
    const on = known?.on ?? (spec?.device == null ? link : links.named(spec.device));
    if (spec === undefined || on === null) return;
    const subnet = prefixRouteOf(spec, on.name);
    if (subnet !== null && !keeps) tried(() => policy.removeRoute(settings.name, subnet));
    holdings.unset(spec, on, keeps && known !== undefined);
  }

  function addRoutes(routes: readonly RouteSpec[], rules: readonly RuleSpec[]): void {
    for (const spec of routes) tried(() => policy.addRoute(settings.name, spec));
    for (const spec of rules) tried(() => policy.addRule(settings.name, spec));
    routed = true;
  }

  function removeRoutes(routes: readonly RouteSpec[], rules: readonly RuleSpec[]): void {
    if (keeps) return;
    for (const spec of rules) tried(() => policy.removeRule(settings.name, spec));
    for (const spec of routes) tried(() => policy.removeRoute(settings.name, spec));
  }

  function reloadRoutes(fresh: WireInstance): void {
    const without = <T extends object>(list: readonly T[], others: readonly T[]): T[] =>
      list.filter((each) => !others.some((other) => sameWords(each, other)));
    removeRoutes(without(settings.routes, fresh.routes), without(settings.rules, fresh.rules));
    addRoutes(without(fresh.routes, settings.routes), without(fresh.rules, settings.rules));
  }

  return {
    sender: first.vmac?.transmitBase === true ? base : link,
    add(addresses) {
      if (addresses.length > 0) say('detail', 'vips', `(${settings.name}) setting VIPs.`);
      if (guards()) tried(() => environment.guard().deny(addresses, settings.name));
      for (const address of addresses) addOne(address);
      // Also after an address was put back: the kernel drops the routes that leave from it.
      addRoutes(settings.routes, settings.rules);
    },
    remove(addresses) {
      if (set.size > 0) say('detail', 'vips', `(${settings.name}) removing VIPs.`);
      // When it goes as a whole, and at the start, for what a killed daemon left behind.
      if (all().every(({ address }) => addresses.includes(address))) {
        removeRoutes(settings.routes, settings.rules);
        routed = false;
      }
      for (const address of addresses) removeOne(address);
      if (guards()) tried(() => environment.guard().allow(addresses, settings.name));
    },
    announce(addresses, count) {
      const byLink = new Map<Link, string[]>();
      for (const address of addresses) {
        const on = set.get(address)?.on;
        if (on !== undefined) byLink.set(on, [...(byLink.get(on) ?? []), address]);
      }
      for (const [on, list] of byLink) {
        for (const address of list) {
          const what = address.includes(':') ? 'unsolicited NAs' : 'gratuitous ARPs';
          say(
            'detail',
            'announce',
            `(${settings.name}) Sending/queueing ${what} on ${on.name} for ${address}`,
          );
        }
        announcer.announce(links.indexed(on.index) ?? on, list, count, settings.garp, now());
      }
    },
    restore() {
      if (routed) addRoutes(settings.routes, settings.rules);
    },
    held: () => [...set.keys()],
    reload(fresh, master) {
      const changed = [...set.values()].filter(({ spec }) => {
        const next = [...fresh.addresses, ...fresh.excluded].find((each) => each.address === spec.address);
        return next !== undefined && !sameWords(next, spec);
      });
      if (master && routed) reloadRoutes(fresh);
      for (const { spec } of changed) removeOne(spec.address);
      // The machine goes by the addresses alone; those that it drops are still known here by what was set.
      settings = fresh;
      for (const { spec } of changed) addOne(spec.address);
      if (changed.length > 0)
        this.announce(
          changed.map(({ spec }) => spec.address),
          fresh.garp.masterRepeat,
        );
    },
    keepOnRelease(keep) {
      keeps = keep;
    },
    close() {
      if (routed) removeRoutes(settings.routes, settings.rules);
      for (const address of [...set.keys()]) removeOne(address);
      if (!keeps) vmac?.close();
      demote?.();
    },
  };
}
