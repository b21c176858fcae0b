// `twinkeep keepalived -t`: what is wrong with the file, and the C daemon's exit status for it.

import { writeFileSync } from 'node:fs';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../app/keepalived/surfaceload.ts';
import type { KeepalivedFinding } from '../config/keepalived/parse.ts';
import { OperatorError } from '../core/error.ts';
import { printFindings } from './output.ts';

/** Passwords of the file are not for a terminal or a log. */
const maskPassword = (line: string): string =>
  line.replace(
    /(auth_pass\s+)(\S.*)$/,
    (_, keyword: string, secret: string) => keyword + '*'.repeat(secret.length),
  );

const plainLine = (f: KeepalivedFinding): string =>
  `${f.file}:${f.line}:${f.column}: ${f.severity}: ${f.message}; ${f.hint}\n`;

/** In the order of the lines; those of one kind that follow each other go together, since each call splits the whole source. */
function printAll({ findings, sources }: LoadedConfig): void {
  const kindOf = (f: KeepalivedFinding) => (f.severity === 'warning' ? 'warning' : 'mistake');
  for (let from = 0, to = 0; from < findings.length; from = to) {
    const first = findings[from] as KeepalivedFinding;
    const alike = (f: KeepalivedFinding | undefined) =>
      f !== undefined && f.file === first.file && kindOf(f) === kindOf(first);
    while (alike(findings[to])) to++;
    printFindings(findings.slice(from, to), sources.get(first.file) ?? '', kindOf(first), maskPassword);
  }
}

/** `into`: a file for the findings; '' is standard error. Gives the exit status. */
export function testConfig(options: LoadOptions, into: string): number {
  const loaded = loadConfig(options);
  if (into === '') {
    printAll(loaded);
    return loaded.status;
  }
  try {
    writeFileSync(into, loaded.findings.map(plainLine).join(''), { mode: 0o600 });
  } catch (error) {
    throw new OperatorError(
      'test-file',
      `Unable to open config-test log file ${into} (${(error as NodeJS.ErrnoException).code ?? 'failed'})`,
      'name a file that can be written, as --config-test=FILE',
    );
  }
  return loaded.status;
}
