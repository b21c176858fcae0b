// A replication error as an operator can act on it: what happened, to which table and row, what each side holds, what to do.
// The row's part needs evidence, which io/doctor/evidence.ts gathers; without it the error is explained by its number alone.
import { type ReplicationFailure, readFailure } from './failure.ts';
import { meaningOf, type Names } from './meanings.ts';

/** Values as a person reads them; null is NULL. */
export type Row = Readonly<Record<string, string | null>>;

/** A row on one side now. `absent`: there is none; `unseen`: it could not be read. */
export type RowNow = Row | 'absent' | 'unseen';

export interface Evidence {
  /** The row of the failing event; null: not found among its rows. */
  readonly event: {
    readonly kind: 'insert' | 'update' | 'delete';
    readonly table: string;
    readonly before: Row | null;
    readonly after: Row | null;
  } | null;
  /** Columns by which the row is found; empty: the table has no key. */
  readonly key: readonly string[];
  readonly here: RowNow;
  readonly there: RowNow;
  /** Why something could not be read, and what would let it; null: all was. */
  readonly unread: string | null;
}

export interface Explanation {
  readonly code: string;
  readonly because: string;
  readonly lift: string;
  readonly table: string | null;
  /** As "id = 5"; null: not known. */
  readonly row: string | null;
}

const VALUE_MAX = 60;
const COLUMNS_MAX = 12;

const shown = (value: string | null): string =>
  value === null ? 'NULL' : value.length > VALUE_MAX ? `${value.slice(0, VALUE_MAX)}...` : value;

function listed(row: Row): string {
  const entries = Object.entries(row);
  const some = entries.slice(0, COLUMNS_MAX).map(([name, value]) => `${name} ${shown(value)}`);
  return `(${some.join(', ')}${entries.length > COLUMNS_MAX ? ', ...' : ''})`;
}

const held = (row: RowNow): string =>
  row === 'absent' ? 'no such row' : row === 'unseen' ? 'a row that may not be read' : listed(row);

const literal = (value: string | null): string =>
  value === null
    ? 'NULL'
    : /^-?\d+(\.\d+)?$/.test(value)
      ? value
      : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
const named = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
const tableName = (table: string): string => table.split('.').map(named).join('.');

const condition = (row: Row, columns: readonly string[]): string =>
  columns
    .map((name) => {
      const value = row[name] ?? null;
      return value === null ? `${named(name)} IS NULL` : `${named(name)} = ${literal(value)}`;
    })
    .join(' AND ');

const keyWords = (row: Row, key: readonly string[]): string =>
  key.map((name) => `${name} = ${shown(row[name] ?? null)}`).join(', ');

const insertOf = (table: string, row: Row): string =>
  `INSERT INTO ${tableName(table)} (${Object.keys(row).map(named).join(', ')}) VALUES (${Object.values(row).map(literal).join(', ')})`;

/** A statement for this server alone. */
const onItsOwn = (statement: string, { superReadOnly }: Names): string =>
  superReadOnly === true
    ? `SET GLOBAL super_read_only = OFF; SET SESSION sql_log_bin = 0; ${statement}; SET GLOBAL super_read_only = ON`
    : `SET SESSION sql_log_bin = 0; ${statement}`;
const AGAIN = 'the applier goes on by itself within ten seconds';

/** 1032 and 1062, with the rows. */
function explainRow(failure: ReplicationFailure, names: Names, evidence: Evidence): Explanation | null {
  const { event, key, here, there } = evidence;
  if (event === null) return null;
  const { self, peer } = names;
  const { table, kind, before, after } = event;
  const subject = (kind === 'insert' ? after : before) ?? {};
  const columns = key.length > 0 ? key : Object.keys(subject);
  const row = keyWords(subject, columns);
  const verb = { insert: 'an INSERT into', update: 'an UPDATE of', delete: 'a DELETE from' }[kind];
  const sent =
    kind === 'update' && before !== null && after !== null
      ? `it changes ${listed(before)} to ${listed(after)}`
      : `its row is ${listed(subject)}`;
  const sides = `${self} holds ${held(here)}, ${peer} holds ${held(there)}`;
  const found = { table, row: row === '' ? null : row };
  if (failure.number === 1062) {
    const because = `${verb} ${table}, row ${row}, meets a row with that key which is there already: ${sent}; ${sides}`;
    const away =
      failure.duplicate === null || failure.duplicate.key === 'PRIMARY' || key.length === 0
        ? condition(subject, columns)
        : `${named(failure.duplicate.key)} = ${literal(failure.duplicate.entry)}`;
    return {
      ...found,
      code: 'row-exists',
      because,
      lift: `if the row of ${self} counts, keep it first; then on ${self}: ${onItsOwn(`DELETE FROM ${tableName(table)} WHERE ${away}`, names)}; ${AGAIN}`,
    };
  }
  const because = `${verb} ${table}, row ${row}, finds no such row on ${self}: ${sent}; ${sides}`;
  const differs = typeof here === 'object' && before !== null;
  const mend = differs
    ? `UPDATE ${tableName(table)} SET ${Object.keys(before)
        .map((name) => `${named(name)} = ${literal(before[name] ?? null)}`)
        .join(', ')} WHERE ${condition(here, columns)}`
    : insertOf(table, before ?? {});
  return {
    ...found,
    code: 'row-missing',
    because,
    lift: `on ${self}, put it back as it was: ${onItsOwn(mend, names)}; ${AGAIN}. Others may differ as well: \`twinkeep verify\``,
  };
}

/** The same without any row: what the number and the server's words tell. */
function explainByNumber(failure: ReplicationFailure, names: Names, unread: string | null): Explanation {
  const { number, table, duplicate, text } = failure;
  const { self } = names;
  const where = table ?? 'a table';
  const found = { table, row: null };
  const see = unread === null ? '' : `; ${unread}`;
  if (number === 1062) {
    const entry = duplicate === null ? '' : ` (key ${duplicate.key}, value ${duplicate.entry})`;
    return {
      ...found,
      code: 'row-exists',
      row: duplicate === null ? null : `${duplicate.key} = ${duplicate.entry}`,
      because: `a row for ${where} meets one with the same key which is there already on ${self}${entry}`,
      lift: `keep the row of ${self} if it counts, then delete it there with SET SESSION sql_log_bin = 0; ${AGAIN}${see}`,
    };
  }
  if (number === 1032) {
    return {
      ...found,
      code: 'row-missing',
      because: `a row of ${where} that shall be changed or deleted is not there on ${self}`,
      lift: `put the row back on ${self} with SET SESSION sql_log_bin = 0 (\`twinkeep verify --table ${where}\` shows what differs); ${AGAIN}${see}`,
    };
  }
  const meaning = meaningOf(number, names, text, table);
  if (meaning === null) {
    return {
      ...found,
      code: 'replication-error',
      because: `replication into ${self} stopped with error ${number}`,
      lift: 'mend what the error names; the applier is started again by itself within ten seconds, and nothing is skipped',
    };
  }
  return { ...found, code: meaning.code, because: meaning.what, lift: meaning.lift };
}

/** A sentence travels in reports whose texts are bounded. */
const CHARACTERS_MAX = 1800;
const clipped = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max)}...`;

/** Columns without names (@1, @2): the account does not see the table, so no statement can be made for it. */
const isNamed = ({ event, key }: Evidence): boolean =>
  key.length > 0 || !Object.keys(event?.before ?? event?.after ?? {}).some((name) => name.startsWith('@'));

/** `text` as ChannelStatus has it. The server's own words stand at the end of the sentence. */
export function explain(text: string, names: Names, evidence: Evidence | null): Explanation {
  const failure = readFailure(text);
  const about = failure.number === 1032 || failure.number === 1062;
  const plain = explainByNumber(failure, names, evidence?.unread ?? null);
  const told = about && evidence !== null ? explainRow(failure, names, evidence) : null;
  const explanation = told ?? plain;
  // Half a statement is worse than none.
  const typed = evidence !== null && isNamed(evidence) && explanation.lift.length <= CHARACTERS_MAX;
  const because = clipped(explanation.because, CHARACTERS_MAX);
  return {
    ...explanation,
    because: `${because}. The server says: ${clipped(text, CHARACTERS_MAX / 3)}`,
    lift: told === null || typed ? explanation.lift : plain.lift,
  };
}
