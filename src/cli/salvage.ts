// `twinkeep salvage`: transactions that a node has and the writer never had. Saved by the agents; shown, replayed and discarded here.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import { openTransactions, type SalvageIndex } from '../core/salvage/entry.ts';
import type { SalvageAnswer, TransactionView } from '../io/http/salvages.ts';
import { type ApiAnswer, accepted, askEach, askNode, type Silent } from './api.ts';
import { namedNode } from './node.ts';
import { painter, WrongUsage } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';
import { listLines, type StoredAt, transactionLines } from './salvage-print.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly transaction?: readonly number[];
  readonly check?: boolean;
  readonly sql?: boolean;
  readonly force?: boolean;
  readonly node?: string;
  readonly fromFiles?: string;
}

/** Rows are read and written one by one. */
const ORDER_MS_MAX = 30 * 60_000;
const CHECK_MS_MAX = 60_000;

type Shown = Extract<SalvageAnswer, { ok: true }>;

async function stored(
  config: PairConfig,
): Promise<{ readonly all: readonly StoredAt[]; readonly silent: readonly Silent[] }> {
  const { answers, silent } = await askEach(config, '/api/v1/salvages');
  const all = answers.flatMap((answer: ApiAnswer) =>
    accepted<{ salvages: SalvageIndex[] }>(answer).salvages.map((index) => ({ node: answer.node, index })),
  );
  return { all: all.sort((a, b) => a.index.id.localeCompare(b.index.id)), silent };
}

/** Where the salvage with this id is; `last` names the newest. */
async function locate(config: PairConfig, id: string): Promise<StoredAt> {
  const { all, silent } = await stored(config);
  const found = id === 'last' ? all.at(-1) : all.find((each) => each.index.id === id);
  if (found !== undefined) return found;
  const unheard = silent.map(({ node }) => ` (${node} does not answer)`).join('');
  throw new OperatorError(
    'unknown-salvage',
    all.length === 0 ? `nothing is salvaged${unheard}` : `there is no salvage ${id}${unheard}`,
    all.length === 0
      ? 'it is saved by itself when a node returns with it'
      : '`twinkeep salvage list` names them',
  );
}

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
const write = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

async function list(options: Options): Promise<void> {
  const config = requirePair(options.config);
  const { all, silent } = await stored(config);
  if (options.json)
    print({ salvages: all.map(({ node, index }) => ({ storedAt: node.name, ...index })), silent });
  else write(listLines(all, painter(process.stdout)));
  if (!options.json)
    for (const { node, because } of silent) process.stderr.write(`without what ${node} keeps: ${because}\n`);
}

async function ask(config: PairConfig, { node, index }: StoredAt, query: string): Promise<Shown> {
  return accepted<Shown>(
    await askNode(config, node, `/api/v1/salvages/${index.id}${query}`, {}, CHECK_MS_MAX),
  );
}

async function show(id: string, options: Options): Promise<void> {
  const config = requirePair(options.config);
  const at = await locate(config, id);
  const query = new URLSearchParams();
  if (options.transaction !== undefined) query.set('transaction', options.transaction.join(','));
  if (options.check !== false) query.set('check', '1');
  let shown: Shown;
  let unchecked: string | null = null;
  try {
    shown = await ask(config, at, `?${query}`);
  } catch (error) {
    if (options.check === false || !(error instanceof OperatorError) || error.code.startsWith('unknown-'))
      throw error;
    // Without a writer to compare with, what was saved is shown all the same.
    unchecked = error.message;
    query.delete('check');
    shown = await ask(config, at, `?${query}`);
  }
  if (options.json) {
    print({ storedAt: at.node.name, unchecked, ...shown });
    return;
  }
  const paint = painter(process.stdout);
  write(listLines([at], paint));
  write(
    transactionLines(
      at.index,
      (shown.transactions ?? []) as readonly TransactionView[],
      paint,
      options.sql === true,
    ),
  );
  if (unchecked !== null) process.stderr.write(`not compared with the writer: ${unchecked}\n`);
  process.stdout.write(`files: ${shown.folder} on ${at.node.name}\n`);
}

async function order(id: string, action: 'replay' | 'discard' | 'rewind', options: Options): Promise<void> {
  const config = requirePair(options.config);
  const at = await locate(config, id);
  const numbers = options.transaction;
  if (options.force === true && numbers === undefined)
    throw new WrongUsage(
      'force',
      '--force overwrites what the writer has, and only for transactions that are named',
      'look at them with `twinkeep salvage show`, then name each with --transaction',
    );
  if (options.dryRun === true) {
    await show(at.index.id, options);
    const open = openTransactions(at.index).filter((each) => numbers?.includes(each.number) ?? true).length;
    const what = action === 'rewind' ? `rewind ${at.index.node}` : `${action} ${open} of them`;
    if (!options.json) process.stdout.write(`would ${what}; nothing was changed\n`);
    return;
  }
  const body = JSON.stringify({ action, transactions: numbers ?? null, force: options.force === true });
  const path = `/api/v1/salvages/${at.index.id}`;
  if (process.stderr.isTTY) process.stderr.write(`${action} of ${at.index.id} at ${at.node.name} ...\n`);
  const done = accepted<Shown>(
    await askNode(config, at.node, path, { method: 'POST', body }, ORDER_MS_MAX),
    `no ${action}: `,
  );
  const left = (done.index?.transactions ?? []).filter(
    ({ outcome, number }) =>
      (outcome === 'conflict' || outcome === 'failed') && (numbers?.includes(number) ?? true),
  );
  if (options.json) print({ because: done.because, index: done.index });
  else {
    const paint = painter(process.stdout);
    write([`${paint('green', 'done:')} ${done.because}`]);
    for (const each of left)
      write([paint('yellow', `  ${each.number} (${each.gtid}) ${each.outcome}: ${each.because}`)]);
    if (left.length > 0)
      write([
        `  \`twinkeep salvage show ${at.index.id} --transaction N\` compares; then replay it with --force, or discard it`,
      ]);
  }
  // What was asked for is not done as long as some of it is left.
  if (action === 'replay' && left.some((each) => numbers?.includes(each.number) ?? true))
    process.exitCode = 1;
}

async function take(options: Options): Promise<void> {
  const config = requirePair(options.config);
  if (options.fromFiles === undefined && options.node === undefined)
    throw new WrongUsage(
      'take-what',
      'take reads the binary log of a dead server from its files, or of a running one whose agent is gone',
      'name the folder with --from-files DIR --node (the node that it is on), or the node that still runs its agent with --node',
    );
  const node = namedNode(config, options.node ?? config.nodes[0]?.name ?? '');
  const body = JSON.stringify({
    fromFiles: options.fromFiles === undefined ? null : resolve(options.fromFiles),
  });
  const answer = await askNode(config, node, '/api/v1/salvages', { method: 'POST', body }, ORDER_MS_MAX);
  const done = accepted<Shown>(answer, 'nothing taken: ');
  if (options.json) print({ because: done.because, index: done.index });
  else write([`${painter(process.stdout)('green', 'done:')} ${done.because}`]);
}

async function forget(id: string, options: Options): Promise<void> {
  const config = requirePair(options.config);
  const at = await locate(config, id);
  if (options.dryRun === true) {
    write([`would remove the files of ${at.index.id} on ${at.node.name}`]);
    return;
  }
  const path = `/api/v1/salvages/${at.index.id}`;
  const done = accepted<Shown>(
    await askNode(config, at.node, path, { method: 'DELETE' }, ORDER_MS_MAX),
    'not removed: ',
  );
  if (options.json) print({ because: done.because });
  else write([`${painter(process.stdout)('green', 'done:')} ${done.because}`]);
}

/** "3", "1,4-7". */
function numbers(text: string, before: readonly number[] = []): readonly number[] {
  const all = text.split(',').flatMap((part) => {
    const [, from = '', to = from] = /^([1-9]\d{0,5})(?:-([1-9]\d{0,5}))?$/.exec(part.trim()) ?? [];
    const count = Number(to) - Number(from) + 1;
    if (from === '' || count < 1)
      throw new WrongUsage(
        'transaction',
        `"${text}" names no transactions`,
        'write --transaction 3, or 1,4-7',
      );
    return Array.from({ length: count }, (_, i) => Number(from) + i);
  });
  return [...before, ...all];
}

export function register(program: Command): void {
  const salvage = program.command('salvage').addHelpText(
    'after',
    `
When a node returns with transactions that the writer never had (errant ones), they are saved before anything is changed: raw, as
SQL, and row by row, in the node's state folder. \`salvage\` in pair.yaml says what becomes of them (ask, discard, replay).
Exit codes: 0 done, 1 refused or something is left, 2 wrong usage.

Example:
  twinkeep salvage list
  twinkeep salvage show last
  twinkeep salvage replay last
`,
  );
  const verb = (name: string, about: string, example: string) =>
    salvage
      .command(name)
      .description(about)
      .option('-c, --config <file>', CONFIG_OPTION_HELP)
      .option('--json', 'print the answer as JSON')
      .addHelpText(
        'after',
        `\nExit codes: 0 done, 1 refused or something is left, 2 wrong usage.\n\nExample:\n  twinkeep salvage ${example}\n`,
      );
  const some = 'of these only: 3, or 1,4-7';
  verb('list', 'what is saved, at which node, and what became of it', 'list').action(list);
  verb(
    'show',
    'the rows before and after, and what the writer has in their place now',
    'show last --transaction 3',
  )
    .argument('<id>', 'of the salvage, or `last`')
    .option('--transaction <numbers>', some, numbers)
    .option('--no-check', 'do not compare with the writer')
    .option('--sql', 'the statements that made the rows, where they are known')
    .action(show);
  verb(
    'replay',
    'put the transactions into the writer as new ones; what is in conflict is left',
    'replay last --dry-run',
  )
    .argument('<id>', 'of the salvage, or `last`')
    .option('--transaction <numbers>', some, numbers)
    .option('--force', 'the saved rows win over what the writer has; needs --transaction')
    .option('--dry-run', 'show them and what they would meet, change nothing')
    .action((id: string, options: Options) => order(id, 'replay', options));
  verb('discard', 'give the transactions up; the files are kept', 'discard last --transaction 4')
    .argument('<id>', 'of the salvage, or `last`')
    .option('--transaction <numbers>', some, numbers)
    .option('--dry-run', 'show them, change nothing')
    .action((id: string, options: Options) => order(id, 'discard', options));
  verb('rewind', 'undo them at the node that has them, and decide about them later', 'rewind last')
    .argument('<id>', 'of the salvage, or `last`')
    .option('--dry-run', 'show them, change nothing')
    .action((id: string, options: Options) => order(id, 'rewind', options));
  verb(
    'take',
    'save what a dead server has, from its files or while it still runs without its agent',
    'take --node a --from-files /var/lib/mysql',
  )
    .option('--from-files <folder>', "holds the dead server's binary logs, on the host of --node")
    .option('--node <node>', 'whose agent does it')
    .action(take);
  verb('forget', 'remove the files of a salvage that is replayed or discarded', 'forget 20261121-164512-a')
    .argument('<id>', 'of the salvage')
    .option('--dry-run', 'say what would be removed')
    .action(forget);
}
