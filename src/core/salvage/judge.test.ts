import { describe, expect, it } from 'vitest';
import type { LoggedRow } from '../binlog/logged.ts';
import { changeFor, judge, verdictOf } from './judge.ts';

const row = (kind: LoggedRow['kind'], before: LoggedRow['before'], after: LoggedRow['after']): LoggedRow => ({
  schema: 'shop',
  table: 't',
  kind,
  before,
  after,
});
const ONE = { id: '1', v: 'one' };
const TWO = { id: '1', v: 'two' };
const OTHER = { id: '1', v: 'other' };

describe('a saved row against what the writer has now', () => {
  it.each([
    ['insert', row('insert', null, ONE), null, 'safe'],
    ['insert', row('insert', null, ONE), ONE, 'there'],
    ['insert', row('insert', null, ONE), OTHER, 'conflict'],
    ['update', row('update', ONE, TWO), ONE, 'safe'],
    ['update', row('update', ONE, TWO), TWO, 'there'],
    ['update', row('update', ONE, TWO), OTHER, 'conflict'],
    ['update', row('update', ONE, TWO), null, 'conflict'],
    ['delete', row('delete', ONE, null), ONE, 'safe'],
    ['delete', row('delete', ONE, null), null, 'there'],
    ['delete', row('delete', ONE, null), OTHER, 'conflict'],
  ] as const)('%s %#: is judged', (_kind, saved, now, verdict) => {
    expect(judge(saved, now)).toBe(verdict);
    expect(changeFor(saved, now, false) === null).toBe(verdict === 'conflict');
  });

  it('differs by a NULL, by a blank, and by bytes that no text shows', () => {
    for (const v of [null, '', 'one ', { hex: '6F6E65' }]) {
      expect(judge(row('update', ONE, TWO), { id: '1', v })).toBe('conflict');
    }
  });

  it('is the same when the writer computes a column that the log leaves out', () => {
    expect(judge(row('update', ONE, TWO), { ...ONE, computed: '7' })).toBe('safe');
  });

  it('wins when it is forced: put in where nothing is, over what is there, and away what is there', () => {
    expect(changeFor(row('update', ONE, TWO), null, true)).toEqual({ kind: 'insert', to: TWO });
    expect(changeFor(row('insert', null, ONE), OTHER, true)).toEqual({ kind: 'update', at: OTHER, to: ONE });
    expect(changeFor(row('delete', ONE, null), OTHER, true)).toEqual({ kind: 'delete', at: OTHER });
    expect(changeFor(row('delete', ONE, null), null, true)).toEqual({ kind: 'nothing' });
  });
});

describe('a transaction', () => {
  it('is in conflict by one row, and there only when all of it is', () => {
    expect(verdictOf(['safe', 'there', 'conflict'])).toBe('conflict');
    expect(verdictOf(['there', 'there'])).toBe('there');
    expect(verdictOf(['there', 'safe'])).toBe('safe');
    expect(verdictOf([])).toBe('safe');
  });
});
