// `readTransaction`: one transaction of a running server's binary log, by its GTID or its place, as rows with names. For whoever
// shows what stands behind an error of replication, and for salvage.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageOf, type TableDefinition } from '../../core/binlog/definition.ts';
import type { LoggedRow, LoggedTransaction } from '../../core/binlog/logged.ts';
import type { RawTransaction } from '../../core/binlog/transaction.ts';
import { OperatorError } from '../../core/error.ts';
import { formatGtid, parseGtids } from '../../core/gtid/mariadb.ts';
import type { Endpoint } from '../database/connection.ts';
import { breath } from './breath.ts';
import { type PlacedTransaction, transactionsOf } from './logfile.ts';
import { type Family, fetchRaw } from './tool.ts';

export type { LoggedRow, LoggedTransaction } from '../../core/binlog/logged.ts';

/** Null: the table is gone, or may not be seen; its columns are then called @1, @2. */
export type Definitions = (schema: string, table: string) => Promise<TableDefinition | null>;

export async function withNames(raw: RawTransaction, definitions: Definitions): Promise<LoggedTransaction> {
  const rows: LoggedRow[] = [];
  const breathe = breath();
  for (const { kind, before, after, map } of raw.rows) {
    await breathe();
    const definition = await definitions(map.schema, map.table);
    rows.push({
      schema: map.schema,
      table: map.table,
      kind,
      before: before === null ? null : imageOf(before, map, definition),
      after: after === null ? null : imageOf(after, map, definition),
    });
  }
  return {
    gtid: raw.gtid,
    server: raw.serverId,
    at: new Date(raw.atS * 1000).toISOString(),
    bytes: raw.bytes,
    statements: raw.statements.map(({ schema, statement }) =>
      schema === '' ? statement : `USE \`${schema}\`; ${statement}`,
    ),
    annotations: raw.annotations,
    rows,
    unreadable: raw.unreadable,
  };
}

export type TransactionPlace =
  | { readonly gtid: string }
  /** As in Exec_Master_Log_Pos: where its first event stands, or where the one before it ends. */
  | { readonly file: string; readonly position: number };

/** Where a dump that begins in front of this transaction starts (MariaDB numbers a domain without holes, or nearly so). */
function inFront(gtid: string): string | null {
  const parsed = parseGtids(gtid);
  const [one] = parsed.ok ? parsed.gtids : [];
  if (one === undefined || one.sequence <= 1n) return null;
  return formatGtid({ ...one, sequence: one.sequence - 1n });
}

async function firstThat(
  paths: readonly string[],
  wanted: (transaction: PlacedTransaction) => boolean,
): Promise<PlacedTransaction | null> {
  for await (const transaction of transactionsOf(paths)) if (wanted(transaction)) return transaction;
  return null;
}

/**
 * Null when the server's log does not hold it any more. `endpoint` is an account with REPLICATION SLAVE on the server whose log is read.
 * By GTID on MariaDB only the log behind the transaction before it is copied; otherwise the whole file that `file` names, so give a
 * place where it is known.
 */
export async function readTransaction(options: {
  readonly family: Family;
  readonly endpoint: Endpoint;
  readonly place: TransactionPlace;
  /** Files of the log, oldest first (SHOW BINARY LOGS); read where the GTID alone does not say which. */
  readonly files?: readonly string[];
  readonly definitions: Definitions;
  readonly deadlineMs: number;
}): Promise<LoggedTransaction | null> {
  const { family, endpoint, place, definitions, deadlineMs } = options;
  const folder = await mkdtemp(join(tmpdir(), 'twinkeep-transaction-'));
  const fetched = async (): Promise<string[]> =>
    (await readdir(folder)).sort().map((name) => join(folder, name));
  const fetch = { family, endpoint, prefix: join(folder, 'raw-'), deadlineMs };
  try {
    if ('file' in place) {
      await fetchRaw({ ...fetch, from: { file: place.file, position: place.position }, onlyFile: true });
      const found = await firstThat(await fetched(), () => true);
      return found === null ? null : await withNames(found, definitions);
    }
    const isIt = (transaction: PlacedTransaction): boolean => transaction.gtid === place.gtid;
    const behind = family === 'mariadb' ? inFront(place.gtid) : null;
    if (behind !== null) {
      try {
        await fetchRaw({ ...fetch, from: { behind } });
      } catch (error) {
        // The one before it was given by the other server, or is no more: all that is there is read.
        if (!(error instanceof OperatorError) || error.code !== 'binlog-fetch') throw error;
        await fetchRaw({ ...fetch, from: { behind: '' } });
      }
      const found = await firstThat(await fetched(), isIt);
      return found === null ? null : await withNames(found, definitions);
    }
    // Newest first: what is asked for has just happened.
    for (const file of (options.files ?? []).toReversed()) {
      await fetchRaw({ ...fetch, from: { file }, onlyFile: true });
      const found = await firstThat(await fetched(), isIt);
      if (found !== null) return await withNames(found, definitions);
    }
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
