// `twinkeep promote --force`: an operator makes a node the writer although a rule speaks against it. Shows what may be lost,
// and does nothing before the name of the pair was typed.

import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { PromotionRisks } from '../app/promotions.ts';
import type { WhyView } from '../app/view.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import { accepted, askEach, askNode } from './api.ts';
import { namedNode } from './node.ts';
import { painter, WrongUsage } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';
import { orderMsMax } from './switchover.ts';

interface Options {
  readonly config?: string;
  readonly force?: boolean;
  readonly to?: string;
  readonly confirm?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The node that shall be the writer: the one that is named, else the one that answers and is not the last writer. */
async function target(config: PairConfig, to: string | undefined): Promise<NodeConfig> {
  if (to !== undefined) return namedNode(config, to);
  const { answers } = await askEach(config, '/api/v1/why');
  const views = answers.map((answer) => accepted<WhyView>(answer));
  const [only] = answers;
  if (answers.length === 1 && only !== undefined) return only.node;
  const writers = new Set(views.map((view) => view.record.writer));
  const candidates = config.nodes.filter((node) => !writers.has(node.name));
  const [candidate] = candidates;
  if (candidate !== undefined && candidates.length === 1) return candidate;
  throw new WrongUsage(
    'which-node',
    'both nodes answer, and which one shall be the writer is not plain',
    'name it with --to; `twinkeep why` shows what each one knows',
  );
}

function showRisks({ node, pair, risks }: PromotionRisks): void {
  const paint = painter(process.stderr);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  say(
    paint('bold', `${node} would be made the writer of pair ${pair} by force. What may be lost or go wrong:`),
  );
  for (const risk of risks) say(paint('yellow', `  - ${risk}`));
  if (risks.length === 0) say('  nothing that is known');
}

/** What was typed, or given by --confirm. */
async function confirmation(options: Options, pair: string): Promise<string> {
  if (options.confirm !== undefined) return options.confirm;
  if (!process.stdin.isTTY) {
    throw new WrongUsage(
      'confirm',
      'there is no terminal to ask for the name of the pair',
      'look at the risks with --dry-run, then add --confirm with the name of the pair',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D are a no.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    return (
      await Promise.race([terminal.question(`Type the name of the pair (${pair}) to do it: `), closed])
    ).trim();
  } finally {
    terminal.close();
  }
}

async function promote(options: Options): Promise<void> {
  if (!options.force) {
    throw new WrongUsage(
      'force',
      'promote moves the role against the rules, and only with --force',
      'a standby that is well becomes the writer without a loss by `twinkeep switchover`; `twinkeep why` shows whether it can',
    );
  }
  const config = requirePair(options.config);
  const node = await target(config, options.to);
  const risks = accepted<PromotionRisks>(await askNode(config, node, '/api/v1/promotions/risks'));
  const print = (value: object): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  if (risks.refusal !== null && !(options.dryRun && options.json)) {
    const { code, because, lift } = risks.refusal;
    throw new OperatorError(code, `not promoted: ${because}`, lift);
  }
  if (options.dryRun && options.json) {
    print(risks);
    return;
  }
  if (!options.json) showRisks(risks);
  if (options.dryRun) return;
  const confirm = await confirmation(options, config.pair);
  if (confirm !== config.pair) {
    const what = confirm === '' ? 'no name was typed' : `${confirm} is not the name of this pair`;
    throw new OperatorError('confirm', `${what}: nothing was done`, `the name is ${config.pair}`);
  }
  const init = { method: 'POST', body: JSON.stringify({ confirm }) };
  const answer = await askNode(config, node, '/api/v1/promotions', init, orderMsMax(config));
  const done = accepted<{ because: string; tookMs: number }>(answer, 'not promoted: ');
  if (options.json) print(done);
  else {
    const green = painter(process.stdout);
    process.stdout.write(`${green('green', 'done:')} ${done.because} (${done.tookMs} ms)\n`);
  }
}

export function register(program: Command): void {
  program
    .command('promote')
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .option('--force', 'against the rules that protect acknowledged writes')
    .option(
      '--to <node>',
      'the node that shall be the writer (default: the one that answers and was not the last)',
    )
    .option('--confirm <pair>', 'the name of the pair, for scripts; otherwise it is asked for')
    .option('--dry-run', 'show what may be lost, change nothing')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
For the day when the writer is gone for good and the standby may lack some of its writes: shows what may be lost, asks for the
name of the pair, closes the other server if it answers, applies everything that was received, and opens.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

Example:
  twinkeep promote --force --to b --dry-run
  twinkeep promote --force --to b
`,
    )
    .action(promote);
}
