// What `twinkeep verify` says to a person: how far it is (to a terminal's stderr), and what differs.
import type { ShownRow } from '../io/verify/shown.ts';
import type { Progress, TableResult, VerifyResult } from '../io/verify/verify.ts';
import { painter } from './output.ts';

const PROGRESS_EVERY_MS = 200;

export function printProgress(): { told(progress: Progress): void; end(): void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { told: () => undefined, end: () => undefined };
  let lastMs = 0;
  const startedMs = performance.now();
  return {
    told(progress) {
      const nowMs = performance.now();
      if (nowMs - lastMs < PROGRESS_EVERY_MS && progress.waits === null) return;
      lastMs = nowMs;
      const { index, tables, table, rows, rowsExpected, waits } = progress;
      const share = rowsExpected > 0 ? ` of about ${rowsExpected}` : '';
      const seconds = Math.round((nowMs - startedMs) / 1000);
      stderr.write(
        `\r\x1b[K${index}/${tables} ${table}: ${rows}${share} rows, ${seconds} s${waits === null ? '' : `; ${waits}`}`,
      );
    },
    end: () => void stderr.write('\r\x1b[K'),
  };
}

const out = (line: string): void => void process.stdout.write(`${line}\n`);

export function printResult(result: VerifyResult): void {
  const paint = painter(process.stdout);
  for (const { kind, name, difference, writer, standby } of result.definitions) {
    if (difference !== 'differs') {
      const only = difference === 'only-writer' ? result.writer : result.standby;
      out(`${paint('red', '≠')} ${kind} ${name} is at ${only} only`);
      continue;
    }
    out(`${paint('red', '≠')} ${kind} ${name} is defined otherwise:`);
    for (const line of writer) out(`    ${result.writer}: ${line}`);
    for (const line of standby) out(`    ${result.standby}: ${line}`);
  }
  for (const table of result.tables) printTable(table, result);
  for (const each of result.notCompared) out(`${paint('yellow', '!')} not compared: ${each}`);
  printSum(result);
}

function printTable(table: TableResult, result: VerifyResult): void {
  const paint = painter(process.stdout);
  if (table.by === 'not compared')
    out(`${paint('red', '≠')} ${table.table}: its rows were not compared: ${table.note}`);
  else if (table.note !== null) out(`${paint('yellow', '!')} ${table.table}: ${table.note}`);
  if (table.unsettled > 0)
    out(
      `${paint('yellow', '!')} ${table.table}: ${count(table.unsettled, 'row')} changed at every look and could not be judged`,
    );
  if (table.different === 0) return;
  out(
    `${paint('red', '≠')} ${table.table}: ${count(table.different, 'row')} of ${table.rows} ${table.different === 1 ? 'differs' : 'differ'}`,
  );
  for (const row of table.shown) printRow(row, result);
  const more = table.different - table.shown.length;
  if (more > 0) out(`    and ${more} more (--rows ${table.different} shows them)`);
}

function printRow(row: ShownRow, { writer, standby }: VerifyResult): void {
  const key = Object.entries(row.key)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
  const where = { both: '', 'only-writer': `at ${writer} only`, 'only-standby': `at ${standby} only` }[
    row.there
  ];
  const times =
    row.times === undefined
      ? ''
      : `${row.times.writer} times at ${writer}, ${row.times.standby} times at ${standby}`;
  out(`    ${[key, times === '' ? where : times].filter((each) => each !== '').join(': ')}`);
  for (const column of row.columns) {
    const values =
      row.there === 'both' && row.times === undefined
        ? `${writer} ${column.writer}  ${standby} ${column.standby}`
        : column.writer === '-'
          ? column.standby
          : column.writer;
    out(`        ${column.name}: ${values}`);
  }
}

const count = (n: number, what: string): string => (n === 1 ? `one ${what}` : `${n} ${what}s`);

function printSum(result: VerifyResult): void {
  const paint = painter(process.stdout);
  const { tables, rows, tookMs, heldMs, writer, standby } = result;
  const different = tables.reduce((sum, each) => sum + each.different, 0);
  const seconds = Math.max(tookMs / 1000, 0.001);
  const pace = `${count(tables.length, 'table')}, ${rows} rows in ${seconds.toFixed(1)} s (${Math.round(rows / seconds)} rows/s${heldMs > 100 ? `, ${(heldMs / 1000).toFixed(1)} s of it waiting` : ''})`;
  if (result.same) {
    out(`${paint('green', 'same:')} ${writer} (writer) and ${standby} hold the same: ${pace}`);
    return;
  }
  const uncompared = tables.filter((each) => each.by === 'not compared').length;
  const parts = [
    ...(different > 0 ? [count(different, 'row')] : []),
    ...(result.definitions.length > 0 ? [count(result.definitions.length, 'definition')] : []),
    ...(uncompared > 0 ? [`${count(uncompared, 'table')} not compared`] : []),
  ];
  out(`${paint('red', 'different:')} ${parts.join(', ')} between ${writer} (writer) and ${standby}: ${pace}`);
}

export function printRepair(plan: {
  readonly right: string;
  readonly statements: readonly string[];
  readonly refused: readonly { table: string; key: string; because: string }[];
}): void {
  out(`to be written through the writer, as ${plan.right} has it:`);
  for (const each of plan.statements) out(`${each};`);
  for (const { table, key, because } of plan.refused) out(`not repaired: ${table} ${key}: ${because}`);
}
