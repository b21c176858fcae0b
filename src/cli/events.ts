// `twinkeep events`: everything that happened at both nodes, in one order, and what happens from now on.

import type { Command } from 'commander';
import type { PairConfig } from '../config/types.ts';
import { followEvents } from './eventstream.ts';
import { aheadOf, caveats, type DatedEvent, dated, history, type Inquiry, inquire } from './inquiry.ts';
import { MOMENT_HELP, requireMoment, showMoment } from './moment.ts';
import { painter, WrongUsage } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

interface Options {
  readonly config?: string;
  readonly since?: string;
  readonly level: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** Of each node, when no time is given. */
const LATEST = 20;
const LEVELS = ['info', 'warn', 'error'];

function print(event: DatedEvent, json: boolean): void {
  if (json) {
    const { atMs, ...rest } = event;
    process.stdout.write(`${JSON.stringify({ ...rest, at: new Date(atMs).toISOString() })}\n`);
    return;
  }
  const time = showMoment(event.atMs, Date.now());
  const line = `${time}  ${event.node}  ${event.level.padEnd(5)}  ${event.code.padEnd(18)}  ${event.because}`;
  const style = event.level === 'error' ? 'red' : event.level === 'warn' ? 'yellow' : null;
  process.stdout.write(`${style === null ? line : painter(process.stdout)(style, line)}\n`);
}

const remark = (text: string): void => void process.stderr.write(`note: ${text}\n`);

async function followAll(
  config: PairConfig,
  inquiry: Inquiry,
  shown: readonly DatedEvent[],
  options: Options,
): Promise<void> {
  const streams = config.nodes.map((node) => {
    const answers = inquiry.clocks.some((clock) => clock.node === node.name);
    const last = shown.findLast((event) => event.node === node.name)?.sequence ?? 0;
    return followEvents(
      config,
      node,
      { sequence: answers ? last : null, level: options.level },
      (event) => print(dated(event, aheadOf(inquiry, event.node)), options.json === true),
      (up) => remark(`${node.name} ${up ? 'answers again' : 'does not answer any more: waiting for it'}`),
    );
  });
  await Promise.all(streams);
}

async function events(options: Options): Promise<void> {
  const config = requirePair(options.config);
  if (!LEVELS.includes(options.level)) {
    throw new WrongUsage('level', `there is no level ${options.level}`, 'it is info, warn or error');
  }
  const sinceMs = options.since === undefined ? null : requireMoment(options.since, Date.now());
  const limit = sinceMs === null ? LATEST : null;
  const wanted = { sinceMs, level: options.level, limit };
  const { inquiry, events: found } = await history(config, await inquire(config), wanted);
  for (const text of caveats(inquiry, sinceMs)) remark(text);
  for (const event of found) print(event, options.json === true);
  if (options.follow) await followAll(config, inquiry, found, options);
}

export function register(program: Command): void {
  program
    .command('events')
    .option('-c, --config <file>', CONFIG_OPTION_HELP)
    .option('--since <time>', `${MOMENT_HELP} (default: the last ${LATEST} of each node)`)
    .option('-f, --follow', 'go on with what happens, until Ctrl-C')
    .option('--level <level>', 'info, warn or error: this and worse', 'info')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Times are by the clock of this host; a node whose clock differs is named. Each node keeps its last 2000 events, also over a
restart. \`twinkeep why --since\` tells only what was decided.
Exit codes: 0 done, 1 no node answers, 2 wrong usage.

Example:
  twinkeep events --since 1h --level warn
  twinkeep events --follow
`,
    )
    .action(events);
}
