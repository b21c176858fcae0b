// The destinations that a pool wants in the kernel's load balancer, and what changes from one state of the pool to the next.
import {
  type Destination,
  effectiveWeight,
  type PoolState,
  type Rule,
  type RuleAction,
} from './pool-state.ts';

/** The kernel knows a destination by this. */
export const ruleKey = ({ address, port }: Destination): string => `${address} ${port}`;

/** In the order of the configuration; each address and port once. */
export function rulesOf(state: PoolState): readonly Rule[] {
  if (state.phase !== 'running') return [];
  const { settings, servers, sorryInUse } = state;
  const rules = new Map<string, Rule>();
  for (const server of settings.servers) {
    const own = servers[server.name];
    const alive = (own?.alive ?? false) && !sorryInUse;
    if (!alive && !server.inhibit) continue;
    rules.set(ruleKey(server.destination), {
      ...server.destination,
      weight: alive ? effectiveWeight(server, own) : 0,
    });
  }
  const { sorry } = settings;
  if (sorry === null) return [...rules.values()];
  const key = ruleKey(sorry.destination);
  // It may be one of the real servers too: then it is there once, as what it is needed for now.
  if (sorryInUse) rules.set(key, { ...sorry.destination, weight: 1 });
  else if (sorry.inhibit && !rules.has(key)) rules.set(key, { ...sorry.destination, weight: 0 });
  return [...rules.values()];
}

const same = (a: Rule, b: Rule): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Additions before removals: there is no moment without a server to send clients to. */
export function ruleChanges(before: PoolState, after: PoolState): readonly RuleAction[] {
  if (before === after) return [];
  const old = new Map(rulesOf(before).map((rule) => [ruleKey(rule), rule]));
  const wanted = rulesOf(after);
  const changes: RuleAction[] = [];
  for (const rule of wanted) {
    const was = old.get(ruleKey(rule));
    old.delete(ruleKey(rule));
    if (was === undefined) changes.push({ kind: 'add-rule', rule });
    else if (!same(was, rule)) changes.push({ kind: 'edit-rule', rule });
  }
  for (const rule of old.values()) changes.push({ kind: 'remove-rule', rule });
  return changes;
}
