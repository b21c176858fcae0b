// The record: the durable statement about the pair that decides who may write. It is written and fsynced
// before the action that it allows.

export type Sync =
  /** A commit is acknowledged only after the standby holds it. */
  | 'paired'
  /** The writer goes on without the standby, and the standby may not be promoted. */
  | 'alone';

export interface PairRecord {
  /** Raised by one whenever the writer changes; 0 before the pair ever had a writer. */
  readonly epoch: number;
  /** Name of the node that may write; null only in epoch 0. */
  readonly writer: string | null;
  readonly sync: Sync;
}

export const NO_RECORD: PairRecord = { epoch: 0, writer: null, sync: 'alone' };

/** Whether two records say the same. */
export function sameRecord(a: PairRecord, b: PairRecord): boolean {
  return a.epoch === b.epoch && a.writer === b.writer && a.sync === b.sync;
}

/** Reads a record back from its file or from a peer's message; null when it is none. */
export function parseRecord(value: unknown): PairRecord | null {
  if (typeof value !== 'object' || value === null) return null;
  const { epoch, writer, sync } = value as Record<string, unknown>;
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 0) return null;
  if (sync !== 'paired' && sync !== 'alone') return null;
  if (epoch === 0 ? writer !== null : typeof writer !== 'string' || writer === '') return null;
  return { epoch, writer: writer as string | null, sync };
}

export function describeRecord(record: PairRecord): string {
  return record.writer === null
    ? 'no writer yet'
    : `epoch ${record.epoch}, writer ${record.writer}, ${record.sync}`;
}
