// `twinkeep config`: check pair.yaml or keepalived.conf, show pair.yaml with every default, print the server settings of a node.
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { maskSecrets } from '../config/forbidden.ts';
import { loadPair } from '../config/load.ts';
import { renderMyCnf } from '../config/mycnf.ts';
import { showPair } from '../config/show.ts';
import type { PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import { type ServerKind, usualServer } from '../core/family.ts';
import { registerImport } from './config-import.ts';
import { checkKeepalived, isKeepalivedConf, type KeepalivedOptions } from './config-keepalived.ts';
import { NODE_OPTION_HELP, whichHost } from './node.ts';
import { InvalidConfig, painter, printFindings } from './output.ts';
import { CONFIG_OPTION_HELP, configPath, requirePair } from './pair-file.ts';

const EXIT_CODES = '\nExit codes: 0 done, 1 refused or failed, 2 wrong usage.';

/** By the names that --server takes; versions of one family that differ in no word have one. */
const SERVERS: Readonly<Record<string, ServerKind>> = {
  mariadb: usualServer.mariadb,
  mysql: usualServer.mysql,
  'mysql-8.0.20': { family: 'mysql', version: 80_020 },
  'mysql-5.7': { family: 'mysql', version: 50_744 },
  mysql56: usualServer.mysql56,
};

interface Options {
  readonly config?: string;
  readonly node?: string;
  readonly server: string;
  readonly logBin?: string;
  readonly relayLog?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const config = program
    .command('config')
    .description('check pair.yaml, show it with all defaults, print the my.cnf for a node')
    .addHelpText('after', `\nExample:\n  twinkeep config check pair.yaml\n${EXIT_CODES}`);

  config
    .command('check')
    .argument('[file]', `${CONFIG_OPTION_HELP}, or a keepalived.conf`)
    .description(
      'find every mistake in pair.yaml or keepalived.conf, each with its line and what would be right',
    )
    .option('--config <file>', 'the same as the argument')
    .addOption(
      new Option('--as <kind>', 'what the file is (default: by its name, else by its content)').choices([
        'keepalived',
        'pair',
      ]),
    )
    .option('--peer <file>', "keepalived.conf: the other host's, to be compared with it")
    .option(
      '--on-this-host',
      'keepalived.conf: the file is for this host: look at its scripts, accounts and interfaces (default: under /etc/keepalived)',
    )
    .option('--no-on-this-host', 'keepalived.conf: the file is for another host')
    .option('--json', 'print { ok, findings, warnings }')
    .addHelpText(
      'after',
      `
Examples:
  twinkeep config check /etc/twinkeep/pair.yaml
  twinkeep config check /etc/keepalived/keepalived.conf --peer other-host/keepalived.conf

Exit codes: 0 fine, or nothing but warnings; 1 mistakes; 2 wrong usage.`,
    )
    .action(check);

  registerImport(config);

  config
    .command('render')
    .argument('<what>', 'my.cnf')
    .description('print the server settings for a node, each with its reason')
    .option('--config <file>', CONFIG_OPTION_HELP)
    .option('--node <name>', NODE_OPTION_HELP)
    .addOption(
      new Option('--server <family>', 'which server it is for')
        .choices(Object.keys(SERVERS))
        .default('mariadb'),
    )
    .option('--log-bin <name>', 'keep this name of the binary log (SHOW MASTER STATUS, without its number)')
    .option('--relay-log <name>', 'keep this name of the relay log (SHOW SLAVE STATUS)')
    .addOption(new Option('--json', 'print { node, server, text }'))
    .addHelpText(
      'after',
      `
Examples:
  twinkeep config render my.cnf --node a > /etc/mysql/mariadb.conf.d/99-twinkeep.cnf
  twinkeep config render my.cnf --node a --server mysql > /etc/mysql/mysql.conf.d/99-twinkeep.cnf

mysql is 8.0.26 and newer; older ones have words of their own.
${EXIT_CODES}`,
    )
    .action(render);

  config
    .command('show')
    .description(
      'print the configuration with every default filled in, as a valid pair.yaml; it holds no secrets',
    )
    .option('--config <file>', CONFIG_OPTION_HELP)
    .option('--json', 'print it as JSON, with times in the units of their names')
    .addHelpText('after', `\nExample:\n  twinkeep config show --config pair.yaml\n${EXIT_CODES}`)
    .action(show);
}

/** Where keepalived itself looks. */
const KEEPALIVED_CONF = '/etc/keepalived/keepalived.conf';

interface CheckOptions extends Options, KeepalivedOptions {
  readonly as?: 'keepalived' | 'pair';
}

function check(file: string | undefined, options: CheckOptions, command: Command): void {
  const usual = options.as === 'keepalived' ? KEEPALIVED_CONF : undefined;
  const path = configPath(file ?? options.config ?? usual);
  if (options.as === 'keepalived' || (options.as === undefined && isKeepalivedConf(path))) {
    checkKeepalived(path, options);
    return;
  }
  if (options.peer !== undefined || options.onThisHost !== undefined)
    command.error(
      `error: --peer and --on-this-host are for a keepalived.conf; ${path} is taken for a pair.yaml (--as keepalived says otherwise)`,
    );
  const parsed = loadPair(path);
  const source = () => readFileSync(path, 'utf8');
  if (options.json) {
    const answer = parsed.ok
      ? { ok: true, findings: [], warnings: parsed.warnings }
      : { ok: false, findings: parsed.findings, warnings: [] };
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    if (!parsed.ok) process.exitCode = 1;
    return;
  }
  if (!parsed.ok) throw new InvalidConfig(path, parsed.findings, source());
  printFindings(parsed.warnings, source(), 'warning', maskSecrets);
  process.stdout.write(`${painter(process.stdout)('green', 'valid:')} ${summary(path, parsed.config)}\n`);
}

function summary(path: string, config: PairConfig): string {
  const nodes = config.nodes
    .map((node) => `${node.name} (${node.address}, priority ${node.priority})`)
    .join(' and ');
  const vips = config.vips.write.map((vip) => `${vip.address}/${vip.prefix}`).join(', ');
  return `${path}: pair ${config.pair} of ${nodes}, write VIP ${vips}`;
}

/** As in `SHOW MASTER STATUS`: the number behind the name is the server's. */
function logName(typed: string | undefined): string | null {
  if (typed === undefined) return null;
  const name = typed.replace(/\.[0-9]+$/, '');
  if (/^[\w./-]+$/.test(name)) return name;
  throw new OperatorError(
    'log-name',
    `"${typed}" is no name of a log`,
    'write it as in SHOW MASTER STATUS, for example mysql-bin',
  );
}

function render(what: string, options: Options, command: Command): void {
  if (what !== 'my.cnf')
    command.error(`error: there is nothing called \`${what}\` to render; it can be: my.cnf`);
  const config = requirePair(options.config, options.json);
  const node = whichHost(config, options.node);
  const kind = SERVERS[options.server] ?? usualServer.mariadb;
  const names = { binary: logName(options.logBin), relay: logName(options.relayLog) };
  const text = renderMyCnf(config, node.name, kind.family, kind, names);
  const answer = { node: node.name, server: options.server, text };
  process.stdout.write(options.json ? `${JSON.stringify(answer, null, 2)}\n` : text);
}

function show(options: Options): void {
  const config = requirePair(options.config, options.json);
  process.stdout.write(options.json ? `${JSON.stringify(config, null, 2)}\n` : showPair(config));
}
