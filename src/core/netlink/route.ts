// Routes over rtnetlink (rtnetlink(7), include/uapi/linux/rtnetlink.h): what keepalived.conf calls virtual_routes and
// static_routes. src/config/keepalived/routes.ts makes the specs, src/io/linux/netlink.ts sends them; what the kernel lists is
// decoded in routelist.ts.

import { type Cidr, type IpFamily, parseIp } from '../ip/address.ts';
import {
  MessageWriter,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  viewOf,
} from './message.ts';
import { type RouteMetrics, writeMetrics } from './routemetrics.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

/** RTN_* of include/uapi/linux/rtnetlink.h. */
export const ROUTE_TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;
export type RouteType = keyof typeof ROUTE_TYPES;

/** ICMPV6_ROUTER_PREF_* (RFC 4191). */
export const ROUTE_PREFERENCES = { medium: 0, high: 1, low: 3 } as const;
export type RoutePreference = keyof typeof ROUTE_PREFERENCES;

export const TABLE_MAIN = 254;
/** RTPROT_KEEPALIVED: what the C daemon marks its routes and rules with, and so do we. */
export const PROTOCOL_KEEPALIVED = 18;

const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
const SCOPE_HOST = 254;
const SCOPE_NOWHERE = 255;

/** Attributes of a route: RTA_*. */
export const RTA = {
  dst: 1,
  src: 2,
  oif: 4,
  gateway: 5,
  priority: 6,
  prefsrc: 7,
  metrics: 8,
  multipath: 9,
  flow: 11,
  table: 15,
  via: 18,
  pref: 20,
  expires: 23,
  ttlPropagate: 26,
} as const;

export const RTNH_F_ONLINK = 4;
export const AF_OF: Readonly<Record<IpFamily, number>> = { 4: 2, 6: 10 };

export interface NextHop {
  /** May be of the other family: an IPv4 route by way of an IPv6 router. */
  readonly via: string | null;
  readonly device: string | null;
  /** The router counts as reachable on the link although no address of the interface says so. */
  readonly onlink: boolean;
  /** 1 to 256. */
  readonly weight: number;
  readonly realms: number | null;
}

/** One route, as plain data. */
export interface RouteSpec {
  /** As typed, for messages. */
  readonly text: string;
  readonly family: IpFamily;
  readonly type: RouteType;
  /** Prefix 0: the default route. */
  readonly destination: Cidr;
  /** IPv6: only for packets from here. */
  readonly from: Cidr | null;
  /** The address that the host's own packets leave with. */
  readonly source: string | null;
  readonly via: string | null;
  readonly device: string | null;
  readonly onlink: boolean;
  /** Not empty: several ways; then `via`, `device` and `onlink` are not used. */
  readonly nexthops: readonly NextHop[];
  readonly table: number;
  readonly protocol: number;
  /** null: what suits the type: host, link, or universe. */
  readonly scope: number | null;
  readonly metric: number | null;
  readonly tos: number;
  /** Source realm in the upper 16 bits; IPv4 only. */
  readonly realms: number | null;
  /** IPv6. */
  readonly preference: RoutePreference | null;
  /** IPv6, in seconds. */
  readonly expiresS: number | null;
  readonly ttlPropagate: boolean | null;
  readonly metrics: RouteMetrics;
  /** Behind routes of the same destination instead of before them. */
  readonly append: boolean;
  /** no_track: its loss is nobody's concern. */
  readonly tracked: boolean;
  /** Of static routes: the track_group whose instances its loss puts into FAULT. */
  readonly trackGroup: string | null;
}

/** The devices of a spec, each once: their indexes are what the encoder asks for. */
export function devicesOf(spec: RouteSpec): string[] {
  const names = [spec.device, ...spec.nexthops.map((hop) => hop.device)];
  return [...new Set(names.filter((name) => name !== null))];
}

function scopeOf(spec: RouteSpec): number {
  if (spec.scope !== null) return spec.scope;
  if (spec.family === 6) return SCOPE_UNIVERSE;
  switch (spec.type) {
    case 'local':
      return SCOPE_HOST;
    case 'broadcast':
    case 'multicast':
    case 'anycast':
      return SCOPE_LINK;
    case 'unicast':
      return spec.via === null && spec.nexthops.length === 0 ? SCOPE_LINK : SCOPE_UNIVERSE;
    case 'blackhole':
    case 'unreachable':
    case 'prohibit':
    case 'throw':
      return SCOPE_UNIVERSE;
  }
}

/** RTA_GATEWAY, or RTA_VIA where the router is of the other family. */
function writeVia(writer: MessageWriter, family: IpFamily, via: string): void {
  const ip = parseIp(via) ?? new Uint8Array();
  if (ip.length === (family === 4 ? 4 : 16)) {
    writer.attribute(RTA.gateway, ip);
    return;
  }
  const value = new Uint8Array(2 + ip.length);
  value[0] = AF_OF[ip.length === 4 ? 4 : 6];
  value.set(ip, 2);
  writer.attribute(RTA.via, value);
}

type IndexOf = (device: string) => number;

/** A struct rtnexthop with its attributes. */
function encodeNextHop(family: IpFamily, hop: NextHop, indexOf: IndexOf): Uint8Array {
  const writer = new MessageWriter()
    .u16(0)
    .u8(hop.onlink ? RTNH_F_ONLINK : 0)
    .u8(hop.weight - 1)
    .u32(hop.device === null ? 0 : indexOf(hop.device));
  if (hop.via !== null) writeVia(writer, family, hop.via);
  if (hop.realms !== null) writer.attributeU32(RTA.flow, hop.realms);
  const bytes = writer.bytes();
  viewOf(bytes).setUint16(0, bytes.length, true);
  return bytes;
}

function writeNextHops(writer: MessageWriter, spec: RouteSpec, indexOf: IndexOf): void {
  const hops = new MessageWriter();
  for (const hop of spec.nexthops) hops.raw(encodeNextHop(spec.family, hop, indexOf));
  writer.attribute(RTA.multipath, hops.bytes());
}

function writeRtmsg(writer: MessageWriter, spec: RouteSpec, scope: number): void {
  writer
    .u8(AF_OF[spec.family])
    .u8(spec.destination.prefix)
    .u8(spec.from?.prefix ?? 0)
    .u8(spec.tos)
    // Larger numbers do not fit: RTA_TABLE below counts.
    .u8(spec.table < 256 ? spec.table : 0)
    .u8(spec.protocol)
    .u8(scope)
    .u8(ROUTE_TYPES[spec.type])
    .u32(spec.onlink && spec.nexthops.length === 0 ? RTNH_F_ONLINK : 0);
}

function writeBody(writer: MessageWriter, spec: RouteSpec, indexOf: IndexOf): void {
  const destination = parseIp(spec.destination.address);
  if (spec.destination.prefix > 0 && destination !== null) writer.attribute(RTA.dst, destination);
  const from = spec.from === null ? null : parseIp(spec.from.address);
  if (from !== null) writer.attribute(RTA.src, from);
  writer.attributeU32(RTA.table, spec.table);
  if (spec.metric !== null) writer.attributeU32(RTA.priority, spec.metric);
  const source = spec.source === null ? null : parseIp(spec.source);
  if (source !== null) writer.attribute(RTA.prefsrc, source);
  if (spec.nexthops.length > 0) {
    writeNextHops(writer, spec, indexOf);
    return;
  }
  if (spec.via !== null) writeVia(writer, spec.family, spec.via);
  if (spec.device !== null) writer.attributeU32(RTA.oif, indexOf(spec.device));
}

/** `indexOf` knows every name of devicesOf(spec). */
export function encodeAddRoute(
  writer: MessageWriter,
  sequence: number,
  spec: RouteSpec,
  indexOf: IndexOf,
): void {
  const order = spec.append ? NLM_F_APPEND : 0;
  writer.begin(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | order, sequence);
  writeRtmsg(writer, spec, scopeOf(spec));
  writeBody(writer, spec, indexOf);
  if (spec.realms !== null) writer.attributeU32(RTA.flow, spec.realms);
  if (spec.preference !== null) writer.attributeU8(RTA.pref, ROUTE_PREFERENCES[spec.preference]);
  if (spec.expiresS !== null) writer.attributeU32(RTA.expires, spec.expiresS);
  if (spec.ttlPropagate !== null) writer.attributeU8(RTA.ttlPropagate, spec.ttlPropagate ? 1 : 0);
  writeMetrics(writer, RTA.metrics, spec.metrics);
  writer.end();
}

/** Names the route by destination, table, metric, type, protocol and way, so that nobody else's route is taken for it. */
export function encodeRemoveRoute(
  writer: MessageWriter,
  sequence: number,
  spec: RouteSpec,
  indexOf: IndexOf,
): void {
  writer.begin(RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, sequence);
  // Of the scope the kernel knows what suited the type when the route was made; a device that changed since may suit another.
  writeRtmsg(writer, spec, SCOPE_NOWHERE);
  writeBody(writer, spec, indexOf);
  writer.end();
}

/** Asks for the routes of all tables, of one family. */
export function encodeDumpRoutes(writer: MessageWriter, sequence: number, family: IpFamily): void {
  writer.begin(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(AF_OF[family]).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0).end();
}
