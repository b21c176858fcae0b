// Addresses, interfaces and router ids of a configuration: typed twice, outside of the network, missing on the host. Used by rules.ts.
import { familyOf, parseCidr, parseIp, sameNetwork } from '../../core/ip/address.ts';
import { quote, type Report } from './findings.ts';
import type { Host } from './host.ts';
import type { Rule } from './rules.ts';
import type { Place } from './text.ts';
import type { InstanceConfig } from './types.ts';

export const addresses: Rule = ({ instances }, report, host) => {
  const seen = new Map<string, { name: string; line: number }>();
  const moving = new Set(
    instances.flatMap((i) => [...i.addresses, ...i.excluded].map((a) => a.value.address)),
  );
  for (const i of instances) {
    for (const { value, at } of [...i.addresses, ...i.excluded]) {
      const before = seen.get(value.address);
      if (before)
        report(
          'warning',
          at,
          'address-twice',
          `${value.address} stands in line ${before.line} too (${before.name}); two owners of one address fight over it`,
          'remove one of the two',
        );
      seen.set(value.address, { name: i.name, line: at.line });
      const device = value.device ?? i.interface;
      const known = networksFor(value.address, device, host, moving);
      // Without the host: the host's own address where the file has it, in the network that the prefix of the address makes.
      const own = value.device === null && value.prefixTyped && value.prefix < 31 ? i.sourceAddress : null;
      const stated =
        own !== null && familyOf(own) === familyOf(value.address) ? [`${own}/${value.prefix}`] : [];
      const typo = "look for a typing error, and compare it with the other host's file";
      const guessed = known.length > 0 && host?.complete !== true;
      const hint = guessed
        ? `${typo}; if the file is for another host than this one, say --no-on-this-host`
        : typo;
      reportOutside(i, value, at, report, known.length > 0 ? known : stated, hint);
    }
  }
};

function reportOutside(
  i: InstanceConfig,
  value: InstanceConfig['addresses'][number]['value'],
  at: Place,
  report: Report,
  networks: readonly string[],
  hint: string,
): void {
  const ip = parseIp(value.address);
  const within = networks.map(parseCidr).some((n) => {
    const base = n && parseIp(n.address);
    return ip !== null && base && sameNetwork(ip, base, n.prefix);
  });
  if (networks.length === 0 || within) return;
  report(
    'warning',
    at,
    'address-outside',
    `${value.address} is outside of the networks of ${value.device ?? i.interface ?? i.name} (${networks.join(', ')}): no other host will find it`,
    hint,
  );
}

const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address);

/**
 * The networks that an address may lie in; none: not known. Addresses that move with VRRP say nothing, nor does a link-local one of
 * where others belong.
 */
function networksFor(address: string, device: string | null, host: Host | null, moving: ReadonlySet<string>) {
  const here = (device === null ? undefined : host?.interfaces[device]) ?? [];
  return here.filter((text) => {
    const network = parseCidr(text);
    return (
      network !== null &&
      network.family === familyOf(address) &&
      isLinkLocal(network.address) === isLinkLocal(address) &&
      !moving.has(network.address)
    );
  });
}

/** What a router meets on the wire under its id: its multicast group, or each of its peers. */
function meetings(i: InstanceConfig): string[] {
  const own = `${i.interface} ${i.virtualRouterId} ${i.family}`;
  if (i.unicastPeers.length === 0) return [`${own} ${i.multicastGroup}`];
  return i.unicastPeers.map((p) => `${own} ${i.sourceAddress} to ${p.value.address}`);
}

export const routerIds: Rule = ({ instances }, report, host) => {
  const seen = new Map<string, string>();
  for (const i of instances) {
    if (i.virtualRouterId === null) continue;
    const before = meetings(i)
      .map((key) => seen.get(key))
      .find((name) => name !== undefined);
    if (before !== undefined)
      report(
        'error',
        i.placeOf('virtual_router_id'),
        'router-id-twice',
        `${before} and ${i.name} both use virtual_router_id ${i.virtualRouterId} on ${i.interface ?? 'the same interface'}`,
        'give each instance an id of its own, the same on both hosts',
      );
    else for (const key of meetings(i)) seen.set(key, i.name);
  }
  if (host !== null) sharedIds(instances, report, host);
};

/** Two interfaces in one network: the same id there is one virtual router to everybody else. */
function sharedIds(instances: readonly InstanceConfig[], report: Report, host: Host): void {
  const multicast = instances.filter((i) => i.virtualRouterId !== null && i.unicastPeers.length === 0);
  const networks = (i: InstanceConfig) =>
    networksFor(i.addresses[0]?.value.address ?? '', i.interface, host, new Set()).map(parseCidr);
  const meet = (one: InstanceConfig, other: InstanceConfig): boolean =>
    networks(one).some((n) =>
      networks(other).some((m) => {
        const [x, y] = [n && parseIp(n.address), m && parseIp(m.address)];
        return x != null && y != null && sameNetwork(x, y, n?.prefix ?? 0);
      }),
    );
  multicast.forEach((i, at) => {
    const other = multicast
      .slice(0, at)
      .find(
        (o) =>
          o.virtualRouterId === i.virtualRouterId &&
          o.family === i.family &&
          o.interface !== i.interface &&
          meet(o, i),
      );
    if (other !== undefined)
      report(
        'warning',
        i.placeOf('virtual_router_id'),
        'router-id-shared',
        `${other.name} on ${other.interface} has the same virtual_router_id ${i.virtualRouterId}, and ${i.interface} lies in the same network: the two disturb each other`,
        'give each instance an id of its own, the same on both hosts',
      );
  });
}

export const interfaces: Rule = (config, report, host) => {
  if (
    host?.complete !== true ||
    config.reading.values.global_defs?.some((g) => g.value.values.dynamic_interfaces)
  )
    return;
  const missing = (name: string | null, at: Place, what: string) => {
    if (name === null || Object.hasOwn(host.interfaces, name)) return;
    report(
      'error',
      at,
      'interface-not-found',
      `this host has no interface ${quote(name)}, which ${what} names; keepalived does not start`,
      `it has ${
        Object.keys(host.interfaces)
          .filter((n) => n !== 'lo')
          .slice(0, 8)
          .join(', ') || 'none'
      }; write the right one`,
    );
  };
  for (const i of config.instances) {
    missing(i.interface, i.placeOf('interface'), i.name);
    for (const t of i.tracked.interfaces) missing(t.value.name, t.at, 'track_interface');
    for (const a of [...i.addresses, ...i.excluded]) missing(a.value.device, a.at, a.value.address);
  }
};

export const unicast: Rule = ({ instances }, report) => {
  for (const i of instances) {
    const own = i.unicastPeers.find((p) => p.value.address === i.sourceAddress);
    if (own !== undefined)
      report(
        'warning',
        own.at,
        'unicast-self',
        `${own.value.address} is this host's own unicast_src_ip, so it would hear itself`,
        "name the other host's address here",
      );
  }
};
