// `twinkeep maintenance`: orders that nothing moves by itself, ends that, or shows which it is.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { MaintenanceView } from '../io/http/orders.ts';
import { accepted, askEach, askNode, type Silent } from './api.ts';
import { painter, WrongUsage } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

interface Options {
  readonly config?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const PATH = '/api/v1/maintenance';
/** The nodes report to each other several times a second. */
const HEARD_MS_MAX = 2000;
const LOOK_AGAIN_MS = 100;

interface Seen {
  readonly views: readonly MaintenanceView[];
  readonly silent: readonly Silent[];
}

async function look(config: PairConfig): Promise<Seen> {
  const { answers, silent } = await askEach(config, PATH);
  return { views: answers.map((answer) => accepted<MaintenanceView>(answer)), silent };
}

const state = (because: string | null): string =>
  because === null
    ? 'off: the pair moves its writer by itself'
    : `on: ${because}; nothing moves by itself, \`twinkeep switchover\` does`;

function show({ views, silent }: Seen, lead: string): void {
  const paint = painter(process.stdout);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const newest = [...views].sort((a, b) => b.version - a.version)[0];
  say(`${lead}maintenance is ${state(newest?.because ?? null)}`);
  for (const view of views) {
    if (view.version === newest?.version && view.because === newest.because) continue;
    say(
      paint(
        'yellow',
        `warning: ${view.node} has not heard of it: there it is ${view.because === null ? 'off' : `on (${view.because})`}; it hears of it as soon as the two agents reach each other`,
      ),
    );
  }
  for (const { node, because } of silent) {
    say(
      paint(
        'yellow',
        `warning: ${node} does not answer (${because}); it hears of it when its agent runs again`,
      ),
    );
  }
}

const agreed = ({ views }: Seen): boolean =>
  views.every((view) => view.version === views[0]?.version && view.because === views[0].because);

/** Ordered at one node, the first that answers; the nodes tell each other. */
async function order(config: PairConfig, node: NodeConfig, on: boolean, reason: string | undefined) {
  const init: RequestInit = on
    ? { method: 'POST', body: JSON.stringify(reason === undefined ? {} : { because: reason }) }
    : { method: 'DELETE' };
  return accepted<MaintenanceView>(await askNode(config, node, PATH, init));
}

async function maintenance(wanted: string | undefined, options: Options): Promise<void> {
  if (wanted !== undefined && wanted !== 'on' && wanted !== 'off') {
    throw new WrongUsage('maintenance', `${wanted} is neither on nor off`, 'for example: maintenance on');
  }
  if (options.reason !== undefined && wanted !== 'on') {
    throw new WrongUsage('maintenance', '--reason is for `maintenance on`', 'leave it out, or add `on`');
  }
  const config = requirePair(options.config);
  const before = await look(config);
  const print = (seen: Seen, lead: string): void => {
    if (options.json) process.stdout.write(`${JSON.stringify({ ...seen, agreed: agreed(seen) }, null, 2)}\n`);
    else show(seen, lead);
  };
  if (wanted === undefined) {
    print(before, '');
    return;
  }
  if (options.dryRun) {
    const would = wanted === 'on' ? (options.reason ?? 'ordered by an operator') : null;
    process.stdout.write(`would order: maintenance ${state(would)}\n`);
    return;
  }
  const at = config.nodes.find((node) => before.views.some((view) => view.node === node.name));
  if (at === undefined) return;
  const ordered = await order(config, at, wanted === 'on', options.reason);
  const untilMs = performance.now() + HEARD_MS_MAX;
  let seen = await look(config);
  while (performance.now() < untilMs && seen.views.some((view) => view.version < ordered.version)) {
    await sleep(LOOK_AGAIN_MS);
    seen = await look(config);
  }
  print(seen, 'done: ');
}

export function register(program: Command): void {
  program
    .command('maintenance')
    .argument('[on|off]', 'nothing moves by itself, or does again; without it: shows which')
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .option('--reason <text>', 'shown wherever the pair is shown (default: ordered by an operator)')
    .option('--dry-run', 'say what would be ordered, change nothing')
    .option('--json', 'print what each node says as JSON')
    .addHelpText(
      'after',
      `
While it is on, no failure moves the writer role; \`twinkeep switchover\` does. It is kept over restarts, on both nodes.
Exit codes: 0 done, 1 refused or no node answers, 2 wrong usage.

Example:
  twinkeep maintenance on --reason "the switch is exchanged"
`,
    )
    .action(maintenance);
}
