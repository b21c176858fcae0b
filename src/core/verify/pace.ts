// How hard `twinkeep verify` works: the size of the next chunk, and the rest between two. Pure arithmetic, used by
// io/verify/throttle.ts.

export interface Pace {
  /** Given by the operator; null: found by the time that chunks take. */
  readonly chunkRows: number | null;
  /** The share of time in which the servers may be asked, in per cent. */
  readonly dutyPercent: number;
  /** A standby further behind stops the comparing until it has caught up. */
  readonly lagMsMax: number;
  /** More threads than this running at the writer stop it as well. */
  readonly runningMax: number;
}

export const FIRST_CHUNK_ROWS = 1_000;
const CHUNK_ROWS_MIN = 50;
const CHUNK_ROWS_MAX = 20_000;
/** A chunk's reading at one server: long enough to be worth its way, short enough to hold no old row versions back. */
const CHUNK_MS = 100;

/** From what the last chunk took at the slower of the two servers. Grows and shrinks by half at most. */
export function nextChunkRows(rows: number, tookMs: number): number {
  const wanted = (rows * CHUNK_MS) / Math.max(tookMs, 1);
  const bounded = Math.min(Math.max(wanted, rows / 2), rows * 2);
  return Math.round(Math.min(Math.max(bounded, CHUNK_ROWS_MIN), CHUNK_ROWS_MAX));
}

/** After the server said that a chunk's statement took too long; null: it cannot be made smaller. */
export const smallerChunk = (rows: number): number | null => (rows <= 1 ? null : Math.floor(rows / 4) || 1);

export const restMs = (workedMs: number, dutyPercent: number): number =>
  Math.min(5_000, (workedMs * (100 - dutyPercent)) / dutyPercent);
