// How far a clone is, as its journal says, and what that means for the data directories. Each step can be done again; so a
// clone that was broken off goes on at its step, and one that is given up puts the old data back. Carried out by app/clonerun.ts.

export const methods = ['backup', 'clone-plugin', 'dump'] as const;
/** mariadb-backup; MySQL's CLONE plugin; mariadb-dump or mysqldump. */
export type Method = (typeof methods)[number];

/** What is to be done next. */
export const steps = ['receive', 'prepare', 'stop', 'swap', 'position', 'prove', 'done'] as const;
export type Step = (typeof steps)[number];

export interface CloneJournal {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly family: 'mariadb' | 'mysql';
  readonly method: Method;
  readonly step: Step;
  /** ISO 8601. */
  readonly startedAt: string;
  /** The data directory of the server; the copy beside it; where the old data are kept. */
  readonly datadir: string;
  readonly fresh: string;
  readonly kept: string;
  /** What the copy's own binary log begins with (MariaDB: gtid_binlog_state; MySQL: null, the server sets it); null before it is known. */
  readonly history: string | null;
  /** The last transaction in the copy, of each domain. */
  readonly position: string | null;
  /** The overwritten node held transactions that the copy lacks, or may have. */
  readonly forgets: boolean;
  /** Set while the clone is given up. */
  readonly aborting: boolean;
}

const texts = ['id', 'from', 'to', 'startedAt', 'datadir', 'fresh', 'kept'] as const;

/** Reads a journal back; null when it is none. */
export function parseJournal(value: unknown): CloneJournal | null {
  if (typeof value !== 'object' || value === null) return null;
  const given = value as Record<string, unknown>;
  const isText = (key: string): boolean => typeof given[key] === 'string' && given[key] !== '';
  const method = methods.find((each) => each === given['method']);
  const step = steps.find((each) => each === given['step']);
  const family = given['family'] === 'mysql' ? 'mysql' : 'mariadb';
  if (method === undefined || step === undefined || !texts.every(isText)) return null;
  const textOrNull = (key: string): string | null =>
    typeof given[key] === 'string' ? (given[key] as string) : null;
  return {
    ...(Object.fromEntries(texts.map((key) => [key, given[key]])) as Record<(typeof texts)[number], string>),
    family,
    method,
    step,
    history: textOrNull('history'),
    position: textOrNull('position'),
    forgets: given['forgets'] === true,
    aborting: given['aborting'] === true,
  };
}

/** Why the pair must leave this node alone, as long as that is so. From `prove` on the pair itself brings the copy up to date. */
export function mendingBecause(journal: CloneJournal | null): string | null {
  if (journal === null) return null;
  if (journal.aborting) return `a clone from ${journal.from} is given up: the old data are put back`;
  if (journal.step === 'prove' || journal.step === 'done') return null;
  return `a clone from ${journal.from} is under way since ${journal.startedAt}: \`twinkeep clone\` goes on with one that was broken off, \`twinkeep clone --abort\` gives it up`;
}

/** Which of the three directories exist. */
export interface Seen {
  readonly datadir: boolean;
  readonly fresh: boolean;
  readonly kept: boolean;
}

export type Place = keyof Seen;

export type Move =
  | { readonly kind: 'rename'; readonly from: Place; readonly to: Place }
  | { readonly kind: 'remove'; readonly what: Place };

/** What is left to be done until the copy stands where the server looks; null: the directories are not ours to move. */
export function swapMoves({ datadir, fresh, kept }: Seen): readonly Move[] | null {
  const aside: Move = { kind: 'rename', from: 'datadir', to: 'kept' };
  const in_: Move = { kind: 'rename', from: 'fresh', to: 'datadir' };
  if (datadir && fresh && !kept) return [aside, in_];
  if (!datadir && fresh && kept) return [in_];
  if (datadir && !fresh && kept) return [];
  return null;
}

/**
 * What is left to be done until the old data stand where the server looks, and the copy is gone. The server is stopped. While `kept`
 * exists it holds the old data, and so what is at the data directory is the copy.
 */
export function undoMoves({ datadir, fresh, kept }: Seen): readonly Move[] | null {
  const back: Move[] = [{ kind: 'rename', from: 'kept', to: 'datadir' }];
  const drop: Move[] = fresh ? [{ kind: 'remove', what: 'fresh' }] : [];
  if (!kept) return datadir ? drop : null;
  if (!datadir) return [...back, ...drop];
  // The copy is moved away whole: a data directory that is half removed would be taken for one.
  return [
    ...drop,
    { kind: 'rename', from: 'datadir', to: 'fresh' },
    ...back,
    { kind: 'remove', what: 'fresh' },
  ];
}
