import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PairRecord } from '../../core/pair/record.ts';
import { encodeEntry, entryKey, pairId, readEntry } from './entry.ts';

const owner = { pair: 'shop', pairId: pairId('secret'), nodes: ['a', 'b'] };
const RECORD: PairRecord = { epoch: 7, writer: 'a', sync: 'paired' };

function because(text: string): string {
  const read = readEntry(text, owner);
  if (read.ok) throw new Error('it was read as a record');
  return read.because;
}

test('the id is the same for the same key, another for another, and does not show the key', () => {
  expect(pairId('secret')).toBe('e2a1204fb680119e'); // as `openssl dgst -sha256 -hmac secret` says
  expect(pairId('secret')).not.toBe(pairId('secret2'));
});

test('the text of a record is fixed to the byte: a compare-and-swap of another version must agree with it', () => {
  expect(entryKey('shop')).toBe('/twinkeep/shop/record');
  expect(encodeEntry(RECORD, { ...owner, pairId: '0123456789abcdef' })).toBe(
    '{"format":1,"pair":"shop","id":"0123456789abcdef","record":{"epoch":7,"writer":"a","sync":"paired"}}',
  );
});

test('every record is read back as it was written', () => {
  const record = fc.record({
    epoch: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    writer: fc.constantFrom('a', 'b'),
    sync: fc.constantFrom('paired' as const, 'alone' as const),
  });
  fc.assert(
    fc.property(record, (each) => {
      expect(readEntry(encodeEntry(each, owner), owner)).toEqual({ ok: true, record: each });
    }),
  );
});

test('a text with one character changed, lost or added is never read as another record of this pair', () => {
  const text = encodeEntry(RECORD, owner);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: text.length - 1 }),
      fc.constantFrom('', ' ', '0', '"', '}', '\0', 'x'),
      (at, by) => {
        const read = readEntry(text.slice(0, at) + by + text.slice(at + 1), owner);
        // Only another digit of the epoch cannot be told from a record.
        if (read.ok) expect({ ...read.record, epoch: 7 }).toEqual(RECORD);
      },
    ),
  );
});

test('arbitrary text is refused with a sentence of bounded length, whatever it holds', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(because(text).length).toBeLessThan(600);
      expect(because(text)).not.toMatch(/[\n\r\0]/);
    }),
  );
});

test('each reason why an entry is not ours is named, with what to do', () => {
  const text = encodeEntry(RECORD, owner);
  expect(because('hello')).toMatch(/not readable as JSON.*"hello".*etcdctl del \/twinkeep\/shop\/record/);
  expect(because(encodeEntry(RECORD, { ...owner, pairId: pairId('other') }))).toMatch(
    /another pair of the same name.*another name in pair\.yaml/,
  );
  expect(because(encodeEntry(RECORD, { ...owner, pair: 'bakery' }))).toMatch(/belongs to another pair/);
  expect(because(encodeEntry({ ...RECORD, writer: 'c' }, owner))).toMatch(/writer "c".*a and b/);
  expect(because(text.replace('"format":1', '"format":2'))).toMatch(/newer version/);
  expect(because(text.replace('"epoch"', ' "epoch"'))).toMatch(/edited by hand/);
  expect(because(text.replace('7', '-7'))).toMatch(/its record is none/);
});
