// The archive's folder: one folder a run of the copy, with what it started behind and the raw files it wrote. What is there is
// never rewritten: a copy that goes on starts a new run behind all that the last one has.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { positionBehind } from '../../core/archive/position.ts';
import { contains } from '../../core/gtid/gtid.ts';
import { transactionsOf } from '../binlog/logfile.ts';
import type { Family } from '../binlog/tool.ts';

export interface Run {
  /** `<epoch>-<node>-<number>`, sortable. */
  readonly name: string;
  readonly folder: string;
  readonly node: string;
  readonly epoch: number;
  readonly family: Family;
  /** All that the archive had before it. */
  readonly behind: string;
  readonly startedAt: string;
}

export interface Shelf {
  readonly runs: () => readonly Run[];
  begin(run: Pick<Run, 'node' | 'epoch' | 'family' | 'behind'>): Run;
}

const INDEX = 'run.json';
/** `<log name>.<number>`, as the server calls its files. */
const LOG_FILE = /\.\d{6,}$/;

export function filesOf(run: Run): string[] {
  return readdirSync(run.folder)
    .filter((name) => LOG_FILE.test(name))
    .sort()
    .map((name) => join(run.folder, name));
}

export const bytesOf = (run: Run): number => filesOf(run).reduce((sum, path) => sum + statSync(path).size, 0);

/** Whether this run would do for a copy that is to begin so: nothing was written by it. */
export const isUnused = (run: Run, wanted: Pick<Run, 'node' | 'epoch' | 'family' | 'behind'>): boolean =>
  filesOf(run).length === 0 &&
  run.node === wanted.node &&
  run.epoch === wanted.epoch &&
  run.family === wanted.family &&
  run.behind === wanted.behind;

/** All that the archive has at the end of this run, as a position or set of the family. */
export async function positionAfter(run: Run): Promise<string> {
  const gtids: string[] = [];
  for await (const { gtid } of transactionsOf(filesOf(run))) gtids.push(gtid);
  return positionBehind(run.behind, gtids);
}

/**
 * The files from the last place on that has nothing a server at `after` lacks before it. Null: even the oldest run started behind
 * something that it lacks, so that there is a gap.
 */
export function runsFrom(runs: readonly Run[], after: string): readonly Run[] | null {
  for (let at = runs.length - 1; at >= 0; at -= 1)
    if (contains(after, runs[at]?.behind ?? '')) return runs.slice(at);
  return null;
}

function readRun(folder: string, name: string): Run | null {
  try {
    const index = JSON.parse(readFileSync(join(folder, name, INDEX), 'utf8')) as Run;
    return { ...index, name, folder: join(folder, name) };
  } catch {
    // Not one of ours, or one that was broken off before it began.
    return null;
  }
}

export function openShelf(folder: string): Shelf {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const runs = (): Run[] =>
    readdirSync(folder)
      .sort()
      .map((name) => readRun(folder, name))
      .filter((run) => run !== null);
  return {
    runs,
    begin({ node, epoch, family, behind }) {
      const number = runs().length + 1;
      const name = `${String(epoch).padStart(10, '0')}-${node}-${String(number).padStart(6, '0')}`;
      const path = join(folder, name);
      mkdirSync(path, { mode: 0o700 });
      const run: Run = {
        name,
        folder: path,
        node,
        epoch,
        family,
        behind,
        startedAt: new Date().toISOString(),
      };
      const { name: _name, folder: _folder, ...index } = run;
      writeFileSync(join(path, INDEX), `${JSON.stringify(index, null, 2)}\n`, { mode: 0o600 });
      return run;
    },
  };
}
