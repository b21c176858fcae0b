// `twinkeep keepalived`: the front door of the drop-in. Reads the command line as the C daemon does; app/keepalived/surface.ts runs it.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { OperatorError } from '../core/error.ts';
import { SIGNAL_NUMBERS } from '../core/keepalived/signum.ts';
import { HELP } from './keepalived-help.ts';
import { type KeepalivedArguments, readCommandLine, umaskOf } from './keepalived-options.ts';
import { printOperatorError } from './output.ts';

const WRONG_USAGE = 1;

export function register(program: Command): void {
  const verb = program
    .command('keepalived')
    .description('run keepalived.conf: a drop-in for the daemon keepalived')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .argument('[options...]')
    .action(async (words: string[]) => {
      // What still runs (a script that does not end) must not hold the process.
      process.exit(await keepalived(words));
    });
  // For `twinkeep help keepalived`, too.
  verb.helpInformation = () => HELP;
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

async function keepalived(words: readonly string[]): Promise<number> {
  const line = readCommandLine(words);
  switch (line.kind) {
    case 'help':
      return say(HELP);
    case 'version':
      // On standard error, as the C daemon: exporters read the version from there.
      process.stderr.write(`Keepalived v2.3.4 (twinkeep ${packageJson.version})\n`);
      return 0;
    case 'genhash':
      return wrong('-T: genhash is not there', 'the digest is `curl -s URL | md5sum`');
    case 'wrong':
      return wrong(line.message, '`twinkeep keepalived --help` lists the options');
    case 'run':
      return order(words, line.given);
  }
}

function wrong(message: string, hint: string): number {
  printOperatorError(new OperatorError('usage', message, hint));
  return WRONG_USAGE;
}

async function order(words: readonly string[], given: KeepalivedArguments): Promise<number> {
  const { signum } = given.values;
  if (signum !== undefined) {
    const number = Object.entries(SIGNAL_NUMBERS).find(([name]) => name === signum)?.[1];
    if (number !== undefined) return say(`${number}\n`);
    return wrong(`Unknown sigfunc ${signum}`, `known are ${Object.keys(SIGNAL_NUMBERS).join(', ')}`);
  }
  const { CONFIG_FILE_DEFAULT, EXIT } = await import('../app/keepalived/surfaceload.ts');
  const config = {
    file: whole(given.values.file) ?? CONFIG_FILE_DEFAULT,
    configId: given.values.configId ?? null,
    allIncludes: given.flags.has('allConfig'),
  };
  try {
    if (given.test !== null) {
      const { testConfig } = await import('./keepalived-test.ts');
      return testConfig(config, given.test);
    }
    const { runSurface } = await import('../app/keepalived/surface.ts');
    return await runSurface({
      words,
      version: packageJson.version,
      config,
      notes: given.notes,
      vrrp: !given.flags.has('checkersOnly') || given.flags.has('vrrpOnly'),
      checkers: !given.flags.has('vrrpOnly') || given.flags.has('checkersOnly'),
      foreground: given.flags.has('foreground'),
      console: given.flags.has('console'),
      detail: given.flags.has('detail'),
      facility: given.flags.has('noSyslog') ? null : facilityOf(given.values.facility),
      logFile: whole(given.values.logFile),
      keepVrrp: given.flags.has('keepVrrp'),
      keepIpvs: given.flags.has('keepIpvs'),
      dumpConfig: given.flags.has('dumpConfig'),
      coreDump: given.flags.has('coreDump'),
      ignoreInterrupt: given.flags.has('ignoreSigint'),
      umask: given.values.umask === undefined ? null : umaskOf(given.values.umask),
      namespace: given.values.namespace ?? null,
      pidFiles: {
        main: whole(given.values.pid),
        vrrp: whole(given.values.vrrpPid),
        checkers: whole(given.values.checkersPid),
      },
    });
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    printOperatorError(error);
    return error.code === 'config-file' ? EXIT.noFile : EXIT.refused;
  }
}

/** In the background the working directory is /. */
const whole = (path: string | undefined): string | null => (path === undefined ? null : resolve(path));

/** LOG_DAEMON unless it is said otherwise; `3` and `local3` are the same. */
function facilityOf(typed: string | undefined): string {
  if (typed === undefined) return 'daemon';
  return /^[0-7]$/.test(typed) ? `local${typed}` : typed;
}
