import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backlog, contains, count, equal, formatGtidSet, parseGtidSet, subtract, union } from './mysql.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '4b2c5d10-0000-11ee-8000-000000000001';

/** The model: a set of transactions, each by its key and number. */
const transaction = fc.record({
  key: fc.constantFrom(A, B, `${A}:backup`, `${A}:_x`),
  number: fc.integer({ min: 1, max: 12 }),
});
const model = fc
  .array(transaction, { maxLength: 30 })
  .map((all) => new Set(all.map(({ key, number }) => `${key}:${number}`)));
/** One transaction after the other, unsorted: every way to write a set. */
const written = (set: ReadonlySet<string>): string => [...set].join(',');
const readBack = (text: string): Set<string> => {
  const parsed = parseGtidSet(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  const all = new Set<string>();
  for (const [key, intervals] of parsed.set)
    for (const { first, last } of intervals) for (let n = first; n <= last; n += 1n) all.add(`${key}:${n}`);
  return all;
};

const minus = (a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> =>
  new Set([...a].filter((each) => !b.has(each)));

describe('MySQL GTID sets', () => {
  it('are read as servers and operators write them, and come out as the server would write them', () => {
    const formatted = (text: string) => {
      const parsed = parseGtidSet(text);
      return parsed.ok ? formatGtidSet(parsed.set) : parsed.reason;
    };
    expect(formatted('')).toBe('');
    expect(formatted(`${B}:1,\n${A.toUpperCase()}:7:1-5:6`)).toBe(`${A}:1-7,${B}:1`);
    expect(formatted(`${A}:1-3:5:Backup:1-3:7:z:2`)).toBe(`${A}:1-3:5:backup:1-3:7:z:2`);
    expect(formatted(`${A}:z:2,${A}:1`)).toBe(`${A}:1:z:2`);
    expect(formatted(`${A}:tag:1-9223372036854775806`)).toBe(`${A}:tag:1-9223372036854775806`);
  });

  it.each([
    A,
    `${A}:`,
    `${A}:0`,
    `${A}:5-1`,
    `${A}:1-`,
    `${A}:-1`,
    `${A}:1,`,
    `${A}:9223372036854775807`,
    `${A}:tag`,
    `${A}:1:tag`,
    `${A}:tag:other:1`,
    `${A}:${'t'.repeat(33)}:1`,
    `${A}:9tag:1`,
    `${A.slice(1)}:1`,
    '0-1-100',
  ])('"%s" is refused', (text) => {
    expect(parseGtidSet(text)).toMatchObject({ ok: false, reason: expect.stringContaining('is no') });
    expect(contains(text, '')).toBe(false);
    expect(contains('', text)).toBe(false);
    expect(contains(`${A}:1-100`, union(`${A}:1`, text))).toBe(false);
    expect(subtract(text, '')).toBeNull();
    expect(count(text)).toBe(Number.POSITIVE_INFINITY);
    expect(backlog('', text)).toBe(Number.POSITIVE_INFINITY);
  });

  it('never throw, whatever the text', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9a-f:,-]{0,80}$/),
      fc.string().map((end) => `${A}:1-5${end}`),
    );
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        contains(a, b);
        subtract(a, b);
        backlog(a, b);
        return parseGtidSet(a).ok === equal(a, union(a, ''));
      }),
    );
    expect(parseGtidSet(`${A}:1:`.repeat(50_000))).toMatchObject({ ok: false });
  });

  it('come out of their text as they went in', () => {
    fc.assert(
      fc.property(model, (set) => {
        expect(readBack(written(set))).toEqual(set);
        const canonical = union(written(set), '');
        expect(readBack(canonical)).toEqual(set);
        expect(union(canonical, '')).toBe(canonical);
      }),
    );
  });

  it('contain, unite, subtract and count as sets of transactions do', () => {
    fc.assert(
      fc.property(model, model, (a, b) => {
        const [left, right] = [written(a), written(b)];
        expect(contains(left, right)).toBe(minus(b, a).size === 0);
        expect(readBack(union(left, right))).toEqual(new Set([...a, ...b]));
        expect(readBack(subtract(left, right) ?? 'none')).toEqual(minus(a, b));
        expect(count(left)).toBe(a.size);
        expect(backlog(left, right)).toBe(minus(a, b).size);
        expect(equal(left, right)).toBe(minus(a, b).size + minus(b, a).size === 0);
      }),
    );
  });

  it('tell a hole from a whole interval, and a tag from none', () => {
    expect(contains(`${A}:1-5:7`, `${A}:6`)).toBe(false);
    expect(contains(`${A}:1-9`, `${A}:tag:1`)).toBe(false);
    expect(subtract(`${A}:1-10,${B}:1`, `${A}:3-4:8`)).toBe(`${A}:1-2:5-7:9-10,${B}:1`);
  });
});
