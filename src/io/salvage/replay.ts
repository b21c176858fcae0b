// Replaying at the writer: each saved transaction becomes a new one there, row by row, after the row that is there now was looked at
// under a lock. What was replayed is remembered in the same transaction, at the writer, so that it is never replayed twice.

import type { Image, TableDefinition } from '../../core/binlog/definition.ts';
import type { LoggedTransaction } from '../../core/binlog/logged.ts';
import { OperatorError } from '../../core/error.ts';
import { changeFor, judge, type Verdict, verdictOf } from '../../core/salvage/judge.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import type { Definitions } from '../binlog/transaction.ts';
import type { HeldConnection } from '../database/connection.ts';
import { rowsOf } from '../database/rows.ts';
import { deleteSql, imageOfRow, insertSql, name, ROW_SESSION, selectSql, updateSql } from './rowsql.ts';

const STATEMENT_MS_MAX = 30_000;

export interface Writer {
  readonly connection: HeldConnection;
  readonly schema: string;
  readonly definitions: Definitions;
}

export interface RowCheck {
  readonly table: string;
  readonly verdict: Verdict;
  /** What the writer has under the row's key. */
  readonly now: Image | null;
}

const ask = (writer: Writer, sql: string): Promise<unknown> => writer.connection.query(sql, STATEMENT_MS_MAX);

async function definitionOf(writer: Writer, schema: string, table: string): Promise<TableDefinition> {
  const definition = await writer.definitions(schema, table);
  if (definition !== null) return definition;
  throw new OperatorError(
    'salvage-no-table',
    `the writer has no table ${schema}.${table}, or it may not be read`,
    'make the table there, or discard the transaction',
  );
}

async function rowNow(
  writer: Writer,
  definition: TableDefinition,
  key: Image,
  lock: boolean,
): Promise<Image | null> {
  const missing = definition.columns.find((column) => !column.generated && key[column.name] === undefined);
  if (missing !== undefined) {
    throw new OperatorError(
      'salvage-definition',
      `${definition.schema}.${definition.table} is defined otherwise at the writer (column ${missing.name})`,
      'replay it by hand from the SQL that was saved, or discard it',
    );
  }
  const [row] = rowsOf(await ask(writer, selectSql(definition, key, lock)));
  return row === undefined ? null : imageOfRow(definition, row);
}

type Row = LoggedTransaction['rows'][number];

/** Looks at the row under the key of `image`; null: there is none. */
type Look = (definition: TableDefinition, image: Image) => Promise<Image | null>;

/** The row that the change starts from, as the writer has it. Of a row without a key an equal one stands for it. */
async function metBy(writer: Writer, row: Row, look: Look) {
  const definition = await definitionOf(writer, row.schema, row.table);
  const key = row.kind === 'insert' ? row.after : row.before;
  // Without a key nothing can be in the way of one row more.
  if (key === null || (row.kind === 'insert' && definition.key.length === 0))
    return { definition, now: null };
  const now = await look(definition, key);
  // An update may have been made already, to another key.
  if (now === null && row.kind === 'update' && row.after !== null) {
    const moved = await look(definition, row.after);
    if (moved !== null && judge(row, moved) === 'there') return { definition, now: moved };
  }
  return { definition, now };
}

/** What the rows of the transactions before would have left, by table and key; null: no row. */
type Left = ReadonlyMap<string, Image | null>;

/** Of a table without a key equal rows are one: good enough to say what would be met, and not what is done. */
const placeOf = (definition: TableDefinition, image: Image): string =>
  JSON.stringify([
    definition.schema,
    definition.table,
    definition.key.length === 0 ? image : definition.key.map((column) => image[column]),
  ]);

async function checkOne(writer: Writer, transaction: LoggedTransaction, left: Left) {
  const after = new Map(left);
  const look: Look = async (definition, image) => {
    const known = after.get(placeOf(definition, image));
    return known === undefined ? await rowNow(writer, definition, image, false) : known;
  };
  const checks: RowCheck[] = [];
  for (const row of transaction.rows) {
    const { definition, now } = await metBy(writer, row, look);
    const verdict = judge(row, now);
    checks.push({ table: `${row.schema}.${row.table}`, verdict, now });
    if (verdict === 'conflict') continue;
    if (row.before !== null) after.set(placeOf(definition, row.before), null);
    if (row.after !== null) after.set(placeOf(definition, row.after), row.after);
  }
  return { checks, after };
}

/**
 * What each row would meet if these transactions were replayed in their order, those in conflict left out. Nothing is locked or
 * changed. One list of checks a transaction.
 */
export async function checkTransactions(
  writer: Writer,
  transactions: readonly LoggedTransaction[],
): Promise<readonly (readonly RowCheck[])[]> {
  await ask(writer, ROW_SESSION);
  let left: Left = new Map();
  const all: (readonly RowCheck[])[] = [];
  for (const transaction of transactions) {
    const { checks, after } = await checkOne(writer, transaction, left);
    if (verdictOf(checks.map((check) => check.verdict)) !== 'conflict') left = after;
    all.push(checks);
  }
  return all;
}

export type Replayed =
  | { readonly outcome: 'replayed' | 'there' }
  | { readonly outcome: 'conflict' | 'failed'; readonly because: string };

const journalOf = ({ schema }: Writer): string => `${name(schema)}.replayed`;

/** The table that remembers what was replayed; through the binary log, as everything at the writer. */
export async function prepareReplay(writer: Writer): Promise<void> {
  await ask(
    writer,
    `CREATE TABLE IF NOT EXISTS ${journalOf(writer)} (salvage VARCHAR(80) CHARACTER SET ascii NOT NULL, number INT UNSIGNED NOT NULL,
       gtid VARCHAR(120) CHARACTER SET ascii NOT NULL, PRIMARY KEY (salvage, number)) ENGINE=InnoDB`,
  );
}

/** False: it was replayed before. */
async function remember(writer: Writer, salvage: string, number: number, gtid: string): Promise<boolean> {
  const known = (await ask(
    writer,
    `INSERT IGNORE INTO ${journalOf(writer)} (salvage, number, gtid) VALUES ('${salvage}', ${number}, '${gtid}')`,
  )) as { affectedRows?: unknown };
  if (Number(known.affectedRows) === 1) return true;
  await ask(writer, 'ROLLBACK');
  return false;
}

/** One transaction at the writer. `force`: where something else is there, the saved row wins. */
export async function replayTransaction(
  writer: Writer,
  salvage: string,
  number: number,
  transaction: LoggedTransaction,
  force: boolean,
): Promise<Replayed> {
  if (!/^[a-z0-9-]+$/.test(salvage) || !/^[-\w:]*$/.test(transaction.gtid))
    throw new RangeError('no salvage of ours');
  await ask(writer, ROW_SESSION);
  await ask(writer, 'START TRANSACTION');
  const look: Look = (definition, image) => rowNow(writer, definition, image, true);
  try {
    // First of all: a replay that was cut off in its COMMIT ends before this row is let in.
    if (!(await remember(writer, salvage, number, transaction.gtid))) return { outcome: 'replayed' };
    const verdicts: Verdict[] = [];
    for (const row of transaction.rows) {
      const { definition, now } = await metBy(writer, row, look);
      const verdict = judge(row, now);
      verdicts.push(verdict);
      const change = changeFor(row, now, force);
      if (change === null) {
        await ask(writer, 'ROLLBACK');
        return {
          outcome: 'conflict',
          because: `${row.schema}.${row.table}: the writer has another row in its place`,
        };
      }
      if (change.kind === 'insert') await ask(writer, insertSql(definition, change.to));
      else if (change.kind === 'update') await ask(writer, updateSql(definition, change.at, change.to));
      else if (change.kind === 'delete') await ask(writer, deleteSql(definition, change.at));
    }
    // Our account may write under read_only; what it wrote at a server that is the writer no more would be errant itself.
    const [open] = rowsOf(await ask(writer, 'SELECT @@GLOBAL.read_only AS ro'));
    if (Number(open?.['ro']) !== 0) {
      await ask(writer, 'ROLLBACK');
      return { outcome: 'failed', because: 'the server is the writer no more' };
    }
    await ask(writer, 'COMMIT');
    return { outcome: verdictOf(verdicts) === 'there' ? 'there' : 'replayed' };
  } catch (error) {
    writer.connection.discard();
    if (error instanceof DatabaseError && error.code === 'statement')
      return { outcome: 'conflict', because: error.message };
    throw error;
  }
}
