// Looks at suspect rows until each is judged: the readings that core/verify/looks.ts asks for, in its order.
import { setTimeout as sleep } from 'node:timers/promises';
import { judge, pauseBeforeLookMs, type Suspect, type Version } from '../../core/verify/looks.ts';
import type { VerifyServer } from './server.ts';
import type { Throttle } from './throttle.ts';

export interface Run {
  readonly writer: VerifyServer;
  readonly standby: VerifyServer;
  readonly throttle: Throttle;
  readonly chunkRows: number | null;
  /** Whether changes may be logged as statements: then a chunk's sum is read at the writer twice. */
  readonly relative: boolean;
  /** More differing rows of one table end its comparing. */
  readonly differencesMax: number;
  /** Rows compared so far, of the table under way. */
  progress(rows: number): void;
}

/** A row that differs: by its key, or by its digest where there is none. */
export interface Different {
  readonly key: string;
  readonly writer: Version;
  readonly standby: Version;
}

export interface Compared {
  /** At the writer. */
  rows: number;
  chunks: number;
  readonly different: Different[];
  unsettled: number;
  /** Why it ended before the last row; null: it did not. */
  ended: string | null;
}

export const nothingYet = (): Compared => ({ rows: 0, chunks: 0, different: [], unsettled: 0, ended: null });

/** Versions by key of those that exist. */
export type Looked = (server: VerifyServer, keys: readonly string[]) => Promise<ReadonlyMap<string, string>>;

const BATCH = 100;

/** Judges every suspect; adds to `compared`. */
export async function lookUntilJudged(
  run: Run,
  suspects: readonly Suspect[],
  looked: Looked,
  compared: Compared,
): Promise<void> {
  let open = suspects;
  for (let n = 0; open.length > 0; n += 1) {
    await sleep(pauseBeforeLookMs(n));
    const again: Suspect[] = [];
    for (let at = 0; at < open.length; at += BATCH) {
      const batch = open.slice(at, at + BATCH);
      again.push(...(await lookOnce(run, batch, looked, compared)));
    }
    open = again;
    if (compared.different.length > run.differencesMax) {
      compared.ended = `more than ${run.differencesMax} rows differ`;
      return;
    }
  }
}

async function lookOnce(
  run: Run,
  batch: readonly Suspect[],
  looked: Looked,
  compared: Compared,
): Promise<Suspect[]> {
  const keys = batch.map(({ key }) => key);
  const before = await looked(run.writer, keys);
  await run.throttle.standbyReached();
  const standby = await looked(run.standby, keys);
  const settled = await run.throttle.settled();
  const after = await looked(run.writer, keys);
  return batch.flatMap((suspect) => {
    const of = (versions: ReadonlyMap<string, string>): Version => versions.get(suspect.key) ?? null;
    const [next, judgement] = judge(suspect, {
      writerBefore: of(before),
      standby: of(standby),
      writerAfter: of(after),
      settled,
    });
    if (judgement === 'look-again') return [next];
    if (judgement === 'unsettled') compared.unsettled += 1;
    if (judgement === 'different')
      compared.different.push({ key: next.key, writer: next.writer, standby: next.standby });
    return [];
  });
}
