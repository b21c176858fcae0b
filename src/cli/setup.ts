// `twinkeep setup`: makes two running servers a pair. Missing secrets are made beside pair.yaml; accounts, schema and
// channels on both servers. Safe to repeat. The first record is written by the agents, not here.
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { settingsFor } from '../config/mycnf.ts';
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import type { ServerKind } from '../core/family.ts';
import {
  openSetup,
  type Refusal,
  type RequiredSetting,
  type SetupOptions,
  type SetupSession,
  type SetupTarget,
} from '../io/database/setup.ts';
import { painter } from './output.ts';
import { CONFIG_OPTION_HELP, requirePair } from './pair-file.ts';
import { planReplicas, type ReplicaSetups } from './setup-replicas.ts';
import { makeSecrets, missingSecrets } from './setup-secrets.ts';

interface Options {
  readonly config?: string;
  readonly writer?: string;
  readonly adminUser: string;
  readonly adminPasswordFile?: string;
  readonly adminSocket: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly yes?: boolean;
}

const several = (value: string, before: readonly string[]): string[] => [...before, value];

export function register(program: Command): void {
  program
    .command('setup')
    .description('make two running servers a pair: accounts, channels, secrets (safe to repeat)')
    .option('--config <file>', CONFIG_OPTION_HELP)
    .option('--writer <node>', 'the node whose data count (default: the one with the higher priority)')
    .option('--admin-user <name>', "the servers' administrator, used for setup only", 'root')
    .option('--admin-password-file <file>', 'holds that password; the servers are then reached over TCP')
    .option(
      '--admin-socket <node=path>',
      'unix socket of the server of a node, for an administrator without a password; may be given twice',
      several,
      [],
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--yes', 'do not ask before the first change')
    .option('--json', 'print { changed, steps, warnings, secrets }')
    .addHelpText(
      'after',
      `
Examples:
  twinkeep setup --config pair.yaml --admin-password-file /root/mariadb.password --dry-run
  twinkeep setup --config pair.yaml --admin-socket a=/run/mysqld/mysqld.sock --admin-password-file /root/mariadb.password --yes

Exit codes: 0 done, or nothing to do; 1 refused or failed; 2 wrong usage.`,
    )
    .action(setup);
}

/** The sockets by node, as given. */
function socketsOf(options: Options, config: PairConfig): ReadonlyMap<string, string> {
  const sockets = new Map<string, string>();
  for (const given of options.adminSocket) {
    const at = given.indexOf('=');
    const node = given.slice(0, at);
    const hosts = [...config.nodes, ...config.replicas];
    if (at <= 0 || !hosts.some((each) => each.name === node)) {
      throw new OperatorError(
        'admin-socket',
        `--admin-socket ${given} does not name a node of the pair and a path`,
        `write it as ${hosts.map((each) => `${each.name}=/run/mysqld/mysqld.sock`).join(' or ')}`,
      );
    }
    sockets.set(node, given.slice(at + 1));
  }
  return sockets;
}

function isHere(node: NodeConfig): boolean {
  return Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === node.address),
  );
}

function targetOf(
  config: PairConfig,
  node: NodeConfig,
  options: Options,
  sockets: ReadonlyMap<string, string>,
): SetupTarget {
  const given = sockets.get(node.name);
  const file = options.adminPasswordFile;
  const socketPath =
    given ??
    (file === undefined && config.mysql.socket !== null && isHere(node) ? config.mysql.socket : undefined);
  if (socketPath === undefined && file === undefined) {
    throw new OperatorError(
      'admin-missing',
      `setup needs an administrator's way into the server of ${node.name}, and was given none`,
      `give --admin-password-file FILE (with --admin-user, default root), or on its own host --admin-socket ${node.name}=/run/mysqld/mysqld.sock`,
    );
  }
  const password = file === undefined ? '' : readSecret(file, "administrator's password").value;
  return {
    name: node.name,
    address: node.address,
    login: {
      host: node.address,
      port: config.mysql.port,
      ...(socketPath === undefined ? {} : { socketPath }),
      tls: config.mysql.tls,
      user: options.adminUser,
      password,
    },
    required: (kind) => requiredSettings(config, node, kind),
  };
}

/** Every line of the rendered my.cnf. */
const requiredSettings = (config: PairConfig, node: NodeConfig, kind: ServerKind): RequiredSetting[] =>
  settingsFor(config, node.name, kind).flatMap(({ settings }) =>
    settings.map(({ name, value }) => ({ name, value })),
  );

function writerOf(config: PairConfig, option: string | undefined): string {
  const highest = [...config.nodes].sort((a, b) => b.priority - a.priority)[0];
  const found = config.nodes.find((node) => node.name === (option ?? highest?.name));
  if (found !== undefined) return found.name;
  throw new OperatorError(
    'unknown-node',
    `pair ${config.pair} has no node ${option}`,
    `its nodes are ${config.nodes.map((node) => node.name).join(' and ')}`,
  );
}

/** Several reasons in one error: the first in its message, all of them before it. */
function refuse(refusals: readonly Refusal[], json: boolean): OperatorError {
  const paint = painter(process.stderr);
  if (!json)
    for (const { message, hint } of refusals)
      process.stderr.write(`${paint('red', '✗')} ${message}\n  ${hint}\n`);
  const [first] = refusals;
  const count = refusals.length === 1 ? 'one reason' : `${refusals.length} reasons`;
  return new OperatorError(
    'setup-refused',
    json
      ? `setup refuses for ${count}: ${refusals.map((each) => each.message).join('; ')}`
      : `setup refuses, for ${count} above; nothing was changed`,
    json ? (first?.hint ?? '') : 'mend each, then run setup again',
  );
}

async function confirmed(options: Options, count: number): Promise<void> {
  if (options.yes) return;
  if (!process.stdin.isTTY || options.json) {
    throw new OperatorError(
      'needs-yes',
      `setup would take ${count} steps on the servers, and nobody is here to ask`,
      'look at them with --dry-run, then add --yes',
    );
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question('Do this now? [y/N] ').finally(() => ask.close());
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new OperatorError(
      'not-confirmed',
      'setup was not confirmed; nothing was changed',
      'run it again and answer y',
    );
}

async function setup(options: Options): Promise<void> {
  const config = requirePair(options.config, options.json === true);
  const [first, second] = config.nodes;
  if (first === undefined || second === undefined) throw new Error('a pair has two nodes');
  const sockets = socketsOf(options, config);
  const targets = [
    targetOf(config, first, options, sockets),
    targetOf(config, second, options, sockets),
  ] as const;
  const writer = writerOf(config, options.writer);
  const missing = missingSecrets(config);
  // A dry run makes no files; the accounts to be made are then listed all the same.
  if (!options.dryRun) makeSecrets(missing);
  const password = (path: string, what: string): string =>
    options.dryRun && missing.some((each) => each.path === path)
      ? 'not made yet'
      : readSecret(path, what).value;
  const pair: SetupOptions = {
    targets,
    writer,
    readers: [
      ...(config.archive === null ? [] : [config.archive.host]),
      ...config.replicas.map(({ address }) => address),
    ],
    port: config.mysql.port,
    admin: {
      user: config.mysql.admin.user,
      password: password(config.mysql.admin.passwordFile, 'password of the admin account'),
    },
    replication: {
      user: config.mysql.replication.user,
      password: password(config.mysql.replication.passwordFile, 'password of the replication account'),
    },
    schema: 'twinkeep',
    tls: config.mysql.tls,
    positioning: config.mysql.replication.positioning,
  };
  const session = await openSetup(pair);
  try {
    const sites = config.replicas.map((replica) => targetOf(config, replica, options, sockets));
    const replicas = await planReplicas(config, pair, sites);
    await carryOut(
      session,
      replicas,
      config,
      options,
      missing.map((each) => each.path),
    );
  } finally {
    session.close();
  }
}

async function carryOut(
  session: SetupSession,
  replicas: ReplicaSetups,
  config: PairConfig,
  options: Options,
  secrets: readonly string[],
): Promise<void> {
  const { plan } = session;
  const paint = painter(process.stdout);
  const say = (line: string): void => {
    if (!options.json) process.stdout.write(`${line}\n`);
  };
  const warnings = [...plan.warnings, ...replicas.warnings];
  if (!options.json) for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  for (const path of secrets)
    say(options.dryRun ? `would make ${path}` : `made ${path} (copy it to the other host)`);
  const refusals = [...(plan.ok ? [] : plan.refusals), ...replicas.refusals];
  if (!plan.ok || refusals.length > 0) throw refuse(refusals, options.json === true);
  const steps = [...plan.steps.map((step) => step.what), ...replicas.steps];
  if (steps.length > 0 && !options.dryRun) {
    if (!options.yes) for (const step of steps) say(`would ${step}`);
    await confirmed(options, steps.length);
    const done = (what: string): void => say(`${paint('green', '•')} ${what}`);
    await session.perform((step) => done(step.what));
    await replicas.perform(done);
  } else for (const step of steps) say(`would ${step}`);
  if (options.json) {
    const answer = { changed: !options.dryRun && steps.length > 0, steps, warnings, secrets };
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  if (steps.length === 0)
    say(`${paint('green', 'done:')} ${config.pair} is set up already; nothing to change`);
  else if (!options.dryRun)
    say(
      `${paint('green', 'done:')} ${config.pair} is set up; start the agent on both hosts (twinkeep agent)`,
    );
}
