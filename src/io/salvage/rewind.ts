// Rewinding a standby: its errant transactions are undone row by row, newest first, in one transaction that does not enter the
// binary log; then its GTIDs are set to what is left. Row and marker are committed together, so that after a crash between the
// two steps the marker tells which of them was done (docs/SALVAGE.md).

import { differing, type Image, shown, type TableDefinition } from '../../core/binlog/definition.ts';
import type { LoggedTransaction } from '../../core/binlog/logged.ts';
import { OperatorError } from '../../core/error.ts';
import { positionOf } from '../../core/salvage/history.ts';
import { undone } from '../../core/salvage/judge.ts';
import type { Family } from '../binlog/tool.ts';
import type { Definitions } from '../binlog/transaction.ts';
import type { HeldConnection } from '../database/connection.ts';
import { rowsOf, text } from '../database/rows.ts';
import { deleteSql, imageOfRow, insertSql, name, ROW_SESSION, selectSql, updateSql } from './rowsql.ts';

/** One statement; a large row on a busy disk. */
const STATEMENT_MS_MAX = 30_000;

export interface Rewind {
  readonly family: Family;
  readonly connection: HeldConnection;
  readonly schema: string;
  /** Of the salvage. */
  readonly id: string;
  /** The history that is left. */
  readonly target: string;
}

const ask = (rewind: Rewind, sql: string): Promise<unknown> => rewind.connection.query(sql, STATEMENT_MS_MAX);
const table = ({ schema }: Rewind): string => `${name(schema)}.rewind`;
const ID = /^[a-z0-9-]+$/;

/** MariaDB checks constraints that the rows already met. */
const unlogged = (family: Family): string =>
  `${ROW_SESSION}; SET SESSION sql_log_bin = 0; SET SESSION foreign_key_checks = 0${
    family === 'mariadb' ? '; SET SESSION check_constraint_checks = 0' : ''
  }`;

/**
 * Whether the rows of this salvage are undone and the GTIDs perhaps not yet set. The last word of a session that was cut off may be
 * its COMMIT, still on its way: the lock waits for the end of it.
 */
export async function isUndone(rewind: Rewind): Promise<boolean> {
  const [there] = rowsOf(
    await ask(
      rewind,
      `SELECT COUNT(*) AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${rewind.schema}' AND TABLE_NAME = 'rewind'`,
    ),
  );
  if (Number(there?.['n']) === 0) return false;
  const [row] = rowsOf(
    await ask(rewind, `SELECT COUNT(*) AS n FROM ${table(rewind)} WHERE id = '${rewind.id}' FOR UPDATE`),
  );
  return Number(row?.['n']) > 0;
}

const notAsLogged = (place: string, expected: Image | null, now: Image | null): OperatorError => {
  const columns = expected !== null && now !== null ? differing(expected, now) : [];
  const where = columns
    .slice(0, 3)
    .map(
      (column) =>
        `${column} is ${shown(now?.[column]).slice(0, 40)}, was ${shown(expected?.[column]).slice(0, 40)}`,
    )
    .join('; ');
  const what =
    expected === null ? 'a row is there that was deleted' : now === null ? 'the row is gone' : where;
  return new OperatorError(
    'rewind-rows-differ',
    `${place} is not as the transaction left it (${what}): nothing was undone`,
    'this node must be cloned: `twinkeep clone --from` the writer',
  );
};

async function rowAt(rewind: Rewind, definition: TableDefinition, key: Image): Promise<readonly Image[]> {
  const rows = rowsOf(await ask(rewind, selectSql(definition, key, true)));
  return rows.map((row) => imageOfRow(definition, row));
}

const same = (logged: Image, now: Image): boolean =>
  differing(logged, now).every((column) => logged[column] === undefined);

async function undoOne(
  rewind: Rewind,
  transaction: LoggedTransaction,
  definitions: Definitions,
): Promise<void> {
  for (const row of transaction.rows.toReversed()) {
    const definition = await definitions(row.schema, row.table);
    const place = `${transaction.gtid}: ${row.schema}.${row.table}`;
    if (definition === null) throw notAsLogged(place, row.after, null);
    const { now, afterwards } = undone(row);
    const key = now ?? afterwards;
    if (key === null) continue;
    const [there = null] = await rowAt(rewind, definition, key);
    // Without a key the rows that are found are all the same: one of them is as good as another.
    if (now === null ? there !== null && definition.key.length > 0 : there === null || !same(now, there))
      throw notAsLogged(place, now, there);
    if (now === null && afterwards !== null) await ask(rewind, insertSql(definition, afterwards));
    else if (now !== null && afterwards === null) await ask(rewind, deleteSql(definition, now));
    else if (now !== null && afterwards !== null) await ask(rewind, updateSql(definition, now, afterwards));
  }
}

/**
 * Under super_read_only not even this account may write: from here on only accounts that administer may, until it is sealed again.
 * MySQL 5.6 has no such thing.
 */
async function unseal(rewind: Rewind, sealed: boolean): Promise<void> {
  if (rewind.family === 'mariadb') return;
  const [row] = rowsOf(await ask(rewind, "SHOW GLOBAL VARIABLES LIKE 'super_read_only'"));
  if (row === undefined) return;
  await ask(
    rewind,
    sealed ? 'SET GLOBAL super_read_only = ON' : 'SET GLOBAL read_only = ON, GLOBAL super_read_only = OFF',
  );
}

/** The server takes writes of nobody again, whatever became of the rewind. */
export const seal = (rewind: Rewind): Promise<void> => unseal(rewind, true);

/** Undoes the rows, or nothing. `read`: the saved transaction by its number, the last one first. */
export async function undoRows(
  rewind: Rewind,
  count: number,
  read: (number: number) => Promise<LoggedTransaction>,
  definitions: Definitions,
): Promise<void> {
  if (!ID.test(rewind.id)) throw new RangeError('no id of a salvage');
  await unseal(rewind, false);
  await ask(rewind, unlogged(rewind.family));
  await ask(
    rewind,
    `CREATE TABLE IF NOT EXISTS ${table(rewind)} (id VARCHAR(80) CHARACTER SET ascii PRIMARY KEY) ENGINE=InnoDB`,
  );
  await ask(rewind, 'START TRANSACTION');
  try {
    await ask(rewind, `INSERT INTO ${table(rewind)} (id) VALUES ('${rewind.id}')`);
    for (let number = count; number >= 1; number--) await undoOne(rewind, await read(number), definitions);
    await ask(rewind, 'COMMIT');
  } catch (error) {
    // Ends the session, and with it the transaction.
    rewind.connection.discard();
    await seal(rewind).catch(() => undefined);
    throw error;
  }
}

/** Sets the GTIDs to what is left; safe to repeat. Both threads of the channel are stopped. */
export async function resetHistory(rewind: Rewind): Promise<void> {
  const { family, target } = rewind;
  // The server numbers and names in it, and nothing else.
  if (!/^[-\da-f:,\s]*$/i.test(target)) throw new RangeError(`no history: ${target}`);
  await unseal(rewind, false);
  await ask(rewind, unlogged(family));
  // What was undone must be on the disk before the log that would undo it again is gone.
  await ask(rewind, 'FLUSH ENGINE LOGS');
  if (family === 'mariadb') {
    const [old] = rowsOf(await ask(rewind, 'SELECT @@GLOBAL.gtid_slave_pos AS pos'));
    const position = positionOf(target) ?? '';
    const domains = new Set(position.split(',').map((gtid) => gtid.split('-')[0]));
    const others = text(old?.['pos'])
      .split(',')
      .filter((gtid) => gtid !== '' && !domains.has(gtid.split('-')[0]));
    await ask(rewind, 'RESET MASTER');
    await ask(rewind, `SET GLOBAL gtid_binlog_state = '${target}'`);
    await ask(rewind, `SET GLOBAL gtid_slave_pos = '${[position, ...others].filter(Boolean).join(',')}'`);
  } else {
    const [version] = rowsOf(await ask(rewind, 'SELECT @@version AS v'));
    const [major = 0, minor = 0] = text(version?.['v']).split('.').map(Number);
    const modern = major > 8 || (major === 8 && minor >= 2);
    await ask(rewind, modern ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');
    await ask(rewind, `SET GLOBAL gtid_purged = '${target}'`);
  }
  await ask(rewind, `DROP TABLE IF EXISTS ${table(rewind)}`);
  await seal(rewind);
}

/** Both threads of the channel; what was received and is not applied is the writer's, which sends it again. */
export async function stopChannel(rewind: Rewind): Promise<void> {
  await ask(rewind, rewind.family === 'mariadb' ? 'STOP SLAVE' : 'STOP REPLICA');
}
