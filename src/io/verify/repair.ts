// Makes differing rows equal, through the writer. Every statement is logged as a statement, not as rows: the standby's applier
// then does not stop at a row that it lacks or has otherwise, and the statement has its effect there even where the writer's
// row does not change. For each row, whichever side is right:
//   it is there on that side      REPLACE with its values: writes it at both, whatever either has
//   it is not                     DELETE by its key: takes it away at both, wherever it is
//   a table without a key         DELETE of all such rows, then as many REPLACEs as that side has (an INSERT could meet a
//                                 unique value at the standby alone, and stop its applier)
// In one transaction with a locking read of the writer's row, which must still be as it was judged: a client's write in
// between is never undone. Foreign keys are not followed (no cascade); tables with triggers are refused, which would fire.
import { OperatorError } from '../../core/error.ts';
import type { Column } from '../../core/verify/shape.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection } from '../database/connection.ts';
import { rowsAt, text } from '../database/rows.ts';
import type { Different, Run } from './looking.ts';
import type { VerifyServer } from './server.ts';
import { valuesOf } from './shown.ts';
import { fullRow, named, quoted, type Value, valueLiteral } from './statements.ts';
import type { TableWork } from './table.ts';
import type { Differing } from './verify.ts';

export interface RepairStep {
  readonly table: string;
  readonly key: string;
  /** Locks the writer's rows, which must still be these versions, or so many. */
  readonly guard: string;
  readonly expected: readonly string[] | number;
  readonly statements: readonly string[];
}

export interface Unrepaired {
  readonly table: string;
  readonly key: string;
  readonly because: string;
}

export interface RepairPlan {
  readonly steps: readonly RepairStep[];
  readonly refused: readonly Unrepaired[];
}

const READ_MS_MAX = 600_000;
const WRITE_MS_MAX = 60_000;
const ALL = '(all rows)';

/** Of every session, also of one that replaces a lost one: a row event could stop the standby's applier. Without NO_AUTO_VALUE_ON_ZERO a row with the key 0 would get another; invalid dates are in the table already. */
const SESSION = `SET SESSION binlog_format = 'STATEMENT'; SET SESSION autocommit = 1, sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00',
 lock_wait_timeout = 5, innodb_lock_wait_timeout = 5, foreign_key_checks = 0;
 SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`;

/** The statements that give both sides the rows of `right`. Reads only. */
export async function planRepair(
  run: Run,
  differing: readonly Differing[],
  right: 'writer' | 'standby',
): Promise<RepairPlan> {
  const steps: RepairStep[] = [];
  const refused: Unrepaired[] = [];
  for (const { work, different } of differing) {
    const because = await whyNot(run, work);
    if (because !== null) {
      refused.push({ table: work.table, key: ALL, because });
      continue;
    }
    for (const each of different) {
      const step = await planRow(run, work, each, right);
      if (typeof step === 'string') refused.push({ table: work.table, key: each.key, because: step });
      else steps.push(step);
    }
  }
  return { steps, refused };
}

async function whyNot(run: Run, { writer, shape }: TableWork): Promise<string | null> {
  if (shape.leftOut.length > 0)
    return `its columns differ between the two (${shape.leftOut.join(', ')}): make the definitions equal first`;
  if (!/^(innodb|rocksdb|tokudb)$/i.test(writer.engine))
    return `${writer.engine} has no transactions, so a client's write in between could be undone: convert it to InnoDB, or clone the standby`;
  for (const server of [run.writer, run.standby]) {
    const [trigger] = await server.read(
      `SELECT TRIGGER_NAME AS t FROM information_schema.TRIGGERS
       WHERE EVENT_OBJECT_SCHEMA = ${quoted(writer.schema)} AND EVENT_OBJECT_TABLE = ${quoted(writer.name)} LIMIT 1`,
    );
    if (trigger !== undefined)
      return `the trigger ${text(trigger['t'])} at ${server.node} would fire: drop it for the while of the repair, or write the rows by hand`;
  }
  return null;
}

async function planRow(
  run: Run,
  work: TableWork,
  different: Different,
  right: 'writer' | 'standby',
): Promise<RepairStep | string> {
  const { table, shape, digest } = work;
  const where = work.where(different.key);
  const version = different[right];
  const keyed = shape.key !== null;
  const written = shape.columns.filter((column) => column.computed === 'no');
  const step = {
    table,
    key: different.key,
    guard: `SELECT ${digest} AS v FROM ${table} WHERE ${where} FOR UPDATE`,
    expected: keyed ? (different.writer === null ? [] : [different.writer]) : Number(different.writer ?? 0),
  };
  const remove = `DELETE FROM ${table} WHERE ${where}`;
  if (version === null) return { ...step, statements: [remove] };
  const source = run[right];
  const [row] = await source.read(
    fullRow(table, written, where).replace(/^SELECT /, `SELECT ${digest} AS v, `),
    READ_MS_MAX,
  );
  if (row === undefined || (keyed && text(row['v']) !== version))
    return `it has changed at ${source.node} meanwhile`;
  const replace = replacement(table, written, valuesOf(row, written));
  if (keyed) return { ...step, statements: [replace] };
  return { ...step, statements: [remove, ...Array<string>(Number(version)).fill(replace)] };
}

const replacement = (table: string, columns: readonly Column[], values: readonly Value[]): string =>
  `REPLACE INTO ${table} (${columns.map((column) => named(column.name)).join(', ')}) VALUES (${columns
    .map((column, i) => valueLiteral(column, values[i] ?? null))
    .join(', ')})`;

/** Writes through the writer. What could not be done is returned; a missing privilege ends it all with the GRANT. */
export async function performRepair(
  run: Run,
  endpoint: Endpoint,
  steps: readonly RepairStep[],
  told: (done: number) => void,
): Promise<readonly Unrepaired[]> {
  const connection = new HeldConnection({ endpoint, onTimeout: 'discard', session: SESSION });
  const unrepaired: Unrepaired[] = [];
  try {
    await logAsStatements(run.writer, connection, endpoint.user);
    for (const [done, step] of steps.entries()) {
      const because = await perform(run, connection, step, endpoint.user);
      if (because !== null) unrepaired.push({ table: step.table, key: step.key, because });
      // The standby is kept from falling behind.
      if (done % 50 === 49) {
        await run.throttle.standbyReached();
        await run.throttle.rest(0);
      }
      told(done + 1);
    }
  } finally {
    connection.close();
  }
  await run.throttle.standbyReached();
  return unrepaired;
}

const LOGS_STATEMENTS = {
  mariadb: 'BINLOG ADMIN',
  mysql: 'SYSTEM_VARIABLES_ADMIN',
  mysql56: 'SUPER',
} as const;

/** Whether this account may log statements at all: asked before hours of comparing. */
export async function refuseUnlessMayRepair(writer: VerifyServer, endpoint: Endpoint): Promise<void> {
  const connection = new HeldConnection({ endpoint, onTimeout: 'discard', session: SESSION });
  try {
    await logAsStatements(writer, connection, endpoint.user);
  } finally {
    connection.close();
  }
}

/** Opens a session, if there is none, and so tries whether this account may log statements. */
async function logAsStatements(
  writer: VerifyServer,
  connection: HeldConnection,
  user: string,
): Promise<void> {
  try {
    await connection.query('DO 1', WRITE_MS_MAX);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== 'privilege') throw error;
    throw missingGrant(writer, LOGS_STATEMENTS[writer.family], '*.*', user, error);
  }
}

function missingGrant(
  writer: VerifyServer,
  privilege: string,
  on: string,
  user: string,
  error: DatabaseError,
): OperatorError {
  return new OperatorError(
    'repair-grant',
    `the account ${user} may not repair at ${writer.node}: ${error.message}`,
    `GRANT ${privilege} ON ${on} TO ${user}@HOST; or name an administrator's account with --admin-user and --admin-password-file`,
  );
}

/** null: done. */
async function perform(
  run: Run,
  connection: HeldConnection,
  step: RepairStep,
  user: string,
): Promise<string | null> {
  try {
    const rows = rowsAt(await connection.query(`START TRANSACTION; ${step.guard}`, WRITE_MS_MAX), 1);
    const { expected } = step;
    const unchanged =
      typeof expected === 'number'
        ? rows.length === expected
        : rows.length === expected.length && rows.every((row, i) => text(row['v']) === expected[i]);
    if (!unchanged) {
      await connection.query('ROLLBACK', WRITE_MS_MAX);
      return `it has changed at ${run.writer.node} meanwhile`;
    }
    await connection.query(`${step.statements.join('; ')}; COMMIT`, WRITE_MS_MAX);
    return null;
  } catch (error) {
    connection.discard();
    if (!(error instanceof DatabaseError)) throw error;
    if (error.code === 'privilege') throw missingGrant(run.writer, 'INSERT, DELETE', step.table, user, error);
    return error.message;
  }
}
