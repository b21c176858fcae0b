// What a node keeps on its disk: the record, the journal of a plan in progress, and whether it is under maintenance. One
// file, replaced as a whole, so that no crash leaves a part of it.

import { NO_RECORD, type PairRecord, parseRecord } from './record.ts';

/**
 * A plan that must not be forgotten half-way. Plans that are not journalled are decided anew from the record and the
 * servers, and come to the same end.
 */
export interface Journal {
  /**
   * `handover`: epoch `epoch` was, or may have been, offered to the peer: this node does not open under an earlier one.
   * `takeover`: epoch `epoch` was claimed, and the server is not known to be open yet.
   */
  readonly kind: 'handover' | 'takeover';
  readonly epoch: number;
  readonly because: string;
  /** A takeover from a server that lives without its agent: it is to be closed over SQL. */
  readonly fence: boolean;
}

/** An operator's order that nothing moves by itself. The higher version is the newer one, on whichever node it was given. */
export interface Maintenance {
  readonly version: number;
  /** Null: not under maintenance. */
  readonly because: string | null;
}

export interface Stored {
  readonly record: PairRecord;
  readonly journal: Journal | null;
  readonly maintenance: Maintenance;
}

/** Whether `a` is the newer order. Given on both nodes while they were apart: the one that holds things still. */
export function isNewer(a: Maintenance, b: Maintenance): boolean {
  if (a.version !== b.version) return a.version > b.version;
  return (a.because ?? '') > (b.because ?? '');
}

export const NO_MAINTENANCE: Maintenance = { version: 0, because: null };
export const NOTHING_STORED: Stored = { record: NO_RECORD, journal: null, maintenance: NO_MAINTENANCE };

/** Reads untrusted maintenance; null when it is none. */
export function parseMaintenance(value: unknown): Maintenance | null {
  if (typeof value !== 'object' || value === null) return null;
  const { version, because } = value as Record<string, unknown>;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) return null;
  if (because !== null && (typeof because !== 'string' || because.length > 4096)) return null;
  return { version, because };
}

function parseJournal(value: unknown): Journal | null {
  if (typeof value !== 'object' || value === null) return null;
  const { kind, epoch, because, fence } = value as Record<string, unknown>;
  if (kind !== 'handover' && kind !== 'takeover') return null;
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || typeof because !== 'string') return null;
  return { kind, epoch, because, fence: fence === true };
}

/** Reads the file's content back; null when it holds no record. A journal that cannot be read is none: the record decides. */
export function parseStored(value: unknown): Stored | null {
  if (typeof value !== 'object' || value === null) return null;
  const given = value as Record<string, unknown>;
  const record = parseRecord(given['record']);
  if (record === null) return null;
  return {
    record,
    journal: parseJournal(given['journal']),
    maintenance: parseMaintenance(given['maintenance']) ?? NO_MAINTENANCE,
  };
}
