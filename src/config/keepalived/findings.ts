// What the parser has to say about a file, and the exit status that `keepalived -t` would have given. Every step of parse.ts
// writes into one collector, in the order in which things were found.
import type { Finding } from '../types.ts';
import { FINDINGS_MAX } from './limits.ts';
import type { Place } from './text.ts';

/**
 * fatal: the C daemon stops here and does not start. error: it complains and goes on with something else than was typed.
 * warning: it says nothing, and it will hurt.
 */
export type Severity = 'fatal' | 'error' | 'warning';

export interface KeepalivedFinding extends Finding {
  readonly severity: Severity;
}

export interface Report {
  (severity: Severity, place: Place, code: string, message: string, hint: string): void;
  /** Another one of this severity would not be kept: no need to think about its hint. */
  full(severity: Severity): boolean;
}

export interface Findings {
  readonly report: Report;
  list(): readonly KeepalivedFinding[];
}

/** A hostile file makes hostile messages: one line, of a length that can be read. */
export function quote(text: string): string {
  const line = text.slice(0, 80).replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ');
  return text.length > 60 ? `${line.slice(0, 57)}...` : line;
}

export function collectFindings(): Findings {
  const kept: KeepalivedFinding[] = [];
  const counts: Record<Severity, number> = { fatal: 0, error: 0, warning: 0 };
  let last: Place | null = null;
  let dropped = 0;
  const full = (severity: Severity) => counts[severity] >= FINDINGS_MAX;
  const report: Report = Object.assign(
    (severity: Severity, { file, line, column }: Place, code: string, message: string, hint: string) => {
      if (full(severity)) {
        dropped++;
        last ??= { file, line, column };
        return;
      }
      counts[severity]++;
      kept.push({ file, line, column, code, message, hint, severity });
    },
    { full },
  );
  return {
    report,
    list() {
      if (last === null) return kept;
      return [
        ...kept,
        {
          ...(last as Place),
          code: 'more-findings',
          severity: 'warning',
          message: `from here on ${dropped} more findings are not shown`,
          hint: 'mend the first ones and check again',
        },
      ];
    },
  };
}

export type ExitStatus = 0 | 2 | 5 | 6;

/** As `keepalived --config-test` exits: 0 fine, 2 a parameter is missing, 6 see below, 5 any other mistake. */
export function exitStatus(findings: readonly KeepalivedFinding[]): ExitStatus {
  if (findings.some((f) => f.severity === 'fatal')) return 2;
  // Before it looks at scripts, the C daemon gives up over an interface that is not there.
  if (findings.some((f) => f.code === 'interface-not-found')) return 5;
  // Blanks that are none make keywords of their own out of whatever follows: the scripts are lost to the C daemon before it judges them.
  if (findings.some((f) => f.code === 'blank-lookalike')) return 5;
  // Scripts without security, and files that `includea` and its kin demand.
  if (findings.some((f) => f.code === 'script-security' || f.code === 'include-required')) return 6;
  return findings.some((f) => f.severity === 'error') ? 5 : 0;
}
