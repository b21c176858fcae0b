import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ack } from '../acks.ts';
import {
  acknowledgedTogether,
  differingRows,
  heldTogether,
  lengthOf,
  longestGap,
  longestGapOfOneWriter,
  missingRows,
  percentile,
  serverChanges,
  unacknowledgedRows,
} from './measure.ts';

const ack = (serverId: number, sentMs: number, ackedMs: number, writer = 1, sequence = sentMs): Ack => ({
  writer,
  sequence,
  sentMs,
  ackedMs,
  serverId,
});

const times = fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 60 });
const someAcks = fc.array(
  fc
    .record({
      writer: fc.integer({ min: 1, max: 3 }),
      sequence: fc.nat(100),
      sentMs: fc.integer({ min: 0, max: 1000 }),
      took: fc.nat(50),
      serverId: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ took, ...rest }): Ack => ({ ...rest, ackedMs: rest.sentMs + took })),
  { maxLength: 50 },
);

describe('percentile', () => {
  test('is by nearest rank', () => {
    expect(percentile([4, 1, 3, 2], 50)).toBe(2);
    expect(percentile([4, 1, 3, 2], 99)).toBe(4);
    expect(percentile([7], 50)).toBe(7);
    expect(percentile([], 50)).toBeNaN();
  });
  test('is one of the values, has p percent of them at or below it, and grows with p', () => {
    const values = fc.array(fc.integer(), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (list, p) => {
        const at = percentile(list, p);
        expect(list).toContain(at);
        expect(list.filter((v) => v <= at).length * 100).toBeGreaterThanOrEqual(p * list.length);
        expect(percentile(list, 100)).toBeGreaterThanOrEqual(at);
      }),
    );
  });
});

describe('longestGap', () => {
  test('finds the gap around a fault and leaves earlier and later ones out', () => {
    const moments = [0, 500, 510, 520, 900, 910, 920, 2920];
    expect(longestGap(moments, { fromMs: 515, toMs: 915 })).toEqual({ fromMs: 520, toMs: 900 });
  });
  test('a gap that began before the fault and ends after it counts whole', () => {
    expect(longestGap([100, 400, 410], { fromMs: 390, toMs: 405 })).toEqual({ fromMs: 100, toMs: 400 });
  });
  test('writes that never come back make a gap to the end of the window', () => {
    expect(longestGap([10, 20], { fromMs: 15, toMs: 1000 })).toEqual({ fromMs: 20, toMs: 1000 });
  });
  test('without any write the whole window is the gap', () => {
    expect(lengthOf(longestGap([], { fromMs: 5, toMs: 105 }))).toBe(100);
  });
  test('no interval without a write inside the window is longer', () => {
    fc.assert(
      fc.property(times, fc.nat(10_000), fc.nat(10_000), (moments, x, y) => {
        const window = { fromMs: Math.min(x, y), toMs: Math.max(x, y) };
        const gap = longestGap(moments, window);
        expect(moments.some((m) => m > gap.fromMs && m < gap.toMs)).toBe(false);
        const inside = moments.filter((m) => m >= window.fromMs && m <= window.toMs).sort((p, q) => p - q);
        const edges = [window.fromMs, ...inside, window.toMs];
        const widest = Math.max(0, ...edges.slice(1).map((m, i) => m - (edges[i] ?? 0)));
        expect(lengthOf(gap)).toBeGreaterThanOrEqual(widest);
      }),
    );
  });
});

test('the longest gap of one writer is never shorter than that of all writers together', () => {
  fc.assert(
    fc.property(someAcks, (random) => {
      const edges = [1, 2, 3].flatMap((writer) => [ack(1, 0, 0, writer), ack(1, 1100, 1100, writer)]);
      const acks = [...random, ...edges];
      const window = { fromMs: 200, toMs: 800 };
      const all = lengthOf(
        longestGap(
          acks.map((a) => a.ackedMs),
          window,
        ),
      );
      expect(longestGapOfOneWriter(acks, window)).toBeGreaterThanOrEqual(all);
    }),
  );
});

describe('two servers that acknowledge', () => {
  test('a clean hand-over is one change and no overlap', () => {
    const acks = [ack(1, 0, 5), ack(1, 10, 15), ack(2, 20, 25), ack(2, 30, 35)];
    expect(serverChanges(acks)).toBe(1);
    expect(acknowledgedTogether(acks)).toBe(0);
  });
  test('an acknowledgement of the old server that arrives late is no second writer', () => {
    const acks = [ack(1, 0, 5), ack(1, 10, 40), ack(2, 20, 25), ack(2, 41, 45)];
    expect(serverChanges(acks)).toBe(1);
    expect(acknowledgedTogether(acks)).toBe(0);
  });
  test('a row sent to the old server after the new one acknowledged, and acknowledged, proves two writers', () => {
    const acks = [ack(1, 0, 5), ack(2, 10, 15), ack(1, 30, 35), ack(2, 40, 45)];
    expect(acknowledgedTogether(acks)).toBe(15); // both in 15..30
    expect(serverChanges(acks)).toBe(3);
  });
  test('a single server never overlaps with itself', () => {
    fc.assert(
      fc.property(someAcks, (acks) => {
        const one = acks.filter((a) => a.serverId === 1);
        expect(acknowledgedTogether(one)).toBe(0);
        expect(serverChanges(one)).toBe(0);
      }),
    );
  });
  test('whoever overlaps has changed more than once', () => {
    fc.assert(
      fc.property(someAcks, (acks) => {
        if (acknowledgedTogether(acks) > 0) expect(serverChanges(acks)).toBeGreaterThan(1);
      }),
    );
  });
});

describe('heldTogether', () => {
  test('sums the times in which both held', () => {
    const a = [
      { fromMs: 0, toMs: 10 },
      { fromMs: 50, toMs: 60 },
    ];
    expect(heldTogether(a, [{ fromMs: 8, toMs: 55 }])).toBe(7);
    expect(heldTogether(a, [{ fromMs: 10, toMs: 50 }])).toBe(0);
    expect(heldTogether(a, [])).toBe(0);
  });
  test('does not depend on the order and never exceeds either', () => {
    const spans = fc
      .uniqueArray(fc.nat(1000), { maxLength: 8 })
      .map((list) => list.sort((x, y) => x - y))
      .map((edges) =>
        Array.from({ length: edges.length >> 1 }, (_, i) => ({
          fromMs: edges[2 * i] ?? 0,
          toMs: edges[2 * i + 1] ?? 0,
        })),
      );
    const total = (list: { fromMs: number; toMs: number }[]) => list.reduce((sum, s) => sum + lengthOf(s), 0);
    fc.assert(
      fc.property(spans, spans, (x, y) => {
        const both = heldTogether(x, y);
        expect(both).toBe(heldTogether(y, x));
        expect(both).toBeLessThanOrEqual(Math.min(total(x), total(y)));
        expect(heldTogether(x, x)).toBe(total(x));
      }),
    );
  });
});

describe('rows', () => {
  const rows = (...keys: string[]) => new Map(keys.map((key) => [key, `payload of ${key}`]));
  test('an acknowledged row that a server lacks is missing', () => {
    const acks = [ack(1, 1, 2, 1, 10), ack(1, 3, 4, 1, 11)];
    expect(missingRows(acks, rows('1/10'))).toEqual(['1/11']);
    expect(missingRows(acks, rows('1/10', '1/11', '1/12'))).toEqual([]);
  });
  test('a row that nobody was told of is counted', () => {
    expect(unacknowledgedRows([ack(1, 1, 2, 1, 10)], rows('1/10', '1/12'))).toEqual(['1/12']);
  });
  test('rows that only one server has, or with another payload, differ', () => {
    const other = new Map([...rows('1/1', '1/3'), ['1/2', 'changed']]);
    expect(differingRows(rows('1/1', '1/2', '1/4'), other).sort()).toEqual([
      '1/2 with another content',
      '1/3 only on b',
      '1/4 only on a',
    ]);
  });
});
