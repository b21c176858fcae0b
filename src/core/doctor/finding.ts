// What the doctor says: one finding a fault, with why it matters and the one line that mends it. Pure; printed by cli/doctor.ts.

/** `error`: data can be lost, or the pair cannot work. `warning`: it works, and a fault makes it worse than need be. `note`: to know. */
export type Severity = 'error' | 'warning' | 'note';

/** A line of a file, counted from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Finding {
  /** Kebab-case, stable: scripts may match it. */
  readonly code: string;
  readonly severity: Severity;
  /** A node, "pair", or the name of a file. */
  readonly about: string;
  /** What is so. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** One line that mends it. */
  readonly mend: string;
  readonly place?: Place;
}

const ORDER: readonly Severity[] = ['error', 'warning', 'note'];

/** Errors first, and what belongs together side by side. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) =>
      ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) ||
      a.about.localeCompare(b.about) ||
      (a.place?.line ?? 0) - (b.place?.line ?? 0),
  );
}

const NAMES_MAX = 8;

/** The first names of a list, and how many more there are. */
export function someOf(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX).join(', ');
  return names.length > NAMES_MAX ? `${shown} and ${names.length - NAMES_MAX} more` : shown;
}
