// `twinkeep why`: why the pair is as it is, what would happen now, and what was decided since some time.

import type { Command } from 'commander';
import { type Line, nodeLines, pairLines, storyLines } from './answer.ts';
import { history, type Inquiry, inquire } from './inquiry.ts';
import { MOMENT_HELP, requireMoment } from './moment.ts';
import { namedNode } from './node.ts';
import { painter } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';
import { replicaLines } from './replica-lines.ts';
import { tell } from './story.ts';

interface Options {
  readonly config?: string;
  readonly since?: string;
  readonly json?: boolean;
}

function print(lines: readonly Line[]): void {
  const paint = painter(process.stdout);
  for (const { text, style } of lines)
    process.stdout.write(`${style === 'plain' || text === '' ? text : paint(style, text)}\n`);
}

function asJson(inquiry: Inquiry): object {
  const { status, leading, silent, clocks } = inquiry;
  const { forecast, reign } = leading;
  return { ...status, reign, forecast, silent, clocks };
}

async function why(name: string | undefined, options: Options): Promise<void> {
  const config = requirePair(options.config);
  const isReplica = config.replicas.some((replica) => replica.name === name);
  if (name !== undefined && !isReplica) namedNode(config, name);
  const sinceMs = options.since === undefined ? null : requireMoment(options.since, Date.now());
  const inquiry = await inquire(config);
  const json = (value: object): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  const replica = inquiry.status.replicas.find((each) => each.name === name);
  if (replica !== undefined) {
    if (options.json) json(replica);
    else print(replicaLines(replica));
    return;
  }
  if (sinceMs === null) {
    if (options.json) {
      const node = inquiry.status.nodes.find((each) => each.name === name);
      json({ ...asJson(inquiry), ...(node === undefined ? {} : { node }) });
    } else print(name === undefined ? pairLines(inquiry) : nodeLines(inquiry, name));
    return;
  }
  const told = await history(config, inquiry, { sinceMs, level: 'info', limit: null });
  const events = name === undefined ? told.events : told.events.filter((event) => event.node === name);
  if (!options.json) {
    print(storyLines(told.inquiry, sinceMs, events));
    return;
  }
  const shown = events.flatMap((event) => {
    const said = tell(event);
    return said === null ? [] : [{ ...event, at: new Date(event.atMs).toISOString(), ...said }];
  });
  json({ since: new Date(sinceMs).toISOString(), events: shown, now: asJson(told.inquiry) });
}

export function register(program: Command): void {
  program
    .command('why')
    .argument(
      '[node]',
      'why this node may, or may not, become the writer; of a replica: whom it replicates from, and why',
    )
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .option('--since <time>', `what was decided, and what was not, since then: ${MOMENT_HELP}`)
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Without --since: who the writer is and since when, what would happen if it failed now, and each rule that stands in the way
with what lifts it. With --since: what both nodes did, refused and saw, in one order, by the clock of this host.
Exit codes: 0 answered, 1 no node answered, 2 wrong usage.

Example:
  twinkeep why b
  twinkeep why --since 14:05
`,
    )
    .action(why);
}
