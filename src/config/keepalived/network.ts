// Routes, rules and the virtual interface of an instance, and what static_routes and static_rules say: the schema keeps their words,
// and here they are read with the names of routing tables at hand. Used by config.ts and instance.ts.
import { parseIp } from '../../core/ip/address.ts';
import type { RouteSpec } from '../../core/netlink/route.ts';
import type { RuleSpec } from '../../core/netlink/rule.ts';
import { quote, type Report } from './findings.ts';
import type { ReadFiles } from './lines.ts';
import { type RouteNames, readRouteNames } from './routenames.ts';
import { readRoute } from './routes.ts';
import { newPreferences, type Preferences, readRule } from './rules-entries.ts';
import type { VRRP_INSTANCE } from './schema/vrrp.ts';
import type { Placed, Reading } from './spec.ts';
import type { VmacConfig } from './types.ts';
import type { Word } from './words.ts';

/** Of one configuration, shared by its blocks. */
export interface NetworkContext {
  /** Read when the first route or rule needs them. */
  readonly names: () => RouteNames;
  readonly preferences: Preferences;
  readonly vmacNames: Set<string>;
  readonly vmacPrefix: string;
  readonly trackGroups: ReadonlySet<string>;
}

type Lines = readonly Placed<readonly Placed<readonly Word[]>[]>[] | undefined;

const INTERFACE_NAME_MAX = 15;

export function newNetworkContext(
  read: ReadFiles,
  vmacPrefix: Placed<string> | undefined,
  trackGroups: ReadonlySet<string>,
  report: Report,
): NetworkContext {
  let names: RouteNames | null = null;
  const typed = vmacPrefix?.value ?? 'vrrp';
  // Room for the VRID: `.255`.
  const fits = typed.length > 0 && typed.length <= INTERFACE_NAME_MAX - 4 && !typed.includes('/');
  if (!fits && vmacPrefix !== undefined)
    report(
      'warning',
      vmacPrefix.at,
      'value',
      `\`vmac_prefix\` cannot be "${quote(typed)}"; vrrp is taken`,
      `write at most ${INTERFACE_NAME_MAX - 4} characters without a /`,
    );
  return {
    names: () => {
      names ??= readRouteNames(read);
      return names;
    },
    preferences: newPreferences(),
    vmacNames: new Set(),
    vmacPrefix: fits ? typed : 'vrrp',
    trackGroups,
  };
}

/** A static address, route or rule that names a track_group which is not there is set, and tracked by nobody. */
export function withKnownGroup<T extends { readonly trackGroup: string | null }>(
  entry: T,
  at: Placed<unknown>['at'],
  context: NetworkContext,
  report: Report,
): T {
  if (entry.trackGroup === null || context.trackGroups.has(entry.trackGroup)) return entry;
  report(
    'error',
    at,
    'track-group',
    `there is no track_group ${quote(entry.trackGroup)}`,
    'add it before: track_group NAME { group { INSTANCE } }',
  );
  return { ...entry, trackGroup: null };
}

export function readRoutes(
  blocks: Lines,
  isStatic: boolean,
  context: NetworkContext,
  report: Report,
): readonly Placed<RouteSpec>[] {
  return (blocks ?? []).flatMap(({ value }) =>
    value.flatMap((line) => {
      const route = readRoute(line.value, context.names(), isStatic, report);
      return route === null ? [] : [{ value: withKnownGroup(route, line.at, context, report), at: line.at }];
    }),
  );
}

export function readRules(
  blocks: Lines,
  isStatic: boolean,
  context: NetworkContext,
  report: Report,
): readonly Placed<RuleSpec>[] {
  return (blocks ?? []).flatMap(({ value }) =>
    value.flatMap((line) => {
      const rule = readRule(line.value, context.names(), isStatic, context.preferences, report);
      return rule === null ? [] : [{ value: withKnownGroup(rule, line.at, context, report), at: line.at }];
    }),
  );
}

export interface VmacOwner {
  readonly name: string;
  readonly virtualRouterId: number | null;
  readonly family: 4 | 6;
  readonly unicast: boolean;
  readonly strict: boolean;
}

const MAC = /^([0-9a-f]{1,2}:){4,5}[0-9a-f]{1,2}$/i;

const FLAGS = { bridge: 'bridge', private: 'private', vepa: 'vepa' } as const;

/** What use_ipvlan's words are beside the name: an address, a mode. */
const isAddress = (text: string): boolean => parseIp(text.split('/')[0] ?? '') !== null;

/** As the C daemon: vrrp.VRID; where another instance has that, vrrp6.VRID for IPv6, then vrrp1.VRID, vrrp2.VRID ... */
function nameFor(owner: VmacOwner, context: NetworkContext): string {
  const { vmacPrefix: prefix, vmacNames } = context;
  const candidates = [
    '',
    ...(owner.family === 6 ? ['6'] : []),
    ...Array.from({ length: 999 }, (_, i) => `${i + 1}`),
  ];
  const free = candidates
    .map((number) => `${prefix}${number}.${owner.virtualRouterId}`)
    .find((name) => !vmacNames.has(name) && name.length <= INTERFACE_NAME_MAX);
  return free ?? `${prefix}.${owner.virtualRouterId}`;
}

function readName(
  keyword: string,
  typed: Placed<readonly string[]>,
  owner: VmacOwner,
  context: NetworkContext,
  report: Report,
): string {
  const [name] = typed.value.filter(
    (text) => !MAC.test(text) && !isAddress(text) && !Object.hasOwn(FLAGS, text),
  );
  if (name === undefined) return nameFor(owner, context);
  const message =
    name.length > INTERFACE_NAME_MAX || name.includes('/')
      ? `"${quote(name)}" cannot be the name of an interface; a name is made up`
      : context.vmacNames.has(name)
        ? `the interface ${name} belongs to another instance already; a name is made up`
        : null;
  if (message === null) return name;
  report(
    'error',
    typed.at,
    'vmac-name',
    message,
    `write \`${keyword} NAME\` with a name of its own, up to 15 characters`,
  );
  return nameFor(owner, context);
}

function transmitsBase(
  v: Reading<typeof VRRP_INSTANCE>['values'],
  owner: VmacOwner,
  at: Placed<unknown>['at'],
  report: Report,
): boolean {
  const typed = v.vmac_xmit_base?.at(-1);
  if (owner.unicast && typed === undefined) {
    report(
      'error',
      at,
      'vmac-unicast',
      `(${owner.name}) unicast with a virtual MAC sends from the interface itself: vmac_xmit_base is set`,
      'add vmac_xmit_base',
    );
    return true;
  }
  if (typed !== undefined && owner.strict) {
    report(
      'error',
      typed.at,
      'vmac-strict',
      `(${owner.name}) strict mode sends with the virtual MAC: vmac_xmit_base is ignored`,
      'remove vmac_xmit_base',
    );
    return false;
  }
  return typed !== undefined;
}

/** null: the addresses live on the interface itself. */
export function readVmac(
  v: Reading<typeof VRRP_INSTANCE>['values'],
  owner: VmacOwner,
  context: NetworkContext,
  report: Report,
): VmacConfig | null {
  const ipvlan = v.use_ipvlan?.at(-1);
  const typed = v.use_vmac?.at(-1) ?? ipvlan;
  const base = v.vmac_xmit_base?.at(-1);
  if (typed === undefined) {
    if (base !== undefined)
      report(
        'error',
        base.at,
        'vmac-missing',
        '`vmac_xmit_base` without `use_vmac` does nothing',
        'add use_vmac, or remove it',
      );
    return null;
  }
  const kind = v.use_vmac === undefined ? 'ipvlan' : 'macvlan';
  const name = readName(kind === 'ipvlan' ? 'use_ipvlan' : 'use_vmac', typed, owner, context, report);
  context.vmacNames.add(name);
  const flag = typed.value.find((text) => Object.hasOwn(FLAGS, text)) as keyof typeof FLAGS | undefined;
  const address = typed.value.find(isAddress);
  if (kind === 'ipvlan' && address === undefined && owner.family === 4)
    report(
      'error',
      typed.at,
      'ipvlan-address',
      `(${owner.name}) an ipvlan needs an IPv4 address of its own; without one the instance stays in FAULT`,
      'write use_ipvlan NAME ADDRESS',
    );
  return {
    name,
    kind,
    transmitBase: transmitsBase(v, owner, typed.at, report),
    macAddress: kind === 'macvlan' ? (typed.value.find((text) => MAC.test(text)) ?? null) : null,
    ipvlanFlag: flag ?? 'bridge',
    sourceAddress: kind === 'ipvlan' ? (address?.split('/')[0] ?? null) : null,
  };
}
