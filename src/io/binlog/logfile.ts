// A binary log file, event by event, from its beginning or from a position: what a server wrote, or what a raw dump left.
// A torn end, as a crash or a dump that was broken off leaves it, ends the reading without an error.
import { type FileHandle, open } from 'node:fs/promises';
import { decodeHeader, EVENT, type EventHeader, HEADER_BYTES, MAGIC } from '../../core/binlog/event.ts';
import { type RawTransaction, transactionReader } from '../../core/binlog/transaction.ts';
import { OperatorError } from '../../core/error.ts';
import { breath } from './breath.ts';

/** The largest event that is read; max_allowed_packet of a replica is 1 GB at most, ours is less. */
const EVENT_BYTES_MAX = 512 << 20;
const CHUNK_BYTES = 1 << 20;

export interface LogEvent {
  readonly header: EventHeader;
  readonly bytes: Buffer;
  /** In this file; a raw dump may leave events out, so `header.next` need not agree. */
  readonly offset: number;
}

const damaged = (path: string, offset: number): OperatorError =>
  new OperatorError(
    'binlog-damaged',
    `${path} is no binary log at byte ${offset}`,
    'an encrypted log is read from its running server only; otherwise copy the file anew',
  );

/** Bytes of the file, read ahead; fewer than asked for at its end. */
function window(file: FileHandle): (offset: number, size: number) => Promise<Buffer> {
  let held = Buffer.alloc(0);
  let start = 0;
  return async (offset, size) => {
    if (offset < start || offset + size > start + held.length) {
      const bytes = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, size));
      let got = 0;
      while (got < bytes.length) {
        const { bytesRead } = await file.read(bytes, got, bytes.length - got, offset + got);
        if (bytesRead === 0) break;
        got += bytesRead;
      }
      held = bytes.subarray(0, got);
      start = offset;
    }
    return held.subarray(offset - start, offset - start + size);
  };
}

/** Events in the order of the file; the format description comes first, also when `from` is behind it. */
export async function* eventsOf(path: string, from = MAGIC.length): AsyncGenerator<LogEvent> {
  const file = await open(path, 'r');
  try {
    const bytesAt = window(file);
    const breathe = breath();
    const magic = await bytesAt(0, MAGIC.length);
    if (MAGIC.some((byte, i) => magic[i] !== byte)) throw damaged(path, 0);
    for (let offset = MAGIC.length; ; ) {
      const head = await bytesAt(offset, HEADER_BYTES);
      if (head.length < HEADER_BYTES) return;
      const header = decodeHeader(head);
      if (header === null || header.size > EVENT_BYTES_MAX) throw damaged(path, offset);
      const bytes = await bytesAt(offset, header.size);
      if (bytes.length < header.size) return;
      yield { header, bytes, offset };
      await breathe();
      offset += header.size;
      if (header.type === EVENT.formatDescription && from > offset) offset = from;
    }
  } finally {
    await file.close();
  }
}

export interface PlacedTransaction extends RawTransaction {
  readonly file: string;
  /** Where its first event stands in this file, and where the first event behind it. */
  readonly from: number;
  readonly to: number;
}

const STARTS = new Set<number>([EVENT.mariadbGtid, EVENT.mysqlGtid, EVENT.anonymousGtid, EVENT.taggedGtid]);

/** The whole transactions of the files, in their order. */
export async function* transactionsOf(paths: readonly string[], from = 4): AsyncGenerator<PlacedTransaction> {
  for (const [index, path] of paths.entries()) {
    const reader = transactionReader();
    let start: number | null = null;
    for await (const { header, bytes, offset } of eventsOf(path, index === 0 ? from : 4)) {
      if (STARTS.has(header.type) || (start === null && header.type === EVENT.query)) start = offset;
      const transaction = reader.take(header, bytes);
      if (transaction === null) continue;
      yield { ...transaction, file: path, from: start ?? offset, to: offset + header.size };
      start = null;
    }
  }
}
