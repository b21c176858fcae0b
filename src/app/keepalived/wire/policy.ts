// Who wants which route and rule. Two instances may name the same one (a default route in each, as users have it): the kernel has it
// once, and it goes when the last of them lets go. The C daemon takes it away with the first (its issue 1078). Sits between
// possessions.ts and statics.ts on one side and the netlink socket on the other.

import type { RouteSpec } from '../../../core/netlink/route.ts';
import { isRouteOf, type Route } from '../../../core/netlink/routelist.ts';
import type { RuleKey, RuleSpec } from '../../../core/netlink/rule.ts';
import { interfaceIndexOf } from '../../../io/linux/libc.ts';
import type { RouteSocket } from '../../../io/linux/netlink.ts';
import type { PolicyEvent } from '../../../io/linux/policymonitor.ts';

/** Somebody else took away what this owner wants to be there. */
export interface Loss {
  readonly owner: string;
  /** As typed. */
  readonly text: string;
}

export interface Policy {
  /** False: the kernel had it. Throws what RouteSocket throws; the owner has it noted all the same. */
  addRoute(owner: string, spec: RouteSpec): boolean;
  /** False: it was not there, or another owner still wants it. */
  removeRoute(owner: string, spec: RouteSpec): boolean;
  addRule(owner: string, spec: RuleSpec): boolean;
  removeRule(owner: string, spec: RuleSpec): boolean;
  /** Whom an announcement concerns: owners of tracked entries only. */
  lossesOf(event: PolicyEvent): Loss[];
  /** What is not there of what is wanted, after announcements were lost. */
  missing(): Loss[];
}

interface Wanted<S> {
  readonly spec: S;
  readonly owners: Map<string, S>;
}

/** What tells one from another; the words it was typed in and its tracking do not. */
function keyOf(spec: RouteSpec | RuleSpec): string {
  const { text: _text, tracked: _tracked, trackGroup: _trackGroup, ...rest } = spec;
  return JSON.stringify(rest);
}

function sameRule(rule: RuleKey, spec: RuleSpec): boolean {
  const { text: _text, tracked: _tracked, trackGroup: _trackGroup, ...key } = spec;
  return (Object.keys(key) as (keyof RuleKey)[]).every(
    (name) => JSON.stringify(key[name]) === JSON.stringify(rule[name]),
  );
}

class Register<S extends RouteSpec | RuleSpec> {
  readonly #wanted = new Map<string, Wanted<S>>();

  note(owner: string, spec: S): void {
    const key = keyOf(spec);
    const wanted = this.#wanted.get(key) ?? { spec, owners: new Map<string, S>() };
    wanted.owners.set(owner, spec);
    this.#wanted.set(key, wanted);
  }

  /** Whether nobody wants it any more. */
  forget(owner: string, spec: S): boolean {
    const key = keyOf(spec);
    const wanted = this.#wanted.get(key);
    wanted?.owners.delete(owner);
    if (wanted !== undefined && wanted.owners.size > 0) return false;
    this.#wanted.delete(key);
    return true;
  }

  losses(fits: (spec: S) => boolean): Loss[] {
    return [...this.#wanted.values()]
      .filter(({ spec }) => fits(spec))
      .flatMap(({ owners }) => [...owners])
      .filter(([, spec]) => spec.tracked)
      .map(([owner, { text }]) => ({ owner, text }));
  }
}

export function openPolicy(route: RouteSocket): Policy {
  const routes = new Register<RouteSpec>();
  const rules = new Register<RuleSpec>();
  const isOf = (listed: Route) => (spec: RouteSpec) => isRouteOf(listed, spec, interfaceIndexOf);
  return {
    addRoute(owner, spec) {
      routes.note(owner, spec);
      return route.addRoute(spec);
    },
    removeRoute: (owner, spec) => routes.forget(owner, spec) && route.removeRoute(spec),
    addRule(owner, spec) {
      rules.note(owner, spec);
      return route.addRule(spec);
    },
    removeRule: (owner, spec) => rules.forget(owner, spec) && route.removeRule(spec),
    lossesOf(event) {
      if (event.kind === 'overrun') return this.missing();
      if (event.originPort === route.portId) return [];
      if (event.kind === 'route-removed') return routes.losses(isOf(event.route));
      return rules.losses((spec) => sameRule(event.rule, spec));
    },
    missing() {
      const there = ([4, 6] as const).flatMap((family) => route.listRoutes(family));
      const ruled = ([4, 6] as const).flatMap((family) => route.listRules(family));
      return [
        ...routes.losses((spec) => !there.some((listed) => isOf(listed)(spec))),
        ...rules.losses((spec) => !ruled.some((rule) => sameRule(rule, spec))),
      ];
    },
  };
}
