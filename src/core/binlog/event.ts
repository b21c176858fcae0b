// One event of a binary log: its header, and the kinds that say something about transactions. Of MariaDB 10.x and MySQL 5.6
// to 9.x (log_event.h and binlog_event.h of both). Bytes come from a file or a raw dump; the next step is transaction.ts.
import { ByteReader, hexOf, OutOfBytes, textOf } from './bytes.ts';

/** A file begins with these, and its first event stands behind them. */
export const MAGIC: readonly number[] = [0xfe, 0x62, 0x69, 0x6e];
export const HEADER_BYTES = 19;

export interface EventHeader {
  /** Seconds since 1970. */
  readonly atS: number;
  readonly type: number;
  readonly serverId: number;
  /** Of the whole event, header and checksum included. */
  readonly size: number;
  /** Where the next event starts in the log that it was written to. */
  readonly next: number;
  readonly flags: number;
}

export const EVENT = {
  query: 2,
  stop: 3,
  rotate: 4,
  intvar: 5,
  rand: 13,
  userVar: 14,
  formatDescription: 15,
  xid: 16,
  tableMap: 19,
  rowsQuery: 29,
  mysqlGtid: 33,
  anonymousGtid: 34,
  xaPrepare: 38,
  partialUpdate: 39,
  payload: 40,
  taggedGtid: 42,
  annotateRows: 160,
  mariadbGtid: 162,
  gtidList: 163,
  startEncryption: 164,
  compressedQuery: 165,
} as const;

/** Rows events by type: what they do, and the version of their header. */
export const ROWS_EVENTS: ReadonlyMap<
  number,
  { readonly kind: 'insert' | 'update' | 'delete'; readonly version: 1 | 2 }
> = new Map([
  [23, { kind: 'insert', version: 1 }],
  [24, { kind: 'update', version: 1 }],
  [25, { kind: 'delete', version: 1 }],
  [30, { kind: 'insert', version: 2 }],
  [31, { kind: 'update', version: 2 }],
  [32, { kind: 'delete', version: 2 }],
]);

/** MariaDB's log_bin_compress: rows and statements that are kept raw and not read. */
export const isCompressed = (type: number): boolean => type >= 165 && type <= 171;

/** Null when the bytes are shorter than a header, or name a size that none has. */
export function decodeHeader(bytes: Uint8Array): EventHeader | null {
  if (bytes.length < HEADER_BYTES) return null;
  const reader = new ByteReader(bytes);
  const header: EventHeader = {
    atS: reader.uint(4),
    type: reader.uint(1),
    serverId: reader.uint(4),
    size: reader.uint(4),
    next: reader.uint(4),
    flags: reader.uint(2),
  };
  return header.size < HEADER_BYTES ? null : header;
}

/** Whether the events that follow this format description end in a checksum of four bytes. */
export function checksummed(formatDescription: Uint8Array): boolean {
  // The algorithm stands in front of the event's own checksum, which is always there (MySQL 5.6, MariaDB 5.3).
  return formatDescription.at(-5) === 1;
}

export type GtidEvent = {
  readonly gtid: string;
  /** The transaction is the one event that follows. */
  readonly standalone: boolean;
  readonly xa: boolean;
};

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/** Runs a decoder; an event that is too short for what it says is a reason, not an exception. */
export function decoding<T>(what: string, decode: () => T): Decoded<T> {
  try {
    return { ok: true, value: decode() };
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error;
    return { ok: false, reason: `${what}: ${error.message}` };
  }
}

const FL_STANDALONE = 1;
const FL_XA = 64 | 128;

export function decodeMariadbGtid(header: EventHeader, body: Uint8Array): Decoded<GtidEvent> {
  return decoding('a GTID event', () => {
    const reader = new ByteReader(body);
    const sequence = reader.uint64();
    const domain = reader.uint(4);
    const flags = reader.uint(1);
    return {
      gtid: `${domain}-${header.serverId}-${sequence}`,
      standalone: (flags & FL_STANDALONE) !== 0,
      xa: (flags & FL_XA) !== 0,
    };
  });
}

export function decodeMysqlGtid(body: Uint8Array): Decoded<GtidEvent> {
  return decoding('a GTID event', () => {
    const reader = new ByteReader(body);
    reader.skip(1);
    const id = hexOf(reader.bytes(16)).toLowerCase();
    const uuid = `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`;
    return { gtid: `${uuid}:${reader.int64()}`, standalone: false, xa: false };
  });
}

export interface QueryEvent {
  readonly schema: string;
  readonly statement: string;
  readonly errorCode: number;
}

export function decodeQuery(body: Uint8Array): Decoded<QueryEvent> {
  return decoding('a statement', () => {
    const reader = new ByteReader(body);
    reader.skip(8);
    const schemaLength = reader.uint(1);
    const errorCode = reader.uint(2);
    reader.skip(reader.uint(2));
    const schema = textOf(reader.bytes(schemaLength));
    reader.skip(1);
    return { schema, errorCode, statement: textOf(reader.bytes(reader.left)) };
  });
}

/** The text of the statement that made the rows (annotate_rows, rows_query). */
export const decodeAnnotation = (type: number, body: Uint8Array): string =>
  textOf(type === EVENT.rowsQuery ? body.subarray(1) : body);
