// A differing row as an operator reads it: its key, and each column that differs with both values.
import type { Column } from '../../core/verify/shape.ts';
import type { Row, VerifyServer } from './server.ts';
import { fullRow, type Value } from './statements.ts';

export interface ShownRow {
  /** By column; of a table without a key: empty. */
  readonly key: Readonly<Record<string, string>>;
  readonly there: 'both' | 'only-writer' | 'only-standby';
  /** How often such a row is there; of tables without a key. */
  readonly times?: { readonly writer: number; readonly standby: number };
  readonly columns: readonly { readonly name: string; readonly writer: string; readonly standby: string }[];
}

const SHOWN_MAX = 80;

/** As a literal, so that blanks, case and NULL show; long ones cut. */
export function shownValue(column: Column, value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return cut(value);
  const text = decoded(column, value);
  if (text === null) return `0x${cut(Buffer.from(value).toString('hex').toUpperCase())}`;
  return cut(JSON.stringify(text));
}

const cut = (text: string): string =>
  text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}... (${text.length} characters)`;

function decoded({ charset, dataType }: Column, bytes: Uint8Array): string | null {
  if (charset === null && !['enum', 'set'].includes(dataType)) return null;
  if (charset === 'latin1') return Buffer.from(bytes).toString('latin1');
  if (charset !== null && !/^(utf8|ascii)/.test(charset)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

export const valuesOf = (row: Row, columns: readonly Column[]): Value[] =>
  columns.map((_, i) => {
    const value = row[`c${i}`];
    return value === null || value === undefined || value instanceof Uint8Array
      ? (value ?? null)
      : String(value);
  });

export async function readRow(
  server: VerifyServer,
  table: string,
  columns: readonly Column[],
  where: string,
  limitMs?: number,
): Promise<Value[] | null> {
  const [row] = await server.read(fullRow(table, columns, where), limitMs);
  return row === undefined ? null : valuesOf(row, columns);
}

const equal = (a: Value, b: Value): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : a === b;

/** null: they are equal by now. */
export function compareShown(
  columns: readonly Column[],
  keyColumns: readonly string[],
  writer: readonly Value[] | null,
  standby: readonly Value[] | null,
): ShownRow | null {
  const some = writer ?? standby;
  if (some === null) return null;
  const key = Object.fromEntries(
    columns.flatMap((column, i) =>
      keyColumns.includes(column.name) ? [[column.name, shownValue(column, some[i] ?? null)]] : [],
    ),
  );
  if (writer === null || standby === null) {
    const absent = '-';
    const listed = columns.flatMap((column, i) => {
      if (keyColumns.includes(column.name)) return [];
      const value = shownValue(column, some[i] ?? null);
      return [{ name: column.name, writer: writer ? value : absent, standby: standby ? value : absent }];
    });
    return { key, there: writer === null ? 'only-standby' : 'only-writer', columns: listed };
  }
  const differing = columns.flatMap((column, i) => {
    const [a, b] = [writer[i] ?? null, standby[i] ?? null];
    return equal(a, b)
      ? []
      : [{ name: column.name, writer: shownValue(column, a), standby: shownValue(column, b) }];
  });
  return differing.length === 0 ? null : { key, there: 'both', columns: differing };
}
