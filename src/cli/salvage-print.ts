// Salvages as text: a table of what is saved, and each transaction's rows before and after, beside what the writer has.
import type { NodeConfig } from '../config/types.ts';
import { differing, type Image, shown } from '../core/binlog/definition.ts';
import type { LoggedRow } from '../core/binlog/logged.ts';
import { ofUsers, openTransactions, type SalvageIndex } from '../core/salvage/entry.ts';
import type { TransactionView } from '../io/http/salvages.ts';
import type { painter } from './output.ts';

type Paint = ReturnType<typeof painter>;

export interface StoredAt {
  readonly node: NodeConfig;
  readonly index: SalvageIndex;
}

const VALUE_MAX = 60;
const clipped = (text: string): string => (text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}...` : text);

const STATES: Readonly<Record<SalvageIndex['state'], string>> = {
  saved: 'saved, still at the node',
  undone: 'saved, undone at the node',
  elsewhere: 'saved',
  superseded: 'part of a newer one',
};
const WHY: Readonly<Record<SalvageIndex['why'], string>> = {
  errant: 'never at the writer',
  stray: 'written at the standby, came to the writer over the ring',
  files: 'read from a dead server',
};

function became(index: SalvageIndex): string {
  const count = (outcome: string): number => ofUsers(index).filter((each) => each.outcome === outcome).length;
  const parts = ['replayed', 'there', 'conflict', 'failed', 'discarded'].flatMap((outcome) =>
    count(outcome) === 0
      ? []
      : [`${count(outcome)} ${outcome === 'there' ? 'at the writer already' : outcome}`],
  );
  const undecided = openTransactions(index).filter((each) => each.outcome === null).length;
  if (undecided > 0) parts.push(`${undecided} undecided`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '),
  );
}

export function listLines(all: readonly StoredAt[], paint: Paint): string[] {
  if (all.length === 0) return ['nothing is salvaged: no node had a transaction that the writer lacks'];
  const rows = all.map(({ index }) => {
    const users = ofUsers(index);
    const tables = [...new Set(users.flatMap((each) => each.tables))];
    const count = users.reduce((sum, each) => sum + each.rows, 0);
    return [
      index.id,
      index.node,
      String(users.length),
      String(count),
      tables.slice(0, 3).join(', ') + (tables.length > 3 ? ', ...' : ''),
      `${STATES[index.state]}${became(index)}`,
    ];
  });
  const [head = '', ...lines] = table([
    ['salvage', 'node', 'transactions', 'rows', 'tables', 'state'],
    ...rows,
  ]);
  return [
    paint('bold', head),
    ...lines.flatMap((line, i) => {
      const index = all[i]?.index;
      if (index === undefined) return [line];
      const notes = [
        `  ${WHY[index.why]}, epoch ${index.epoch}`,
        ...(index.state === 'saved'
          ? index.unrewindable.slice(0, 3).map((each) => `  must be cloned: ${each}`)
          : []),
      ];
      return [line, ...notes.map((note) => paint('dim', note))];
    }),
  ];
}

const imageText = (image: Image, only?: readonly string[]): string =>
  Object.entries(image)
    .filter(([column]) => only?.includes(column) ?? true)
    .map(([column, value]) => `${column}=${clipped(shown(value))}`)
    .join('  ');

function rowLines(
  row: LoggedRow,
  now: Image | null | undefined,
  verdict: string | null,
  paint: Paint,
): string[] {
  const table_ = `${row.schema}.${row.table}`;
  const lines: string[] = [];
  if (row.kind === 'insert' && row.after !== null) lines.push(`    + ${table_}  ${imageText(row.after)}`);
  else if (row.kind === 'delete' && row.before !== null)
    lines.push(`    - ${table_}  ${imageText(row.before)}`);
  else if (row.before !== null && row.after !== null) {
    const changed = differing(row.before, row.after);
    const rest = Object.keys(row.before).filter((column) => !changed.includes(column));
    lines.push(`    ~ ${table_}  ${imageText(row.before, rest)}`);
    for (const column of changed)
      lines.push(
        `        ${column}: ${clipped(shown(row.before[column]))} -> ${clipped(shown(row.after[column]))}`,
      );
  }
  if (verdict === 'conflict') {
    const has = now === null || now === undefined ? 'no such row' : imageText(now);
    lines.push(paint('yellow', `        the writer has: ${has}`));
  }
  return lines;
}

const VERDICTS: Readonly<Record<string, string>> = {
  safe: 'can be replayed',
  there: 'the writer has it already',
  conflict: 'conflict',
};

export function transactionLines(
  index: SalvageIndex,
  views: readonly TransactionView[],
  paint: Paint,
  sql: boolean,
): string[] {
  return views.flatMap(({ number, logged, verdict, checks }) => {
    const known = index.transactions.find((each) => each.number === number);
    const fate = known?.outcome ?? (verdict === null ? null : VERDICTS[verdict]) ?? null;
    const style = fate === 'conflict' || fate === 'failed' ? 'yellow' : 'green';
    const head = `  ${number}. ${logged.gtid} at ${logged.at}${fate === null ? '' : `: ${paint(style, fate)}`}`;
    const because = known?.because == null ? [] : [`      ${known.because}`];
    const statements = [...logged.statements, ...(sql ? logged.annotations : [])].map(
      (each) => `    > ${clipped(each)}`,
    );
    const obstacles = (known?.obstacles ?? []).map((each) =>
      paint('yellow', `      not row by row: ${each}`),
    );
    const unsettled = known?.outcome === null || known?.outcome === 'conflict' || known?.outcome === 'failed';
    const rows = logged.rows.flatMap((row, i) =>
      rowLines(row, checks[i]?.now, unsettled ? (checks[i]?.verdict ?? null) : null, paint),
    );
    return [head, ...because, ...obstacles, ...statements, ...rows];
  });
}
