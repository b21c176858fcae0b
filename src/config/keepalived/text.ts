// Text that remembers where each of its characters was typed. Lines of keepalived.conf are cut and glued (comments,
// parameters, sequences) before they are split into words; a word's place is still the one in the file. First step of parse.ts.

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count them. */
  readonly column: number;
}

/** From `start` on, the characters were typed one after the other from `place` on. */
interface Run {
  readonly start: number;
  readonly place: Place;
}

export interface Text {
  readonly text: string;
  /** Ordered by start; the first starts at 0. */
  readonly runs: readonly Run[];
}

export function typedAt(text: string, place: Place): Text {
  return { text, runs: [{ start: 0, place }] };
}

/** The run that holds `index`: the last that starts at or before it. A line may have thousands. */
function runIndexAt(text: Text, index: number): number {
  let low = 0;
  let high = text.runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((text.runs[middle] as Run).start <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where the character at `index` was typed; past the end, where the next one would have been. */
export function placeAt(text: Text, index: number): Place {
  const run = text.runs[runIndexAt(text, index)];
  if (run === undefined) return { file: '', line: 1, column: 1 };
  return { ...run.place, column: run.place.column + index - run.start };
}

export function slice(text: Text, from: number, to: number = text.text.length): Text {
  const runs: Run[] = [{ start: 0, place: placeAt(text, from) }];
  for (let i = runIndexAt(text, from) + 1; i < text.runs.length; i++) {
    const run = text.runs[i] as Run;
    if (run.start >= to) break;
    if (run.start > from) runs.push({ start: run.start - from, place: run.place });
  }
  return { text: text.text.slice(from, to), runs };
}

export function join(...parts: readonly Text[]): Text {
  const runs: Run[] = [];
  let text = '';
  for (const part of parts) {
    if (part.text === '') continue;
    for (const run of part.runs) runs.push({ start: text.length + run.start, place: run.place });
    text += part.text;
  }
  if (runs.length > 0) return { text, runs };
  return { text, runs: parts[0]?.runs ?? [] };
}

/** Without blanks (space, tab, and the rest of C's isspace) at both ends. */
export function trim(text: Text): Text {
  const from = /^[ \t\f\v\r]*/.exec(text.text)?.[0].length ?? 0;
  let to = text.text.length;
  while (to > from && ' \t\f\v\r'.includes(text.text.charAt(to - 1))) to--;
  return slice(text, from, to);
}
