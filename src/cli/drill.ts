// `twinkeep drill`: faults caused on purpose in a lab of its own, with the client-seen outage and lost rows measured.
// The faults and the measuring are in lab/drill/; this file is their command line.

import { type Command, Option } from 'commander';
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
import { type ServerFamily, serverFamilies } from '../core/family.ts';

interface DrillOptions {
  readonly repeat: string;
  readonly server: ServerFamily;
  readonly json?: boolean;
  readonly read?: boolean;
  readonly keep?: boolean;
  readonly all?: boolean;
  /** True: given without a number. */
  readonly witness?: string | true;
  readonly name: string;
  readonly dir?: string;
  readonly set: readonly string[];
}

/** What `--read` adds to the lab's pair.yaml. */
const readVipLine = 'vips: { read: [192.0.2.101/24] }';

export function register(program: Command): void {
  const list = faults.map((fault) => `  ${fault.name.padEnd(32)} ${fault.about}`).join('\n');
  program
    .command('drill')
    .description('cause faults in a lab of its own and measure what clients see (needs root)')
    .argument('[fault...]', 'which faults; without one: all that suit the lab')
    .addOption(
      new Option('--server <family>', 'which database servers; mysql is 9.7')
        .choices(serverFamilies)
        .default('mariadb'),
    )
    .option('--witness [hosts]', 'in a lab with a witness: etcd on one host, or on 3')
    .option('--all', 'every fault in a lab without a witness, then in one with it')
    .option('--repeat <times>', 'how often each', '1')
    .option('--json', 'every run with all its figures')
    .option('--read', 'with a read VIP, and a reader at it whose outage is measured, too')
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
  const chosen = chosenDrills(names, options.all === true, witnessHosts(options.witness));
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
    server: options.server,
    ...(options.dir === undefined ? {} : { dir: options.dir }),
    pairOverrides: [...options.set, ...(options.read === true ? [readVipLine] : [])].join('\n'),
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

/** A fault, and the number of witness hosts of the lab that it is caused in. */
interface Drill {
  readonly fault: Fault;
  readonly witnesses: number;
}

function chosenDrills(names: readonly string[], all: boolean, witnesses: number): Drill[] {
  const inLab = (hosts: number) =>
    faults.filter((fault) => suits(fault, hosts)).map((fault) => ({ fault, witnesses: hosts }));
  if (names.length === 0) return all ? [...inLab(0), ...inLab(witnesses || 1)] : inLab(witnesses);
  return [...new Set(names)].map(faultNamed).map((fault) => {
    // A fault that needs a witness brings it along; one that is about having none does not get one.
    const hosts = [witnesses, 0, 1, 3].find((count) => suits(fault, count)) ?? witnesses;
    return { fault, witnesses: hosts };
  });
}

function witnessHosts(given: string | true | undefined): number {
  if (given === undefined) return 0;
  if (given === true || given === '1') return 1;
  if (given === '3') return 3;
  throw new OperatorError(
    'drill-witness',
    `--witness ${given} is no size of a witness.`,
    'Say --witness, or --witness 3.',
  );
}

function turns(chosen: readonly Drill[], repeat: number): (Drill & { readonly turn: number })[] {
  return chosen.flatMap((each) => Array.from({ length: repeat }, (_, i) => ({ ...each, turn: i + 1 })));
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
  chosen: readonly Drill[],
  repeat: number,
  keep: boolean,
  interrupted: () => boolean,
): Promise<{ runs: DrillRun[]; broken: Broken[] }> {
  const progress = progressOn(process.stderr);
  const runs: DrillRun[] = [];
  const broken: Broken[] = [];
  let keepIt = false;
  try {
    for (const { fault, witnesses, turn } of turns(chosen, repeat)) {
      const label = `${fault.name}${witnesses > 0 ? ' +w' : ''} ${turn}/${repeat}`;
      try {
        const tick = (message: string) => progress.tick(`${label}: ${message}`);
        await labDown(lab);
        const settings = [lab.pairOverrides, fault.settings].filter(Boolean).join('\n');
        const built = await labUp({ ...lab, witnesses, pairOverrides: settings }, tick, claimLab);
        const run = await drillOnce(built, fault, tick);
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
