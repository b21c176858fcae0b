// From events to transactions: `take` is given the events of a log one by one and gives a transaction back at its end. What
// cannot be read (compressed, partial JSON) is named in `unreadable`; the raw bytes are kept beside it by whoever saves them.
import {
  checksummed,
  decodeAnnotation,
  decodeMariadbGtid,
  decodeMysqlGtid,
  decodeQuery,
  EVENT,
  type EventHeader,
  type GtidEvent,
  HEADER_BYTES,
  isCompressed,
  ROWS_EVENTS,
} from './event.ts';
import { type ChangedRow, decodeRows, tableIdOf } from './rows.ts';
import { decodeTableMap, type TableMap } from './tablemap.ts';

export interface TableChange extends ChangedRow {
  readonly map: TableMap;
}

export interface RawTransaction {
  /** Empty in a log without GTIDs. */
  readonly gtid: string;
  readonly serverId: number;
  /** Seconds since 1970. */
  readonly atS: number;
  /** Where it ends in the log that it was written to. */
  readonly end: number;
  /** Of its events. */
  readonly bytes: number;
  /** DDL, and anything else that was logged as a statement. */
  readonly statements: readonly { readonly schema: string; readonly statement: string }[];
  /** The statements that made the rows, where the server annotates them. */
  readonly annotations: readonly string[];
  readonly rows: readonly TableChange[];
  /** What of it could not be read, a sentence each. */
  readonly unreadable: readonly string[];
}

interface Open {
  gtid: GtidEvent;
  /** Events follow until its end; otherwise the one event that follows is all. */
  begun: boolean;
  serverId: number;
  atS: number;
  bytes: number;
  end: number;
  statements: { schema: string; statement: string }[];
  annotations: string[];
  rows: TableChange[];
  unreadable: string[];
}

const ENDS = new Set(['COMMIT', 'ROLLBACK']);
/** Rows of one transaction that are taken apart; the others are kept raw. */
const ROWS_MAX = 200_000;

export interface TransactionReader {
  /** The whole event, header and checksum included. */
  take(header: EventHeader, bytes: Uint8Array): RawTransaction | null;
}

export function transactionReader(): TransactionReader {
  let hasChecksum = true;
  let open: Open | null = null;
  const maps = new Map<number, TableMap>();

  function begin(gtid: GtidEvent, header: EventHeader): Open {
    return {
      gtid,
      // MariaDB's GTID event is the BEGIN as well.
      begun: header.type === EVENT.mariadbGtid && !gtid.standalone,
      serverId: header.serverId,
      atS: header.atS,
      bytes: 0,
      end: header.next,
      statements: [],
      annotations: [],
      rows: [],
      unreadable: gtid.xa ? ['it is a part of an XA transaction'] : [],
    };
  }

  function finish(): RawTransaction | null {
    const done = open;
    open = null;
    maps.clear();
    if (done === null) return null;
    const { gtid, serverId, atS, end, bytes, statements, annotations, rows, unreadable } = done;
    return { gtid: gtid.gtid, serverId, atS, end, bytes, statements, annotations, rows, unreadable };
  }

  function takeRows(header: EventHeader, body: Uint8Array, into: Open): void {
    const map = maps.get(tableIdOf(body));
    if (map === undefined) {
      into.unreadable.push('rows without their table map');
      return;
    }
    const rows = decodeRows(header.type, body, map);
    if (!rows.ok) into.unreadable.push(`${map.schema}.${map.table}: ${rows.reason}`);
    else if (into.rows.length + rows.value.length > ROWS_MAX)
      into.unreadable.push(`more than ${ROWS_MAX} rows`);
    else for (const row of rows.value) into.rows.push({ ...row, map });
  }

  function takeQuery(header: EventHeader, body: Uint8Array): RawTransaction | null {
    const query = decodeQuery(body);
    const statement = query.ok ? query.value.statement : '';
    // In a log without GTIDs a transaction starts here; a statement outside of one is a transaction of its own.
    open ??= begin({ gtid: '', standalone: true, xa: false }, header);
    count(open, header);
    if (!query.ok) open.unreadable.push(query.reason);
    else if (statement === 'BEGIN') {
      open.begun = true;
      return null;
    } else if (ENDS.has(statement)) return finish();
    else if (!statement.startsWith('SAVEPOINT ')) {
      open.statements.push({ schema: query.value.schema, statement });
    }
    return open.begun ? null : finish();
  }

  function count(into: Open, header: EventHeader): void {
    into.bytes += header.size;
    // Events that a server makes up for one replica have no place.
    if (header.next !== 0) into.end = header.next;
  }

  return {
    take(header, bytes) {
      if (header.type === EVENT.formatDescription) {
        hasChecksum = checksummed(bytes);
        return null;
      }
      const body = bytes.subarray(HEADER_BYTES, hasChecksum ? bytes.length - 4 : bytes.length);
      const gtid = gtidOf(header, body);
      if (gtid !== null) {
        open = begin(gtid, header);
        count(open, header);
        return null;
      }
      if (header.type === EVENT.query) return takeQuery(header, body);
      if (open === null) return null;
      count(open, header);
      if (header.type === EVENT.xid || header.type === EVENT.xaPrepare) return finish();
      takeInner(header, body, open);
      return null;
    },
  };

  function takeInner(header: EventHeader, body: Uint8Array, into: Open): void {
    const { type } = header;
    if (type === EVENT.tableMap) {
      const map = decodeTableMap(body);
      if (map.ok) maps.set(map.value.id, map.value);
      else into.unreadable.push(map.reason);
    } else if (ROWS_EVENTS.has(type)) takeRows(header, body, into);
    else if (type === EVENT.annotateRows || type === EVENT.rowsQuery)
      into.annotations.push(decodeAnnotation(type, body));
    else if (isCompressed(type)) into.unreadable.push('compressed events (log_bin_compress)');
    else if (type === EVENT.payload)
      into.unreadable.push('a compressed transaction (binlog_transaction_compression)');
    else if (type === EVENT.partialUpdate)
      into.unreadable.push('a partial JSON update (binlog_row_value_options)');
    else if (type === EVENT.intvar || type === EVENT.rand || type === EVENT.userVar)
      into.unreadable.push('a statement with values of its session');
  }
}

function gtidOf(header: EventHeader, body: Uint8Array): GtidEvent | null {
  const { type } = header;
  if (type === EVENT.anonymousGtid) return { gtid: '', standalone: false, xa: false };
  // The tag is not read; the transaction is found by its place.
  if (type === EVENT.taggedGtid) return { gtid: '', standalone: false, xa: false };
  if (type !== EVENT.mariadbGtid && type !== EVENT.mysqlGtid) return null;
  const decoded = type === EVENT.mariadbGtid ? decodeMariadbGtid(header, body) : decodeMysqlGtid(body);
  return decoded.ok ? decoded.value : null;
}
