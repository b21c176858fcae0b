// What a table is made of, as far as comparing its rows needs it, and which of two servers' columns can be compared.
// Read by io/verify/catalogue.ts; used by the statements and by the whole run.

export interface Column {
  readonly name: string;
  /** As in the definition: int(11), varchar(20). */
  readonly type: string;
  /** The type's name alone: int, varchar. */
  readonly dataType: string;
  /** null: not text. */
  readonly charset: string | null;
  readonly collation: string | null;
  readonly nullable: boolean;
  /** virtual: computed when read. period: the server's own times of a system-versioned table. */
  readonly computed: 'no' | 'stored' | 'virtual' | 'period';
}

export interface TableShape {
  readonly schema: string;
  readonly name: string;
  readonly engine: string;
  readonly columns: readonly Column[];
  /** The index by which rows are told apart: unique, whole columns, never NULL, of types with an exact text. */
  readonly key: { readonly index: string; readonly columns: readonly string[] } | null;
  /** How many unique indexes it has, of any kind. */
  readonly uniqueIndexes: number;
  /** As the server estimates. */
  readonly rows: number;
  readonly bytes: number;
}

/** Rows of these are compared by what `columns` names; `leftOut` says what could not be. */
export type Comparable =
  | {
      readonly kind: 'comparable';
      readonly columns: readonly Column[];
      readonly key: TableShape['key'];
      readonly leftOut: readonly string[];
    }
  | { readonly kind: 'not-comparable'; readonly because: string };

const sameValues = (a: Column, b: Column): boolean =>
  a.dataType === b.dataType && a.charset === b.charset && unsigned(a) === unsigned(b);
const unsigned = (column: Column): boolean => / unsigned/.test(column.type);
const sameOrder = (a: Column, b: Column): boolean => a.type === b.type && a.collation === b.collation;

/** Both sides' shapes of one table. Differences of definition are reported elsewhere; here it is about the rows. */
export function comparable(writer: TableShape, standby: TableShape): Comparable {
  const there = new Map(standby.columns.map((column) => [column.name.toLowerCase(), column]));
  const paired = writer.columns.flatMap((column) => {
    const other = there.get(column.name.toLowerCase());
    return other === undefined ? [] : [{ column, other }];
  });
  const stored = paired.filter(
    ({ column, other }) =>
      !['virtual', 'period'].includes(column.computed) && other.computed === column.computed,
  );
  const columns = stored.filter(({ column, other }) => sameValues(column, other));
  const leftOut = [
    ...writer.columns.filter((column) => !there.has(column.name.toLowerCase())).map((column) => column.name),
    ...standby.columns
      .filter((column) => !paired.some(({ other }) => other === column))
      .map((column) => column.name),
    ...paired
      .filter(({ column }) => !['virtual', 'period'].includes(column.computed))
      .filter((each) => !columns.includes(each))
      .map(({ column }) => column.name),
  ];
  if (columns.length === 0)
    return { kind: 'not-comparable', because: 'the two have no column of the same name and type' };
  const key = writer.key;
  const sameKey =
    key !== null &&
    standby.key !== null &&
    key.columns.join('\0').toLowerCase() === standby.key.columns.join('\0').toLowerCase() &&
    key.columns.every((name) => {
      const found = paired.find(({ column }) => column.name === name);
      return found !== undefined && sameOrder(found.column, found.other);
    });
  if ((key === null) !== (standby.key === null) || (key !== null && !sameKey))
    return { kind: 'not-comparable', because: 'its key differs between the two, or orders rows differently' };
  return { kind: 'comparable', columns: columns.map(({ column }) => column), key, leftOut };
}
