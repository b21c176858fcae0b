// `twinkeep doctor`: looks a host or the pair over, before and after set-up, and says what is wrong, why it matters, and the
// one line that mends it. The rules are core/doctor's.
import { basename } from 'node:path';
import type { Command } from 'commander';
import { agentLogin, hostFacts, type NodeFacts, serverFacts } from '../app/facts.ts';
import type { PairView } from '../app/view.ts';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { diagnose } from '../core/doctor/diagnose.ts';
import type { AgentFacts, Facts, HostFacts, ServerFacts } from '../core/doctor/facts.ts';
import { type Finding, inOrder, type Severity } from '../core/doctor/finding.ts';
import { diagnoseFiles } from '../core/doctor/rules-file.ts';
import { OperatorError } from '../core/error.ts';
import type { Endpoint } from '../io/database/connection.ts';
import { readOptionFiles } from '../io/doctor/optionfiles.ts';
import { type AdministratorOptions, administratorOf, isHere, withAdministrator } from './administrator.ts';
import { accepted, askNode } from './api.ts';
import { namedNode } from './node.ts';
import { painter, WrongUsage } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';

interface Options extends AdministratorOptions {
  readonly config?: string;
  readonly node?: string;
  readonly myCnf: readonly string[];
  readonly json?: boolean;
}

const FACTS_MS_MAX = 15_000;

interface Examination {
  readonly findings: readonly Finding[];
  /** What could not be looked at, and what would let it. */
  readonly unseen: readonly string[];
  readonly looked: readonly string[];
}

async function doctor(options: Options): Promise<void> {
  const { findings, unseen, looked } =
    options.myCnf.length > 0 ? examineFiles(options) : await examinePair(options);
  const count = (severity: Severity): number => findings.filter((each) => each.severity === severity).length;
  const counts = { errors: count('error'), warnings: count('warning'), notes: count('note') };
  if (counts.errors > 0) process.exitCode = 1;
  if (options.json) {
    const answer = { ok: counts.errors === 0, ...counts, findings, unseen, looked };
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  print(findings, unseen, looked, counts);
}

// ---- files

function pairOrNull(options: Options): PairConfig | null {
  try {
    return requirePair(options.config, true);
  } catch (error) {
    if (error instanceof OperatorError && error.code === 'config-missing') return null;
    throw error;
  }
}

function examineFiles(options: Options): Examination {
  if (options.myCnf.length > 2) {
    throw new WrongUsage(
      'my-cnf-many',
      `--my-cnf was given ${options.myCnf.length} times`,
      'give one file, or one for each of the two servers',
    );
  }
  const config = pairOrNull(options);
  const wanted = {
    durability: config?.mysql.durability ?? 'lossless',
    positioning: config?.mysql.replication.positioning ?? 'gtid',
  } as const;
  const names = options.myCnf.map((path) => basename(path));
  const files = options.myCnf.map((path, i) => ({
    // Two files of one name, from two hosts' folders.
    name:
      names.indexOf(basename(path)) === i && names.lastIndexOf(basename(path)) === i ? basename(path) : path,
    file: readOptionFiles(path),
  }));
  return { findings: inOrder(diagnoseFiles(files, wanted)), unseen: [], looked: options.myCnf };
}

// ---- servers, hosts, agents

interface Seen {
  readonly node: NodeConfig;
  readonly agent: AgentFacts;
  readonly server: ServerFacts | null;
  readonly because: string;
  readonly host: HostFacts | null;
}

async function examinePair(options: Options): Promise<Examination> {
  const config = requirePair(options.config, options.json === true);
  const nodes = options.node === undefined ? config.nodes : [namedNode(config, options.node)];
  const seen = await Promise.all(nodes.map((node) => lookAt(config, node, options)));
  const facts: Facts = {
    pair: {
      durability: config.mysql.durability,
      positioning: config.mysql.replication.positioning,
      partition: config.failover.partition,
      witness: config.witness !== null,
      gateway: config.failover.gateway,
      vrrpId: config.vrrp.id,
    },
    servers: seen.flatMap((each) => each.server ?? []),
    silentServers: seen
      .filter((each) => each.server === null)
      .map((each) => ({ node: each.node.name, because: each.because })),
    hosts: seen.flatMap((each) => each.host ?? []),
    agents: seen.map((each) => each.agent),
  };
  return { findings: diagnose(facts), unseen: unseenOf(seen), looked: nodes.map((node) => node.name) };
}

function unseenOf(seen: readonly Seen[]): string[] {
  return seen.flatMap(({ node, server, host }) => [
    ...(server?.unseen ?? []).map(
      (what) =>
        `${node.name}: ${what}: an administrator sees it: --admin-socket ${node.name}=PATH, or --admin-password-file FILE`,
    ),
    ...(host === null
      ? [`${node.name}: its host: run \`twinkeep doctor --node ${node.name}\` there, or start its agent`]
      : []),
  ]);
}

async function askFacts(
  config: PairConfig,
  node: NodeConfig,
): Promise<{ facts: NodeFacts | null; agent: AgentFacts }> {
  const nothing = { node: node.name, version: null, holdsVip: false, warnings: [] };
  try {
    const view = accepted<PairView>(await askNode(config, node, '/api/v1/pair'));
    const answer = await askNode(config, node, '/api/v1/facts', {}, FACTS_MS_MAX);
    const facts = answer.status === 404 ? null : accepted<NodeFacts>(answer);
    const own = view.nodes.find((each) => each.self);
    return {
      facts,
      agent: {
        node: node.name,
        answers: true,
        because: '',
        version: facts?.version ?? 'older',
        holdsVip: own?.holdsWriteVip === true,
        warnings: view.warnings,
      },
    };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { facts: null, agent: { ...nothing, answers: false, because: error.message } };
  }
}

function agentAccount(config: PairConfig, node: NodeConfig): Endpoint | null {
  try {
    const { value } = readSecret(config.mysql.admin.passwordFile, "password of the agent's account");
    return agentLogin(config, node, isHere(node), value);
  } catch (error) {
    if (error instanceof OperatorError) return null;
    throw error;
  }
}

async function lookAt(config: PairConfig, node: NodeConfig, options: Options): Promise<Seen> {
  const { facts, agent } = await askFacts(config, node);
  const administrator = administratorOf(config, node, options);
  const account = agentAccount(config, node);
  let { server, because } = facts ?? { server: null, because: agent.because };
  const login = account ?? administrator;
  if (login === null && server === null) {
    because = `${because}; and there is no way into its server yet: --admin-socket ${node.name}=PATH, or --admin-password-file FILE`;
  }
  if ((server === null || administrator !== null) && login !== null) {
    const direct = await serverFacts(node, { agent: login, administrator });
    if (direct.server !== null) {
      // The agent's own grants are what counts, and the manager has looked at them.
      const told = server?.missingGrants ?? null;
      const unseen = direct.server.unseen.filter(
        (what) => told === null || !what.startsWith('the privileges'),
      );
      const missing = told ?? (account === null ? null : direct.server.missingGrants);
      server = { ...direct.server, missingGrants: missing, unseen };
    } else if (server === null) because = direct.because;
  }
  const host = facts?.host ?? (isHere(node) ? await hostFacts(config, node, server) : null);
  return { node, agent, server, because, host };
}

// ---- the answer

const STYLES = { error: 'red', warning: 'yellow', note: 'dim' } as const;
const HEADS = { error: 'ERRORS', warning: 'WARNINGS', note: 'NOTES' } as const;

function print(
  findings: readonly Finding[],
  unseen: readonly string[],
  looked: readonly string[],
  counts: { readonly errors: number; readonly warnings: number; readonly notes: number },
): void {
  const paint = painter(process.stdout);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  for (const severity of ['error', 'warning', 'note'] as const) {
    const some = findings.filter((each) => each.severity === severity);
    if (some.length === 0) continue;
    say(paint('bold', HEADS[severity]));
    for (const { about, what, why, mend, place, code } of some) {
      const at = place === undefined ? about : `${place.file}:${place.line}`;
      say(`${paint(STYLES[severity], `${at}: ${what}`)}  ${paint('dim', `[${code}]`)}`);
      say(`    why:  ${why}`);
      say(`    mend: ${mend}`);
    }
    say('');
  }
  if (unseen.length > 0) {
    say(paint('bold', 'NOT LOOKED AT'));
    for (const each of unseen) say(`${each}`);
    say('');
  }
  const { errors, warnings, notes } = counts;
  const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
  const sum = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}, ${plural(notes, 'note')}`;
  say(
    `${paint(errors > 0 ? 'red' : 'green', errors > 0 ? 'not well:' : 'well:')} ${looked.join(', ')}: ${sum}`,
  );
}

const several = (value: string, before: readonly string[]): string[] => [...before, value];

export function register(program: Command): void {
  withAdministrator(
    program
      .command('doctor')
      .description('look a host or the pair over: what is wrong, why it matters, what mends it')
      .option('-c, --config <file>', CONFIG_OPTION_HELP)
      .option('--node <name>', 'only this node (default: both, and what differs between them)')
      .option(
        '--my-cnf <file>',
        "look at a server's my.cnf instead, before any server runs; twice: both, and what differs",
        several,
        [],
      )
      .option('--json', 'print { ok, errors, warnings, notes, findings, unseen, looked }'),
  )
    .addHelpText(
      'after',
      `
Asks the agents where they run, and the servers with the agent's account. An administrator's way in shows more: accounts, and
tables of engines that cannot roll back. Changes nothing.
Exit codes: 0 no errors (warnings may be there), 1 errors were found, or nothing could be looked at, 2 wrong usage.

Examples:
  twinkeep doctor
  twinkeep doctor --node a --admin-socket a=/run/mysqld/mysqld.sock
  twinkeep doctor --my-cnf /etc/mysql/my.cnf`,
    )
    .action(doctor);
}
