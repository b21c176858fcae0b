// One of the two servers as `twinkeep verify` sees it: reads rows under a limit, says how far its history is, waits for the other's.
// The differences between MariaDB and MySQL are all in this file; statements.ts needs none.
import { familyOf, type ServerFamily } from '../../core/family.ts';
import { contains, executedPosition } from '../../core/gtid/mariadb.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { type Endpoint, HeldConnection, whereOf } from '../database/connection.ts';
import { isOn, rowsOf, text } from '../database/rows.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface VerifyServer {
  readonly node: string;
  readonly where: string;
  readonly version: string;
  readonly family: ServerFamily;
  /** Rejects with DatabaseError; code 'timeout' when the server or we gave the statement up. */
  read(sql: string, limitMs?: number): Promise<readonly Row[]>;
  readOnly(): Promise<boolean>;
  /** What this server has logged by now; taken after a reading, it holds all that the reading saw. */
  position(): Promise<Position>;
  /** Whether this server has executed the other's position within the limit. Looks once with limit 0. */
  reaches(position: Position, limitMs: number): Promise<boolean>;
  /** Commits that wait for an acknowledgement, and how many were released so far. */
  commits(): Promise<{ readonly waiting: number; readonly released: number }>;
  threadsRunning(): Promise<number>;
  /** Why the applier does not run; null: it does, or this account may not see it. */
  applierError(): Promise<string | null>;
  close(): void;
}

/** By GTID, or by file and position where the server has no GTIDs. */
export type Position =
  | { readonly kind: 'gtid'; readonly gtid: string }
  | { readonly kind: 'file'; readonly file: string; readonly at: number };

export const ASK_MS_MAX = 15_000;
/** Of one waiting statement; well below any limit on a statement's time. */
const WAIT_MS_MAX = 1_000;

/** A session that cannot write, and whose statements the server itself ends. One derived table is one reading of a row. */
const session = (
  limitMs: number,
): string => `SET SESSION autocommit = 1, sql_mode = '', wait_timeout = 31536000, lock_wait_timeout = 5, innodb_lock_wait_timeout = 5,
 time_zone = '+00:00', group_concat_max_len = 1048576
 /*!50708 , max_execution_time = ${limitMs}, optimizer_switch = 'derived_merge=off' */
 /*M!100100 , max_statement_time = ${limitMs / 1000}, optimizer_switch = 'derived_merge=off' */;
 SET SESSION TRANSACTION READ ONLY`;

/** 3024: MySQL's max_execution_time. */
const asTimeout = (error: unknown): unknown =>
  error instanceof DatabaseError && /\(error (3024|1969)\)$/.test(error.message)
    ? new DatabaseError('timeout', error.message)
    : error;

export async function openVerifyServer(
  node: string,
  endpoint: Endpoint,
  statementMsMax: number,
): Promise<VerifyServer> {
  const connection = new HeldConnection({ endpoint, onTimeout: 'discard', session: session(statementMsMax) });
  const where = whereOf(endpoint);
  const read = async (sql: string, limitMs = statementMsMax): Promise<readonly Row[]> => {
    // The server's own limit is that of the session; a longer one holds for this statement alone.
    const longer = limitMs > statementMsMax;
    try {
      if (longer) await connection.query(limitSql(limitMs), ASK_MS_MAX);
      // A little later than the server itself, which ends the statement and keeps the connection.
      return rowsOf(await connection.query(sql, limitMs + 2_000));
    } catch (error) {
      throw asTimeout(error);
    } finally {
      if (longer) await connection.query(limitSql(statementMsMax), ASK_MS_MAX).catch(() => undefined);
    }
  };
  const one = async (sql: string): Promise<Row> => rowsOf(await connection.query(sql, ASK_MS_MAX))[0] ?? {};
  try {
    const version = text((await one('SELECT @@version AS version'))['version']);
    const family = familyOf(version);
    if (family === null)
      throw new DatabaseError('statement', `${where}: "${version.slice(0, 60)}" is no known version`);
    const history = family === 'mariadb' ? mariadbHistory(one) : await mysqlHistory(one);
    return {
      node,
      where,
      version,
      family,
      read,
      async readOnly() {
        const variable = family === 'mysql' ? 'super_read_only' : 'read_only';
        return isOn((await one(`SELECT @@GLOBAL.${variable} AS v`))['v']);
      },
      ...history,
      async commits() {
        const rows = rowsOf(await connection.query("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync%'", ASK_MS_MAX));
        const sum = (pattern: RegExp): number =>
          rows.reduce(
            (total, row) => total + (pattern.test(text(row['Variable_name'])) ? Number(row['Value']) : 0),
            0,
          );
        return {
          waiting: sum(/_(master|source)_wait_sessions$/),
          released: sum(/_(master|source)_(yes|no)_tx$/),
        };
      },
      async threadsRunning() {
        return Number((await one("SHOW GLOBAL STATUS LIKE 'Threads_running'"))['Value'] ?? 0);
      },
      async applierError() {
        const old = family !== 'mysql' || /^(5\.|8\.0\.([01]?\d|2[01])\b)/.test(version);
        try {
          const row = await one(old ? 'SHOW SLAVE STATUS' : 'SHOW REPLICA STATUS');
          if (Object.keys(row).length === 0) return 'it has no replication channel';
          const of = (name: string): string => text(row[`${old ? 'Slave' : 'Replica'}_${name}`]);
          const error = text(row['Last_SQL_Error']) || text(row['Last_IO_Error']);
          if (of('SQL_Running') !== 'Yes') return `its applier does not run${error && `: ${error}`}`;
          return of('IO_Running') === 'No' ? `its receiver does not run${error && `: ${error}`}` : null;
        } catch {
          return null;
        }
      },
      close: () => connection.close(),
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

const limitSql = (ms: number): string =>
  `SET SESSION sql_mode = '' /*!50708 , max_execution_time = ${ms} */ /*M!100100 , max_statement_time = ${ms / 1000} */`;

type History = Pick<VerifyServer, 'position' | 'reaches'>;
type One = (sql: string) => Promise<Row>;

const quoted = (value: string): string => `'${value.replaceAll("'", '')}'`;

function mariadbHistory(one: One): History {
  return {
    async position() {
      return { kind: 'gtid', gtid: text((await one('SELECT @@GLOBAL.gtid_binlog_pos AS p'))['p']) };
    },
    async reaches(position, limitMs) {
      if (position.kind !== 'gtid' || position.gtid === '') return true;
      const look = async (): Promise<boolean> => {
        const row = await one(
          'SELECT @@GLOBAL.gtid_slave_pos AS slave, @@GLOBAL.gtid_binlog_pos AS logged, @@server_id AS id',
        );
        const executed = executedPosition(text(row['slave']), text(row['logged']), Number(row['id']));
        return contains(executed, position.gtid);
      };
      if (await look()) return true;
      if (limitMs <= 0) return false;
      const seconds = Math.min(limitMs, WAIT_MS_MAX) / 1000;
      const row = await one(`SELECT MASTER_GTID_WAIT(${quoted(position.gtid)}, ${seconds}) AS r`);
      return Number(row['r']) === 0 || (await look());
    },
  };
}

async function mysqlHistory(one: One): Promise<History> {
  const mode = text((await one("SHOW GLOBAL VARIABLES LIKE 'gtid_mode'"))['Value']);
  return mode === 'ON' ? mysqlGtids(one) : mysqlFiles(one);
}

function mysqlGtids(one: One): History {
  const wait = async (gtid: string, seconds: number): Promise<boolean> => {
    try {
      const row = await one(`SELECT WAIT_FOR_EXECUTED_GTID_SET(${gtid}, ${seconds}) AS r`);
      return Number(row['r']) === 0;
    } catch (error) {
      // 5.6 has only this one.
      if (!(error instanceof DatabaseError) || !/WAIT_FOR_EXECUTED/i.test(error.message)) throw error;
      const row = await one(`SELECT WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS(${gtid}, ${Math.ceil(seconds)}) AS r`);
      return row['r'] !== null && Number(row['r']) >= 0;
    }
  };
  return {
    async position() {
      return { kind: 'gtid', gtid: text((await one('SELECT @@GLOBAL.gtid_executed AS p'))['p']) };
    },
    async reaches(position, limitMs) {
      if (position.kind !== 'gtid' || position.gtid === '') return true;
      const gtid = quoted(position.gtid.replaceAll(/\s/g, ''));
      const row = await one(`SELECT GTID_SUBSET(${gtid}, @@GLOBAL.gtid_executed) AS r`);
      if (isOn(row['r'])) return true;
      return limitMs > 0 && (await wait(gtid, Math.min(limitMs, WAIT_MS_MAX) / 1000));
    },
  };
}

/** By the words of before and after 8.0.26 and 8.2. */
async function either(one: One, words: readonly string[]): Promise<Row> {
  let failure: unknown;
  for (const sql of words) {
    try {
      return await one(sql);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'statement') throw error;
      failure = error;
    }
  }
  throw failure;
}

function mysqlFiles(one: One): History {
  return {
    async position() {
      const row = await either(one, ['SHOW MASTER STATUS', 'SHOW BINARY LOG STATUS']);
      return { kind: 'file', file: text(row['File']), at: Number(row['Position']) };
    },
    async reaches(position, limitMs) {
      if (position.kind !== 'file' || position.file === '') return true;
      // No timeout means for ever: a look is the shortest there is.
      const seconds = Math.max(1, Math.ceil(Math.min(limitMs, WAIT_MS_MAX) / 1000));
      const waited = `(${quoted(position.file)}, ${position.at}, ${seconds}) AS r`;
      const row = await either(one, [`SELECT MASTER_POS_WAIT${waited}`, `SELECT SOURCE_POS_WAIT${waited}`]);
      return row['r'] !== null && Number(row['r']) >= 0;
    },
  };
}
