// What a table's columns are called and what they hold: the binary log does not say. Read from information_schema by io/binlog;
// puts names to the cells of a row, and turns bytes into text where the column's character set allows it.
import { hexOf, utf8 } from './bytes.ts';
import type { Cell } from './cell.ts';
import type { RowImage } from './rows.ts';
import { type MappedColumn, type TableMap, TYPE } from './tablemap.ts';

export interface ColumnDefinition {
  readonly name: string;
  /** DATA_TYPE, as in "varchar". */
  readonly type: string;
  readonly unsigned: boolean;
  /** CHARACTER_SET_NAME; null: no text. */
  readonly charset: string | null;
  /** Bytes of a fixed-length binary column; 0: it is none. */
  readonly fixedBytes: number;
  /** Computed by the server: it can be read and not written. */
  readonly generated: boolean;
}

export interface TableDefinition {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly ColumnDefinition[];
  /** Columns of the primary key, or of a unique key without NULLs; empty: a row is found by all its columns. */
  readonly key: readonly string[];
}

/**
 * One column of one row: null, the text as a server in time zone UTC prints it (numbers, dates, text), or bytes where the column
 * holds no text that UTF-8 could carry; `charset`: what such bytes are.
 */
export type Value = null | string | { readonly hex: string; readonly charset?: string };

/** By column, in the order of the table. */
export type Image = Readonly<Record<string, Value>>;

const UTF8 = new Set(['utf8', 'utf8mb3', 'utf8mb4', 'ascii']);
/** In which the bytes of ASCII are no ASCII. */
const FOREIGN = new Set(['ucs2', 'utf16', 'utf16le', 'utf32', 'swe7']);
const INTEGER_BITS: Readonly<Record<number, number>> = {
  [TYPE.tiny]: 8,
  [TYPE.short]: 16,
  [TYPE.int24]: 24,
  [TYPE.long]: 32,
  [TYPE.longlong]: 64,
};

function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length >= length) return bytes;
  const whole = new Uint8Array(length);
  whole.set(bytes);
  return whole;
}

export function bytesValue(bytes: Uint8Array, charset: string | null): Value {
  if (charset === null || charset === 'binary') return { hex: hexOf(bytes) };
  const readable = UTF8.has(charset) || (!FOREIGN.has(charset) && bytes.every((byte) => byte < 0x80));
  const text = readable ? utf8(bytes) : null;
  return text ?? { hex: hexOf(bytes), charset };
}

function valueIn(cell: Cell, column: MappedColumn, definition: ColumnDefinition | null): Value {
  if (cell === null) return null;
  if (cell instanceof Uint8Array) {
    if (definition === null) return utf8(cell) ?? { hex: hexOf(cell) };
    // The log leaves the closing zero bytes of a fixed-length column out.
    const bytes = definition.fixedBytes > 0 ? padded(cell, definition.fixedBytes) : cell;
    return bytesValue(bytes, definition.charset);
  }
  const bits = INTEGER_BITS[column.type];
  if (bits === undefined || definition?.unsigned !== true || !cell.startsWith('-')) return cell;
  return String(BigInt(cell) + (1n << BigInt(bits)));
}

/** Whether the definition is that of the table when the rows were written, as far as can be seen. */
export const fits = (map: TableMap, definition: TableDefinition): boolean =>
  map.columns.length === definition.columns.length;

/** Columns that the event leaves out are left out. Without a fitting definition columns are called @1, @2 as by mariadb-binlog. */
export function imageOf(image: RowImage, map: TableMap, definition: TableDefinition | null): Image {
  const named = definition !== null && fits(map, definition) ? definition : null;
  const entries: [string, Value][] = [];
  map.columns.forEach((column, i) => {
    const cell = image[i];
    if (cell === undefined) return;
    const own = named?.columns[i] ?? null;
    entries.push([own?.name ?? `@${i + 1}`, valueIn(cell, column, own)]);
  });
  return Object.fromEntries(entries);
}

export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a === null || b === null || typeof a === 'string' || typeof b === 'string') return a === b;
  return a.hex === b.hex;
}

/** The columns in which two images differ; a column that only one of them has counts. */
export function differing(a: Image, b: Image): string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].filter((name) => !sameValue(a[name], b[name]));
}

/** Bytes of a column whose character set is not UTF-8 are shown as that text where it is known. */
export function shown(value: Value | undefined): string {
  if (value === undefined) return '(absent)';
  if (value === null) return 'NULL';
  if (typeof value === 'string') return value;
  return `0x${value.hex}`;
}
