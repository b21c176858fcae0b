// Durations as pair.yaml writes them: a number with its unit (100ms, 3s, 1m, 1h). Resolved to whole milliseconds.

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Whole milliseconds, or null when the text is no duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m|h)$/.exec(text);
  const unit = UNIT_MS[match?.[2] ?? ''];
  if (match === null || unit === undefined) return null;
  // Rounded first: 40.95 * 1000 is not a whole number in binary.
  const ms = Math.round(Number(match[1]) * unit * 1_000) / 1_000;
  return Number.isInteger(ms) ? ms : null;
}

/** The shortest exact text: 1500 -> `1500ms`, 3000 -> `3s`. */
export function formatDuration(ms: number): string {
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** The unit that a bare number was most likely meant in: the one that lands nearest to the usual value. */
export function likelyDuration(bare: number, usualMs: number): string {
  const far = (unit: string) => Math.abs(Math.log((bare * (UNIT_MS[unit] ?? 1)) / usualMs));
  const unit = ['ms', 's', 'm'].reduce((best, each) => (far(each) < far(best) ? each : best));
  return `${bare}${unit}`;
}
