import { describe, expect, it } from 'vitest';
import { backlog, contains, equal, lacking, union } from './gtid.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

describe('GTIDs of either family', () => {
  it('are told apart by their form', () => {
    expect(contains('0-1-7', '0-2-7')).toBe(true);
    expect(contains(`${A}:1-7`, `${A}:2-3`)).toBe(true);
    expect(equal(`${A}:1:2`, `${A}:1-2`)).toBe(true);
    expect(union('0-1-7', '0-2-9')).toBe('0-2-9');
    expect(union(`${A}:1-7`, `${A}:9`)).toBe(`${A}:1-7:9`);
    expect(backlog('0-1-7', '0-1-4')).toBe(3);
    expect(backlog(`${A}:1-7`, `${A}:1:5`)).toBe(5);
  });

  it('are in either family when there are none yet', () => {
    for (const gtids of ['0-1-7', `${A}:1-7`]) {
      expect(contains(gtids, '')).toBe(true);
      expect(contains('', gtids)).toBe(false);
      expect(union('', gtids)).toBe(gtids);
      expect(backlog(gtids, '')).toBe(7);
    }
    expect(contains('', '')).toBe(true);
  });

  it('of two families never contain each other', () => {
    expect(contains('0-1-7', `${A}:1-7`)).toBe(false);
    expect(contains(`${A}:1-7`, '0-1-7')).toBe(false);
    expect(contains(union('0-1-7', `${A}:1-7`), '')).toBe(false);
    expect(backlog('0-1-7', `${A}:1`)).toBe(Number.POSITIVE_INFINITY);
    expect(lacking('0-1-7', `${A}:1`)).toBeNull();
  });

  it('name what one history has and the other lacks', () => {
    expect(lacking('0-1-7,0-2-8', '0-1-6,0-2-8')).toEqual(['0-1-7']);
    expect(lacking(`${A}:1-7`, `${A}:1-5`)).toEqual([`${A}:6-7`]);
    expect(lacking(`${A}:1-5`, `${A}:1-7`)).toEqual([]);
  });
});
