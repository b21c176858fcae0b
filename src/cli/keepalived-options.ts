// The command line of `twinkeep keepalived`, read as getopt_long(3) reads the C daemon's: bundles (-nlD), values attached or behind,
// long names that may be shortened. Pure; keepalived.ts acts on the result.

/** What an option does to the order that is being made of the command line. */
type Effect =
  | {
      readonly sets:
        | 'vrrpOnly'
        | 'checkersOnly'
        | 'console'
        | 'detail'
        | 'noSyslog'
        | 'keepVrrp'
        | 'keepIpvs';
    }
  | {
      readonly sets: 'foreground' | 'dumpConfig' | 'coreDump' | 'allConfig' | 'ignoreSigint' | 'flushLogFile';
    }
  | { readonly takes: 'file' | 'facility' | 'umask' | 'pid' | 'vrrpPid' | 'checkersPid' | 'namespace' }
  | { readonly takes: 'configId' | 'signum' | 'logFile' }
  | { readonly ends: 'help' | 'version' | 'genhash' }
  | { readonly tests: true }
  /** Accepted, so that unit files and scripts go on working, and said to do nothing, with the reason. */
  | { readonly idle: string; readonly value: 'none' | 'required' | 'optional' };

interface Option {
  readonly short: string | null;
  readonly long: string;
  readonly effect: Effect;
}

const option = (short: string | null, long: string, effect: Effect): Option => ({ short, long, effect });
const idle = (idle: string, value: 'none' | 'required' | 'optional' = 'none'): Effect => ({ idle, value });

const NO_BFD = 'there is no BFD; VRRP with short adverts finds a dead host as fast';
const NO_SNMP = 'there is no SNMP agent';
const DEBUGGING = 'it is a debugging aid of the C daemon';

const OPTIONS: readonly Option[] = [
  option('f', 'use-file', { takes: 'file' }),
  option('P', 'vrrp', { sets: 'vrrpOnly' }),
  option('C', 'check', { sets: 'checkersOnly' }),
  option('B', 'no_bfd', idle(NO_BFD)),
  option(null, 'all', idle('every part that the configuration names runs anyway, in one process')),
  option('l', 'log-console', { sets: 'console' }),
  option('D', 'log-detail', { sets: 'detail' }),
  option('S', 'log-facility', { takes: 'facility' }),
  option('G', 'no-syslog', { sets: 'noSyslog' }),
  option('g', 'log-file', { takes: 'logFile' }),
  option(null, 'flush-log-file', { sets: 'flushLogFile' }),
  option('u', 'umask', { takes: 'umask' }),
  option('X', 'release-vips', idle('addresses are released on every stop, unless -V is given')),
  option('V', 'dont-release-vrrp', { sets: 'keepVrrp' }),
  option('I', 'dont-release-ipvs', { sets: 'keepIpvs' }),
  option('R', 'dont-respawn', idle('there are no child processes that could be started again')),
  option('n', 'dont-fork', { sets: 'foreground' }),
  option('d', 'dump-conf', { sets: 'dumpConfig' }),
  option('p', 'pid', { takes: 'pid' }),
  option('r', 'vrrp_pid', { takes: 'vrrpPid' }),
  option('T', 'genhash', { ends: 'genhash' }),
  option('c', 'checkers_pid', { takes: 'checkersPid' }),
  option('a', 'address-monitoring', idle('`ip monitor address` shows the same')),
  option('b', 'bfd_pid', idle(NO_BFD, 'required')),
  option('x', 'snmp', idle(NO_SNMP)),
  option('A', 'snmp-agent-socket', idle(NO_SNMP, 'required')),
  option('s', 'namespace', { takes: 'namespace' }),
  option('m', 'core-dump', { sets: 'coreDump' }),
  option(
    'M',
    'core-dump-pattern',
    idle('/proc/sys/kernel/core_pattern concerns every program of the host: set it with sysctl', 'optional'),
  ),
  option('e', 'all-config', { sets: 'allConfig' }),
  option('i', 'config-id', { takes: 'configId' }),
  option(null, 'ignore-sigint', { sets: 'ignoreSigint' }),
  option(null, 'signum', { takes: 'signum' }),
  option('t', 'config-test', { tests: true }),
  option(null, 'perf', idle(DEBUGGING, 'optional')),
  option(null, 'debug', idle(DEBUGGING, 'optional')),
  option(null, 'no-mem-check', idle(DEBUGGING)),
  option('v', 'version', { ends: 'version' }),
  option('h', 'help', { ends: 'help' }),
];

type Flag = Extract<Effect, { sets: string }>['sets'];
type Valued = Extract<Effect, { takes: string }>['takes'];

export interface KeepalivedArguments {
  readonly flags: ReadonlySet<Flag>;
  readonly values: Readonly<Partial<Record<Valued, string>>>;
  /** -t: null when it is not there; its file, or '' for standard error. */
  readonly test: string | null;
  /** Sentences about options that do nothing here. */
  readonly notes: readonly string[];
}

export type CommandLine =
  | { readonly kind: 'run'; readonly given: KeepalivedArguments }
  | { readonly kind: 'help' | 'version' | 'genhash' }
  | { readonly kind: 'wrong'; readonly message: string };

/** What an option wants behind it. */
function wants({ effect }: Option): 'none' | 'required' | 'optional' {
  if ('takes' in effect) return 'required';
  if ('tests' in effect) return 'optional';
  return 'idle' in effect ? effect.value : 'none';
}

interface Found {
  readonly option: Option;
  readonly typed: string;
  readonly value: string | null;
}

type Split =
  | { readonly ok: true; readonly found: readonly Found[] }
  | { readonly ok: false; readonly message: string };

const wrong = (message: string) => ({ ok: false, message }) as const;

function longOption(name: string): Option | string {
  const exact = OPTIONS.find(({ long }) => long === name);
  if (exact !== undefined) return exact;
  const near = OPTIONS.filter(({ long }) => long.startsWith(name));
  if (near.length === 1) return near[0] as Option;
  if (near.length === 0) return `Unknown option --${name}`;
  return `--${name} may be ${near.map(({ long }) => `--${long}`).join(' or ')}`;
}

/** The command line as a list of options with their values, in its order. */
function split(words: readonly string[]): Split {
  const found: Found[] = [];
  const stray: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      stray.push(...words.slice(at + 1));
      break;
    }
    if (word.startsWith('--')) {
      const [, name = '', attached = null] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
      const known = longOption(name);
      if (typeof known === 'string') return wrong(known);
      const needs = wants(known);
      if (needs === 'none' && attached !== null) return wrong(`--${known.long} takes no value`);
      const value = needs === 'required' && attached === null ? (words[++at] ?? null) : attached;
      if (needs === 'required' && value === null)
        return wrong(`Missing parameter for option --${known.long}`);
      found.push({ option: known, typed: `--${known.long}`, value });
    } else if (word.startsWith('-') && word !== '-') {
      for (let letter = 1; letter < word.length; letter++) {
        const typed = `-${word.charAt(letter)}`;
        const known = OPTIONS.find(({ short }) => short === word.charAt(letter));
        if (known === undefined) return wrong(`Unknown option ${typed}`);
        const needs = wants(known);
        const attached = word.slice(letter + 1);
        if (needs === 'none') {
          found.push({ option: known, typed, value: null });
          continue;
        }
        const value = attached !== '' ? attached : needs === 'required' ? (words[++at] ?? null) : null;
        if (needs === 'required' && value === null) return wrong(`Missing parameter for option ${typed}`);
        found.push({ option: known, typed, value });
        break;
      }
    } else stray.push(word);
  }
  if (stray.length > 0) return wrong(`Unexpected argument(s): ${stray.join(' ')}`);
  return { ok: true, found };
}

const FACILITY = /^([0-7]|local[0-7]|user|daemon)$/;

function mistake(name: Valued, value: string): string | null {
  if (name === 'facility' && !FACILITY.test(value)) return `Invalid log facility '${value}'`;
  if (name === 'umask' && !(/^(0x[0-9a-f]+|[0-9]+)$/i.test(value) && umaskOf(value) <= 0o777))
    return `Invalid umask option ${value}`;
  if (name === 'namespace' && !/^[^/\0]+$/.test(value)) return `Invalid namespace name '${value}'`;
  return null;
}

/** As strtol with base 0: 022 is octal. */
export const umaskOf = (text: string): number =>
  Number.parseInt(text, /^0x/i.test(text) ? 16 : text.startsWith('0') ? 8 : 10);

export function readCommandLine(words: readonly string[]): CommandLine {
  const parts = split(words);
  if (!parts.ok) return { kind: 'wrong', message: parts.message };
  const flags = new Set<Flag>();
  const values: Partial<Record<Valued, string>> = {};
  const notes = new Map<string, string>();
  let test: string | null = null;
  for (const { option, typed, value } of parts.found) {
    const { effect } = option;
    if ('ends' in effect) return { kind: effect.ends };
    if ('sets' in effect) flags.add(effect.sets);
    else if ('takes' in effect) {
      const because = mistake(effect.takes, value ?? '');
      if (because !== null) return { kind: 'wrong', message: because };
      values[effect.takes] = value ?? '';
    } else if ('tests' in effect) test = (value ?? '').replace(/^=/, '');
    else
      notes.set(
        option.long,
        `${typed === `--${option.long}` ? typed : `${typed} (--${option.long})`} does nothing here: ${effect.idle}`,
      );
  }
  return { kind: 'run', given: { flags, values, test, notes: [...notes.values()] } };
}
