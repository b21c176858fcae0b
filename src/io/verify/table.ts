// One table on both sides: how its rows are compared, which differ, and how they look.
import { type Comparable, comparable, type TableShape } from '../../core/verify/shape.ts';
import { compareKeyed, keyFromText, looksByKey } from './keyed.ts';
import { type Compared, type Different, lookUntilJudged, nothingYet, type Run } from './looking.ts';
import { compareShown, readRow, type ShownRow } from './shown.ts';
import { keyedStatements, rowDigest, tableName, wholeStatements } from './statements.ts';
import { compareWhole, looksByDigest } from './whole.ts';

type Ready = Extract<Comparable, { kind: 'comparable' }>;

/** What repair needs of a table beside its differing rows. */
export interface TableWork {
  readonly table: string;
  readonly writer: TableShape;
  readonly shape: Ready;
  /** Of one row, by its key or digest. */
  where(key: string): string;
  readonly digest: string;
  compare(run: Run): Promise<Compared>;
  /** Judges these rows again. */
  again(run: Run, different: readonly Different[]): Promise<Compared>;
}

export type TablePlan =
  | { readonly kind: 'work'; readonly work: TableWork }
  | { readonly kind: 'not-comparable'; readonly because: string };

export function planTable(writer: TableShape, standby: TableShape): TablePlan {
  const shape = comparable(writer, standby);
  if (shape.kind === 'not-comparable') return shape;
  const table = tableName(writer.schema, writer.name);
  const common = { table, writer, shape, digest: rowDigest(shape.columns) };
  const suspects = (different: readonly Different[]) =>
    different.map(({ key }) => ({ key, looks: 0, against: 0, writer: null, standby: null }));
  if (shape.key === null) {
    const statements = wholeStatements(table, shape.columns);
    return {
      kind: 'work',
      work: {
        ...common,
        where: statements.where,
        compare: (run) => compareWhole(run, statements),
        async again(run, different) {
          const compared = nothingYet();
          await lookUntilJudged(run, suspects(different), looksByDigest(statements), compared);
          return compared;
        },
      },
    };
  }
  const statements = keyedStatements(table, shape);
  return {
    kind: 'work',
    work: {
      ...common,
      where: (key) => statements.where(keyFromText(key)),
      compare: (run) => compareKeyed(run, statements),
      async again(run, different) {
        const compared = nothingYet();
        await lookUntilJudged(run, suspects(different), looksByKey(statements), compared);
        return compared;
      },
    },
  };
}

const SHOW_MS_MAX = 600_000;

/** The first `limit` of them, each as both sides have it. */
export async function showRows(
  run: Run,
  { table, shape, where }: TableWork,
  different: readonly Different[],
  limit: number,
): Promise<ShownRow[]> {
  const shown: ShownRow[] = [];
  for (const { key, writer, standby } of different) {
    if (shown.length >= limit) break;
    const limitMs = shape.key === null ? SHOW_MS_MAX : undefined;
    const read = (server: typeof run.writer) => readRow(server, table, shape.columns, where(key), limitMs);
    const here = writer === null ? null : await read(run.writer);
    const there = standby === null ? null : await read(run.standby);
    const keyColumns = shape.key?.columns ?? [];
    const row =
      shape.key === null
        ? compareShown(shape.columns, keyColumns, here ?? there, null)
        : compareShown(shape.columns, keyColumns, here, there);
    if (row === null) continue;
    shown.push(shape.key === null ? counted(row, Number(writer ?? 0), Number(standby ?? 0)) : row);
  }
  return shown;
}

function counted(row: ShownRow, writer: number, standby: number): ShownRow {
  const columns = row.columns.map(({ name, ...values }) => {
    const value = values.writer === '-' ? values.standby : values.writer;
    return { name, writer: writer > 0 ? value : '-', standby: standby > 0 ? value : '-' };
  });
  const there = writer === 0 ? 'only-standby' : standby === 0 ? 'only-writer' : 'both';
  return { key: {}, there, times: { writer, standby }, columns };
}
