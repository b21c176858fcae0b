// A rows event: the rows that one statement inserted, updated or deleted in one table, each before and after.
import { ByteReader, bitOf } from './bytes.ts';
import { type Cell, readCell, UnreadableType } from './cell.ts';
import { type Decoded, decoding, ROWS_EVENTS } from './event.ts';
import type { TableMap } from './tablemap.ts';

/** A column that the event leaves out (binlog_row_image) is undefined. */
export type RowImage = readonly (Cell | undefined)[];

export interface ChangedRow {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly before: RowImage | null;
  readonly after: RowImage | null;
}

/** The id of the table that the event is about: the table map with this id came before it. */
export const tableIdOf = (body: Uint8Array): number => (body.length < 6 ? -1 : new ByteReader(body).uint(6));

function readImage(reader: ByteReader, map: TableMap, present: Uint8Array): RowImage {
  const columns = map.columns.map((_, i) => bitOf(present, i));
  const count = columns.filter(Boolean).length;
  const nulls = reader.bytes((count + 7) >> 3);
  let at = 0;
  return map.columns.map((column, i) => {
    if (columns[i] !== true) return undefined;
    return bitOf(nulls, at++) ? null : readCell(reader, column);
  });
}

export function decodeRows(type: number, body: Uint8Array, map: TableMap): Decoded<readonly ChangedRow[]> {
  const event = ROWS_EVENTS.get(type);
  if (event === undefined) return { ok: false, reason: `event type ${type} holds no rows` };
  try {
    return decoding('a rows event', () => {
      const reader = new ByteReader(body);
      reader.skip(8);
      if (event.version === 2) reader.skip(reader.uint(2) - 2);
      const width = reader.length();
      if (width !== map.columns.length) throw new UnreadableType('rows that do not fit their table map');
      const bitmapBytes = (width + 7) >> 3;
      const present = reader.bytes(bitmapBytes);
      const presentAfter = event.kind === 'update' ? reader.bytes(bitmapBytes) : present;
      const rows: ChangedRow[] = [];
      while (reader.left > 0) {
        const first = readImage(reader, map, present);
        if (event.kind === 'insert') rows.push({ kind: 'insert', before: null, after: first });
        else if (event.kind === 'delete') rows.push({ kind: 'delete', before: first, after: null });
        else rows.push({ kind: 'update', before: first, after: readImage(reader, map, presentAfter) });
        // A table without columns has rows without bytes.
        if (width === 0) break;
      }
      return rows;
    });
  } catch (error) {
    if (!(error instanceof UnreadableType)) throw error;
    return { ok: false, reason: error.message };
  }
}
