// The drill's report: one line a fault, figures beside their goals, and a sentence for whatever went wrong.

import type { Fault } from './fault.ts';
import { faultNamed } from './faults.ts';
import { percentile } from './measure.ts';
import type { Reign } from './reigns.ts';
import type { DrillRun } from './verdict.ts';

export interface FaultSummary {
  readonly fault: string;
  readonly witness: boolean;
  readonly runs: number;
  readonly wrong: number;
  /** Runs after which the other node was the writer. */
  readonly moved: number;
  readonly goalMs: number | null;
  readonly outageMs: Quantiles;
  readonly writerOutageMs: Quantiles;
  readonly baselineMs: Quantiles;
  readonly returnOutageMs: Quantiles;
  /** Client errors, all runs together, by kind. */
  readonly errors: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly lost: number;
  readonly missing: { readonly a: number; readonly b: number };
  readonly unacknowledged: number;
  readonly differing: number;
  readonly vipOnBothMsMax: number;
  readonly acknowledgedByBothMsMax: number;
  readonly pairedAgainMs: Quantiles;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

function quantiles(values: readonly number[]): Quantiles {
  return { p50: percentile(values, 50), p99: percentile(values, 99), max: percentile(values, 100) };
}

export function summarizeFault(fault: Fault, runs: readonly DrillRun[]): FaultSummary {
  const sum = (pick: (run: DrillRun) => number) => runs.reduce((total, run) => total + pick(run), 0);
  const most = (pick: (run: DrillRun) => number) => runs.reduce((max, run) => Math.max(max, pick(run)), 0);
  const errors: Record<string, number> = {};
  for (const [code, count] of runs.flatMap((run) => Object.entries(run.errors))) {
    errors[code] = (errors[code] ?? 0) + count;
  }
  return {
    fault: fault.name,
    witness: runs.some((run) => run.witness),
    runs: runs.length,
    wrong: runs.filter((run) => run.problems.length > 0).length,
    moved: runs.filter((run) => run.serverChanges > 0).length,
    goalMs: fault.goalMs,
    outageMs: quantiles(runs.map((run) => run.outageMs)),
    writerOutageMs: quantiles(runs.map((run) => run.writerOutageMs)),
    baselineMs: quantiles(runs.map((run) => run.baselineMs)),
    returnOutageMs: quantiles(runs.map((run) => run.returnOutageMs)),
    errors,
    acknowledged: sum((run) => run.acknowledged),
    lost: sum((run) => run.lost),
    missing: { a: sum((run) => run.missing.a), b: sum((run) => run.missing.b) },
    unacknowledged: sum((run) => run.unacknowledged),
    differing: sum((run) => run.differing),
    vipOnBothMsMax: most((run) => run.vipOnBothMs),
    acknowledgedByBothMsMax: most((run) => run.acknowledgedByBothMs),
    pairedAgainMs: quantiles(runs.flatMap((run) => run.pairedAgainMs ?? [])),
  };
}

const ms = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(value < 10 ? 1 : 0));
const three = (q: Quantiles) => `${ms(q.p50)}/${ms(q.p99)}/${ms(q.max)}`;

const label = (of: { readonly fault: string; readonly witness: boolean }) =>
  of.witness ? `${of.fault} +w` : of.fault;

function goal(goalMs: number | null): string {
  if (goalMs === null) return '-';
  return goalMs === 0 ? 'none' : `<= ${goalMs}`;
}

function cells(summary: FaultSummary): string[] {
  const errors = Object.values(summary.errors).reduce((total, count) => total + count, 0);
  return [
    label(summary),
    String(summary.runs),
    String(summary.moved),
    three(summary.outageMs),
    goal(summary.goalMs),
    three(summary.writerOutageMs),
    ms(summary.baselineMs.max),
    ms(summary.returnOutageMs.max),
    String(errors),
    String(summary.lost),
    `${summary.missing.a}/${summary.missing.b}`,
    String(summary.unacknowledged),
    String(summary.differing),
    ms(summary.vipOnBothMsMax),
    ms(summary.acknowledgedByBothMsMax),
    Number.isNaN(summary.pairedAgainMs.p50) ? 'never' : `${(summary.pairedAgainMs.p50 / 1000).toFixed(1)} s`,
    summary.wrong === 0 ? 'ok' : `WRONG ${summary.wrong}`,
  ];
}

const headings = [
  ['fault', ''],
  ['runs', ''],
  ['role', 'moved'],
  ['write outage', 'p50/p99/max ms'],
  ['goal', 'ms'],
  ['one writer', 'p50/p99/max ms'],
  ['no fault', 'max ms'],
  ['return', 'max ms'],
  ['client', 'errors'],
  ['rows', 'lost'],
  ['missing', 'on a/b'],
  ['not', 'acked'],
  ['rows', 'differ'],
  ['VIP on', 'both ms'],
  ['both', 'acked ms'],
  ['paired', 'again'],
  ['', ''],
] as const;

/** Columns to the width of their widest cell; the first to the left, the others (figures, mostly) where told. */
export function table(rows: readonly (readonly string[])[], others: 'left' | 'right' = 'right'): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const pad = (cell: string, i: number) =>
    i === 0 || others === 'left' ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

export function reportText(runs: readonly DrillRun[]): string {
  const summaries = [...Map.groupBy(runs, label).values()].map((own) =>
    summarizeFault(faultNamed(own[0]?.fault ?? ''), own),
  );
  const problems = runs.flatMap((run) => run.problems.map((problem) => `${label(run)}: ${problem}`));
  return [
    table([headings.map(([top]) => top), headings.map(([, below]) => below), ...summaries.map(cells)]),
    '',
    ...errorLines(summaries),
    ...readLines(runs),
    ...acknowledgedLines(runs),
    problems.length === 0
      ? `All ${runs.length} drills ended as they should: no acknowledged row lost, ${writersWord(runs)}.`
      : `WRONG: ${problems.join('\nWRONG: ')}`,
  ].join('\n');
}

/** With `--read`: the longest time without an answer at the read VIP, over the whole drill, from its fault to its end. */
function readLines(runs: readonly DrillRun[]): string[] {
  const groups = [...Map.groupBy(runs, label)].flatMap(([name, own]) => {
    const outages = own.flatMap(({ reads }) => (reads === null ? [] : [reads.outageMs]));
    if (outages.length === 0) return [];
    const moves = Math.max(...own.map(({ reads }) => (reads?.servers.length ?? 1) - 1));
    return [`  ${name}: read outage ${three(quantiles(outages))} ms, at most ${moves} moves`];
  });
  return groups.length === 0 ? [] : ['At the read VIP (p50/p99/max):', ...groups, ''];
}

function writersWord(runs: readonly DrillRun[]): string {
  return runs.some((run) => run.acknowledgedByBothMs > 0)
    ? 'two writers only where the documents say so'
    : 'one writer at a time';
}

const seconds = (valueMs: number) => `${valueMs < 0 ? '' : '+'}${(valueMs / 1000).toFixed(3)}`;

function reignText({ node, epoch, rows, firstAckMs, lastAckMs }: Reign): string {
  const which = epoch === null ? 'before its first epoch' : `in epoch ${epoch}`;
  return `${node} ${which}: ${rows} rows, first ${seconds(firstAckMs)}, last ${seconds(lastAckMs)}`;
}

/** Runs after which somebody may ask who acknowledged what: more than one node did. */
function acknowledgedLines(runs: readonly DrillRun[]): string[] {
  const lines = runs
    .filter((run) => run.reigns.length > 1)
    .flatMap((run) => [
      `  ${label(run)}`,
      ...run.reigns.map((reign) => `    ${reignText(reign)}`),
      `    both at once ${ms(run.acknowledgedByBothMs)} ms${run.twoWritersPromised ? ' (without a witness this fault allows it)' : ''}; ` +
        `at the end a has ${run.rows.a} rows, b ${run.rows.b}; acknowledged and lost ${run.lost}, set aside ${run.setAside}`,
    ]);
  if (lines.length === 0) return [];
  return ["Who acknowledged when (seconds from the fault, by the clients' own log):", ...lines, ''];
}

function errorLines(summaries: readonly FaultSummary[]): string[] {
  const lines = summaries
    .filter((summary) => Object.keys(summary.errors).length > 0)
    .map((summary) => {
      const kinds = Object.entries(summary.errors).map(([code, count]) => `${code} ${count}`);
      return `  ${label(summary)}: ${kinds.join(', ')}`;
    });
  return lines.length === 0 ? [] : ['What the clients were told:', ...lines, ''];
}
