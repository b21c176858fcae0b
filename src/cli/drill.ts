// `twinkeep drill`: faults caused on purpose in a lab of its own, with the client-seen outage and lost rows measured.
// The faults and the measuring are in lab/drill/; this file is their command line.

import type { Command } from 'commander';
import type { Fault } from '../../lab/drill/fault.ts';
import { faultNamed, faults, suits } from '../../lab/drill/faults.ts';
import { reportText } from '../../lab/drill/report.ts';
import { drillOnce } from '../../lab/drill/run.ts';
import type { DrillRun } from '../../lab/drill/verdict.ts';
import { takingDownOnInterrupt } from '../../lab/interrupt.ts';
import { claimLab, labDown, labUp, requireUnclaimed } from '../../lab/lab.ts';
import type { LabOptions } from '../../lab/plan.ts';
import { progressOn } from '../../lab/progress.ts';
import { OperatorError } from '../core/error.ts';

interface DrillOptions {
  readonly repeat: string;
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly name: string;
  readonly dir?: string;
  readonly set: readonly string[];
}

export function register(program: Command): void {
  const list = faults.map((fault) => `  ${fault.name.padEnd(32)} ${fault.about}`).join('\n');
  program
    .command('drill')
    .description('cause faults in a lab of its own and measure what clients see (needs root)')
    .argument('[fault...]', 'which faults; all of them without one')
    .option('--repeat <times>', 'how often each', '1')
    .option('--json', 'every run with all its figures')
    .option('--keep', 'keep the lab of a drill that went wrong')
    .option('--name <name>', "the drill's lab", 'drill')
    .option('--dir <folder>', "the lab's folder")
    .option(
      '--set <yaml>',
      "a line for the lab's pair.yaml, e.g. 'vrrp: {advertInterval: 50ms}'",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .addHelpText(
      'after',
      `\nFaults:\n${list}\n\nExit code 1 when a drill ended wrongly (rows lost, two writers, the wrong writer); a slow one is no error.\nWhat the figures mean: docs/DRILLS.md\n\nExample:\n  twinkeep drill db-kill host-crash --repeat 5`,
    )
    .action(drill);
}

async function drill(names: readonly string[], options: DrillOptions): Promise<void> {
  const chosen =
    names.length === 0 ? faults.filter((f) => suits(f, false)) : [...new Set(names)].map(faultNamed);
  const repeat = Number(options.repeat);
  if (!Number.isInteger(repeat) || repeat < 1) {
    throw new OperatorError(
      'drill-repeat',
      `--repeat ${options.repeat} is no number of times.`,
      'Give 1 or more.',
    );
  }
  const lab: Partial<LabOptions> = {
    name: options.name,
    ...(options.dir === undefined ? {} : { dir: options.dir }),
    pairOverrides: options.set.join('\n'),
  };
  requireUnclaimed(lab);
  const { runs, broken } = await takingDownOnInterrupt(lab, (interrupted) =>
    drillAll(lab, chosen, repeat, options.keep === true, interrupted),
  );
  if (options.json) console.log(JSON.stringify({ runs, broken }, null, 2));
  else {
    console.log(`\n${reportText(runs)}`);
    for (const { fault, because, hint } of broken) {
      console.log(`${fault}: could not be carried out. ${because}\n  ${hint}`);
    }
  }
  if (broken.length > 0 || runs.some((run) => run.problems.length > 0)) process.exitCode = 1;
}

/** A drill that did not come as far as its fault. */
interface Broken {
  readonly fault: string;
  readonly because: string;
  readonly hint: string;
}

/** Each fault `repeat` times; the lab is taken down at the end, unless a wrong one is to be kept. */
async function drillAll(
  lab: Partial<LabOptions>,
  chosen: readonly Fault[],
  repeat: number,
  keep: boolean,
  interrupted: () => boolean,
): Promise<{ runs: DrillRun[]; broken: Broken[] }> {
  const progress = progressOn(process.stderr);
  const runs: DrillRun[] = [];
  const broken: Broken[] = [];
  let keepIt = false;
  try {
    for (const fault of chosen.flatMap((f) => Array<Fault>(repeat).fill(f))) {
      const label = `${fault.name} ${runs.filter((run) => run.fault === fault.name).length + 1}/${repeat}`;
      try {
        const tick = (message: string) => progress.tick(`${label}: ${message}`);
        await labDown(lab);
        const settings = [lab.pairOverrides, fault.settings].filter(Boolean).join('\n');
        const built = await labUp({ ...lab, pairOverrides: settings }, tick, claimLab);
        const run = await drillOnce(built, fault, false, tick);
        runs.push(run);
        progress.say(`${label}: ${verdict(run)}`);
        keepIt = keep && run.problems.length > 0;
      } catch (error) {
        if (interrupted() || !(error instanceof OperatorError)) throw error;
        broken.push({ fault: fault.name, because: error.message, hint: error.hint });
        progress.say(`${label}: could not be carried out. ${error.message}`);
        keepIt = keep;
      }
      if (keepIt) break;
    }
    return { runs, broken };
  } finally {
    if (keepIt) {
      const name = `--name ${lab.name}`;
      console.error(`The lab is kept. Look: twinkeep lab status ${name}. End it: twinkeep lab down ${name}`);
    } else await labDown(lab);
  }
}

function verdict(run: DrillRun): string {
  const figures = `outage ${run.outageMs.toFixed(0)} ms, ${run.acknowledged} rows acknowledged, ${run.lost} lost`;
  return run.problems.length === 0 ? figures : `WRONG, ${figures}: ${run.problems.join('; ')}`;
}
