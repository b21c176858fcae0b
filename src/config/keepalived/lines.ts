// The whole configuration as a stream of short lines: includes read, comments gone, `@id` lines chosen, parameters replaced,
// sequences repeated, and cut at every brace. Third step of parse.ts; tree.ts builds the blocks from it.
import { type Piece, splitAtBraces } from './braces.ts';
import { mendBlanks, stripComment } from './comment.ts';
import { quote, type Report } from './findings.ts';
import * as limits from './limits.ts';
import {
  builtIn,
  continues,
  type Definition,
  type Environment,
  parseDefinition,
  replaceFirst,
} from './parameters.ts';
import { parseRepetition } from './sequence.ts';
import { join, type Place, placeAt, slice, type Text, typedAt } from './text.ts';

/** The files that a pattern of an `include` line in the file `from` stands for, in order. Globs are the reader's affair. */
export type ReadFiles = (
  pattern: string,
  from: string,
) => readonly { readonly file: string; readonly text: string }[];

interface Source {
  readonly report: Report;
  readonly read: ReadFiles;
  readonly environment: Environment;
  readonly limits: limits.ReadingLimits;
  readonly definitions: Map<string, Definition>;
  readonly includes: string[];
  readonly seen: { blanks: number };
  used: { lines: number; characters: number; files: number; stopped: boolean };
}

function stop(source: Source, place: Place, code: string, what: string): void {
  if (source.used.stopped) return;
  source.used.stopped = true;
  source.report(
    'fatal',
    place,
    code,
    `${what}; what follows was not read`,
    'make the configuration smaller, or split it',
  );
}

/** Counts work done, not only lines kept: replacing in a line costs as much as its length. */
function spend(source: Source, characters: number, place: Place): boolean {
  source.used.characters += characters + 1;
  if (source.used.characters > source.limits.characters)
    stop(
      source,
      place,
      'too-much-text',
      `the configuration grows beyond ${source.limits.characters} characters here`,
    );
  return !source.used.stopped;
}

export function* readLines(
  text: string,
  file: string,
  options: { read: ReadFiles; environment: Environment; report: Report; limits?: limits.ReadingLimits },
): Generator<Piece> {
  const source: Source = {
    ...options,
    limits: options.limits ?? limits.READING_LIMITS,
    definitions: new Map(),
    includes: [],
    seen: { blanks: 0 },
    used: { lines: 0, characters: 0, files: 0, stopped: false },
  };
  let pieces = 0;
  for (const piece of readFile(source, text, file)) {
    if (++pieces > source.limits.pieces) {
      const place = piece.kind === 'text' ? placeAt(piece.line, 0) : piece.at;
      return stop(
        source,
        place,
        'too-many-lines',
        `there are more than ${source.limits.pieces} statements and braces here`,
      );
    }
    yield piece;
  }
}

function* readFile(source: Source, text: string, file: string): Generator<Piece> {
  const { report } = source;
  const start: Place = { file, line: 1, column: 1 };
  if (text.length > source.limits.fileCharacters)
    return stop(
      source,
      start,
      'file-too-big',
      `the file has more than ${source.limits.fileCharacters} characters`,
    );
  source.includes.push(file);
  let open: { name: string; lines: Text[] } | null = null;
  let line = 0;
  for (const typed of text.split('\n')) {
    line++;
    if (source.used.stopped) break;
    const at: Place = { file, line, column: 1 };
    if (!spend(source, typed.length, at)) break;
    if (typed.length > source.limits.lineCharacters) {
      report(
        'error',
        at,
        'line-too-long',
        `the line has more than ${source.limits.lineCharacters} characters`,
        'split it',
      );
      continue;
    }
    const stripped = stripComment(typedAt(typed.replace(/\r+$/, ''), at), report);
    const content: Text = mendBlanks(stripped, report, source.seen);
    if (open !== null) {
      const more: Text | null = continues(content);
      if (content.text !== '') open.lines.push(more ?? content);
      source.definitions.set(open.name, { ...open, multiline: open.lines.length > 0 });
      if (more === null) open = null;
      continue;
    }
    if (content.text === '') continue;
    const chosen = chooseById(source, content);
    if (chosen === null) continue;
    const definition = parseDefinition(chosen);
    if (definition?.multiline) {
      open = { name: definition.name, lines: [...definition.lines] };
      source.definitions.set(open.name, { ...open, multiline: open.lines.length > 0 });
    } else yield* expand(source, chosen, 0);
  }
  source.includes.pop();
}

/** `@id rest` gives the rest on the host with that id, `@^id rest` on every other; null elsewhere. */
function chooseById(source: Source, line: Text): Text | null {
  let rest = line;
  while (rest.text.startsWith('@')) {
    const found = /^@(\^?)([^ \t]*)[ \t]+/.exec(rest.text);
    if (found === null) return null;
    if ((found[2] === source.environment.configId) === (found[1] === '^')) return null;
    rest = slice(rest, found[0].length);
  }
  return rest;
}

function lookupIn(source: Source) {
  return (reference: Parameters<typeof builtIn>[0], place: Place) =>
    source.definitions.get(reference.name) ?? builtIn(reference, place, source.environment);
}

function* expand(source: Source, given: Text, depth: number): Generator<Piece> {
  if (source.used.stopped || !spend(source, limits.CHARACTERS_PER_EXPANSION, placeAt(given, 0))) return;
  if (depth > limits.EXPANSION_DEPTH_MAX) {
    const many = `more than ${limits.EXPANSION_DEPTH_MAX} parameters and sequences stand inside each other`;
    return recursion(source, given, many);
  }
  const replaced = replaceAll(source, given);
  if (replaced === null) return;
  if (replaced.line !== null && /^~(SEQ|LST)/.test(replaced.line.text)) {
    yield* repeat(source, replaced.line, depth);
  } else if (replaced.line !== null) yield* emit(source, replaced.line);
  for (const next of replaced.rest) yield* expand(source, next, depth + 1);
}

interface Expanded {
  /** null: a definition, or a line for another host. */
  readonly line: Text | null;
  /** What follows it, when it ended in a parameter of several lines. */
  readonly rest: readonly Text[];
}

/** Until nothing is left to replace. null: it would not end, and is reported. */
function replaceAll(source: Source, given: Text): Expanded | null {
  let line = given;
  let rest: readonly Text[] = [];
  for (let count = 0; ; count++) {
    const chosen = chooseById(source, line);
    if (chosen === null || chosen.text === '') return { line: null, rest };
    line = chosen;
    const definition = parseDefinition(line);
    if (definition !== null) {
      source.definitions.set(definition.name, definition);
      return { line: null, rest };
    }
    // What a sequence repeats is replaced in each round, not before.
    if (/^~(SEQ|LST)/.test(line.text)) return { line, rest };
    const current = line;
    const result = replaceFirst(line, (i) => placeAt(current, i), lookupIn(source));
    if (result.kind === 'same') return { line, rest };
    line = result.line;
    if (result.kind === 'lines') rest = [...result.rest, ...rest];
    if (!spend(source, line.text.length + line.runs.length * 8 + rest.length, placeAt(given, 0))) return null;
    const tooLong = line.text.length > source.limits.lineCharacters;
    if (tooLong || count >= source.limits.replacements) {
      const why = tooLong
        ? `it grows beyond ${source.limits.lineCharacters} characters`
        : 'a parameter leads back to itself';
      recursion(source, given, why);
      return null;
    }
  }
}

function recursion(source: Source, line: Text, what: string): void {
  source.report(
    'error',
    placeAt(line, 0),
    'parameter-recursion',
    `replacing the parameters of this line does not end: ${what}; the line is left out (keepalived itself hangs on such lines)`,
    'give the parameter a value that does not name itself',
  );
}

function* repeat(source: Source, line: Text, depth: number): Generator<Piece> {
  const close = line.text.indexOf(')');
  let head = slice(line, 0, close + 1);
  for (let i = 0; i < 8; i++) {
    const current = head;
    const result = replaceFirst(head, (at) => placeAt(current, at), lookupIn(source));
    if (result.kind !== 'changed') break;
    head = result.line;
  }
  const repeated = parseRepetition(join(head, slice(line, close + 1)));
  const place = placeAt(line, 0);
  if (!repeated.ok) {
    const hint = 'write ~SEQ(NAME, 1, 1, 10) rest of the line, or ~LST(NAME, a, b, c) rest of the line';
    source.report('error', place, 'sequence', `this sequence cannot be read: ${repeated.reason}`, hint);
    return;
  }
  for (const values of repeated.value.rounds()) {
    if (!spend(source, line.text.length, place)) return;
    if (++source.used.lines > source.limits.lines)
      return stop(
        source,
        place,
        'too-many-lines',
        `this sequence makes more than ${source.limits.lines} lines`,
      );
    for (const [name, value] of values)
      source.definitions.set(name, { name, lines: [typedAt(value, place)], multiline: false });
    if (repeated.value.rest.text !== '') yield* expand(source, repeated.value.rest, depth + 1);
  }
}

const INCLUDE = /^(include[rmwba]?)[ \t]+(?:"([^"]*)"|([^ \t"]+))$/;

function* emit(source: Source, line: Text): Generator<Piece> {
  if (++source.used.lines > source.limits.lines)
    return stop(
      source,
      placeAt(line, 0),
      'too-many-lines',
      `there are more than ${source.limits.lines} lines here`,
    );
  const include = INCLUDE.exec(line.text);
  if (include !== null)
    yield* readIncluded(source, include[1] as string, include[2] ?? include[3] ?? '', placeAt(line, 0));
  else yield* splitAtBraces(line, source.definitions, source.report);
}

function* readIncluded(source: Source, keyword: string, pattern: string, place: Place): Generator<Piece> {
  if (source.includes.length > limits.INCLUDE_DEPTH_MAX) {
    const hint = 'look for a file that includes itself';
    const message = `more than ${limits.INCLUDE_DEPTH_MAX} files include each other here`;
    source.report('error', place, 'include-depth', message, hint);
    return;
  }
  const files = source.read(pattern, place.file);
  if (files.length === 0) {
    const hint = 'check the path (it is relative to the file with the include line) and the rights';
    const message = `no readable file fits \`${quote(pattern)}\``;
    if (keyword === 'include') source.report('warning', place, 'include-missing', message, hint);
    else source.report('error', place, 'include-required', message, hint);
  }
  for (const { file, text } of files) {
    if (++source.used.files > limits.FILES_MAX)
      return stop(source, place, 'too-many-files', `more than ${limits.FILES_MAX} files are included`);
    yield* readFile(source, text, file);
  }
}
