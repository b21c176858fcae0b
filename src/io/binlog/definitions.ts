// The definitions of tables, as a server has them now: names and kinds of columns, the key by which a row is found, and what
// stands against changing rows one by one (triggers, cascading foreign keys).
import type { ColumnDefinition, TableDefinition } from '../../core/binlog/definition.ts';
import type { HeldConnection } from '../database/connection.ts';
import { rowsOf, text } from '../database/rows.ts';

const FIXED = new Map([
  ['uuid', 16],
  ['inet6', 16],
  ['inet4', 4],
]);

/** Text as a literal whatever the session's settings. */
export const quoted = (value: string): string => `_utf8mb4 X'${Buffer.from(value, 'utf8').toString('hex')}'`;
/** For information_schema, whose columns are compared by their own collation. */
const named = (value: string): string => `CONVERT(${quoted(value)} USING utf8mb3)`;

function columnOf(row: Record<string, unknown>): ColumnDefinition {
  const type = text(row['type']).toLowerCase();
  const extra = text(row['extra']).toUpperCase();
  const fixed = type === 'binary' ? Number(row['octets'] ?? 0) : (FIXED.get(type) ?? 0);
  return {
    name: text(row['name']),
    type,
    unsigned: /\bunsigned\b/i.test(text(row['whole'])),
    charset:
      row['charset'] === null || row['charset'] === undefined ? null : text(row['charset']).toLowerCase(),
    fixedBytes: fixed,
    // MySQL's DEFAULT_GENERATED is a default that is an expression, no generated column.
    generated: /\b(?:VIRTUAL|STORED|PERSISTENT) GENERATED\b|\bROW (?:START|END)\b/.test(
      extra.replace('INVISIBLE', ''),
    ),
  };
}

/** Null when there is no such table, or the account may not see it. */
export async function readDefinition(
  connection: HeldConnection,
  schema: string,
  table: string,
  deadlineMs: number,
): Promise<TableDefinition | null> {
  const where = `TABLE_SCHEMA = ${named(schema)} AND TABLE_NAME = ${named(table)}`;
  const columns = rowsOf(
    await connection.query(
      `SELECT COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_TYPE AS whole, CHARACTER_SET_NAME AS charset,
         CHARACTER_OCTET_LENGTH AS octets, EXTRA AS extra
       FROM information_schema.COLUMNS WHERE ${where} ORDER BY ORDINAL_POSITION`,
      deadlineMs,
    ),
  );
  if (columns.length === 0) return null;
  const keys = rowsOf(
    await connection.query(
      `SELECT INDEX_NAME AS name, COLUMN_NAME AS col, NULLABLE AS nullable, SUB_PART AS part
       FROM information_schema.STATISTICS WHERE ${where} AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
      deadlineMs,
    ),
  );
  return { schema, table, columns: columns.map(columnOf), key: keyOf(keys) };
}

/** The primary key, else a unique key of whole columns without NULLs. */
function keyOf(rows: readonly Record<string, unknown>[]): readonly string[] {
  const byName = new Map<string, Record<string, unknown>[]>();
  for (const row of rows) {
    const name = text(row['name']);
    byName.set(name, [...(byName.get(name) ?? []), row]);
  }
  const columnsOf = (parts: readonly Record<string, unknown>[]) => parts.map((part) => text(part['col']));
  const primary = byName.get('PRIMARY');
  if (primary !== undefined) return columnsOf(primary);
  for (const parts of byName.values()) {
    const usable = parts.every((part) => text(part['nullable']) !== 'YES' && part['part'] === null);
    if (usable) return columnsOf(parts);
  }
  return [];
}

/** Definitions by "schema.table", each read once. */
export function definitionsOf(connection: HeldConnection, deadlineMs: number) {
  const known = new Map<string, Promise<TableDefinition | null>>();
  return (schema: string, table: string): Promise<TableDefinition | null> => {
    const name = `${schema}\0${table}`;
    let found = known.get(name);
    if (found === undefined) {
      found = readDefinition(connection, schema, table, deadlineMs);
      known.set(name, found);
    }
    return found;
  };
}

/** What stands against changing the rows of a table one by one: a sentence each. */
export async function rowObstacles(
  connection: HeldConnection,
  schema: string,
  table: string,
  deadlineMs: number,
): Promise<readonly string[]> {
  const where = `TABLE_SCHEMA = ${named(schema)} AND TABLE_NAME = ${named(table)}`;
  const triggers = rowsOf(
    await connection.query(
      `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
       WHERE EVENT_OBJECT_SCHEMA = ${named(schema)} AND EVENT_OBJECT_TABLE = ${named(table)}`,
      deadlineMs,
    ),
  );
  const cascades = rowsOf(
    await connection.query(
      `SELECT CONSTRAINT_NAME AS name, TABLE_NAME AS child FROM information_schema.REFERENTIAL_CONSTRAINTS
       WHERE UNIQUE_CONSTRAINT_SCHEMA = ${named(schema)} AND REFERENCED_TABLE_NAME = ${named(table)}
         AND (DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))`,
      deadlineMs,
    ),
  );
  const [engine] = rowsOf(
    await connection.query(
      `SELECT ENGINE AS engine FROM information_schema.TABLES WHERE ${where}`,
      deadlineMs,
    ),
  );
  const transactional = text(engine?.['engine']).toLowerCase() === 'innodb';
  return [
    ...(engine === undefined || transactional
      ? []
      : [
          `${schema}.${table} is a table of ${text(engine['engine'])}, whose rows cannot be changed in a transaction`,
        ]),
    ...triggers.map(
      (row) => `${schema}.${table} has the trigger ${text(row['name'])}, which would run once more`,
    ),
    ...cascades.map(
      (row) =>
        `the foreign key ${text(row['name'])} of ${text(row['child'])} follows ${schema}.${table} by cascade, which the binary log does not show`,
    ),
  ];
}
