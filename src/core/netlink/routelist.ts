// What the kernel lists and announces about routes, decoded: the other direction of route.ts. The wire thread compares it with
// what it added.

import { type Cidr, formatIp, type IpFamily } from '../ip/address.ts';
import { attributeU8, attributeU32, decodeAttributes, viewOf } from './message.ts';
import {
  AF_OF,
  ROUTE_PREFERENCES,
  ROUTE_TYPES,
  type RoutePreference,
  type RouteSpec,
  type RouteType,
  RTA,
  RTNH_F_ONLINK,
} from './route.ts';
import { decodeMetrics, type RouteMetrics } from './routemetrics.ts';

const RTMSG_BYTES = 12;
const RTNEXTHOP_BYTES = 8;
const RTM_F_CLONED = 0x200;

export interface RouteHop {
  readonly via: string | null;
  /** 0: none. */
  readonly interfaceIndex: number;
  readonly onlink: boolean;
  readonly weight: number;
  readonly realms: number | null;
}

export interface Route {
  readonly family: IpFamily;
  readonly type: RouteType;
  readonly destination: Cidr;
  readonly from: Cidr | null;
  readonly source: string | null;
  /** One or more; a blackhole and its like may have none. */
  readonly hops: readonly RouteHop[];
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly metric: number;
  readonly tos: number;
  readonly realms: number | null;
  readonly preference: RoutePreference | null;
  readonly metrics: RouteMetrics;
}

export type DecodedRoute =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly reason: string };

const TYPE_OF = new Map<number, RouteType>(
  (Object.entries(ROUTE_TYPES) as [RouteType, number][]).map(([name, number]) => [number, name]),
);
const PREFERENCE_OF = new Map<number, RoutePreference>(
  (Object.entries(ROUTE_PREFERENCES) as [RoutePreference, number][]).map(([name, number]) => [number, name]),
);

function textOf(payload: Uint8Array | undefined): string | null {
  return payload?.length === 4 || payload?.length === 16 ? formatIp(payload) : null;
}

function viaOf(attributes: ReadonlyMap<number, Uint8Array>): string | null {
  return textOf(attributes.get(RTA.gateway)) ?? textOf(attributes.get(RTA.via)?.subarray(2));
}

function decodeHops(payload: Uint8Array): RouteHop[] {
  const view = viewOf(payload);
  const hops: RouteHop[] = [];
  for (let at = 0; at + RTNEXTHOP_BYTES <= payload.length; ) {
    const length = view.getUint16(at, true);
    if (length < RTNEXTHOP_BYTES || length > payload.length - at) break;
    const attributes = decodeAttributes(payload.subarray(at, at + length), RTNEXTHOP_BYTES);
    hops.push({
      via: viaOf(attributes),
      interfaceIndex: view.getInt32(at + 4, true),
      onlink: (view.getUint8(at + 2) & RTNH_F_ONLINK) !== 0,
      weight: view.getUint8(at + 3) + 1,
      realms: attributeU32(attributes.get(RTA.flow)),
    });
    at += Math.ceil(length / 4) * 4;
  }
  return hops;
}

function hopsOf(attributes: ReadonlyMap<number, Uint8Array>, flags: number): RouteHop[] {
  const several = attributes.get(RTA.multipath);
  if (several !== undefined) return decodeHops(several);
  const via = viaOf(attributes);
  const interfaceIndex = attributeU32(attributes.get(RTA.oif)) ?? 0;
  if (via === null && interfaceIndex === 0) return [];
  return [{ via, interfaceIndex, onlink: (flags & RTNH_F_ONLINK) !== 0, weight: 1, realms: null }];
}

/** The body of an RTM_NEWROUTE or RTM_DELROUTE. */
export function decodeRoute(body: Uint8Array): DecodedRoute {
  if (body.length < RTMSG_BYTES) return { ok: false, reason: 'the route message is cut short' };
  const family = body[0] === AF_OF[4] ? 4 : body[0] === AF_OF[6] ? 6 : null;
  if (family === null) return { ok: false, reason: `route of family ${body[0]}` };
  const flags = viewOf(body).getUint32(8, true);
  if (flags & RTM_F_CLONED) return { ok: false, reason: 'an entry of the route cache' };
  const type = TYPE_OF.get(body[7] ?? 0);
  if (type === undefined) return { ok: false, reason: `route of the unknown type ${body[7]}` };
  const attributes = decodeAttributes(body, RTMSG_BYTES);
  const any = family === 4 ? '0.0.0.0' : '::';
  const from = textOf(attributes.get(RTA.src));
  return {
    ok: true,
    route: {
      family,
      type,
      destination: { address: textOf(attributes.get(RTA.dst)) ?? any, family, prefix: body[1] ?? 0 },
      from: from === null ? null : { address: from, family, prefix: body[2] ?? 0 },
      source: textOf(attributes.get(RTA.prefsrc)),
      hops: hopsOf(attributes, flags),
      table: attributeU32(attributes.get(RTA.table)) ?? body[4] ?? 0,
      protocol: body[5] ?? 0,
      scope: body[6] ?? 0,
      metric: attributeU32(attributes.get(RTA.priority)) ?? 0,
      tos: body[3] ?? 0,
      realms: attributeU32(attributes.get(RTA.flow)),
      preference: PREFERENCE_OF.get(attributeU8(attributes.get(RTA.pref)) ?? -1) ?? null,
      metrics: decodeMetrics(attributes.get(RTA.metrics)),
    },
  };
}

/** IPv6 takes 1024 where no metric is given. */
const METRIC_DEFAULT: Readonly<Record<IpFamily, number>> = { 4: 0, 6: 1024 };

/** Whether `route` is what `spec` made, as far as a route is told from another: destination, table, metric, tos, type, protocol and ways. */
export function isRouteOf(
  route: Route,
  spec: RouteSpec,
  indexOf: (device: string) => number | null,
): boolean {
  const wanted = spec.nexthops.length > 0 ? spec.nexthops : [{ via: spec.via, device: spec.device }];
  const way = (via: string | null, index: number) => `${via ?? ''}%${index}`;
  // Without a device the kernel chose one: any fits.
  const fits = wanted.every(
    (hop) =>
      (hop.via === null && hop.device === null) ||
      route.hops.some((r) =>
        hop.device === null
          ? r.via === hop.via
          : way(r.via, r.interfaceIndex) === way(hop.via, indexOf(hop.device) ?? -1),
      ),
  );
  return (
    fits &&
    route.family === spec.family &&
    route.type === spec.type &&
    route.destination.address === spec.destination.address &&
    route.destination.prefix === spec.destination.prefix &&
    (route.from?.address ?? null) === (spec.from?.address ?? null) &&
    route.table === spec.table &&
    route.protocol === spec.protocol &&
    route.tos === spec.tos &&
    route.metric === (spec.metric ?? METRIC_DEFAULT[spec.family])
  );
}
