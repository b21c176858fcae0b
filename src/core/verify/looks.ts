// Which rows differ between two masters that are written to meanwhile: the judgement behind `twinkeep verify`. Pure; the
// reading is done by io/verify/keyed.ts and whole.ts, in the order that this page asks for.
//
// Words. W(p), S(p): the writer's and the standby's version of one row (or none) at position p of the writer's history. A
// standby that replicated without fault has S(p) = W(p) for every p. A row *diverged* when W(p) <> S(p) for all p of the run.
//
// A look reads W at some position w1, then takes a position g >= w1 from the writer, waits until the standby has executed g,
// reads S at some position s, waits until no commit that the standby may have had already is still waiting at the writer, and
// reads W again at w2. So w1 <= g <= s <= w2.
//
// No false report. If the standby is faithful, S(s) = W(s) is a version that the writer's row had between w1 and w2. A look
// speaks against a row only if W(w1) = W(w2) <> S(s): the row would have had to change and change back within that look. A
// row is reported after REPORT_AFTER looks, at growing distances, that all speak against it with the *same* two versions. Only a
// row that goes to and fro between the same two versions, in step with all of these looks, can be reported wrongly; a row with any
// counter or time of change in it cannot. A row that goes on changing from look to look is never reported, but counted as unsettled.
//
// No miss. A chunk passes when its sum at the standby, read at s >= w1, equals the writer's, read at w1. Let a row have diverged
// and still S(s) = W(w1). Then W changed between w1 and s, or W(s) = S(s). In row format every change carries the new
// values of what it changes: columns that it changed have the new value at both, and S(s) has not W's old one; columns that it did not
// change differ now as before. Either way S(s) <> W(w1): a contradiction. (In statement format a change may be relative, as in
// c = c + 1; then the same chunk is read again at the writer: see `passes`.) What remains is two different sets of rows
// with one sum: 2 x 64 bits of SHA-256 by XOR, 48 bits by addition, and the count; for data that nobody built for it the
// chance is below 2^-128 a chunk.
// A row passes after it was a suspect if S(s) equals W(w1) or W(w2), by the same argument.

/** What a side holds under a key: a digest of the row; null: no such row. Of tables without a key: how many such rows. */
export type Version = string | null;

export interface Look {
  readonly writerBefore: Version;
  readonly standby: Version;
  readonly writerAfter: Version;
  /** Whether everything that the standby may have shown was visible at the writer before its second reading. */
  readonly settled: boolean;
}

export interface Suspect {
  readonly key: string;
  readonly looks: number;
  /** Looks in a row that spoke against the row with the same two versions. */
  readonly against: number;
  readonly writer: Version;
  readonly standby: Version;
}

export type Judgement = 'same' | 'different' | 'unsettled' | 'look-again';

export const REPORT_AFTER = 3;
/** A row that still changes by then is unsettled. */
export const LOOKS_MAX = 10;

/** Before the n-th look (from 0): first at once, then at growing distances. */
export const pauseBeforeLookMs = (n: number): number => (n === 0 ? 0 : Math.min(800, 40 * 2 ** (n - 1)));

/** Whether a chunk's sums let it pass. `after` is read only where changes may be relative (not in row format). */
export const passes = (before: string, standby: string, after: string | null): boolean =>
  before === standby && (after === null || after === standby);

/** Keys whose versions differ in two lists of one chunk. */
export function suspectsOf(
  writer: ReadonlyMap<string, string>,
  standby: ReadonlyMap<string, string>,
): readonly Suspect[] {
  const differing = [...writer].filter(([key, version]) => standby.get(key) !== version).map(([key]) => key);
  const extra = [...standby.keys()].filter((key) => !writer.has(key));
  return [...differing, ...extra].map((key) => ({ key, looks: 0, against: 0, writer: null, standby: null }));
}

export function judge(suspect: Suspect, look: Look): readonly [Suspect, Judgement] {
  const looks = suspect.looks + 1;
  const { writerBefore, standby, writerAfter, settled } = look;
  if (standby === writerBefore || standby === writerAfter) return [{ ...suspect, looks }, 'same'];
  if (writerBefore !== writerAfter || !settled) {
    const moving = { ...suspect, looks, against: 0 };
    return [moving, looks >= LOOKS_MAX ? 'unsettled' : 'look-again'];
  }
  const again = suspect.against > 0 && suspect.writer === writerAfter && suspect.standby === standby;
  const next = {
    ...suspect,
    looks,
    against: again ? suspect.against + 1 : 1,
    writer: writerAfter,
    standby,
  };
  if (next.against >= REPORT_AFTER) return [next, 'different'];
  return [next, looks >= LOOKS_MAX ? 'unsettled' : 'look-again'];
}
