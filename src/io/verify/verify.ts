// The whole of `twinkeep verify`: finds out which server is the writer, compares every definition, then the rows of every
// table, one after the other. Changes nothing; repair.ts does.
import { OperatorError } from '../../core/error.ts';
import {
  compareDefinitions,
  type Definition,
  type DefinitionDifference,
} from '../../core/verify/definition.ts';
import type { Pace } from '../../core/verify/pace.ts';
import type { TableShape } from '../../core/verify/shape.ts';
import { DatabaseError } from '../../runtime/ports.ts';
import type { Endpoint } from '../database/connection.ts';
import { text } from '../database/rows.ts';
import { type Catalogue, readCatalogue, type Scope } from './catalogue.ts';
import type { Different, Run } from './looking.ts';
import type { ShownRow } from './shown.ts';
import { openBoth, type Sides } from './sides.ts';
import { planTable, showRows, type TableWork } from './table.ts';
import { makeThrottle } from './throttle.ts';

export interface VerifyOptions {
  readonly nodes: readonly [{ name: string; endpoint: Endpoint }, { name: string; endpoint: Endpoint }];
  readonly scope: Scope;
  readonly pace: Pace;
  readonly statementMsMax: number;
  /** Differing rows of each table that are shown. */
  readonly rowsShown: number;
  readonly differencesMax: number;
}

export interface Progress {
  readonly table: string;
  /** The how-manieth table. */
  readonly index: number;
  readonly tables: number;
  readonly rows: number;
  /** As the server estimates. */
  readonly rowsExpected: number;
  /** Why it waits; null: it does not. */
  readonly waits: string | null;
}

export interface TableResult {
  readonly table: string;
  readonly rows: number;
  readonly chunks: number;
  readonly by: 'key' | 'whole rows' | 'not compared';
  /** Why not, or what of it was not. */
  readonly note: string | null;
  readonly different: number;
  readonly unsettled: number;
  readonly shown: readonly ShownRow[];
}

export interface VerifyResult {
  readonly writer: string;
  readonly standby: string;
  readonly same: boolean;
  readonly definitions: readonly DefinitionDifference[];
  /** What this account may not see, with the grant that lets it. */
  readonly notCompared: readonly string[];
  readonly tables: readonly TableResult[];
  readonly rows: number;
  readonly bytes: number;
  readonly tookMs: number;
  /** Of that, waiting for the standby and for the writer's threads. */
  readonly heldMs: number;
}

export interface Differing {
  readonly work: TableWork;
  readonly different: readonly Different[];
}

export interface VerifySession extends Sides {
  readonly run: Run;
  readonly result: VerifyResult;
  /** What a repair would be about. */
  readonly differing: readonly Differing[];
  close(): void;
}

/** `ready` may refuse once it is known which server is the writer, before anything is compared. */
export async function verify(
  options: VerifyOptions,
  told: (progress: Progress) => void,
  ready: (sides: Sides) => Promise<void> = async () => undefined,
): Promise<VerifySession> {
  const startedMs = performance.now();
  const sides = await openBoth(options.nodes, options.statementMsMax, options.scope);
  try {
    const { writer, standby } = sides;
    await ready(sides);
    const catalogues = [
      await readCatalogue(writer, options.scope),
      await readCatalogue(standby, options.scope),
    ] as const;
    refuseUnknownTables(options.scope, catalogues);
    const definitions = differencesOf(sides, catalogues);
    const pairs = pairsOf(catalogues);
    let waits: string | null = null;
    let at: Progress = { table: '', index: 0, tables: pairs.length, rows: 0, rowsExpected: 0, waits: null };
    const say = (change: Partial<Progress>): void => {
      at = { ...at, ...change, waits };
      told(at);
    };
    const throttle = makeThrottle(writer, standby, options.pace, (because) => {
      if (waits === because) return;
      waits = because;
      say({});
    });
    const run: Run = {
      writer,
      standby,
      throttle,
      chunkRows: options.pace.chunkRows,
      relative: await logsStatements(sides),
      differencesMax: options.differencesMax,
      progress: (rows) => say({ rows }),
    };
    const tables: TableResult[] = [];
    const differing: Differing[] = [];
    for (const [index, pair] of pairs.entries()) {
      await refuseIfMoved(sides);
      const table = nameOf(pair.writer);
      say({ table, index: index + 1, rows: 0, rowsExpected: pair.writer.rows });
      const done = await compareTable(run, pair, options.rowsShown);
      tables.push({ table, ...done.result });
      if (done.differing !== null) differing.push(done.differing);
    }
    // A switchover meanwhile turns the comparing around: then nothing of it counts.
    await refuseIfMoved(sides);
    const result: VerifyResult = {
      writer: writer.node,
      standby: standby.node,
      same:
        definitions.length === 0 &&
        tables.every((each) => each.different === 0 && each.by !== 'not compared'),
      definitions,
      notCompared: [...sides.missing, ...hiddenOf(catalogues)],
      tables,
      rows: tables.reduce((sum, each) => sum + each.rows, 0),
      bytes: pairs.reduce((sum, pair) => sum + pair.writer.bytes, 0),
      tookMs: Math.round(performance.now() - startedMs),
      heldMs: Math.round(throttle.heldMs()),
    };
    return { ...sides, run, result, differing, close: sides.close };
  } catch (error) {
    sides.close();
    throw error;
  }
}

const nameOf = ({ schema, name }: TableShape): string => `${schema}.${name}`;

interface TablePair {
  readonly writer: TableShape;
  readonly standby: TableShape;
}

function pairsOf([writer, standby]: readonly [Catalogue, Catalogue]): TablePair[] {
  const fold = writer.foldsCase || standby.foldsCase;
  const id = (table: TableShape): string => (fold ? nameOf(table).toLowerCase() : nameOf(table));
  const there = new Map(standby.tables.map((table) => [id(table), table]));
  return writer.tables.flatMap((table) => {
    const other = there.get(id(table));
    return other === undefined ? [] : [{ writer: table, standby: other }];
  });
}

function differencesOf(
  { writer, standby }: Sides,
  [own, other]: readonly [Catalogue, Catalogue],
): readonly DefinitionDifference[] {
  const release = (version: string): string => /^\d+\.\d+/.exec(version)?.[0] ?? version;
  const settings = (server: typeof writer, catalogue: Catalogue): Definition[] => [
    { kind: 'setting', name: 'version', text: `${server.family} ${release(server.version)}` },
    { kind: 'setting', name: 'lower_case_table_names', text: catalogue.foldsCase ? '1 or 2' : '0' },
  ];
  return compareDefinitions(
    [...settings(writer, own), ...own.definitions],
    [...settings(standby, other), ...other.definitions],
    own.foldsCase || other.foldsCase,
  );
}

function hiddenOf(catalogues: readonly Catalogue[]): string[] {
  const kinds = new Set(catalogues.flatMap((each) => [...each.hidden]));
  return [...kinds].map((kind) => `the text of some ${kind}s is not shown to this account`);
}

/** A table that was asked for by name and is nowhere is a slip of the pen. */
function refuseUnknownTables(scope: Scope, catalogues: readonly Catalogue[]): void {
  for (const asked of scope.tables) {
    const schema = asked.slice(0, asked.indexOf('.'));
    const there = catalogues.some((catalogue) =>
      catalogue.definitions.some(({ name }) =>
        asked.endsWith('.*') ? name.split('.')[0] === schema : name === asked,
      ),
    );
    if (!there)
      throw new OperatorError(
        'unknown-table',
        `neither server has ${asked.endsWith('.*') ? `a schema ${schema} with anything in it` : `a table ${asked}`} that this account may see`,
        'write it as schema.table, in the letters of SHOW TABLES, or schema.* for all of a schema',
      );
  }
}

async function logsStatements({ writer }: Sides): Promise<boolean> {
  const [row] = await writer.read('SELECT @@GLOBAL.binlog_format AS f');
  return text(row?.['f']) !== 'ROW';
}

async function refuseIfMoved({ writer, standby }: Sides): Promise<void> {
  if (!(await writer.readOnly())) return;
  throw new OperatorError(
    'writer-moved',
    `${writer.node} was the writer when this began, and is read-only now: what was compared so far counts for nothing`,
    `run it again when \`twinkeep status\` shows a writer; ${standby.node} may be it by now`,
  );
}

async function compareTable(
  run: Run,
  pair: TablePair,
  rowsShown: number,
): Promise<{ result: Omit<TableResult, 'table'>; differing: Differing | null }> {
  const nothing = { rows: 0, chunks: 0, different: 0, unsettled: 0, shown: [] };
  const plan = planTable(pair.writer, pair.standby);
  if (plan.kind === 'not-comparable')
    return { result: { ...nothing, by: 'not compared', note: plan.because }, differing: null };
  const { work } = plan;
  const by = work.shape.key === null ? 'whole rows' : 'key';
  try {
    const compared = await work.compare(run);
    const { leftOut } = work.shape;
    const notes = [
      ...(leftOut.length === 0 ? [] : [`without the columns ${leftOut.join(', ')}, which differ in kind`]),
      ...(compared.ended === null ? [] : [`${compared.ended}: the rest was not compared`]),
    ];
    return {
      result: {
        rows: compared.rows,
        chunks: compared.chunks,
        by,
        note: notes.join('; ') || null,
        different: compared.different.length,
        unsettled: compared.unsettled,
        shown: await showRows(run, work, compared.different, rowsShown),
      },
      differing: compared.different.length === 0 ? null : { work, different: compared.different },
    };
  } catch (error) {
    // A table dropped meanwhile, or too large for a statement, is no reason to leave out the others.
    if (!(error instanceof DatabaseError) || !['statement', 'timeout', 'unwritable'].includes(error.code))
      throw error;
    return { result: { ...nothing, by: 'not compared', note: error.message }, differing: null };
  }
}
