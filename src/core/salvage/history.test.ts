import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lacking } from '../gtid/gtid.ts';
import { bornAt, isErrant, positionOf, withoutErrant } from './history.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '4b2c5d10-0000-11ee-8000-000000000001';

describe('two MariaDB histories that went apart behind 0-1-100', () => {
  const own = '0-2-50,0-1-105';
  const writers = '0-1-100,0-2-130';

  it('are rewound to what both have', () => {
    expect(withoutErrant(own, writers)).toBe('0-2-50,0-1-100');
    expect(positionOf('0-2-50,0-1-100')).toBe('0-1-100');
  });
  it('tell an errant transaction from one that both have', () => {
    expect(['0-1-100', '0-1-101', '0-2-50', '0-3-1'].map((gtid) => isErrant(gtid, writers))).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });
  it('name what was born at a server', () => {
    expect(bornAt(writers, '2')).toBe('0-2-130');
    expect(bornAt(writers, '7')).toBe('');
  });
});

describe('two MySQL histories', () => {
  it('keep what the node fetched of the writer behind its own', () => {
    expect(withoutErrant(`${A}:1-105,${B}:1-30`, `${A}:1-100,${B}:1-40`)).toBe(`${A}:1-100,${B}:1-30`);
    expect(isErrant(`${A}:101`, `${A}:1-100`)).toBe(true);
    expect(bornAt(`${A}:1-105,${B}:1-30`, B)).toBe(`${B}:1-30`);
  });
});

const gtid = fc.record({ server: fc.integer({ min: 1, max: 3 }), sequence: fc.integer({ min: 1, max: 40 }) });
const state = fc
  .uniqueArray(gtid, { selector: (each) => each.server, maxLength: 3 })
  .map((all) => all.map(({ server, sequence }) => `0-${server}-${sequence}`).join(','));

describe('a history without what is errant', () => {
  it('lacks nothing of the writer more than before, and holds nothing that the writer lacks', () => {
    fc.assert(
      fc.property(state, state, (own, writers) => {
        const left = withoutErrant(own, writers);
        expect(left).not.toBeNull();
        expect(lacking(left ?? 'x', writers)).toEqual([]);
        expect(lacking(left ?? 'x', own)).toEqual([]);
      }),
    );
  });
  it('is none when either is not understood', () => {
    expect(withoutErrant('nonsense', '0-1-1')).toBeNull();
    expect(isErrant('0-1-5', 'nonsense')).toBe(false);
  });
});
