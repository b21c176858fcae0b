// The command line's front door: finds the verb, loads that verb's file and nothing else (`twinkeep agent` is on the
// path by which a killed agent comes back), and turns every end into an exit code.
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { OperatorError } from '../core/error.ts';
import { run } from './output.ts';

interface Verb {
  readonly about: string;
  readonly load: () => Promise<{ register(program: Command): void }>;
}

/** In the order of `--help`. A verb's own file adds its options; the sentence here is its description everywhere. */
const verbs: Readonly<Record<string, Verb>> = {
  setup: {
    about: 'make two running servers a pair: accounts, channels, first record (safe to repeat)',
    load: () => import('./setup.ts'),
  },
  agent: {
    about: 'the daemon, one on each database host; systemd starts it',
    load: () => import('./agent.ts'),
  },
  status: {
    about: 'who is writer, what is wrong, what a failure now would cost',
    load: () => import('./status.ts'),
  },
  why: {
    about: 'why it is so, what would happen now, what was decided and what was not',
    load: () => import('./why.ts'),
  },
  rotate: {
    about: 'new passwords for the accounts of the agents, without downtime',
    load: () => import('./rotate.ts'),
  },
  doctor: {
    about: 'look a host or the pair over: what is wrong, why it matters, what mends it',
    load: () => import('./doctor.ts'),
  },
  events: { about: 'what happened at both nodes, and what happens now', load: () => import('./events.ts') },
  switchover: { about: 'move the writer role to the other node', load: () => import('./switchover.ts') },
  maintenance: {
    about: 'order that nothing moves by itself, or end that',
    load: () => import('./maintenance.ts'),
  },
  verify: {
    about: 'compare the rows and definitions of both masters, and make them equal',
    load: () => import('./verify.ts'),
  },
  salvage: {
    about: 'transactions that the writer never had: list, show, replay, discard',
    load: () => import('./salvage.ts'),
  },
  promote: {
    about: 'make a node the writer by force, when the other one is lost for good',
    load: () => import('./promote.ts'),
  },
  clone: {
    about: 'make the node of this host a fresh copy of the other one',
    load: () => import('./clone.ts'),
  },
  archive: {
    about: "keep a copy of the writer's binary log on a third host",
    load: () => import('./archive.ts'),
  },
  config: {
    about: 'check pair.yaml or keepalived.conf, import the latter, show all defaults, print a my.cnf',
    load: () => import('./config.ts'),
  },
  keepalived: {
    about: 'run keepalived.conf: a drop-in for the daemon keepalived, with its options, signals and files',
    load: () => import('./keepalived.ts'),
  },
  lab: {
    about: 'two real database hosts on this machine, to try things on (needs root)',
    load: () => import('./lab.ts'),
  },
  drill: { about: 'cause a fault on purpose and measure what clients see', load: () => import('./drill.ts') },
};

function program(): Command {
  return new Command('twinkeep')
    .description('Keeps a pair of MySQL or MariaDB masters available behind virtual IPs.')
    .version(packageJson.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [verb]', 'print the help of a verb')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for the options and an example)')
    .configureHelp({ showGlobalOptions: false })
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  twinkeep config check pair.yaml
  twinkeep status --config /etc/twinkeep/pair.yaml
  twinkeep status --help

Every verb takes --json. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
Configuration: --config, else $TWINKEEP_CONFIG, else ./pair.yaml, else /etc/twinkeep/pair.yaml.
`,
    );
}

/** A build may lack a verb; that must not take the others away. */
async function loadVerb(name: string, verb: Verb) {
  try {
    return await verb.load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`/${name}.ts'`)) throw error;
    throw new OperatorError(
      'verb-missing',
      `this version of twinkeep (${packageJson.version}) has no verb \`${name}\``,
      '`twinkeep --help` lists the verbs; a newer version may have it',
    );
  }
}

/** The verb that is asked for, also behind `help`; null when none is, or it is unknown. */
function verbIn(argv: readonly string[]): string | null {
  const [first, second] = argv;
  const name = first === 'help' ? second : first;
  return name !== undefined && Object.hasOwn(verbs, name) ? name : null;
}

/** Who signals a daemon that it has just started means no end of it: the verb listens as soon as it is loaded. */
function hearEarly(): void {
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {});
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv[0] === 'keepalived') hearEarly();
  const root = program();
  const name = verbIn(argv);
  const verb = name === null ? undefined : verbs[name];
  if (name !== null && verb !== undefined) {
    (await loadVerb(name, verb)).register(root);
    root.commands.find((each) => each.name() === name)?.description(verb.about);
  }
  if (verb === undefined)
    for (const [each, { about }] of Object.entries(verbs)) root.command(each).description(about);
  await root.parseAsync(argv, { from: 'user' });
}

/** Commander's own ends: help and version are done, everything else is wrong usage. Null: not one of these. */
function usageExit(error: unknown): number | null {
  if (!(error instanceof CommanderError)) return null;
  return error.exitCode === 0 ? 0 : 2;
}

await run(main, usageExit);
