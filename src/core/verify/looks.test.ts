// The judgement against a model: a writer whose rows change all the time, a standby that replicates it later, rows that were
// made to differ, and the looks in the order that io/verify reads. Whatever happens in between, every row that differs is
// reported or (if it never rests) unsettled, and no other row is reported.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge, LOOKS_MAX, passes, REPORT_AFTER, type Suspect, suspectsOf, type Version } from './looks.ts';

type Row = readonly [number, number];
type Table = ReadonlyMap<string, Row>;

/** A change as row format logs it: of one column, of a whole row, or of its being there. */
type Change =
  | { readonly kind: 'column'; readonly key: string; readonly column: 0 | 1 }
  | { readonly kind: 'put'; readonly key: string }
  | { readonly kind: 'remove'; readonly key: string };

interface Logged {
  readonly key: string;
  readonly after: (row: Row | undefined) => Row | undefined;
}

class Model {
  writer: Map<string, Row>;
  standby: Map<string, Row>;
  readonly log: Logged[] = [];
  applied = 0;
  #next = 1000;

  constructor(rows: Table, standby: Table) {
    this.writer = new Map(rows);
    this.standby = new Map(standby);
  }

  change(change: Change): void {
    const { key } = change;
    const row = this.writer.get(key);
    // Every change gives a value that was never there: as a counter or a time of change does.
    this.#next += 1;
    const value = this.#next;
    let after: Logged['after'];
    if (change.kind === 'remove') after = () => undefined;
    else if (change.kind === 'put') after = () => [value, value];
    else if (row === undefined) return;
    // The standby's row takes the new value of the changed column, and keeps its other one.
    else after = (own) => own && (change.column === 0 ? [value, own[1]] : [own[0], value]);
    this.log.push({ key, after });
    set(this.writer, key, after(row));
  }

  apply(): void {
    const logged = this.log[this.applied];
    if (logged === undefined) return;
    this.applied += 1;
    set(this.standby, logged.key, logged.after(this.standby.get(logged.key)));
  }
}

function set(table: Map<string, Row>, key: string, row: Row | undefined): void {
  if (row === undefined) table.delete(key);
  else table.set(key, row);
}

const version = (table: Table, key: string): Version => table.get(key)?.join(',') ?? null;
const versions = (table: Table): Map<string, string> =>
  new Map([...table].map(([key, row]) => [key, row.join(',')]));
const sum = (table: Table): string => [...versions(table)].sort().join(';');

const KEYS = ['a', 'b', 'c', 'd', 'e'];
/** Only these are changed while it is compared; what differs in the others goes on differing. */
const BUSY = ['a', 'b', 'c'];

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant('column' as const),
    key: fc.constantFrom(...BUSY),
    column: fc.constantFrom(0 as const, 1 as const),
  }),
  fc.record({ kind: fc.constant('put' as const), key: fc.constantFrom(...BUSY) }),
  fc.record({ kind: fc.constant('remove' as const), key: fc.constantFrom(...BUSY) }),
);
/** What happens between two readings. */
const moment = fc.array(fc.oneof(change, fc.constant('apply' as const)), { maxLength: 4 });

function verifyModel(model: Model, happens: () => void, waitForStandby = true) {
  const reach = (): void => {
    const goal = model.log.length;
    happens();
    while (waitForStandby && model.applied < goal) model.apply();
  };
  const before = sum(model.writer);
  reach();
  const reported: string[] = [];
  const unsettled: string[] = [];
  if (passes(before, sum(model.standby), null)) return { reported, unsettled };
  happens();
  const here = versions(model.writer);
  reach();
  let open: readonly Suspect[] = suspectsOf(here, versions(model.standby));
  while (open.length > 0) {
    happens();
    const writerBefore = new Map(model.writer);
    reach();
    const standby = new Map(model.standby);
    happens();
    const writerAfter = new Map(model.writer);
    open = open.flatMap((suspect) => {
      const { key } = suspect;
      const [next, judgement] = judge(suspect, {
        writerBefore: version(writerBefore, key),
        standby: version(standby, key),
        writerAfter: version(writerAfter, key),
        settled: true,
      });
      if (judgement === 'different') reported.push(key);
      if (judgement === 'unsettled') unsettled.push(key);
      return judgement === 'look-again' ? [next] : [];
    });
  }
  return { reported, unsettled };
}

const rows: Table = new Map(KEYS.map((key, i) => [key, [i, i] as const]));

/** What was made to differ, in rows that rest and in rows that change. */
const damage = fc.array(
  fc.oneof(
    fc.record({ key: fc.constantFrom(...KEYS), row: fc.constant(undefined) }),
    fc.record({
      key: fc.constantFrom(...KEYS, 'z'),
      row: fc.constantFrom([900, 1] as const, [1, 900] as const),
    }),
  ),
  { maxLength: 3 },
);

function standbyWith(done: readonly { key: string; row: Row | undefined }[]): Map<string, Row> {
  const table = new Map(rows);
  for (const { key, row } of done) set(table, key, row);
  return table;
}

const scripted = (script: readonly (Change | 'apply')[][], model: Model): (() => void) => {
  let at = 0;
  return () => {
    for (const each of script[at % script.length] ?? []) {
      if (each === 'apply') model.apply();
      else model.change(each);
    }
    at += 1;
  };
};

describe('looking at rows that change meanwhile', () => {
  test('a faithful standby is never reported, whatever is written and however far it lags', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 1, maxLength: 12 }), (script) => {
        const model = new Model(rows, rows);
        expect(verifyModel(model, scripted(script, model)).reported).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });

  test('every row that differs and rests is reported, and of the others only those that differ', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 1, maxLength: 12 }), damage, (script, done) => {
        const model = new Model(rows, standbyWith(done));
        const { reported } = verifyModel(model, scripted(script, model));
        while (model.applied < model.log.length) model.apply();
        const resting = [...KEYS, 'z'].filter((key) => !BUSY.includes(key));
        for (const key of resting) {
          const differs = version(model.writer, key) !== version(model.standby, key);
          expect(reported.includes(key), key).toBe(differs);
        }
        const damaged = new Set(done.map(({ key }) => key));
        for (const key of reported) expect(damaged, key).toContain(key);
      }),
      { numRuns: 3000 },
    );
  });

  test('a row that differs in one column and changes in the other is reported or unsettled, never passed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<Change | 'apply'>({ kind: 'column', key: 'a', column: 0 }, 'apply'), {
          maxLength: 4,
        }),
        (once) => {
          const model = new Model(rows, standbyWith([{ key: 'a', row: [0, 900] }]));
          const { reported, unsettled } = verifyModel(model, scripted([once], model));
          expect([...reported, ...unsettled]).toEqual(['a']);
        },
      ),
    );
  });

  // The test of the test: without the wait for the standby the model does produce false reports.
  test('without the wait for the standby a standby that lags would be reported', () => {
    const model = new Model(rows, rows);
    model.change({ kind: 'put', key: 'a' });
    expect(verifyModel(model, () => undefined, false).reported).toEqual(['a']);
  });
});

describe('one look', () => {
  const fresh: Suspect = { key: 'k', looks: 0, against: 0, writer: null, standby: null };
  const look = (writerBefore: Version, standby: Version, writerAfter: Version, settled = true) => ({
    writerBefore,
    standby,
    writerAfter,
    settled,
  });

  test(`a row is reported after ${REPORT_AFTER} looks with the same two versions, and no sooner`, () => {
    let suspect = fresh;
    const seen: string[] = [];
    for (let n = 0; n < REPORT_AFTER; n += 1) {
      const [next, judgement] = judge(suspect, look('x', 'y', 'x'));
      suspect = next;
      seen.push(judgement);
    }
    expect(seen).toEqual([...Array(REPORT_AFTER - 1).fill('look-again'), 'different']);
  });

  test('a standby that shows another version each time starts the count again', () => {
    const [one] = judge(fresh, look('x', 'y', 'x'));
    const [two] = judge(one, look('x', 'z', 'x'));
    expect(two.against).toBe(1);
  });

  test('a look in which the writer changed the row does not speak against it', () => {
    const [next, judgement] = judge({ ...fresh, against: 2, writer: 'z', standby: 'y' }, look('x', 'y', 'z'));
    expect([next.against, judgement]).toEqual([0, 'look-again']);
  });

  test('a standby that shows what the writer had before or after passes', () => {
    expect([judge(fresh, look('x', 'x', 'z'))[1], judge(fresh, look('x', 'z', 'z'))[1]]).toEqual([
      'same',
      'same',
    ]);
  });

  test('a look while commits wait at the writer counts for nothing', () => {
    const [next, judgement] = judge(fresh, look('x', 'y', 'x', false));
    expect([next.against, judgement]).toEqual([0, 'look-again']);
  });

  test(`a row that changes at each of ${LOOKS_MAX} looks is unsettled`, () => {
    let suspect = fresh;
    let last = '';
    for (let n = 0; n < LOOKS_MAX; n += 1)
      [suspect, last] = judge(suspect, look(`x${n}`, 'old', `x${n + 1}`));
    expect(last).toBe('unsettled');
  });

  test('where changes may be relative a sum must also hold at the second reading', () => {
    expect(passes('5', '5', '5')).toBe(true);
    expect(passes('5', '5', '6')).toBe(false);
  });
});
