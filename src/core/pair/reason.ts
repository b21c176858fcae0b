// Why something may not happen now: a code to match, a sentence that says what is so, and one that says what lifts it.

export interface Reason {
  /** Kebab-case, stable. */
  readonly code: string;
  readonly because: string;
  /** What ends it, and whether that happens by itself. */
  readonly lift: string;
}

export const sentences = (reasons: readonly Reason[]): string =>
  reasons.map((each) => each.because).join('; ');

export const codes = (reasons: readonly Reason[]): string => reasons.map((each) => each.code).join();

const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= 4096;
const REASONS_MAX = 32;

/** Reads reasons of untrusted bytes; null when they are none. */
export function parseReasons(value: unknown): readonly Reason[] | null {
  if (!Array.isArray(value) || value.length > REASONS_MAX) return null;
  const reasons: Reason[] = [];
  for (const each of value as readonly unknown[]) {
    if (typeof each !== 'object' || each === null) return null;
    const { code, because, lift } = each as Record<string, unknown>;
    if (!isText(code) || !isText(because) || !isText(lift)) return null;
    reasons.push({ code, because, lift });
  }
  return reasons;
}
