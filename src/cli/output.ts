// What the command line prints when something is refused or wrong, and the exit codes: 0 done, 1 refused or failed,
// 2 wrong usage. Every verb ends through run(). Answers go to stdout, everything else to stderr; with --json a refusal
// is an answer too.
import { styleText } from 'node:util';
import { OperatorError } from '../core/error.ts';

/** The shape of config's Finding; named here so that a verb which reads no file does not load the parser. */
export interface ShownFinding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** A configuration file with mistakes; printed as a list of them. */
export class InvalidConfig extends OperatorError {
  readonly findings: readonly ShownFinding[];
  readonly source: string;
  constructor(file: string, findings: readonly ShownFinding[], source: string) {
    super(
      'config-invalid',
      `${file} has ${findings.length === 1 ? 'a mistake' : `${findings.length} mistakes`}`,
      'mend what is listed, then check it with `twinkeep config check`',
    );
    this.findings = findings;
    this.source = source;
  }
}

/** Wrong usage that commander cannot see: ends with 2. */
export class WrongUsage extends OperatorError {}

type Style = 'bold' | 'red' | 'yellow' | 'dim' | 'green';

/** Paints only on a terminal, and not where NO_COLOR (no-color.org) or TERM=dumb ask for none. */
export function painter(stream: NodeJS.WriteStream): (style: Style, text: string) => string {
  const { NO_COLOR, TERM } = process.env;
  const plain = !stream.isTTY || (NO_COLOR !== undefined && NO_COLOR !== '') || TERM === 'dumb';
  return (style, text) => (plain ? text : styleText(style, text, { validateStream: false }));
}

const EXCERPT_MAX = 110;

/** The line with a caret below the column; long lines are cut around it. `mask` takes secrets out. */
function excerpt(finding: ShownFinding, line: string, mask: (line: string) => string): string[] {
  const until = mask(line.slice(0, finding.column - 1));
  const whole = mask(line);
  // A secret ahead of the column changes its length: the caret follows the masked text.
  const shown = (whole.startsWith(until) ? whole : until + line.slice(finding.column - 1)).replaceAll(
    '\t',
    ' ',
  );
  const from = Math.max(0, Math.min(until.length - 60, shown.length - EXCERPT_MAX));
  const text = shown.slice(from, from + EXCERPT_MAX).trimEnd();
  const number = String(finding.line).padStart(5);
  const caret = ' '.repeat(Math.max(0, until.length - from));
  return [`${number} | ${text}`, `${' '.repeat(number.length)} | ${caret}^`];
}

export function printFindings(
  findings: readonly ShownFinding[],
  source: string,
  kind: 'mistake' | 'warning',
  mask: (line: string) => string,
): void {
  const paint = painter(process.stderr);
  const lines = source.split(/\r?\n/);
  for (const finding of findings) {
    const place = `${finding.file}:${finding.line}:${finding.column}:`;
    const label = kind === 'warning' ? `${paint('yellow', 'warning:')} ` : '';
    const [code = '', caret = ''] = excerpt(finding, lines[finding.line - 1] ?? '', mask);
    const body = [
      `${paint('bold', place)} ${label}${finding.message}`,
      paint('dim', code),
      paint(kind === 'warning' ? 'yellow' : 'red', caret),
      `        ${finding.hint}`,
      '',
    ];
    process.stderr.write(`${body.join('\n')}\n`);
  }
}

/** Code, message and hint, as a person reads them. */
export function printOperatorError(error: OperatorError): void {
  const paint = painter(process.stderr);
  process.stderr.write(`${paint('red', 'twinkeep:')} ${error.message}\n  ${error.hint}\n`);
}

function printDefect(error: unknown): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`twinkeep: this is a defect of twinkeep itself: ${message}\n`);
  // A log keeps the trace; a terminal shows it on request.
  if (!process.stderr.isTTY || process.env['TWINKEEP_DEBUG']) process.stderr.write(`${stack}\n`);
  else process.stderr.write('  set TWINKEEP_DEBUG=1 to see where, and report it with that\n');
}

function errorAsJson(error: OperatorError): string {
  const { code, message, hint } = error;
  const findings = error instanceof InvalidConfig ? { findings: error.findings } : {};
  return JSON.stringify({ error: { code, message, hint, ...findings } }, null, 2);
}

/** Runs a whole command line; says what went wrong and sets the exit code. `usage` recognises wrong usage. */
export async function run(
  main: () => Promise<void>,
  usage: (error: unknown) => number | null,
): Promise<void> {
  // `twinkeep ... | head` closes the pipe early; that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    await main();
  } catch (error) {
    process.exitCode = usage(error) ?? (error instanceof WrongUsage ? 2 : 1);
    if (usage(error) !== null) return;
    if (!(error instanceof OperatorError)) printDefect(error);
    else if (process.argv.includes('--json')) process.stdout.write(`${errorAsJson(error)}\n`);
    else if (error instanceof InvalidConfig) {
      const { maskSecrets } = await import('../config/forbidden.ts');
      printFindings(error.findings, error.source, 'mistake', maskSecrets);
      printOperatorError(error);
    } else printOperatorError(error);
  }
}
