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

function printAll({ findings, sources }: LoadedConfig): void {
  for (const file of new Set(findings.map((f) => f.file))) {
    const source = sources.get(file) ?? '';
    for (const finding of findings.filter((f) => f.file === file))
      printFindings([finding], source, finding.severity === 'warning' ? 'warning' : 'mistake', maskPassword);
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
