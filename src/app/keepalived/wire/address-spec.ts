// An address of keepalived.conf as the kernel takes it: scope, broadcast, peer and flags. Called by holdings.ts for every addition,
// renewal and removal.

import { formatIp, parseCidr, parseIp } from '../../../core/ip/address.ts';
import type { AddressKey, NewAddress } from '../../../core/netlink/address.ts';
import { PROTOCOL_KEEPALIVED, type RouteSpec, TABLE_MAIN } from '../../../core/netlink/route.ts';
import { NO_METRICS } from '../../../core/netlink/routemetrics.ts';
import type { WireAddress } from './protocol.ts';

/** /etc/iproute2/rt_scopes as every distribution ships it. */
const SCOPES: Readonly<Record<string, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };

const PREFERRED = 'preferred_lft ';

function scopeOf(text: string): number | null {
  if (Object.hasOwn(SCOPES, text)) return SCOPES[text] ?? null;
  const value = /^(0x[0-9a-f]{1,2}|[0-9]{1,3})$/i.test(text) ? Number(text) : Number.NaN;
  return value <= 255 ? value : null;
}

/** The address with its host bits all set, or all cleared. */
function withHostBits(address: string, prefix: number, set: boolean): string | null {
  const ip = parseIp(address);
  if (ip === null) return null;
  for (let bit = prefix; bit < ip.length * 8; bit++) {
    const mask = 0x80 >> (bit & 7);
    const at = bit >> 3;
    ip[at] = set ? (ip[at] ?? 0) | mask : (ip[at] ?? 0) & ~mask;
  }
  return formatIp(ip);
}

function broadcastOf(wire: WireAddress): string | null {
  if (wire.broadcast === '+') return withHostBits(wire.address, wire.prefix, true);
  if (wire.broadcast === '-') return withHostBits(wire.address, wire.prefix, false);
  return wire.broadcast;
}

function preferredOf(wire: WireAddress, validLifetimeS: number | null): number | null | undefined {
  const typed = wire.options.find((option) => option.startsWith(PREFERRED))?.slice(PREFERRED.length);
  if (typed === 'forever') return validLifetimeS;
  if (typed !== undefined && /^[0-9]{1,10}$/.test(typed)) return Number(typed);
  // As the C daemon: an IPv6 VIP alone in its network is never the source of the host's own connections.
  return wire.family === 6 && wire.prefix === 128 ? 0 : validLifetimeS;
}

/** What names the address to the kernel, for its removal. */
export function addressKeyOf(wire: WireAddress, interfaceIndex: number): AddressKey {
  const peer = wire.peer === null ? null : parseCidr(wire.peer);
  if (peer === null) return { interfaceIndex, address: wire.address, prefix: wire.prefix };
  // As ip(8): the length is that of the peer's network, alone by itself when it is not given.
  return { interfaceIndex, address: wire.address, prefix: peer.prefix, peer: peer.address };
}

/** null: for ever. Renewing an address is adding it again. */
export function newAddressOf(
  wire: WireAddress,
  interfaceIndex: number,
  validLifetimeS: number | null,
): NewAddress {
  const scope = wire.scope === null ? null : scopeOf(wire.scope);
  const broadcast = broadcastOf(wire);
  const preferred = preferredOf(wire, validLifetimeS);
  return {
    ...addressKeyOf(wire, interfaceIndex),
    validLifetimeS,
    ...(wire.label === null ? {} : { label: wire.label }),
    ...(scope === null ? {} : { scope }),
    ...(broadcast === null ? {} : { broadcast }),
    ...(preferred === undefined ? {} : { preferredLifetimeS: preferred }),
    ...(wire.options.includes('noprefixroute') ? { noPrefixRoute: true } : {}),
    home: wire.options.includes('home'),
    manageTemporary: wire.options.includes('mngtmpaddr'),
    autoJoin: wire.options.includes('autojoin'),
  };
}

/**
 * The route to the subnet of an IPv6 address, where the C daemon's would have one: an IPv6 address with a lifetime may not make it
 * itself (NewAddress.noPrefixRoute says why). It is worse by its metric than the kernel's own, so that a host which has an address in
 * the subnet goes on using that one's. null: IPv4, a /128, `noprefixroute`, or a link-local address, whose route is always there.
 */
export function prefixRouteOf(wire: WireAddress, device: string): RouteSpec | null {
  if (wire.family === 4 || wire.prefix === 128 || wire.options.includes('noprefixroute')) return null;
  if (wire.address.startsWith('fe80:')) return null;
  const network = withHostBits(wire.address, wire.prefix, false);
  if (network === null) return null;
  return {
    text: `${network}/${wire.prefix} dev ${device}`,
    family: 6,
    type: 'unicast',
    destination: { address: network, family: 6, prefix: wire.prefix },
    from: null,
    source: null,
    via: null,
    device,
    onlink: false,
    nexthops: [],
    table: TABLE_MAIN,
    protocol: PROTOCOL_KEEPALIVED,
    scope: null,
    metric: 1024,
    tos: 0,
    realms: null,
    preference: null,
    expiresS: null,
    ttlPropagate: null,
    metrics: NO_METRICS,
    append: false,
    tracked: false,
    trackGroup: null,
  };
}
