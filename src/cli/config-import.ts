// `twinkeep config import`: reads the files of two hosts, prints the pair.yaml that they make, or writes it.
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { importPair, RESULT_NAME } from '../config/import/import.ts';
import type { HostFiles, ImportResult, TextFile } from '../config/import/types.ts';
import { commandsOf } from '../config/keepalived/commands.ts';
import { parseKeepalivedFile, readTextFile } from '../config/keepalived/file.ts';
import { hostHere } from '../config/keepalived/here.ts';
import { OperatorError } from '../core/error.ts';
import { parseIp } from '../core/ip/address.ts';
import { isForThisHost, printKeepalivedFindings } from './config-keepalived.ts';
import { painter } from './output.ts';

interface Node {
  readonly name: string;
  readonly address: string | null;
}

interface Options {
  readonly a: string;
  readonly b: string;
  readonly mycnfA?: readonly string[];
  readonly mycnfB?: readonly string[];
  readonly checkScriptA?: readonly string[];
  readonly checkScriptB?: readonly string[];
  readonly nodeA?: Node;
  readonly nodeB?: Node;
  readonly pair?: string;
  readonly vipPrefix?: number;
  readonly gateway?: string;
  readonly output?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const NODE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

function address(text: string): string {
  if (parseIp(text) === null) throw new InvalidArgumentError(`"${text}" is no IP address.`);
  return text;
}

/** NAME=ADDRESS, or either alone. */
function node(text: string): Node {
  const [left = '', right] = text.split('=', 2);
  if (right === undefined && parseIp(text) !== null) return { name: '', address: text };
  if (!NODE_NAME.test(left))
    throw new InvalidArgumentError('write NAME=ADDRESS, with small letters, digits and hyphens in the name.');
  return { name: left, address: right === undefined ? null : address(right) };
}

function prefix(text: string): number {
  const length = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (length < 1 || length > 128)
    throw new InvalidArgumentError('write the length as a number, for example 24.');
  return length;
}

function pairName(text: string): string {
  if (!/^[a-z0-9-]{1,32}$/.test(text))
    throw new InvalidArgumentError('1 to 32 small letters, digits and hyphens.');
  return text;
}

export function registerImport(config: Command): void {
  const host = (side: 'a' | 'b') => `the ${side === 'a' ? 'first' : 'second'} host`;
  const command = config
    .command('import')
    .description("make a pair.yaml of two hosts' keepalived.conf files, with a comment for each decision")
    .requiredOption('--a <file>', `keepalived.conf of ${host('a')}`)
    .requiredOption('--b <file>', `keepalived.conf of ${host('b')}`);
  for (const side of ['a', 'b'] as const)
    command
      .addOption(
        new Option(`--node-${side} <name=address>`, `name and own address of ${host(side)}`).argParser(node),
      )
      .option(
        `--mycnf-${side} <file...>`,
        `my.cnf of ${host(side)}: port, socket, GTIDs, and what a pair cannot live with`,
      )
      .option(
        `--check-script-${side} <file...>`,
        `check and notify scripts of ${host(side)} (default: where the file says, if it is under /etc/keepalived)`,
      );
  command
    .addOption(
      new Option('--pair <name>', 'the name of the pair (default: from the files)').argParser(pairName),
    )
    .addOption(
      new Option('--vip-prefix <length>', 'prefix length of VIPs that were typed without one').argParser(
        prefix,
      ),
    )
    .addOption(new Option('--gateway <address>', 'the router, for failover.gateway').argParser(address))
    .option('-o, --output <file>', 'write it there (default: print it)')
    .option('--force', 'overwrite that file')
    .option('--dry-run', 'write nothing, print it')
    .option('--json', 'print { complete, file, text, missing, findings }')
    .addHelpText(
      'after',
      `
Examples:
  twinkeep config import --a a/keepalived.conf --b b/keepalived.conf
  twinkeep config import --a a/keepalived.conf --b b/keepalived.conf --node-a a=192.0.2.11 --node-b b=192.0.2.12 \\
      --mycnf-a a/my.cnf --mycnf-b b/my.cnf --check-script-a a/check.sh --check-script-b b/check.sh -o pair.yaml

What the files do not say stands in the result as FILL-IN, with the option that says it.

Exit codes: 0 the pair.yaml is complete; 1 something must be filled in, or a file cannot be read; 2 wrong usage.`,
    )
    .action(importFiles);
}

const read = (files: readonly string[] | undefined, what: string): TextFile[] =>
  (files ?? []).map((file) => ({ file, text: readTextFile(file, what) }));

/** Of a file for this host the scripts lie where it says; nobody needs to name them. */
function scriptsOf(file: string, conf: HostFiles['conf'], named: readonly string[] | undefined): TextFile[] {
  if (named !== undefined || !isForThisHost(file, undefined)) return read(named, 'script');
  const { script } = hostHere(true);
  return commandsOf(conf.config).flatMap((c) =>
    c.script.command.flatMap((word) => {
      const found = word.startsWith('/') ? script?.(word) : null;
      return found?.text == null ? [] : [{ file: found.path, text: found.text }];
    }),
  );
}

function hostFiles(side: 'a' | 'b', options: Options): HostFiles {
  const [file, said] = side === 'a' ? [options.a, options.nodeA] : [options.b, options.nodeB];
  const conf = parseKeepalivedFile(file, 'elsewhere');
  if (conf.config.instances.length === 0)
    throw new OperatorError(
      'no-instance',
      `${file} has no vrrp_instance, so there is nothing to make a pair of`,
      'check that it is a keepalived.conf; `twinkeep config check` shows what is wrong with it',
    );
  return {
    side,
    name: said?.name || side,
    address: said?.address ?? null,
    conf,
    mycnf: read(side === 'a' ? options.mycnfA : options.mycnfB, 'my.cnf'),
    scripts: scriptsOf(file, conf, side === 'a' ? options.checkScriptA : options.checkScriptB),
  };
}

/** Whole or not at all: a reader never sees half of it. */
function write(file: string, text: string): void {
  const path = resolve(file);
  const draft = `${path}.${process.pid}.new`;
  try {
    writeFileSync(draft, text, { flag: 'wx', mode: 0o644 });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new OperatorError(
      'file-unwritable',
      `${file} cannot be written: ${(error as Error).message}`,
      'check the folder and its rights',
    );
  }
}

function tell(result: ImportResult, written: string | null): void {
  const paint = painter(process.stderr);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const name = written ?? 'the result';
  for (const { path, what, option } of result.missing)
    say(`${paint('red', 'to fill in:')} ${path}: ${what} (${option})`);
  if (result.complete)
    say(
      `${paint('green', 'complete:')} ${name} is a valid pair.yaml; read its comments, then see docs/KEEPALIVED-IMPORT.md`,
    );
  else if (result.missing.length > 0)
    say(
      `${name} is not finished: give the options above and import again, or fill the lines in and run \`twinkeep config check\``,
    );
  else say(`${name} is not valid: see the findings above`);
}

function asJson(result: ImportResult, written: string | null): string {
  const { complete, text, missing, findings } = result;
  return `${JSON.stringify({ complete, file: written, text, missing, findings }, null, 2)}\n`;
}

function importFiles(options: Options, command: Command): void {
  if (resolve(options.a) === resolve(options.b))
    command.error('error: --a and --b name the same file; give one of each host');
  const [a, b] = [hostFiles('a', options), hostFiles('b', options)];
  if (a.name === b.name) command.error(`error: both nodes are called ${a.name}; give each a name of its own`);
  const target = options.dryRun ? null : (options.output ?? null);
  if (target !== null && existsSync(target) && !options.force)
    throw new OperatorError(
      'file-exists',
      `${target} is there already, and nothing was written`,
      'name another file, or add --force to overwrite it',
    );
  const result = importPair(a, b, {
    pair: options.pair ?? null,
    vipPrefix: options.vipPrefix ?? null,
    gateway: options.gateway ?? null,
  });
  if (target !== null) write(target, result.text);
  if (!result.complete) process.exitCode = 1;
  if (options.json) {
    process.stdout.write(asJson(result, target));
    return;
  }
  printKeepalivedFindings(result.findings, { [RESULT_NAME]: result.text });
  if (target === null) process.stdout.write(result.text);
  tell(result, target);
}
