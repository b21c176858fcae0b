// Saving: the errant transactions of a log, raw, as SQL and row by row, before anything is changed. The log is a running server's
// or files of a dead one. What cannot be taken apart is saved raw all the same, and named as an obstacle.
import { chmod, copyFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fits, type TableDefinition } from '../../core/binlog/definition.ts';
import { EVENT } from '../../core/binlog/event.ts';
import type { LoggedTransaction } from '../../core/binlog/logged.ts';
import { OperatorError } from '../../core/error.ts';
import type { SalvageIndex, TransactionSummary } from '../../core/salvage/entry.ts';
import { eventsOf, type PlacedTransaction, transactionsOf } from '../binlog/logfile.ts';
import { type Family, type FetchFrom, fetchRaw, printSql } from '../binlog/tool.ts';
import { type Definitions, withNames } from '../binlog/transaction.ts';
import type { Endpoint } from '../database/connection.ts';
import { type SalvageStore, sync } from './store.ts';

export type LogSource =
  /** Of a running server, by an account with REPLICATION SLAVE; each start is fetched to the end of its file, or of the log. */
  | {
      readonly kind: 'server';
      readonly endpoint: Endpoint;
      readonly from: readonly FetchFrom[];
      readonly onlyFile: boolean;
    }
  /** Binary log files on this host, in order. */
  | { readonly kind: 'files'; readonly paths: readonly string[] };

export interface Taking {
  readonly store: SalvageStore;
  readonly family: Family;
  readonly source: LogSource;
  readonly wanted: (gtid: string) => boolean;
  readonly about: Pick<
    SalvageIndex,
    'pair' | 'node' | 'origin' | 'writer' | 'epoch' | 'why' | 'errant' | 'own' | 'writers'
  >;
  readonly definitions: Definitions;
  /** What stands against changing rows of a table one by one. */
  readonly obstacles: (schema: string, table: string) => Promise<readonly string[]>;
  /** The program's own schema. */
  readonly schema: string;
  readonly deadlineMs: number;
}

async function obstaclesOf(raw: PlacedTransaction, taking: Taking): Promise<string[]> {
  const found = new Set<string>(raw.unreadable);
  for (const { statement } of raw.statements)
    found.add(`it was logged as a statement: ${statement.replace(/\s+/g, ' ').slice(0, 120)}`);
  for (const map of new Set(raw.rows.map((row) => row.map))) {
    const table = `${map.schema}.${map.table}`;
    const definition = await taking.definitions(map.schema, map.table);
    if (definition === null) found.add(`${table} is not there any more, or may not be read`);
    else if (!fits(map, definition)) found.add(`${table} was defined otherwise when it was written`);
    else if (!imagesAreFull(raw, map.table, definition))
      found.add(`${table}: whole rows were not logged (binlog_row_image)`);
    for (const obstacle of await taking.obstacles(map.schema, map.table)) found.add(obstacle);
  }
  return [...found];
}

function imagesAreFull(raw: PlacedTransaction, table: string, definition: TableDefinition): boolean {
  const needed = definition.columns.flatMap((column, i) => (column.generated ? [] : [i]));
  const full = (image: readonly unknown[] | null): boolean =>
    image === null || needed.every((i) => image[i] !== undefined);
  return raw.rows.every((row) => row.map.table !== table || (full(row.before) && full(row.after)));
}

function summary(
  number: number,
  logged: LoggedTransaction,
  schema: string,
  obstacles: readonly string[],
): TransactionSummary {
  const tables = [...new Set(logged.rows.map((row) => `${row.schema}.${row.table}`))];
  const internal =
    logged.statements.length === 0 &&
    logged.unreadable.length === 0 &&
    logged.rows.length > 0 &&
    logged.rows.every((row) => row.schema === schema);
  const { gtid, at, rows } = logged;
  return { number, gtid, at, tables, rows: rows.length, internal, obstacles, outcome: null, because: null };
}

/** Raw files in the salvage's folder, on the disk. Of files of a dead server only those with something wanted. */
async function keepRaw(taking: Taking, folder: string): Promise<string[]> {
  const { source, family, deadlineMs } = taking;
  if (source.kind === 'server') {
    for (const from of source.from)
      await fetchRaw({
        family,
        endpoint: source.endpoint,
        from,
        onlyFile: source.onlyFile,
        prefix: join(folder, 'raw-'),
        deadlineMs,
      });
  } else {
    for (const path of source.paths) {
      let wanted = false;
      for await (const transaction of transactionsOf([path])) wanted ||= taking.wanted(transaction.gtid);
      if (wanted) await copyFile(path, join(folder, `raw-${basename(path)}`));
    }
  }
  const names = (await readdir(folder)).filter((each) => each.startsWith('raw-')).sort();
  for (const each of names) {
    await chmod(join(folder, each), 0o600);
    await sync(join(folder, each));
  }
  return names;
}

/** Null: nothing of what is wanted is in the log. */
export async function takeSalvage(taking: Taking): Promise<SalvageIndex | null> {
  const { store, about } = taking;
  const { id, folder } = await store.begin(new Date(), about.node);
  let complete = false;
  try {
    const raw = await keepRaw(taking, folder);
    const transactions: TransactionSummary[] = [];
    const saving = await store.saving(id);
    const unrewindable = new Set<string>();
    for await (const each of transactionsOf(raw.map((file) => join(folder, file)))) {
      if (!taking.wanted(each.gtid)) {
        // Behind an errant one: MariaDB numbers a domain in one line, and cannot go back over what the writer has too.
        if (transactions.length > 0 && taking.family === 'mariadb' && about.why !== 'stray')
          unrewindable.add(`${each.gtid} of the writer's history stands behind ${transactions[0]?.gtid}`);
        continue;
      }
      const logged = await withNames(each, taking.definitions);
      const obstacles = await obstaclesOf(each, taking);
      const number = transactions.length + 1;
      await saving.add(logged);
      transactions.push(summary(number, logged, taking.schema, obstacles));
      for (const obstacle of obstacles) unrewindable.add(`${each.gtid}: ${obstacle}`);
    }
    await saving.close();
    if (transactions.length === 0) return null;
    for (const file of raw) {
      const into = join(folder, `${file}.sql`);
      // What cannot be printed is there raw.
      await printSql(taking.family, join(folder, file), into, taking.deadlineMs).then(
        () => sync(into),
        () => undefined,
      );
    }
    const index: SalvageIndex = {
      format: 1,
      id,
      at: new Date().toISOString(),
      ...about,
      raw,
      state: about.why === 'errant' ? 'saved' : 'elsewhere',
      decision: null,
      unrewindable: [...unrewindable],
      transactions,
    };
    await store.write(index);
    complete = true;
    return index;
  } finally {
    // Without its index nobody counts on it.
    if (!complete) await store.forget(id);
  }
}

/** Set in the first event of a relay log (LOG_EVENT_RELAY_LOG_F). */
const RELAY_LOG = 0x40;

async function isBinaryLog(path: string): Promise<boolean> {
  try {
    for await (const { header } of eventsOf(path))
      return header.type === EVENT.formatDescription && (header.flags & RELAY_LOG) === 0;
    return false;
  } catch (error) {
    if (error instanceof OperatorError) return false;
    throw error;
  }
}

/** The binary log files of a folder, oldest first: those that begin as one, and are named with a number. */
export async function logFilesIn(folder: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw new OperatorError(
      'salvage-files',
      `${folder} cannot be read: ${(error as Error).message}`,
      "name the folder that holds the dead server's binary logs, readable for the account of the agent",
    );
  }
  const logs: string[] = [];
  for (const each of names.filter((file) => /\.\d{6,}$/.test(file)).sort())
    if (await isBinaryLog(join(folder, each))) logs.push(join(folder, each));
  if (logs.length > 0) return logs;
  throw new OperatorError(
    'salvage-files',
    `${folder} holds no binary logs (files like binlog.000001)`,
    "name the folder that holds the dead server's binary logs",
  );
}
