// What stands behind an applier's error: the failing event's row from the source's binary log, and the row as both servers have it
// now. Read only; what cannot be read is said in one sentence.
import { shown, type Value } from '../../core/binlog/definition.ts';
import { OperatorError } from '../../core/error.ts';
import type { ServerFamily } from '../../core/family.ts';
import type { Evidence, Row, RowNow } from '../../core/replication/explain.ts';
import type { ReplicationFailure } from '../../core/replication/failure.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { definitionsOf } from '../binlog/definitions.ts';
import { type LoggedRow, type LoggedTransaction, readTransaction } from '../binlog/transaction.ts';
import { type Endpoint, HeldConnection } from '../database/connection.ts';
import { rowsOf, text } from '../database/rows.ts';

export interface EvidencePlaces {
  readonly family: ServerFamily;
  readonly own: Endpoint;
  readonly peer: Endpoint;
  /** On the peer, with REPLICATION SLAVE. */
  readonly replication: Endpoint;
}

const ASK_MS_MAX = 3_000;
const FETCH_MS_MAX = 15_000;
/** Rows of the transaction that are looked up to find the one that failed. */
const LOOKUPS_MAX = 200;

type Event = NonNullable<Evidence['event']>;

export async function gatherEvidence(places: EvidencePlaces, failure: ReplicationFailure): Promise<Evidence> {
  const open = (endpoint: Endpoint) => new HeldConnection({ endpoint, onTimeout: 'discard' });
  const [own, peer] = [open(places.own), open(places.peer)];
  const unread: string[] = [];
  try {
    const definitions = definitionsOf(own, ASK_MS_MAX);
    const transaction = await failing(places, failure, own, definitions).catch((error: unknown) => {
      if (!(error instanceof OperatorError || error instanceof DatabaseError)) throw error;
      unread.push(`the event cannot be read: ${error.message}`);
      return null;
    });
    if (transaction === null)
      return nothing(unread.join('; ') || 'the event is no longer in the binary log of the source');
    const found = await rowThatFailed(
      transaction,
      failure,
      own,
      async (schema, table) => (await definitions(schema, table).catch(() => null))?.key ?? [],
    );
    if (found === null) return nothing('no row of the event fits the error');
    const { event, key } = found;
    const subject = (event.kind === 'insert' ? event.after : event.before) ?? {};
    const columns = key.length > 0 ? key : Object.keys(subject);
    const here = await rowNow(own, event.table, subject, columns);
    const there = await rowNow(peer, event.table, subject, columns);
    if (here === 'unseen' || there === 'unseen')
      unread.push(
        "the agent's account may not read the table: GRANT SELECT ON *.* lets it show what each side holds",
      );
    return { event, key, here, there, unread: unread.length === 0 ? null : unread.join('; ') };
  } finally {
    own.close();
    peer.close();
  }
}

const nothing = (unread: string): Evidence => ({
  event: null,
  key: [],
  here: 'unseen',
  there: 'unseen',
  unread,
});

/** The transaction at which the applier stands. */
async function failing(
  places: EvidencePlaces,
  failure: ReplicationFailure,
  own: HeldConnection,
  definitions: ReturnType<typeof definitionsOf>,
): Promise<LoggedTransaction | null> {
  const mariadb = places.family === 'mariadb';
  const show = async (sql: string) => rowsOf(await own.query(sql, ASK_MS_MAX));
  const rows = mariadb
    ? await show('SHOW ALL SLAVES STATUS')
    : await show('SHOW REPLICA STATUS').catch(() => show('SHOW SLAVE STATUS'));
  const row = rows.find((each) => text(each['Connection_name'] ?? each['Channel_Name']) === '');
  const file = text(row?.['Relay_Master_Log_File'] ?? row?.['Relay_Source_Log_File']);
  const position = Number(row?.['Exec_Master_Log_Pos'] ?? row?.['Exec_Source_Log_Pos'] ?? 0);
  if (file === '' || position === 0) return null;
  const { replication } = places;
  const source = {
    family: mariadb ? 'mariadb' : 'mysql',
    endpoint: { ...replication, password: replication.passwordNow?.() ?? replication.password },
    definitions,
    deadlineMs: FETCH_MS_MAX,
  } as const;
  // Several workers apply at once on MySQL: the place in the status is only where all of them have passed.
  if (!mariadb && failure.gtid !== null)
    return readTransaction({
      ...source,
      place: { gtid: failure.gtid },
      files: [failure.place?.file ?? file],
    });
  return readTransaction({ ...source, place: { file, position } });
}

const plain = (image: Readonly<Record<string, Value>> | null): Row | null =>
  image === null
    ? null
    : Object.fromEntries(
        Object.entries(image).map(([name, value]) => [name, value === null ? null : shown(value)]),
      );

/** Of the rows that the error may be about: the first that is missing here (1032), or is here already (1062). */
async function rowThatFailed(
  { rows }: LoggedTransaction,
  failure: ReplicationFailure,
  own: HeldConnection,
  keyOf: (schema: string, table: string) => Promise<readonly string[]>,
): Promise<{ event: Event; key: readonly string[] } | null> {
  const fits = (row: LoggedRow): boolean =>
    (failure.table === null || `${row.schema}.${row.table}` === failure.table) &&
    (failure.kind === null || row.kind === failure.kind);
  const some = rows.filter(fits).slice(0, LOOKUPS_MAX);
  let first: { event: Event; key: readonly string[] } | null = null;
  for (const row of some) {
    const key = await keyOf(row.schema, row.table);
    const table = `${row.schema}.${row.table}`;
    const event = { kind: row.kind, table, before: plain(row.before), after: plain(row.after) };
    first ??= { event, key };
    if (some.length === 1) break;
    const subject = (failure.number === 1062 ? event.after : event.before) ?? {};
    if (isDuplicate(failure, subject, key)) return { event, key };
    const now = await rowNow(own, table, subject, key.length > 0 ? key : Object.keys(subject));
    if (now === 'unseen') continue;
    if ((failure.number === 1062) === (now !== 'absent')) return { event, key };
  }
  return first;
}

const isDuplicate = ({ duplicate }: ReplicationFailure, row: Row, key: readonly string[]): boolean =>
  duplicate !== null && key.length > 0 && key.map((name) => row[name] ?? '').join('-') === duplicate.entry;

const named = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
const literal = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

async function rowNow(
  connection: HeldConnection,
  table: string,
  row: Row,
  columns: readonly string[],
): Promise<RowNow> {
  const dot = table.indexOf('.');
  const from = `${named(table.slice(0, dot))}.${named(table.slice(dot + 1))}`;
  const where = columns.map((name) => {
    const value = row[name] ?? null;
    if (value === null) return `${named(name)} IS NULL`;
    return `${named(name)} = ${/^0x([0-9a-f]{2})+$/.test(value) ? value : literal(value)}`;
  });
  try {
    const rows = rowsOf(
      await connection.query(`SELECT * FROM ${from} WHERE ${where.join(' AND ')} LIMIT 1`, ASK_MS_MAX),
    );
    const [found] = rows;
    if (found === undefined) return 'absent';
    return Object.fromEntries(
      Object.entries(found).map(([name, value]) => [
        name,
        value === null ? null : Buffer.isBuffer(value) ? `0x${value.toString('hex')}` : text(value),
      ]),
    );
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return 'unseen';
  }
}
