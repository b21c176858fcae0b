// The arithmetic of a drill: gaps, percentiles, overlaps. Pure. The definitions are explained in docs/DRILLS.md.

import type { Ack } from '../acks.ts';

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The p-th percentile by nearest rank (0 < p <= 100); NaN without values. */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((x, y) => x - y);
  const rank = Math.ceil((p / 100) * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? Number.NaN;
}

/**
 * The longest time between two consecutive moments that touches the window. Moments outside the window bound the gaps at its
 * edges; without a moment before (after) it, the window's own edge does.
 */
export function longestGap(momentsMs: readonly number[], window: Span): Span {
  const sorted = [...momentsMs].sort((x, y) => x - y);
  let before = window.fromMs;
  let longest: Span = { fromMs: window.fromMs, toMs: window.fromMs };
  const offer = (gap: Span) => {
    if (gap.toMs - gap.fromMs > longest.toMs - longest.fromMs) longest = gap;
  };
  for (const moment of sorted) {
    if (moment <= window.fromMs) {
      before = moment;
      continue;
    }
    offer({ fromMs: before, toMs: moment });
    before = moment;
    if (moment >= window.toMs) return longest;
  }
  offer({ fromMs: before, toMs: Math.max(before, window.toMs) });
  return longest;
}

export function lengthOf(span: Span): number {
  return span.toMs - span.fromMs;
}

/** The longest gap that any single writer saw; the outage as one connection of the pool feels it. */
export function longestGapOfOneWriter(acks: readonly Ack[], window: Span): number {
  const byWriter = Map.groupBy(acks, (ack) => ack.writer);
  const gaps = [...byWriter.values()].map((own) =>
    lengthOf(
      longestGap(
        own.map((ack) => ack.ackedMs),
        window,
      ),
    ),
  );
  return Math.max(0, ...gaps);
}

/**
 * How often the acknowledging server changed, told as kindly as the facts allow: a row was committed at some moment between its
 * sending and its acknowledgement, so a late acknowledgement by the old server is no change back if it was sent before the change.
 */
export function serverChanges(acks: readonly Ack[]): number {
  const inOrder = [...acks].sort((x, y) => x.ackedMs - y.ackedMs);
  let current: number | null = null;
  let changedAtMs = Number.NEGATIVE_INFINITY;
  let changes = 0;
  for (const ack of inOrder) {
    if (ack.serverId === current || (changes > 0 && ack.sentMs <= changedAtMs)) continue;
    if (current !== null) {
      changes++;
      changedAtMs = ack.ackedMs;
    }
    current = ack.serverId;
  }
  return changes;
}

/**
 * For how long two servers provably acknowledged rows at the same time: the longest overlap between two servers' spans, each
 * from its first acknowledgement to the last *sending* of a row that it acknowledged. 0 for every clean hand-over.
 */
export function acknowledgedTogether(acks: readonly Ack[]): number {
  const spans = [...Map.groupBy(acks, (ack) => ack.serverId).values()].map((own) => ({
    fromMs: own.reduce((least, ack) => Math.min(least, ack.ackedMs), Number.POSITIVE_INFINITY),
    toMs: own.reduce((most, ack) => Math.max(most, ack.sentMs), Number.NEGATIVE_INFINITY),
  }));
  let longest = 0;
  for (const [i, x] of spans.entries()) {
    for (const y of spans.slice(i + 1)) longest = Math.max(longest, overlap(x, y));
  }
  return longest;
}

function overlap(x: Span, y: Span): number {
  return Math.max(0, Math.min(x.toMs, y.toMs) - Math.max(x.fromMs, y.fromMs));
}

/** The sum of the times in which both lists of (disjoint) spans hold. */
export function heldTogether(x: readonly Span[], y: readonly Span[]): number {
  let sum = 0;
  for (const one of x) for (const other of y) sum += overlap(one, other);
  return sum;
}

export interface Row {
  readonly writer: number;
  readonly sequence: number;
  readonly payload: string;
}

export function rowKey(row: { readonly writer: number; readonly sequence: number }): string {
  return `${row.writer}/${row.sequence}`;
}

/** Acknowledged rows that are not among a server's. */
export function missingRows(acks: readonly Ack[], rows: ReadonlyMap<string, string>): string[] {
  return acks.map(rowKey).filter((key) => !rows.has(key));
}

/** Rows that a server has and nobody was told of: no loss, the client had asked for them. */
export function unacknowledgedRows(acks: readonly Ack[], rows: ReadonlyMap<string, string>): string[] {
  const acknowledged = new Set(acks.map(rowKey));
  return [...rows.keys()].filter((key) => !acknowledged.has(key));
}

/** Rows that only one of the two servers has, or that differ, each with what is wrong with it. */
export function differingRows(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  const fromA = [...a]
    .filter(([key, payload]) => b.get(key) !== payload)
    .map(([key]) => `${key} ${b.has(key) ? 'with another content' : 'only on a'}`);
  const onlyInB = [...b.keys()].filter((key) => !a.has(key)).map((key) => `${key} only on b`);
  return [...fromA, ...onlyInB];
}
