// What a server holds: its tables with their columns and keys, and the definitions of everything. Read once a side at the start
// of `twinkeep verify`; compared by core/verify.
import type { Definition, ObjectKind } from '../../core/verify/definition.ts';
import type { Column, TableShape } from '../../core/verify/shape.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import { text } from '../database/rows.ts';
import type { Row, VerifyServer } from './server.ts';
import { canBeKey, named, quoted } from './statements.ts';

/** What to look at: schemas that are not the servers' own, or what was asked for as `db.table` and `db.*`. */
export interface Scope {
  readonly tables: readonly string[];
  /** The program's own schema, left out unless asked for. */
  readonly ownSchema: string;
}

const SYSTEM = ['mysql', 'sys', 'information_schema', 'performance_schema'];
const CATALOGUE_MS_MAX = 60_000;

const splitName = (asked: string): { schema: string; name: string } => {
  const dot = asked.indexOf('.');
  return { schema: asked.slice(0, dot), name: asked.slice(dot + 1) };
};

function schemaClause(column: string, scope: Scope): string {
  if (scope.tables.length === 0)
    return `LOWER(${column}) NOT IN (${[...SYSTEM, scope.ownSchema].map(quoted).join(',')})`;
  const schemas = [...new Set(scope.tables.map((each) => splitName(each).schema))];
  return `${column} IN (${schemas.map(quoted).join(',')})`;
}

/** Whether a table or what belongs to it was asked for. */
const asked = (scope: Scope, schema: string, name: string): boolean =>
  scope.tables.length === 0 ||
  scope.tables.some((each) => {
    const want = splitName(each);
    return want.schema === schema && (want.name === '*' || want.name === name);
  });

/** Objects that belong to no table are compared when a whole schema was asked for. */
const wholeSchema = (scope: Scope, schema: string): boolean =>
  scope.tables.length === 0 ||
  scope.tables.some((each) => splitName(each).schema === schema && each.endsWith('.*'));

export interface Catalogue {
  readonly tables: readonly TableShape[];
  readonly definitions: readonly Definition[];
  readonly foldsCase: boolean;
  /** Kinds of objects whose text this account does not see. */
  readonly hidden: ReadonlySet<ObjectKind>;
}

export async function readCatalogue(server: VerifyServer, scope: Scope): Promise<Catalogue> {
  const ask = (sql: string): Promise<readonly Row[]> => server.read(sql, CATALOGUE_MS_MAX);
  const [lower] = await ask('SELECT @@lower_case_table_names AS l');
  const listed = (
    await ask(
      `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, TABLE_TYPE AS kind, ENGINE AS engine, TABLE_ROWS AS n, DATA_LENGTH AS b
       FROM information_schema.TABLES WHERE ${schemaClause('TABLE_SCHEMA', scope)} ORDER BY 1, 2`,
    )
  ).filter((row) => asked(scope, text(row['s']), text(row['t'])));
  const columns = grouped(
    await ask(
      `SELECT * FROM information_schema.COLUMNS WHERE ${schemaClause('TABLE_SCHEMA', scope)} ORDER BY ORDINAL_POSITION`,
    ),
  );
  const indexes = grouped(
    await ask(
      `SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART, INDEX_TYPE FROM information_schema.STATISTICS
       WHERE ${schemaClause('TABLE_SCHEMA', scope)} AND NON_UNIQUE = 0 ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX`,
    ),
  );
  const tables = listed
    .filter((row) => /BASE TABLE|VERSIONED/.test(text(row['kind'])))
    .map((row): TableShape => {
      const id = idOf(row['s'], row['t']);
      const own = (columns.get(id) ?? []).map(columnOf);
      return {
        schema: text(row['s']),
        name: text(row['t']),
        engine: text(row['engine']),
        columns: own,
        key: usableKey(own, indexes.get(id) ?? []),
        uniqueIndexes: new Set((indexes.get(id) ?? []).map((each) => each['INDEX_NAME'])).size,
        rows: Number(row['n'] ?? 0),
        bytes: Number(row['b'] ?? 0),
      };
    });
  const definitions = await readDefinitions(server, scope, listed);
  return {
    tables,
    definitions,
    foldsCase: Number(lower?.['l']) !== 0,
    hidden: new Set(definitions.filter((each) => each.text === null).map((each) => each.kind)),
  };
}

const idOf = (schema: unknown, table: unknown): string => JSON.stringify([text(schema), text(table)]);

function grouped(rows: readonly Row[]): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const id = idOf(row['TABLE_SCHEMA'], row['TABLE_NAME']);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [row]);
    else group.push(row);
  }
  return groups;
}

function columnOf(row: Row): Column {
  const extra = text(row['EXTRA']);
  const generation = text(row['GENERATION_EXPRESSION']);
  const optional = (name: string): string | null => (row[name] === null ? null : text(row[name]));
  return {
    name: text(row['COLUMN_NAME']),
    type: text(row['COLUMN_TYPE']),
    dataType: text(row['DATA_TYPE']).toLowerCase(),
    charset: optional('CHARACTER_SET_NAME'),
    collation: optional('COLLATION_NAME'),
    nullable: text(row['IS_NULLABLE']) === 'YES',
    computed: /^ROW (START|END)$/i.test(generation)
      ? 'period'
      : /VIRTUAL/.test(extra)
        ? 'virtual'
        : /STORED GENERATED|PERSISTENT/.test(extra)
          ? 'stored'
          : 'no',
  };
}

/** The primary key, else the first unique one that tells every row from every other exactly. */
function usableKey(columns: readonly Column[], indexRows: readonly Row[]): TableShape['key'] {
  const byIndex = new Map<string, Row[]>();
  for (const row of indexRows) {
    const index = text(row['INDEX_NAME']);
    byIndex.set(index, [...(byIndex.get(index) ?? []), row]);
  }
  for (const [index, parts] of byIndex) {
    const found = parts.map((part) => columns.find((column) => column.name === text(part['COLUMN_NAME'])));
    // The end of a row's time is in the key of a system-versioned table; the rows of today all have the same.
    const own = found.filter((column) => column?.computed !== 'period');
    const exact = parts.every((part) => part['SUB_PART'] === null && text(part['INDEX_TYPE']) !== 'HASH');
    const usable = own.every((column) => column !== undefined && !column.nullable && canBeKey(column));
    if (exact && usable && own.length > 0)
      return { index, columns: own.flatMap((column) => (column === undefined ? [] : [column.name])) };
  }
  return null;
}

type Lister = readonly [ObjectKind, string, (row: Row) => Promise<Definition>];

async function readDefinitions(
  server: VerifyServer,
  scope: Scope,
  listed: readonly Row[],
): Promise<Definition[]> {
  const shown = async (
    kind: ObjectKind,
    row: Row,
    statement: string,
    column: RegExp,
  ): Promise<Definition> => {
    const name = `${text(row['s'])}.${text(row['t'])}`;
    const [made] = await shownOrHidden(
      server,
      `${statement} ${named(text(row['s']))}.${named(text(row['t']))}`,
    );
    const found = Object.entries(made ?? {}).find(([title]) => column.test(title))?.[1];
    const mode = made?.['sql_mode'] === undefined ? '' : `\nsql_mode: ${text(made['sql_mode'])}`;
    return { kind, name, text: found === null || found === undefined ? null : `${text(found)}${mode}` };
  };
  const definitions: Definition[] = [];
  for (const row of await server.read(
    `SELECT SCHEMA_NAME AS s, DEFAULT_CHARACTER_SET_NAME AS c, DEFAULT_COLLATION_NAME AS d FROM information_schema.SCHEMATA
     WHERE ${schemaClause('SCHEMA_NAME', scope)} ORDER BY 1`,
  ))
    if (wholeSchema(scope, text(row['s'])))
      definitions.push({
        kind: 'schema',
        name: text(row['s']),
        text: `CHARACTER SET ${text(row['c'])} COLLATE ${text(row['d'])}`,
      });
  for (const row of listed) {
    const kind = text(row['kind']);
    if (kind === 'VIEW') definitions.push(await shown('view', row, 'SHOW CREATE VIEW', /^Create View$/));
    else if (kind === 'SEQUENCE')
      definitions.push(await shown('sequence', row, 'SHOW CREATE SEQUENCE', /^Create Table$/));
    else definitions.push(await shown('table', row, 'SHOW CREATE TABLE', /^Create Table$/));
  }
  const others: readonly Lister[] = [
    [
      'trigger',
      `SELECT TRIGGER_SCHEMA AS s, TRIGGER_NAME AS t, EVENT_OBJECT_TABLE AS tab FROM information_schema.TRIGGERS WHERE ${schemaClause('TRIGGER_SCHEMA', scope)}`,
      (row) => shown('trigger', row, 'SHOW CREATE TRIGGER', /^SQL Original Statement$/),
    ],
    [
      'event',
      `SELECT EVENT_SCHEMA AS s, EVENT_NAME AS t FROM information_schema.EVENTS WHERE ${schemaClause('EVENT_SCHEMA', scope)}`,
      (row) => shown('event', row, 'SHOW CREATE EVENT', /^Create Event$/),
    ],
    [
      'procedure',
      `SELECT ROUTINE_SCHEMA AS s, ROUTINE_NAME AS t, ROUTINE_TYPE AS k FROM information_schema.ROUTINES WHERE ${schemaClause('ROUTINE_SCHEMA', scope)}`,
      (row) => {
        const kind = text(row['k']);
        return shown(
          kind.toLowerCase() as ObjectKind,
          row,
          `SHOW CREATE ${kind}`,
          /^Create (Procedure|Function|Package|Package body)$/i,
        );
      },
    ],
  ];
  for (const [, sql, make] of others)
    for (const row of await server.read(sql, CATALOGUE_MS_MAX)) {
      const table = row['tab'];
      const wanted =
        table === undefined ? wholeSchema(scope, text(row['s'])) : asked(scope, text(row['s']), text(table));
      if (wanted) definitions.push(await make(row));
    }
  return definitions;
}

/** A definition that this account may not see is no failure of the whole. */
async function shownOrHidden(server: VerifyServer, sql: string): Promise<readonly Row[]> {
  try {
    return await server.read(sql);
  } catch (error) {
    if (
      error instanceof DatabaseError &&
      (error.code === 'privilege' || /\(error (1345|1356|1146|1305|1360|1539)\)$/.test(error.message))
    )
      return [];
    throw error;
  }
}
