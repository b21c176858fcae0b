// Rows as SQL: values as literals that no setting of the session changes, and rows read back in the very text that the binary log
// reader gives them, so that "the same" means the same byte for byte. Sessions are set by ROW_SESSION first.

import { bytesOfHex } from '../../core/binlog/bytes.ts';
import {
  bytesValue,
  type ColumnDefinition,
  type Image,
  type TableDefinition,
  type Value,
} from '../../core/binlog/definition.ts';
import { text } from '../database/rows.ts';

/** Numbers, dates and zero values as they are in the log; checks and cascades are the server's own business at the writer. */
export const ROW_SESSION = `SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', autocommit = 1,
 character_set_results = 'utf8mb4', character_set_client = 'utf8mb4', collation_connection = 'utf8mb4_bin',
 lock_wait_timeout = 5, innodb_lock_wait_timeout = 5`;

export const name = (identifier: string): string => `\`${identifier.replaceAll('`', '``')}\``;
export const tableName = (definition: Pick<TableDefinition, 'schema' | 'table'>): string =>
  `${name(definition.schema)}.${name(definition.table)}`;

const NUMBERS = new Set([
  'tinyint',
  'smallint',
  'mediumint',
  'int',
  'bigint',
  'decimal',
  'bit',
  'enum',
  'set',
  'year',
]);
const TIMES = new Set(['date', 'time', 'datetime', 'timestamp']);
const hexOfText = (value: string): string => Buffer.from(value, 'utf8').toString('hex');

const isFloat = (column: ColumnDefinition): boolean => column.type === 'float' || column.type === 'double';

/** The column as text that compares equal to the log's only when the value is the same. */
function plain(column: ColumnDefinition): string {
  const quoted = name(column.name);
  if (isFloat(column)) return `(${quoted} + 0e0)`;
  if (column.type === 'bit' || column.type === 'enum' || column.type === 'set')
    return `CAST(${quoted} + 0 AS CHAR)`;
  if (NUMBERS.has(column.type) || TIMES.has(column.type)) return `CAST(${quoted} AS CHAR)`;
  if (column.fixedBytes > 0 && column.type !== 'binary')
    return `HEX(CAST(${quoted} AS BINARY(${column.fixedBytes})))`;
  return `HEX(${quoted})`;
}

/** What to select, in the order of the columns; read by `imageOfRow`. */
export const selected = (definition: TableDefinition): string =>
  definition.columns.map((column, i) => `${plain(column)} AS c${i}`).join(', ');

function valueRead(column: ColumnDefinition, raw: unknown): Value {
  if (raw === null || raw === undefined) return null;
  if (isFloat(column)) return String(Number(raw));
  if (NUMBERS.has(column.type) || TIMES.has(column.type)) return text(raw);
  return bytesValue(bytesOfHex(text(raw)) ?? new Uint8Array(), column.charset);
}

export function imageOfRow(definition: TableDefinition, row: Record<string, unknown>): Image {
  return Object.fromEntries(
    definition.columns.map((column, i) => [column.name, valueRead(column, row[`c${i}`])]),
  );
}

/** Text of a number or a time as the log has it; anything else in its place is no value of ours. */
const NUMBER = /^-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Infinity)$/i;
const TIME = /^[-\d: .]+$/;

export function literal(column: ColumnDefinition, value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') {
    if (!/^[0-9A-Fa-f]*$/.test(value.hex)) throw new RangeError(`no bytes of ${column.name}`);
    const introducer = column.charset === null || !/^\w+$/.test(column.charset) ? '' : `_${column.charset} `;
    return `${introducer}X'${value.hex}'`;
  }
  if (isFloat(column) || NUMBERS.has(column.type)) {
    if (!NUMBER.test(value)) throw new RangeError(`${value} is no number for ${column.name}`);
    // With an exponent it is a double, whatever its digits.
    return isFloat(column) && !/e/i.test(value) ? `${value}e0` : value;
  }
  if (TIMES.has(column.type)) {
    if (!TIME.test(value)) throw new RangeError(`${value} is no time for ${column.name}`);
    return `'${value}'`;
  }
  return `_utf8mb4 X'${hexOfText(value)}'`;
}

const columnOf = (definition: TableDefinition, column: string): ColumnDefinition => {
  const found = definition.columns.find((each) => each.name === column);
  if (found === undefined) throw new RangeError(`${definition.table} has no column ${column}`);
  return found;
};

/** Finds the row by its key, with the index; without a key by every column. */
export function whereKey(definition: TableDefinition, image: Image): string {
  if (definition.key.length === 0) return whereExactly(definition, image);
  return definition.key
    .map((key) => `${name(key)} = ${literal(columnOf(definition, key), image[key] ?? null)}`)
    .join(' AND ');
}

function comparable(column: ColumnDefinition, value: Value): string {
  if (value === null) return 'NULL';
  if (isFloat(column) && typeof value === 'string') return literal(column, value);
  if (NUMBERS.has(column.type) || TIMES.has(column.type)) return `_utf8mb4 X'${hexOfText(String(value))}'`;
  const hex = typeof value === 'string' ? hexOfText(value) : value.hex;
  return `'${hex.toUpperCase()}'`;
}

/** The row that is the same in every column. */
export const whereExactly = (definition: TableDefinition, image: Image): string =>
  definition.columns
    .filter((column) => image[column.name] !== undefined && !column.generated)
    .map((column) => `${plain(column)} <=> ${comparable(column, image[column.name] ?? null)}`)
    .join(' AND ');

const written = (definition: TableDefinition, image: Image): readonly ColumnDefinition[] =>
  definition.columns.filter((column) => !column.generated && image[column.name] !== undefined);

export function insertSql(definition: TableDefinition, image: Image): string {
  const columns = written(definition, image);
  const names = columns.map((column) => name(column.name)).join(', ');
  const values = columns.map((column) => literal(column, image[column.name] ?? null)).join(', ');
  return `INSERT INTO ${tableName(definition)} (${names}) VALUES (${values})`;
}

/** `at` is the row as it is now. */
export function updateSql(definition: TableDefinition, at: Image, to: Image): string {
  const sets = written(definition, to)
    .map((column) => `${name(column.name)} = ${literal(column, to[column.name] ?? null)}`)
    .join(', ');
  return `UPDATE ${tableName(definition)} SET ${sets} WHERE ${whereKey(definition, at)} LIMIT 1`;
}

export const deleteSql = (definition: TableDefinition, at: Image): string =>
  `DELETE FROM ${tableName(definition)} WHERE ${whereKey(definition, at)} LIMIT 1`;

export const selectSql = (definition: TableDefinition, at: Image, lock: boolean): string =>
  `SELECT ${selected(definition)} FROM ${tableName(definition)} WHERE ${whereKey(definition, at)} LIMIT 2${lock ? ' FOR UPDATE' : ''}`;
