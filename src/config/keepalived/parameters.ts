// $NAME=value definitions and the replacement of $NAME and ${NAME}. Used by lines.ts on every line, before it is split.
// Replacement is late: a value may name parameters that are defined only after it.
import { join, type Place, slice, type Text, typedAt } from './text.ts';

export interface Definition {
  readonly name: string;
  /** One entry, or more for a definition that was continued with a \ at the line end. */
  readonly lines: readonly Text[];
  readonly multiline: boolean;
}

export interface Environment {
  /** What `-i` says, or the first part of the host's name: `@id` lines are compared with it. */
  readonly configId: string;
  /** For ${_RANDOM}. Without it the smallest allowed number stands there, so that two readings are equal. */
  readonly random?: (min: number, max: number) => number;
}

const DEFINITION = /^\$([A-Za-z_][A-Za-z0-9_]*)=[ \t]*/;

/** `$NAME=value`, if the line is one. A value that ends in \ goes on in the next line. */
export function parseDefinition(line: Text): Definition | null {
  const found = DEFINITION.exec(line.text);
  if (found === null) return null;
  const value = slice(line, found[0].length);
  const continued = continues(value);
  if (continued === null) return { name: found[1] as string, lines: [value], multiline: false };
  return { name: found[1] as string, lines: continued.text === '' ? [] : [continued], multiline: true };
}

/** The line without its \ and the blanks before it; null when no \ stands at its end. */
export function continues(line: Text): Text | null {
  if (!line.text.endsWith('\\')) return null;
  return slice(line, 0, line.text.length - 1 - (/[ \t]*$/.exec(line.text.slice(0, -1))?.[0].length ?? 0));
}

/** Without braces the name must be followed by one of these; otherwise it is no parameter. */
const REFERENCE =
  /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)((?: +[0-9]+){0,2})\}|([A-Za-z_][A-Za-z0-9_]*)(?=[ \t,)]|$))/g;

export interface Reference {
  readonly name: string;
  readonly numbers: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly braced: boolean;
}

export function findReferences(text: string, from = 0): Reference[] {
  const found: Reference[] = [];
  REFERENCE.lastIndex = from;
  for (let m = REFERENCE.exec(text); m !== null; m = REFERENCE.exec(text)) {
    const numbers = (m[2] ?? '').trim().split(/ +/).filter(Boolean).map(Number);
    const name = m[1] ?? m[3] ?? '';
    found.push({ name, numbers, from: m.index, to: m.index + m[0].length, braced: m[1] !== undefined });
  }
  return found;
}

export type Replaced =
  | { readonly kind: 'same' }
  | { readonly kind: 'changed'; readonly line: Text }
  /** The line ended in a parameter of several lines: these follow it. */
  | { readonly kind: 'lines'; readonly line: Text; readonly rest: readonly Text[] };

export type Lookup = (reference: Reference, place: Place) => Definition | undefined;

/** Replaces the first parameter at or after `from` that is defined. A multi-line one counts only at the line's end. */
export function replaceFirst(line: Text, placeOf: (index: number) => Place, lookup: Lookup): Replaced {
  for (const reference of findReferences(line.text)) {
    const definition = lookup(reference, placeOf(reference.from));
    if (definition === undefined) continue;
    const atEnd = reference.to === line.text.length;
    if (definition.multiline && !atEnd) continue;
    const head = slice(line, 0, reference.from);
    const first = definition.lines[0];
    const tail = slice(line, reference.to);
    const changed = join(head, ...(first === undefined ? [] : [first]), tail);
    if (definition.multiline) return { kind: 'lines', line: changed, rest: definition.lines.slice(1) };
    return { kind: 'changed', line: changed };
  }
  return { kind: 'same' };
}

/** The parameters that keepalived defines itself. */
export function builtIn(
  reference: Reference,
  place: Place,
  environment: Environment,
): Definition | undefined {
  const folder = place.file.includes('/') ? place.file.replace(/\/[^/]*$/, '') || '/' : '.';
  const random = () => {
    const [min = 0, max = 32_767] = reference.numbers;
    return String(environment.random?.(min, Math.max(min, max)) ?? min);
  };
  const values: Record<string, () => string> = {
    _PWD: () => folder,
    _INSTANCE: () => environment.configId,
    _HASH: () => '#',
    _BANG: () => '!',
    _RANDOM: random,
  };
  const value = Object.hasOwn(values, reference.name) ? values[reference.name] : undefined;
  if (value === undefined) return undefined;
  return { name: reference.name, lines: [typedAt(value(), place)], multiline: false };
}
