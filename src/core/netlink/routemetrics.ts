// What a route says about the connections through it (RTA_METRICS of include/uapi/linux/rtnetlink.h): MTU, windows, round-trip
// times. Used by route.ts.

import { attributeText, attributeU32, decodeAttributes, type MessageWriter } from './message.ts';

/** RTAX numbers. Times are in the kernel's units: rtt in eighths of a millisecond, rttvar in quarters, rto_min in milliseconds. */
const NUMBER_OF = {
  mtu: 2,
  window: 3,
  rtt: 4,
  rttvar: 5,
  ssthresh: 6,
  cwnd: 7,
  advmss: 8,
  reordering: 9,
  hoplimit: 10,
  initcwnd: 11,
  features: 12,
  rto_min: 13,
  initrwnd: 14,
  quickack: 15,
  fastopen_no_cookie: 17,
} as const;

const RTAX_LOCK = 1;
const RTAX_CC_ALGO = 16;

export type RouteMetricName = keyof typeof NUMBER_OF;

export interface RouteMetrics {
  readonly values: { readonly [K in RouteMetricName]?: number };
  /** The kernel's own measurements do not change these. */
  readonly locked: readonly RouteMetricName[];
  /** The congestion control of TCP, e.g. `cubic`; null: the host's. */
  readonly congestion: string | null;
}

export const NO_METRICS: RouteMetrics = { values: {}, locked: [], congestion: null };

const ENTRIES = Object.entries(NUMBER_OF) as [RouteMetricName, number][];

/** Appends RTA_METRICS as attribute `type`; nothing when there are none. */
export function writeMetrics(writer: MessageWriter, type: number, metrics: RouteMetrics): void {
  const given = ENTRIES.filter(([name]) => metrics.values[name] !== undefined);
  if (given.length === 0 && metrics.congestion === null) return;
  let lock = 0;
  for (const name of metrics.locked) lock |= 1 << NUMBER_OF[name];
  writer.nest(type, (nested) => {
    if (lock !== 0) nested.attributeU32(RTAX_LOCK, lock);
    for (const [name, number] of given) nested.attributeU32(number, metrics.values[name] ?? 0);
    if (metrics.congestion !== null) nested.attributeText(RTAX_CC_ALGO, metrics.congestion);
  });
}

/** The payload of RTA_METRICS. */
export function decodeMetrics(payload: Uint8Array | undefined): RouteMetrics {
  if (payload === undefined) return NO_METRICS;
  const attributes = decodeAttributes(payload, 0);
  const lock = attributeU32(attributes.get(RTAX_LOCK)) ?? 0;
  const values: { [K in RouteMetricName]?: number } = {};
  const locked: RouteMetricName[] = [];
  for (const [name, number] of ENTRIES) {
    const value = attributeU32(attributes.get(number));
    if (value === null) continue;
    values[name] = value;
    if (lock & (1 << number)) locked.push(name);
  }
  return { values, locked, congestion: attributeText(attributes.get(RTAX_CC_ALGO)) };
}
