// Compares one table whose rows are told apart by a key: chunk by chunk along that key, each by a sum made in the servers; a
// chunk that differs row by row, and a row that differs until it is judged.
import { passes, suspectsOf } from '../../core/verify/looks.ts';
import { FIRST_CHUNK_ROWS, nextChunkRows, smallerChunk } from '../../core/verify/pace.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { text } from '../database/rows.ts';
import { type Compared, type Looked, lookUntilJudged, nothingYet, type Run } from './looking.ts';
import type { VerifyServer } from './server.ts';
import type { Key, TableStatements } from './statements.ts';

/** Rows of one list that is held in memory; a range with more at either side is cut in two. */
const LIST_ROWS_MAX = 20_000;

interface Range {
  readonly after: Key | null;
  readonly until: Key | null;
}

interface Sum {
  readonly rows: number;
  readonly digest: string;
  readonly tookMs: number;
}

export const keyText = (key: Key): string => JSON.stringify(key);
export const keyFromText = (key: string): Key => JSON.parse(key) as Key;

/** The versions of given rows, each found by its server's own collation. */
export const looksByKey =
  (statements: TableStatements): Looked =>
  async (server, keys) => {
    const rows = await server.read(statements.looked(keys.map(keyFromText)));
    return new Map(rows.map((row) => [keys[Number(row['i'])] ?? '', text(row['h'])]));
  };

export async function compareKeyed(run: Run, statements: TableStatements): Promise<Compared> {
  const compared = nothingYet();
  let rows = run.chunkRows ?? FIRST_CHUNK_ROWS;
  let after: Key | null = null;
  for (;;) {
    const startedMs = performance.now();
    try {
      const { until, tookMs } = await compareChunk(run, statements, after, rows, compared);
      run.progress(compared.rows);
      if (until === null || compared.ended !== null) return compared;
      if (after !== null && keyText(until) === keyText(after))
        throw new Error(`the key of a chunk does not advance: ${keyText(until)}`);
      after = until;
      if (run.chunkRows === null) rows = nextChunkRows(rows, tookMs);
    } catch (error) {
      const smaller = smallerChunk(rows);
      if (!(error instanceof DatabaseError) || error.code !== 'timeout' || smaller === null) throw error;
      rows = smaller;
    }
    await run.throttle.rest(performance.now() - startedMs);
  }
}

async function compareChunk(
  run: Run,
  statements: TableStatements,
  after: Key | null,
  rows: number,
  compared: Compared,
): Promise<{ until: Key | null; tookMs: number }> {
  const [last] = await run.writer.read(statements.boundary(after, rows));
  const range: Range = { after, until: last === undefined ? null : statements.keyOf(last) };
  const writer = await sum(run.writer, statements, range);
  await run.throttle.standbyReached();
  const standby = await sum(run.standby, statements, range);
  const again = run.relative ? await sum(run.writer, statements, range) : null;
  if (!passes(writer.digest, standby.digest, again?.digest ?? null))
    await compareRows(run, statements, range, Math.max(writer.rows, standby.rows), compared);
  compared.rows += writer.rows;
  compared.chunks += 1;
  return { until: range.until, tookMs: Math.max(writer.tookMs, standby.tookMs) };
}

async function sum(server: VerifyServer, statements: TableStatements, range: Range): Promise<Sum> {
  const startedMs = performance.now();
  const [row = {}] = await server.read(statements.chunkDigest(range.after, range.until));
  if (Number(row['unread']) > 0)
    throw new DatabaseError(
      'statement',
      `${server.where}: ${row['unread']} rows are larger than max_allowed_packet there and cannot be read`,
    );
  return { rows: Number(row['n']), digest: text(row['digest']), tookMs: performance.now() - startedMs };
}

async function compareRows(
  run: Run,
  statements: TableStatements,
  range: Range,
  rowsMax: number,
  compared: Compared,
): Promise<void> {
  // Rows that came since the sums were read have room.
  const limit = LIST_ROWS_MAX * 2;
  const middle = rowsMax > LIST_ROWS_MAX ? await halfway(run, statements, range, rowsMax) : null;
  if (middle !== null) {
    const halves = [
      { after: range.after, until: middle },
      { after: middle, until: range.until },
    ];
    for (const half of halves) {
      if (compared.ended !== null) return;
      const [a, b] = [await sum(run.writer, statements, half), await sum(run.standby, statements, half)];
      await compareRows(run, statements, half, Math.max(a.rows, b.rows), compared);
    }
    return;
  }
  const list = async (server: VerifyServer): Promise<ReadonlyMap<string, string>> => {
    const rows = await server.read(statements.chunkRows(range.after, range.until, limit));
    return new Map(rows.map((row) => [keyText(statements.keyOf(row)), text(row['h'])]));
  };
  const writer = await list(run.writer);
  await run.throttle.standbyReached();
  const standby = await list(run.standby);
  if (writer.size === limit || standby.size === limit)
    return compareRows(run, statements, range, limit, compared);
  const suspects = suspectsOf(writer, standby);
  await lookUntilJudged(run, suspects, looksByKey(statements), compared);
  onceEach(compared);
}

/** Two keys that a collation takes for one, as 'a' here and 'A' there, were both suspect, and are one row. */
function onceEach({ different }: Compared): void {
  const rows = new Map(different.map((each) => [`${each.writer} ${each.standby}`, each]));
  if (rows.size < different.length) different.splice(0, different.length, ...rows.values());
}

/** A key in the middle of the range at the server that has more rows; null: the range cannot be cut. */
async function halfway(
  run: Run,
  statements: TableStatements,
  range: Range,
  rowsMax: number,
): Promise<Key | null> {
  for (const server of [run.standby, run.writer]) {
    const [row] = await server.read(statements.boundary(range.after, Math.ceil(rowsMax / 2)));
    if (row === undefined) continue;
    const key = statements.keyOf(row);
    const [inside] = await server.read(
      `SELECT 1 AS inside FROM (${statements.chunkRows(key, range.until, 1)}) AS r LIMIT 1`,
    );
    if (inside !== undefined) return key;
  }
  return null;
}
