// Hostile and torn bytes; what each type looks like on a real server is in test/salvage/binlog.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, bytesOfHex, hexOf } from './bytes.ts';
import { readCell, utcText } from './cell.ts';
import { bytesValue, differing, imageOf } from './definition.ts';
import { decodeHeader, decodeQuery, ROWS_EVENTS } from './event.ts';
import { decodeRows } from './rows.ts';
import { decodeTableMap, type TableMap, TYPE } from './tablemap.ts';
import { transactionReader } from './transaction.ts';

const bytes = (hex: string): Uint8Array => bytesOfHex(hex) ?? new Uint8Array();
const cell = (type: number, meta: number, hex: string) =>
  readCell(new ByteReader(bytes(hex)), { type, meta });

describe('events of a binary log', () => {
  it('never throw, whatever their bytes', () => {
    const map: TableMap = {
      id: 1,
      schema: 's',
      table: 't',
      columns: [
        { type: TYPE.long, meta: 0 },
        { type: TYPE.varchar, meta: 300 },
      ],
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 255 }), (body, type) => {
        const header = decodeHeader(body);
        decodeTableMap(body);
        decodeQuery(body);
        for (const rows of ROWS_EVENTS.keys()) decodeRows(rows, body, map);
        if (header !== null) {
          const reader = transactionReader();
          for (const each of [162, 33, type, 2, 16]) reader.take({ ...header, type: each }, body);
        }
        return true;
      }),
    );
  });

  it('of a torn row are a reason, not half a row', () => {
    const map: TableMap = { id: 1, schema: 's', table: 't', columns: [{ type: TYPE.long, meta: 0 }] };
    const whole = '010000000000' + '0100' + '01' + 'FF' + '00' + '07000000';
    expect(decodeRows(23, bytes(whole), map)).toEqual({
      ok: true,
      value: [{ kind: 'insert', before: null, after: ['7'] }],
    });
    expect(decodeRows(23, bytes(whole.slice(0, -2)), map)).toMatchObject({ ok: false });
  });
});

describe('a column of a row', () => {
  it.each([
    ['decimal', TYPE.newdecimal, (14 << 8) | 4, '810DFB38D204D2', '1234567890.1234'],
    ['negative decimal', TYPE.newdecimal, (14 << 8) | 4, '7EF204C72DFB2D', '-1234567890.1234'],
    ['datetime', TYPE.datetime2, 0, '99B29C28B8', '2024-02-14 02:34:56'],
    ['negative time with a fraction', TYPE.time2, 3, '7FFFFFFFF6', '-00:00:00.001'],
    ['timestamp', TYPE.timestamp2, 0, '7FFFFFFF', '2038-01-19 03:14:07'],
    ['date', TYPE.date, 0, '5DD10F', '2024-10-29'],
    ['wide set', TYPE.set, 8, 'FFFFFFFFFFFFFFFF', '18446744073709551615'],
  ])('%s is the text that the server prints', (_name, type, meta, hex, text) => {
    expect(cell(type, meta, hex)).toBe(text);
  });
  it('of the dates that a calendar finds hard', () => {
    expect(utcText(951_782_400)).toBe('2000-02-29 00:00:00');
    expect(utcText(4_107_542_399)).toBe('2100-02-28 23:59:59');
    expect(utcText(0)).toBe('0000-00-00 00:00:00');
  });
  it('keeps bytes that are no text of its character set', () => {
    expect(bytesValue(bytes('C3A9'), 'utf8mb4')).toBe('é');
    expect(bytesValue(bytes('E9'), 'latin1')).toEqual({ hex: 'E9', charset: 'latin1' });
    expect(bytesValue(bytes('E9'), 'utf8mb4')).toEqual({ hex: 'E9', charset: 'utf8mb4' });
    expect(bytesValue(bytes('0041'), 'ucs2')).toEqual({ hex: '0041', charset: 'ucs2' });
    expect(bytesValue(bytes('61'), null)).toEqual({ hex: '61' });
    fc.assert(
      fc.property(fc.uint8Array(), (any) => hexOf(bytesOfHex(hexOf(any)) ?? new Uint8Array()) === hexOf(any)),
    );
  });
  it('is called by its number when the table was altered since', () => {
    const map: TableMap = { id: 1, schema: 's', table: 't', columns: [{ type: TYPE.long, meta: 0 }] };
    expect(imageOf(['7'], map, { schema: 's', table: 't', key: [], columns: [] })).toEqual({ '@1': '7' });
    expect(imageOf([undefined], map, null)).toEqual({});
  });
  it('differs from what is absent, and not from itself', () => {
    expect(differing({ a: '1', b: null }, { a: '1', c: '2' })).toEqual(['b', 'c']);
    expect(differing({ a: { hex: '00' } }, { a: { hex: '00' } })).toEqual([]);
  });
});
