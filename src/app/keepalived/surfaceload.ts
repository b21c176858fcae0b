// Reads keepalived.conf for the daemon: the file with everything that it includes, what is wrong with it, and whether it can be run.

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { readFilesFromDisk } from '../../config/keepalived/files.ts';
import { hostHere } from '../../config/keepalived/here.ts';
import {
  exitStatus,
  type KeepalivedConfig,
  type KeepalivedFinding,
  parseKeepalivedConf,
  type ReadFiles,
} from '../../config/keepalived/parse.ts';
import { OperatorError } from '../../core/error.ts';

/** As the C daemon ends. */
export const EXIT = { ok: 0, refused: 1, config: 2, noFile: 6 } as const;

export const CONFIG_FILE_DEFAULT = '/etc/keepalived/keepalived.conf';

export interface LoadOptions {
  readonly file: string;
  /** null: the host's name without its domain. */
  readonly configId: string | null;
  /** -e: an include line that finds nothing is fatal. */
  readonly allIncludes: boolean;
}

export interface LoadedConfig {
  readonly config: KeepalivedConfig;
  readonly findings: readonly KeepalivedFinding[];
  /** As `keepalived -t` would end; 2: it cannot be run. */
  readonly status: number;
  /** Of each file that was read. */
  readonly sources: ReadonlyMap<string, string>;
}

// ${_RANDOM} gives the same numbers at each reload: a reload of the same file is to change nothing.
const drawn: number[] = [];
function repeatableRandom(): (min: number, max: number) => number {
  let at = 0;
  return (min, max) => {
    const fraction = drawn[at] ?? randomInt(0, 2 ** 47) / 2 ** 47;
    drawn[at++] = fraction;
    return min + Math.floor(fraction * (max - min + 1));
  };
}

/** Throws an OperatorError when the file itself cannot be read. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { file } = options;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new OperatorError(
      'config-file',
      `Config files missing '${file}': ${why}.`,
      'name the configuration with -f FILE',
    );
  }
  const sources = new Map([[file, text]]);
  const missing: string[] = [];
  const read: ReadFiles = (pattern, from) => {
    const found = readFilesFromDisk(pattern, from);
    for (const each of found) sources.set(each.file, each.text);
    if (found.length === 0) missing.push(pattern);
    return found;
  };
  const parsed = parseKeepalivedConf(text, file, read, {
    configId: options.configId ?? hostname().split('.')[0] ?? '',
    random: repeatableRandom(),
    host: hostHere(true),
  });
  if (options.allIncludes && missing.length > 0)
    throw new OperatorError(
      'config-file',
      `Config files missing '${missing.join("', '")}'.`,
      'make them, take their include lines out, or start without -e',
    );
  return { ...parsed, sources, status: exitStatus(parsed.findings) };
}

/** As the C daemon's log has it, so that one pattern finds both. */
export const findingLine = (f: KeepalivedFinding): string =>
  `(${f.file}: Line ${f.line}) ${f.message} - ${f.hint}`;

/** What keeps the file from being run; null when nothing does. */
export const fatalFinding = (loaded: LoadedConfig): KeepalivedFinding | null =>
  loaded.findings.find((f) => f.severity === 'fatal') ?? null;
