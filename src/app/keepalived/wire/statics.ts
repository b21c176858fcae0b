// static_ipaddress, static_routes, static_rules: set while the daemon runs, whatever the instances do. An address whose interface is not
// there yet is set when it appears.

import type { RouteSpec } from '../../../core/netlink/route.ts';
import type { RuleSpec } from '../../../core/netlink/rule.ts';
import type { RouteSocket } from '../../../io/linux/netlink.ts';
import { addressKeyOf, newAddressOf } from './address-spec.ts';
import type { Say } from './environment.ts';
import type { LinkTable } from './links.ts';
import type { Policy } from './policy.ts';
import type { WireAddress, WireSettings } from './protocol.ts';

export interface Statics {
  configure(settings: WireSettings): void;
  linksChanged(): void;
  /** Somebody took one of them away. */
  restore(): void;
  close(keep: boolean): void;
}

interface Thing {
  readonly put: () => unknown;
  readonly take: () => unknown;
}

/** As whom the policy knows them. */
export const STATIC_OWNER = 'static';

export function openStatics(route: RouteSocket, policy: Policy, links: LinkTable, say: Say): Statics {
  /** By their words: what is wanted, and whether it is set. */
  const things = new Map<string, Thing & { done: boolean; refusal: string }>();

  const ofAddress = (spec: WireAddress): Thing => ({
    put() {
      const link = links.named(spec.device ?? '');
      if (link === null)
        throw new Error(`there is no interface ${spec.device ?? '(none given)'} for ${spec.address}`);
      route.addAddress(newAddressOf(spec, link.index, null));
    },
    take() {
      const link = links.named(spec.device ?? '');
      if (link === null) return;
      route.removeAddress(addressKeyOf(spec, link.index));
    },
  });
  const ofRoute = (spec: RouteSpec): Thing => ({
    put: () => policy.addRoute(STATIC_OWNER, spec),
    take: () => policy.removeRoute(STATIC_OWNER, spec),
  });
  const ofRule = (spec: RuleSpec): Thing => ({
    put: () => policy.addRule(STATIC_OWNER, spec),
    take: () => policy.removeRule(STATIC_OWNER, spec),
  });

  function tryAll(): void {
    for (const thing of things.values()) {
      if (thing.done) continue;
      try {
        thing.put();
        thing.done = true;
      } catch (error) {
        const refusal = (error as Error).message;
        if (refusal !== thing.refusal) say('error', 'static', refusal);
        thing.refusal = refusal;
      }
    }
  }

  function takeAway(key: string): void {
    const thing = things.get(key);
    things.delete(key);
    if (thing?.done !== true) return;
    try {
      thing.take();
    } catch (error) {
      say('error', 'static', (error as Error).message);
    }
  }

  return {
    configure({ staticAddresses, staticRoutes, staticRules }) {
      const wanted = new Map<string, Thing>([
        ...staticAddresses.map((each) => [`a${JSON.stringify(each)}`, ofAddress(each)] as const),
        ...staticRoutes.map((each) => [`r${JSON.stringify(each)}`, ofRoute(each)] as const),
        ...staticRules.map((each) => [`u${JSON.stringify(each)}`, ofRule(each)] as const),
      ]);
      for (const key of [...things.keys()].reverse()) if (!wanted.has(key)) takeAway(key);
      for (const [key, thing] of wanted)
        if (!things.has(key)) things.set(key, { ...thing, done: false, refusal: '' });
      tryAll();
    },
    linksChanged: tryAll,
    restore() {
      for (const thing of things.values()) thing.done = false;
      tryAll();
    },
    close(keep) {
      if (!keep) for (const key of [...things.keys()].reverse()) takeAway(key);
    },
  };
}
