import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backlog,
  contains,
  equal,
  executedPosition,
  formatGtids,
  type Gtid,
  lacking,
  parseGtids,
  rewoundSlavePosition,
  union,
} from './mariadb.ts';

const gtid = fc.record({
  domain: fc.integer({ min: 0, max: 3 }),
  server: fc.integer({ min: 1, max: 3 }),
  sequence: fc.bigInt({ min: 1n, max: 30n }),
});
const position = fc
  .uniqueArray(gtid, { selector: (g: Gtid) => g.domain, maxLength: 4 })
  .map((gtids) => formatGtids(gtids));

describe('MariaDB GTID lists', () => {
  it('are read with blanks and line breaks, as servers and operators write them', () => {
    expect(parseGtids(' 0-1-100,\n1-2-18446744073709551615 ')).toEqual({
      ok: true,
      gtids: [
        { domain: 0, server: 1, sequence: 100n },
        { domain: 1, server: 2, sequence: 18446744073709551615n },
      ],
    });
    expect(parseGtids('')).toEqual({ ok: true, gtids: [] });
  });

  it.each([
    '0-1',
    '0-1-',
    '0-1-x',
    '0-1-1,',
    '4294967296-1-1',
    '0-1-18446744073709551616',
    '3E11FA47:1-5',
    '-',
  ])('"%s" is refused', (text) => {
    expect(parseGtids(text).ok).toBe(false);
  });

  it('never throw, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        contains(a, b);
        union(a, b);
        lacking(a, b);
        executedPosition(a, b, 1);
        return !parseGtids(a).ok || equal(a, a);
      }),
    );
  });

  it('come out of their text as they went in', () => {
    fc.assert(
      fc.property(position, (text) => {
        const parsed = parseGtids(text);
        return parsed.ok && formatGtids(parsed.gtids) === text;
      }),
    );
  });

  it('contain each other exactly when they are the same point in every domain', () => {
    fc.assert(fc.property(position, (a) => contains(a, a) && contains(a, '')));
    expect(contains('0-1-7', '0-2-7')).toBe(true);
    expect(contains('0-1-7', '0-1-8')).toBe(false);
    expect(contains('0-1-7', '1-1-1')).toBe(false);
    expect(equal('0-1-7', '0-2-7')).toBe(false);
  });

  it('unite to the least position that contains both', () => {
    fc.assert(
      fc.property(position, position, position, (a, b, c) => {
        const both = union(a, b);
        return (
          contains(both, a) &&
          contains(both, b) &&
          (!(contains(c, a) && contains(c, b)) || contains(c, both)) &&
          contains(union(b, a), both)
        );
      }),
    );
  });

  it('that are no lists are contained nowhere, also after a union', () => {
    expect(contains('0-1-9', 'rubbish')).toBe(false);
    expect(contains('0-1-9', union('0-1-1', 'rubbish'))).toBe(false);
    expect(contains('rubbish', '')).toBe(false);
  });
});

describe('histories that went apart', () => {
  it('are found by server even when their positions are equal', () => {
    expect(equal('0-2-8', '0-2-8')).toBe(true);
    expect(lacking('0-1-6,0-2-8', '0-1-5,0-2-8')).toEqual([{ domain: 0, server: 1, sequence: 6n }]);
    expect(lacking('0-1-5,0-2-8', '0-1-6,0-2-8')).toEqual([]);
  });

  it('are not compared when one is no list', () => {
    expect(lacking('0-1-1', 'x')).toBeNull();
  });
});

describe('the slave position of a former writer', () => {
  it('goes back to its binary log when that was truncated below it', () => {
    expect(rewoundSlavePosition('0-1-6', '0-1-5', 1)).toBe('0-1-5');
    expect(rewoundSlavePosition('0-1-6,1-9-4', '0-2-5', 1)).toBe('0-2-5,1-9-4');
    expect(executedPosition('0-1-6', '0-1-5', 1)).toBe('0-1-5');
  });

  it('stays when it names the other server, agrees with the log, or the log is empty, as on a clone', () => {
    expect(rewoundSlavePosition('0-2-6', '0-1-5', 1)).toBeNull();
    expect(rewoundSlavePosition('0-1-5', '0-1-5', 1)).toBeNull();
    expect(rewoundSlavePosition('0-1-5', '0-1-9', 1)).toBeNull();
    expect(rewoundSlavePosition('0-1-6', '', 1)).toBeNull();
    expect(executedPosition('0-1-6', '', 1)).toBe('0-1-6');
    expect(executedPosition('', '0-1-9', 2)).toBe('0-1-9');
  });
});

describe('backlog', () => {
  it('counts the transactions that one position lacks of another, over all domains', () => {
    expect(backlog('0-1-100,1-1-5', '0-2-90')).toBe(15);
    expect(backlog('0-1-100', '0-1-100')).toBe(0);
    expect(backlog('0-1-90', '0-1-100')).toBe(0);
    expect(backlog('nonsense', '0-1-100')).toBe(Number.POSITIVE_INFINITY);
  });
});
