// Every statement by which `twinkeep verify` reads rows, for MariaDB and MySQL 5.6 to 9.x alike. Built from a table's shape;
// run by keyed.ts and whole.ts. The same text runs on both servers, so that both judge by the same rules.
//
// A row's digest is SHA-256 over its columns, each written so that no two different rows give the same bytes: numbers and
// times as text, everything else with its length ahead and in the bytes that the server keeps (not in the connection's
// character set), floating point with all its digits. SHA-256 because MySQL 9.6 took MD5 away.

import type { Column, Comparable } from '../../core/verify/shape.ts';

/** One value of a key, as text: a number, the text of a time, or hexadecimal digits. */
export type Key = readonly string[];

export interface TableStatements {
  /** The last key of the next `rows` rows after `after`; no row: the rest is smaller than that. */
  boundary(after: Key | null, rows: number): string;
  /** n, unread, digest of the rows in (after, until]; null: no limit. */
  chunkDigest(after: Key | null, until: Key | null): string;
  /** k0.., h of each row there. `limit` rows at most. */
  chunkRows(after: Key | null, until: Key | null, limit: number): string;
  /** i, h of each given key that exists. */
  looked(keys: readonly Key[]): string;
  keyOf(row: Readonly<Record<string, unknown>>): Key;
  /** `k = ..` for one row. */
  where(key: Key): string;
}

export const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
export const named = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

type Writing = 'number' | 'time' | 'bytes' | 'word' | 'float' | 'long' | 'json' | 'opaque' | 'index';

const WRITING: Readonly<Record<string, Writing>> = {
  ...all('number', ['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal', 'year']),
  ...all('time', ['date', 'time', 'datetime', 'timestamp']),
  ...all('bytes', ['char', 'varchar', 'binary', 'varbinary']),
  ...all('index', ['enum', 'set', 'bit']),
  ...all('word', ['uuid', 'inet4', 'inet6']),
  ...all('float', ['float', 'double']),
  ...all('long', [
    'tinytext',
    'text',
    'mediumtext',
    'longtext',
    'tinyblob',
    'blob',
    'mediumblob',
    'longblob',
  ]),
  json: 'json',
};

function all(writing: Writing, types: readonly string[]): Record<string, Writing> {
  return Object.fromEntries(types.map((type) => [type, writing]));
}

const writingOf = ({ dataType }: Column): Writing => WRITING[dataType] ?? 'opaque';

/** Whether a column of a key can be told exactly in a WHERE, and orders as ORDER BY does. */
export const canBeKey = (column: Column): boolean =>
  ['number', 'time', 'bytes', 'word', 'index'].includes(writingOf(column)) && column.computed === 'no';

/** The column in a row's digest. */
function digested(column: Column): string {
  const name = named(column.name);
  const expression = written(column, name);
  return column.nullable ? `IFNULL(${expression},'~')` : expression;
}

function written(column: Column, name: string): string {
  switch (writingOf(column)) {
    case 'number':
    case 'time':
      return name;
    case 'word':
      return `CAST(${name} AS CHAR)`;
    case 'float':
      return `${name}+0e0`;
    case 'bytes':
      return `CONCAT(LENGTH(${name}),':',CAST(${name} AS BINARY))`;
    // An ENUM's text, not its index: what clients see.
    case 'index':
      return column.dataType === 'bit' ? `${name}+0` : `CONCAT(LENGTH(${name}),':',CAST(${name} AS BINARY))`;
    // The row's digest stays small, whatever max_allowed_packet is.
    case 'long':
      return `CONCAT(LENGTH(${name}),':',SHA2(CAST(${name} AS BINARY),256))`;
    case 'json':
      return `SHA2(CAST(${name} AS CHAR),256)`;
    case 'opaque':
      return `SHA2(HEX(${name}),256)`;
  }
}

export function rowDigest(columns: readonly Column[]): string {
  return `SHA2(CONCAT_WS(',',${columns.map(digested).join(',')}),256)`;
}

/** Rows of `h` in a derived table, summed up: 2 x 64 bits by XOR, 48 bits by addition, the count. */
export const SUMS = `COUNT(*) AS n, COUNT(*) - COUNT(h) AS unread,
 CONCAT_WS('/', COUNT(*), BIT_XOR(CAST(CONV(LEFT(h,16),16,10) AS UNSIGNED)),
 BIT_XOR(CAST(CONV(SUBSTR(h,17,16),16,10) AS UNSIGNED)), SUM(CAST(CONV(SUBSTR(h,33,12),16,10) AS UNSIGNED))) AS digest`;

/** A key's value as text. */
function keyText(column: Column): string {
  const name = named(column.name);
  switch (writingOf(column)) {
    case 'bytes':
      return `HEX(${name})`;
    case 'index':
      return `CAST(${name}+0 AS CHAR)`;
    default:
      return `CAST(${name} AS CHAR)`;
  }
}

/** That text in a statement. Compared with the column, its own collation decides. */
function keyLiteral(column: Column, text: string): string {
  switch (writingOf(column)) {
    case 'bytes':
      return column.charset === null || column.charset === 'binary'
        ? `X'${text}'`
        : `_${column.charset} X'${text}'`;
    case 'number':
    case 'index':
      if (!/^-?[0-9.]+$/.test(text)) throw new Error(`no number: ${text}`);
      return text;
    default:
      return quoted(text);
  }
}

interface Part {
  readonly name: string;
  readonly value: string;
}

/** The parts of a key in lexical order: AND and OR, because row constructors do not use an index everywhere. */
function beyond(parts: readonly Part[], operator: '>' | '<=' | '<', last: '>' | '<='): string {
  const [first, ...rest] = parts;
  if (first === undefined) return '1=1';
  const { name, value } = first;
  if (rest.length === 0) return `${name} ${last} ${value}`;
  const strict = operator === '>' ? '>' : '<';
  return `${name} ${strict}= ${value} AND (${name} ${strict} ${value} OR (${name} = ${value} AND (${beyond(rest, operator, last)})))`;
}

export const tableName = (schema: string, name: string): string => `${named(schema)}.${named(name)}`;

/** For a table whose rows are told apart by a key. */
export function keyedStatements(
  table: string,
  { columns, key }: Extract<Comparable, { kind: 'comparable' }>,
): TableStatements {
  if (key === null) throw new Error(`${table} has no key`);
  const keyColumns = key.columns.map((name) => {
    const column = columns.find((each) => each.name === name);
    if (column === undefined) throw new Error(`${table} has no column ${name}`);
    return column;
  });
  const digest = rowDigest(columns);
  const texts = keyColumns.map((column, i) => `${keyText(column)} AS k${i}`).join(', ');
  const order = keyColumns.map((column) => named(column.name)).join(', ');
  const indexed = `${table} FORCE INDEX (${named(key.index)})`;
  const parts = (values: Key): Part[] =>
    keyColumns.map((column, i) => ({
      name: named(column.name),
      value: keyLiteral(column, values[i] ?? ''),
    }));
  const range = (after: Key | null, until: Key | null): string =>
    [
      ...(after === null ? [] : [`(${beyond(parts(after), '>', '>')})`]),
      ...(until === null ? [] : [`(${beyond(parts(until), '<=', '<=')})`]),
    ].join(' AND ') || '1=1';
  const where = (values: Key): string =>
    parts(values)
      .map(({ name, value }) => `${name} = ${value}`)
      .join(' AND ');
  return {
    boundary: (after, rows) =>
      `SELECT ${texts} FROM ${indexed} WHERE ${range(after, null)} ORDER BY ${order} LIMIT 1 OFFSET ${rows - 1}`,
    chunkDigest: (after, until) =>
      `SELECT ${SUMS} FROM (SELECT ${digest} AS h FROM ${indexed} WHERE ${range(after, until)}) AS r`,
    chunkRows: (after, until, limit) =>
      `SELECT ${texts}, ${digest} AS h FROM ${indexed} WHERE ${range(after, until)} LIMIT ${limit}`,
    looked: (keys) =>
      keys
        .map((values, i) => `(SELECT ${i} AS i, ${digest} AS h FROM ${table} WHERE ${where(values)})`)
        .join(' UNION ALL '),
    keyOf: (row) => keyColumns.map((_, i) => String(row[`k${i}`])),
    where,
  };
}

/** For a table without a usable key: its rows by their digests, as often as they are there. */
export function wholeStatements(table: string, columns: readonly Column[]) {
  const rows = `(SELECT ${rowDigest(columns)} AS h FROM ${table}) AS r`;
  return {
    /** bucket, n, unread, digest of each of 256 parts. */
    buckets: `SELECT LEFT(h,2) AS bucket, ${SUMS} FROM ${rows} GROUP BY LEFT(h,2)`,
    /** h, n of the rows in these buckets. */
    inBuckets: (buckets: readonly string[]) =>
      `SELECT h, COUNT(*) AS n FROM ${rows} WHERE LEFT(h,2) IN (${buckets.map(quoted).join(',')}) GROUP BY h`,
    /** h, n of these rows. */
    counted: (digests: readonly string[]) =>
      `SELECT h, COUNT(*) AS n FROM ${rows} WHERE h IN (${digests.map(quoted).join(',')}) GROUP BY h`,
    where: (digest: string) => `${rowDigest(columns)} = ${quoted(digest)}`,
  };
}

/** A row as it is, to show or to write: numbers and times as text, the rest as bytes. */
export function fullRow(table: string, columns: readonly Column[], where: string): string {
  const exact = columns.map((column, i) => {
    const name = named(column.name);
    const writing = writingOf(column);
    if (writing === 'bytes' || writing === 'long') return `CAST(${name} AS BINARY) AS c${i}`;
    if (writing === 'index')
      return column.dataType === 'bit'
        ? `CAST(${name}+0 AS CHAR) AS c${i}`
        : `CAST(${name} AS BINARY) AS c${i}`;
    if (writing === 'float') return `CAST(${name}+0e0 AS CHAR) AS c${i}`;
    if (writing === 'opaque') return `HEX(${name}) AS c${i}`;
    return `CAST(${name} AS CHAR) AS c${i}`;
  });
  return `SELECT ${exact.join(', ')} FROM ${table} WHERE ${where} LIMIT 1`;
}

export type Value = string | Uint8Array | null;

/** A value of `fullRow` in a statement that writes it. */
export function valueLiteral(column: Column, value: Value): string {
  if (value === null) return 'NULL';
  const hex = (): string =>
    Buffer.from(typeof value === 'string' ? Buffer.from(value) : value).toString('hex');
  switch (writingOf(column)) {
    case 'number':
    case 'float':
      return String(value);
    case 'time':
    case 'word':
      return quoted(String(value));
    case 'index':
      if (column.dataType === 'bit') return String(value);
      return `_${column.charset ?? 'utf8mb4'} X'${hex()}'`;
    case 'bytes':
    case 'long':
      return column.charset === null || column.charset === 'binary'
        ? `X'${hex()}'`
        : `_${column.charset} X'${hex()}'`;
    case 'json':
      return `CONVERT(X'${hex()}' USING utf8mb4)`;
    case 'opaque':
      return `X'${String(value)}'`;
  }
}
