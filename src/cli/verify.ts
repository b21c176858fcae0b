// `twinkeep verify`: compares the rows and definitions of both masters while they are in use, shows what differs, and on order
// makes the rows equal through the writer. Talks to both servers itself; the agents need not run.
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { parseDuration } from '../config/duration.ts';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import type { Endpoint } from '../io/database/connection.ts';
import {
  performRepair,
  planRepair,
  type RepairPlan,
  refuseUnlessMayRepair,
  type Unrepaired,
} from '../io/verify/repair.ts';
import { type VerifyOptions, type VerifySession, verify } from '../io/verify/verify.ts';
import { type AdministratorOptions, administratorOf, withAdministrator } from './administrator.ts';
import { namedNode } from './node.ts';
import { painter, WrongUsage } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';
import { printProgress, printRepair, printResult } from './verify-print.ts';

interface Options extends AdministratorOptions {
  readonly config?: string;
  readonly table: readonly string[];
  readonly chunkRows?: string;
  readonly maxLag: string;
  readonly maxRunning: string;
  readonly duty: string;
  readonly statementLimit: string;
  readonly rows: string;
  readonly repair?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** More differing rows of one table than this are not counted on: copying is the better mend. */
const DIFFERENCES_MAX = 10_000;
const PASSES_MAX = 3;

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new WrongUsage(
    'bad-number',
    `${option} ${text} is no whole number from ${min} to ${max}`,
    `${option} ${min}`,
  );
}

function duration(option: string, text: string, minMs: number, maxMs: number): number {
  const ms = parseDuration(text);
  if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
  throw new WrongUsage(
    'bad-duration',
    `${option} ${text} is no duration from ${minMs}ms to ${maxMs / 1000}s`,
    `write it with its unit, like ${option} 2s`,
  );
}

function tablesOf(options: Options): readonly string[] {
  const wrong = options.table.find((each) => !/^[^.]+\.[^.].*$/.test(each));
  if (wrong === undefined) return options.table;
  throw new WrongUsage(
    'bad-table',
    `--table ${wrong} names no table`,
    'write it as schema.table, or schema.* for all of it',
  );
}

/** The administrator's way where one is given, else mysql.verify, else the agent's own account. */
function endpointOf(config: PairConfig, node: NodeConfig, options: Options): Endpoint {
  const given = options.adminPasswordFile !== undefined || options.adminSocket.length > 0;
  const administrator = given ? administratorOf(config, node, options) : null;
  if (administrator !== null) return administrator;
  const { user, passwordFile } = config.mysql.verify ?? config.mysql.admin;
  const what =
    config.mysql.verify === null ? 'password of the admin account' : 'password of the verify account';
  const ifMissing =
    config.mysql.verify === null
      ? '`twinkeep setup` makes it; on a further host, copy it from the other node of the pair'
      : 'write the password of the account mysql.verify.user into it';
  return {
    host: node.address,
    port: config.mysql.port,
    tls: config.mysql.tls,
    user,
    password: readSecret(passwordFile, what, ifMissing).value,
  };
}

function optionsOf(config: PairConfig, options: Options): VerifyOptions {
  const [a, b] = config.nodes;
  if (a === undefined || b === undefined) throw new Error('a pair has two nodes');
  const node = (each: NodeConfig) => ({ name: each.name, endpoint: endpointOf(config, each, options) });
  return {
    scope: { tables: tablesOf(options), ownSchema: 'twinkeep' },
    pace: {
      chunkRows:
        options.chunkRows === undefined ? null : whole('--chunk-rows', options.chunkRows, 1, 100_000),
      dutyPercent: whole('--duty', options.duty, 1, 100),
      lagMsMax: duration('--max-lag', options.maxLag, 10, 3_600_000),
      runningMax: whole('--max-running', options.maxRunning, 1, 100_000),
    },
    statementMsMax: duration('--statement-limit', options.statementLimit, 3_000, 3_600_000),
    rowsShown: whole('--rows', options.rows, 0, DIFFERENCES_MAX),
    differencesMax: DIFFERENCES_MAX,
    nodes: [node(a), node(b)],
  };
}

async function run(options: Options): Promise<void> {
  const config = requirePair(options.config, options.json === true);
  const right = options.repair;
  if (right !== undefined && !['writer', 'standby'].includes(right)) namedNode(config, right);
  if (right === undefined && (options.dryRun || options.yes))
    throw new WrongUsage(
      'needs-repair',
      'without --repair nothing is changed',
      'add --repair NODE, or leave --dry-run and --yes out',
    );
  const asked = optionsOf(config, options);
  const progress = printProgress();
  const writes = right !== undefined && options.dryRun !== true;
  // Known before hours of comparing.
  if (writes) refuseWithoutYes(options);
  const session = await verify(asked, progress.told, async ({ writer }) => {
    if (writes) await refuseUnlessMayRepair(writer, endpointAt(asked, writer.node));
  }).finally(progress.end);
  try {
    if (right === undefined || session.differing.length === 0) {
      answer(session, null, options);
      return;
    }
    if (!options.json) printResult(session.result);
    await repair(session, asked, right, options);
  } finally {
    session.close();
  }
}

interface Repaired {
  readonly right: string;
  readonly repaired: number;
  readonly refused: RepairPlan['refused'];
  readonly statements?: readonly string[];
}

function answer(session: VerifySession, repaired: Repaired | null, options: Options): void {
  const { result } = session;
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ ...result, ...(repaired === null ? {} : { repair: repaired }) }, null, 2)}\n`,
    );
  else if (repaired === null) printResult(result);
  if (!result.same) process.exitCode = 1;
}

function refuseWithoutYes(options: Options): void {
  if (options.yes || (process.stdin.isTTY && !options.json)) return;
  throw new OperatorError(
    'needs-yes',
    'repair would write rows through the writer, and nobody is here to ask',
    'look at the statements with --dry-run, then add --yes',
  );
}

function endpointAt(asked: VerifyOptions, node: string): Endpoint {
  const found = asked.nodes.find(({ name }) => name === node);
  if (found === undefined) throw new Error(`no node ${node}`);
  return found.endpoint;
}

async function confirmed(count: number, options: Options): Promise<void> {
  if (options.yes) return;
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const said = await ask.question(`Write ${count} rows now? [y/N] `).finally(() => ask.close());
  if (!/^y(es)?$/i.test(said.trim()))
    throw new OperatorError(
      'not-confirmed',
      'the repair was not confirmed; nothing was changed',
      'run it again and answer y',
    );
}

async function repair(
  session: VerifySession,
  asked: VerifyOptions,
  node: string,
  options: Options,
): Promise<void> {
  const side = node === 'writer' || node === session.writer.node ? 'writer' : 'standby';
  const right = session[side].node;
  let differing = session.differing;
  let plan = await planRepair(session.run, differing, side);
  if (options.dryRun) {
    const statements = plan.steps.flatMap((step) => step.statements);
    if (!options.json) printRepair({ right, statements, refused: plan.refused });
    answer(
      session,
      { right, repaired: 0, refused: plan.refused, statements },
      { ...options, json: options.json === true },
    );
    process.exitCode = 1;
    return;
  }
  if (plan.steps.length > 0) await confirmed(plan.steps.length, options);
  const endpoint = endpointAt(asked, session.writer.node);
  let repaired = 0;
  let refused: readonly Unrepaired[] = [];
  // Writing a row takes others away that hold its unique values: these show in the next round, and are written then.
  for (let pass = 1; ; pass += 1) {
    const failed = await performRepair(session.run, endpoint, plan.steps, () => undefined);
    repaired += plan.steps.length - failed.length;
    refused = [...plan.refused, ...failed];
    const left = [];
    for (const each of differing) {
      const rescan = each.work.writer.uniqueIndexes > 1;
      const compared = rescan
        ? await each.work.compare(session.run)
        : await each.work.again(session.run, each.different);
      if (compared.different.length > 0) left.push({ work: each.work, different: compared.different });
    }
    differing = left;
    if (left.length === 0 || pass === PASSES_MAX) break;
    plan = await planRepair(session.run, differing, side);
    if (plan.steps.length === 0) break;
  }
  finish(session, { right, repaired, refused }, differing.length > 0, options);
}

function finish(session: VerifySession, repaired: Repaired, differs: boolean, options: Options): void {
  const other =
    session.result.definitions.length > 0 || session.result.tables.some((each) => each.by === 'not compared');
  if (differs || other) process.exitCode = 1;
  if (options.json) {
    const { result } = session;
    process.stdout.write(
      `${JSON.stringify({ before: result, repair: { ...repaired, rowsEqual: !differs } }, null, 2)}\n`,
    );
    return;
  }
  for (const { table, key, because } of repaired.refused)
    process.stderr.write(`not repaired: ${table} ${key}: ${because}\n`);
  const paint = painter(process.stdout);
  const rows = repaired.repaired === 1 ? 'one row' : `${repaired.repaired} rows`;
  process.stdout.write(
    differs
      ? `${paint('red', 'still different:')} ${rows} written as ${repaired.right} has them, and some differ yet\n`
      : `${paint('green', 'done:')} ${rows} written through ${session.writer.node} as ${repaired.right} has them; looked at again, they are the same\n`,
  );
}

const several = (value: string, before: readonly string[]): string[] => [...before, value];

export function register(program: Command): void {
  withAdministrator(
    program
      .command('verify')
      .option('-c, --config <file>', CONFIG_OPTION_HELP)
      .option(
        '--table <name>',
        'only this table, as schema.table; schema.* for a schema; may be given again',
        several,
        [],
      )
      .option('--chunk-rows <n>', 'rows of one sum (default: found by what the servers take, about 100 ms)')
      .option('--max-lag <time>', 'wait while the standby is further behind', '2s')
      .option('--max-running <n>', 'wait while more threads run at the writer', '25')
      .option('--duty <percent>', 'the share of time in which the servers are asked', '50')
      .option(
        '--statement-limit <time>',
        'no statement runs longer; a chunk that does is made smaller',
        '30s',
      )
      .option('--rows <n>', 'differing rows shown of each table', '20')
      .option(
        '--repair <node>',
        'write the rows of this node (or: writer, standby) through the writer, so that both are equal',
      )
      .option('--dry-run', 'with --repair: print the statements, change nothing')
      .option('--yes', 'with --repair: do not ask')
      .option('--json', 'print the result as JSON'),
  )
    .addHelpText(
      'after',
      `
Reads with mysql.verify of pair.yaml, else with the admin account, else as the administrator that is given here. It locks
nothing and writes nothing without --repair; docs/VERIFY.md says what it finds and how sure that is.
Exit codes: 0 both hold the same (or do after --repair); 1 they differ, or it could not be done; 2 wrong usage.

Examples:
  twinkeep verify
  twinkeep verify --table shop.orders --repair a --dry-run
`,
    )
    .action(run);
}
