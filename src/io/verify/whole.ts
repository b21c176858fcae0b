// Compares one table without a usable key: the rows of both as multisets, by the digests of whole rows in 256 parts. Each step
// reads the whole table once, so this is for tables that are small, or should get a primary key.
import { suspectsOf } from '../../core/verify/looks.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { text } from '../database/rows.ts';
import { type Compared, type Looked, lookUntilJudged, nothingYet, type Run } from './looking.ts';
import type { VerifyServer } from './server.ts';
import type { wholeStatements } from './statements.ts';

type Statements = ReturnType<typeof wholeStatements>;

/** Of one reading of the whole table. */
const TABLE_MS_MAX = 600_000;
/** Different rows that are held in memory at once. */
const DIGESTS_MAX = 200_000;

/** How often each given row is there. */
export const looksByDigest =
  (statements: Statements): Looked =>
  async (server, digests) =>
    counts(await server.read(statements.counted(digests), TABLE_MS_MAX));

const counts = (rows: readonly Readonly<Record<string, unknown>>[]): ReadonlyMap<string, string> =>
  new Map(rows.map((row) => [text(row['h']), text(row['n'])]));

export async function compareWhole(run: Run, statements: Statements): Promise<Compared> {
  const compared = nothingYet();
  const startedMs = performance.now();
  const writer = await buckets(run.writer, statements);
  await run.throttle.standbyReached();
  const standby = await buckets(run.standby, statements);
  const again = run.relative ? await buckets(run.writer, statements) : writer;
  compared.rows = [...writer.values()].reduce((sum, each) => sum + each.rows, 0);
  compared.chunks = 1;
  run.progress(compared.rows);
  const names = [...new Set([...writer.keys(), ...standby.keys(), ...again.keys()])].filter((name) => {
    const digests = [writer, standby, again].map((each) => each.get(name)?.digest);
    return digests.some((digest) => digest !== digests[0]);
  });
  await run.throttle.rest(performance.now() - startedMs);
  if (names.length === 0) return compared;
  const rowsThere = names.reduce(
    (sum, name) => sum + Math.max(writer.get(name)?.rows ?? 0, standby.get(name)?.rows ?? 0),
    0,
  );
  // A few parts at a time keep the lists in memory small; each costs a reading of the table.
  const step = Math.max(1, Math.floor(names.length / Math.ceil(rowsThere / DIGESTS_MAX)));
  for (let at = 0; at < names.length && compared.ended === null; at += step) {
    const part = names.slice(at, at + step);
    const here = counts(await run.writer.read(statements.inBuckets(part), TABLE_MS_MAX));
    await run.throttle.standbyReached();
    const there = counts(await run.standby.read(statements.inBuckets(part), TABLE_MS_MAX));
    await lookUntilJudged(run, suspectsOf(here, there), looksByDigest(statements), compared);
  }
  return compared;
}

async function buckets(
  server: VerifyServer,
  statements: Statements,
): Promise<ReadonlyMap<string, { rows: number; digest: string }>> {
  const rows = await server.read(statements.buckets, TABLE_MS_MAX);
  if (rows.some((row) => Number(row['unread']) > 0))
    throw new DatabaseError(
      'statement',
      `${server.where}: rows are larger than max_allowed_packet there and cannot be read`,
    );
  return new Map(
    rows.map((row) => [text(row['bucket']), { rows: Number(row['n']), digest: text(row['digest']) }]),
  );
}
