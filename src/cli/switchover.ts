// `twinkeep switchover`: moves the writer role to the standby, without touching the replication channels.

import type { Command } from 'commander';
import type { PairView } from '../app/view.ts';
import type { PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import { accepted, askAll, askNode } from './api.ts';
import { namedNode } from './node.ts';
import { painter } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';
import { merge } from './status.ts';

interface Options {
  readonly config?: string;
  readonly to?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

/** The server's own limits end an order before. */
export const orderMsMax = (config: PairConfig): number => config.failover.maxDrainMs + 40_000;

async function switchover(options: Options): Promise<void> {
  const config = requirePair(options.config);
  if (options.to !== undefined) namedNode(config, options.to);
  const views = (await askAll(config, '/api/v1/pair')).map((answer) => answer.body as PairView);
  const before = merge(config, views);
  const writer = config.nodes.find((node) => node.name === before.writer);
  if (writer === undefined) {
    throw new OperatorError(
      'no-writer',
      'the pair has no writer at this moment',
      'see `twinkeep status` for what it waits for',
    );
  }
  const to = options.to ?? config.nodes.find((node) => node.name !== writer.name)?.name ?? '';
  if (options.dryRun) {
    process.stdout.write(
      `would move the writer role from ${writer.name} to ${to}: ${before.ifWriterFails}\n`,
    );
    return;
  }
  const body = JSON.stringify({ to });
  const answer = await askNode(
    config,
    writer,
    '/api/v1/switchovers',
    { method: 'POST', body },
    orderMsMax(config),
  );
  const done = accepted<{ because: string; tookMs: number }>(answer, 'no switchover: ');
  if (options.json) process.stdout.write(`${JSON.stringify(done, null, 2)}\n`);
  else
    process.stdout.write(
      `${painter(process.stdout)('green', 'done:')} ${done.because} (${done.tookMs} ms)\n`,
    );
}

export function register(program: Command): void {
  program
    .command('switchover')
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .option('--to <node>', 'the node that shall be the writer (default: the standby)')
    .option('--dry-run', 'say what would happen, change nothing')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
The writer closes, the standby reaches its last transaction and opens. If it does not within failover.maxDrain, the old
writer is opened again. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

Example:
  twinkeep switchover --to b
`,
    )
    .action(switchover);
}
