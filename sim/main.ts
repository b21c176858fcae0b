// `npm run sim`: seeds by the thousand, in as many processes as are asked for; one seed with its transcript; the mutants.

import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { describeFault } from './faults.ts';
import { huntMutants } from './hunt.ts';
import { drawPlan, type Result, type RunOptions, run } from './run.ts';
import { shrink } from './shrink.ts';

const HELP = `npm run sim -- [options]
  --seeds N        how many seeds (default 1000)
  --start S        the first one (default 1)
  --witness W      on, off or any (default any)
  --family F       of the servers: mariadb or mysql (default mariadb)
  --wipes          the witness may be wiped, too
  --jobs J         processes (default 1)
  --seed S --trace one seed, with its transcript
  --shrink         with --seed: leave out the faults that the failure does not need
  --mutants        how many seeds it takes to catch each deliberate defect
`;

interface Summary {
  readonly seeds: number;
  readonly virtualMs: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly splits: number;
  readonly operator: Record<string, number>;
  readonly failures: readonly { readonly seed: number; readonly sentence: string }[];
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    start: { type: 'string', default: '1' },
    witness: { type: 'string', default: 'any' },
    family: { type: 'string', default: 'mariadb' },
    wipes: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function optionsOf(): RunOptions {
  const { witness, wipes, family } = values;
  if (family !== 'mariadb' && family !== 'mysql') throw new RangeError('--family is mariadb or mysql');
  if (witness !== 'on' && witness !== 'off' && witness !== 'any')
    throw new RangeError('--witness is on, off or any');
  return { witness, wipes, family };
}

const rerun = (seed: number): string =>
  `npm run sim -- --seed ${seed}${values.witness === 'any' ? '' : ` --witness ${values.witness}`}${values.wipes ? ' --wipes' : ''}${values.family === 'mariadb' ? '' : ` --family ${values.family}`} --trace`;

function runOne(seed: number, options: RunOptions, tracing: boolean): Result {
  return run(drawPlan(seed, options), { ...options, tracing });
}

function sweep(start: number, seeds: number, options: RunOptions): Summary {
  const failures: { seed: number; sentence: string }[] = [];
  const operator: Record<string, number> = {};
  let [virtualMs, events, acknowledged, splits] = [0, 0, 0, 0];
  for (let seed = start; seed < start + seeds; seed++) {
    const result = runOne(seed, options, false);
    virtualMs += result.virtualMs;
    events += result.events;
    acknowledged += result.acknowledged;
    if (result.split) splits++;
    if (result.operator !== null) operator[result.operator] = (operator[result.operator] ?? 0) + 1;
    const [first] = result.violations;
    if (first !== undefined) failures.push({ seed, sentence: `${first.invariant}: ${first.because}` });
  }
  return { seeds, virtualMs, events, acknowledged, splits, operator, failures };
}

function added(summaries: readonly Summary[]): Summary {
  const sum = (of: (summary: Summary) => number): number =>
    summaries.reduce((total, each) => total + of(each), 0);
  const operator: Record<string, number> = {};
  for (const each of summaries)
    for (const [what, count] of Object.entries(each.operator)) operator[what] = (operator[what] ?? 0) + count;
  return {
    seeds: sum((s) => s.seeds),
    virtualMs: sum((s) => s.virtualMs),
    events: sum((s) => s.events),
    acknowledged: sum((s) => s.acknowledged),
    splits: sum((s) => s.splits),
    operator,
    failures: summaries.flatMap((each) => each.failures).sort((x, y) => x.seed - y.seed),
  };
}

function print(summary: Summary, tookMs: number): void {
  const { seeds, virtualMs, events, acknowledged, splits, failures } = summary;
  const write = (text: string): void => void process.stdout.write(`${text}\n`);
  write(
    `${seeds} seeds in ${(tookMs / 1000).toFixed(1)} s: ${(seeds / (tookMs / 1000)).toFixed(1)} seeds/s, ${(virtualMs / 3_600_000).toFixed(1)} virtual hours, ${events} events, ${acknowledged} acknowledged writes`,
  );
  if (splits > 0)
    write(`both nodes acknowledged in a full partition without a witness, as configured: ${splits} seeds`);
  for (const [what, count] of Object.entries(summary.operator))
    write(`left to an operator: ${what}: ${count} seeds`);
  for (const { seed, sentence } of failures) write(`FAILED seed ${seed}: ${sentence}\n  ${rerun(seed)}`);
  write(failures.length === 0 ? 'every invariant held' : `${failures.length} seeds failed`);
}

function inProcesses(start: number, seeds: number, jobs: number): Promise<Summary[]> {
  const share = Math.ceil(seeds / jobs);
  const parts = Array.from({ length: jobs }, (_, job) => ({
    start: start + job * share,
    seeds: Math.max(0, Math.min(share, seeds - job * share)),
  })).filter((part) => part.seeds > 0);
  return Promise.all(
    parts.map(
      (part) =>
        new Promise<Summary>((resolve, reject) => {
          const flags = [
            '--worker',
            '--family',
            values.family,
            '--witness',
            values.witness,
            ...(values.wipes ? ['--wipes'] : []),
          ];
          const child = fork(import.meta.filename, [
            ...flags,
            '--start',
            String(part.start),
            '--seeds',
            String(part.seeds),
          ]);
          child.once('message', (summary) => resolve(summary as Summary));
          child.once('exit', (code) => reject(new Error(`a worker ended with code ${code}`)));
        }),
    ),
  );
}

function traceOne(seed: number): number {
  const options = optionsOf();
  let result = runOne(seed, options, values.trace);
  if (values.shrink && result.violations.length > 0) {
    result = run(shrink(result, options).plan, { ...options, tracing: values.trace });
    process.stdout.write(
      `needed: ${result.plan.faults.map(describeFault).join('; ') || 'no fault at all'}\n`,
    );
  }
  for (const line of result.transcript) process.stdout.write(`${line}\n`);
  const [first] = result.violations;
  process.stdout.write(
    first === undefined
      ? `seed ${seed}: every invariant held${result.operator === null ? '' : `; left to an operator: ${result.operator}`}\n`
      : `FAILED seed ${seed}: ${first.invariant}: ${first.because}\n`,
  );
  return first === undefined ? 0 : 1;
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.mutants) return huntMutants((text) => process.stdout.write(`${text}\n`)) ? 0 : 1;
  if (values.seed !== undefined) return traceOne(Number(values.seed));
  const [start, seeds, jobs] = [Number(values.start), Number(values.seeds), Number(values.jobs)];
  if (values.worker) {
    process.send?.(sweep(start, seeds, optionsOf()));
    return 0;
  }
  const startedMs = performance.now();
  optionsOf();
  const summary = added(
    jobs > 1 ? await inProcesses(start, seeds, jobs) : [sweep(start, seeds, optionsOf())],
  );
  print(summary, performance.now() - startedMs);
  return summary.failures.length === 0 ? 0 : 1;
}

process.exitCode = await main();
