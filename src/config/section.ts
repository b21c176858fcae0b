// Sections of pair.yaml: walks a YAML tree along a shape of fields, and refuses every key that the shape lacks.
// Between fields.ts (one value) and schema.ts (the whole file). Absent keys take their fallback here.
import { isMap, isScalar, type Node } from 'yaml';
import { describe, type Entry, type Ledger, type Place, shorten } from './document.ts';
import type { Field, Read } from './fields.ts';
import { forbiddenKey } from './forbidden.ts';
import { nearest } from './suggest.ts';

export interface Shape {
  readonly [key: string]: Field<unknown> | Section<Shape> | OptionalSection<Shape> | NamedSections<Shape>;
}

/** A section that is always there: absent, it holds its keys' fallbacks. */
export interface Section<S extends Shape> {
  readonly kind: 'section';
  readonly meaning: string;
  readonly keys: S;
}

/** A section that is null when absent. */
export interface OptionalSection<S extends Shape> {
  readonly kind: 'optional';
  readonly meaning: string;
  readonly keys: S;
}

/** Sections under names that the operator chooses. */
export interface NamedSections<S extends Shape> {
  readonly kind: 'named';
  readonly meaning: string;
  readonly nameForm: string;
  readonly namePattern: RegExp;
  readonly example: string;
  readonly keys: S;
  /** Absent: none, and no mistake. */
  readonly optional?: true;
}

export interface Named<V> {
  readonly name: string;
  readonly value: V;
}

export type ReadShape<S extends Shape> = { readonly [K in keyof S]: ReadOf<S[K]> };
export type ReadOf<F> =
  F extends Section<infer S>
    ? ReadShape<S>
    : F extends OptionalSection<infer S>
      ? ReadShape<S> | null
      : F extends NamedSections<infer S>
        ? readonly Named<ReadShape<S>>[]
        : F extends Field<infer T>
          ? Read<T>
          : never;

export const section = <const S extends Shape>(meaning: string, keys: S): Section<S> => ({
  kind: 'section',
  meaning,
  keys,
});

export const optional = <const S extends Shape>(meaning: string, keys: S): OptionalSection<S> => ({
  kind: 'optional',
  meaning,
  keys,
});

const under = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);

/** Every key that exists, by its path, for a key that was typed in the wrong section. */
function allPaths(shape: Shape, path = ''): string[] {
  return Object.entries(shape).flatMap(([key, item]) => {
    const here = under(path, key);
    return item.kind === 'field' || item.kind === 'named' ? [here] : [here, ...allPaths(item.keys, here)];
  });
}

interface Walk {
  readonly ledger: Ledger;
  readonly paths: readonly string[];
}

/** Returns the key that was probably meant, so that it isn't also reported as missing. */
function reportUnknown(entry: Entry, path: string, shape: Shape, { ledger, paths }: Walk): string | null {
  const known = Object.keys(shape);
  const key = shorten(entry.key);
  const glued = /^([A-Za-z]+):\S/.exec(entry.key)?.[1];
  if (glued !== undefined && known.includes(glued) && entry.value === null) {
    const mended = key.replace(':', ': ');
    ledger.report(
      entry.keyPlace,
      'missing-space',
      `\`${key}\` lacks the space after the colon`,
      `write \`${mended}\``,
    );
    return glued;
  }
  const near = nearest(entry.key, known);
  const elsewhere = paths.find(
    (each) => nearest(entry.key, [each.slice(each.lastIndexOf('.') + 1)]) !== null,
  );
  const hint =
    near !== null
      ? `did you mean \`${near}\`?`
      : elsewhere !== undefined
        ? `did you mean \`${elsewhere}\`? It belongs into another section`
        : `it may hold: ${known.join(', ')}`;
  const where = path === '' ? 'at the top level' : `in ${path}`;
  ledger.report(entry.keyPlace, 'unknown-key', `there is no key \`${key}\` ${where}`, hint);
  return near;
}

/** Forbidden keys count wherever they stand, also inside sections that nobody knows. */
function searchForbidden(node: Node | null, ledger: Ledger, depth: number): boolean {
  if (!isMap(node) || depth > 8) return false;
  let found = false;
  for (const entry of ledger.entries(node)) {
    found = reportForbidden(entry, ledger) || searchForbidden(entry.value, ledger, depth + 1) || found;
  }
  return found;
}

function reportForbidden(entry: Entry, ledger: Ledger): boolean {
  const reason = forbiddenKey(entry.key);
  if (reason === null) return false;
  ledger.report(entry.keyPlace, reason.code, reason.message, reason.hint);
  return true;
}

/** Everything undefined: what a section yields that was not one. Its finding is in the ledger. */
function unread<S extends Shape>(shape: S): ReadShape<S> {
  return Object.fromEntries(
    Object.entries(shape).map(([key, item]) => [key, unreadItem(item)]),
  ) as ReadShape<S>;
}

function unreadItem(item: Shape[string]): unknown {
  if (item.kind === 'section') return unread(item.keys);
  return item.kind === 'named' ? [] : item.kind === 'optional' ? null : undefined;
}

function missing(path: string, meaning: string): string {
  const sentence = /^(.*?)[.](?: |$)/.exec(meaning)?.[1] ?? meaning;
  return `${path} is missing: ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

function readAbsent(item: Shape[string], path: string, place: Place, walk: Walk): unknown {
  switch (item.kind) {
    case 'section':
      return readKeys(new Map(), item.keys, path, place, walk);
    case 'optional':
      return null;
    case 'named':
      if (item.optional) return [];
      walk.ledger.report(
        place,
        'missing-key',
        missing(path, item.meaning),
        `add for example \`${item.example}\``,
      );
      return [];
    case 'field':
      if ('fallback' in item) return item.fallback;
      walk.ledger.report(
        place,
        'missing-key',
        missing(path, item.meaning),
        `add for example \`${path.slice(path.lastIndexOf('.') + 1)}: ${item.example}\``,
      );
      return undefined;
  }
}

function readPresent(item: Shape[string], path: string, entry: Entry, walk: Walk): unknown {
  walk.ledger.places.set(path, entry.valuePlace);
  switch (item.kind) {
    case 'field':
      return item.read(entry.value, entry.valuePlace, path, walk.ledger);
    case 'section':
    case 'optional':
      return readSection(item.keys, path, entry, walk);
    case 'named':
      return readNamed(item, path, entry, walk);
  }
}

function readKeys<S extends Shape>(
  entries: ReadonlyMap<string, Entry>,
  shape: S,
  path: string,
  place: Place,
  walk: Walk,
  misspelt: ReadonlySet<string> = new Set(),
): ReadShape<S> {
  const values = Object.entries(shape).map(([key, item]) => {
    const entry = entries.get(key);
    if (!entry && misspelt.has(key)) return [key, unreadItem(item)];
    const itemPath = under(path, key);
    const value = entry ? readPresent(item, itemPath, entry, walk) : readAbsent(item, itemPath, place, walk);
    return [key, value];
  });
  return Object.fromEntries(values) as ReadShape<S>;
}

function readSection<S extends Shape>(shape: S, path: string, entry: Entry, walk: Walk): ReadShape<S> {
  if (!isMap(entry.value)) {
    const keys = Object.keys(shape).join(', ');
    const empty = entry.value === null || (isScalar(entry.value) && entry.value.value === null);
    walk.ledger.report(
      entry.valuePlace,
      'wrong-value',
      `${path === '' ? 'pair.yaml' : path} must be a section of \`key: value\` lines; found ${describe(entry.value)}`,
      empty ? `indent its keys below it (${keys}), or remove the line` : `it may hold: ${keys}`,
    );
    return unread(shape);
  }
  const entries = new Map<string, Entry>();
  const misspelt = new Set<string>();
  for (const each of walk.ledger.entries(entry.value)) {
    if (!Object.hasOwn(shape, each.key)) {
      const forbidden = reportForbidden(each, walk.ledger) || searchForbidden(each.value, walk.ledger, 0);
      const meant = forbidden ? null : reportUnknown(each, path, shape, walk);
      if (meant !== null) misspelt.add(meant);
    } else if (!entries.has(each.key)) entries.set(each.key, each);
  }
  return readKeys(entries, shape, path, entry.keyPlace, walk, misspelt);
}

function readNamed<S extends Shape>(
  item: NamedSections<S>,
  path: string,
  entry: Entry,
  walk: Walk,
): Named<ReadShape<S>>[] {
  if (!isMap(entry.value)) {
    walk.ledger.report(
      entry.valuePlace,
      'wrong-value',
      `${path} must hold one section a name; found ${describe(entry.value)}`,
      `write for example \`${item.example}\``,
    );
    return [];
  }
  const seen = new Set<string>();
  return walk.ledger.entries(entry.value).flatMap((each) => {
    if (seen.has(each.key)) return [];
    seen.add(each.key);
    if (!item.namePattern.test(each.key)) {
      walk.ledger.report(
        each.keyPlace,
        'wrong-value',
        `a name in ${path} must be ${item.nameForm}; found "${shorten(each.key)}"`,
        'choose for example `a` or `db-1`',
      );
    }
    const itemPath = under(path, each.key);
    walk.ledger.places.set(itemPath, each.keyPlace);
    return [{ name: each.key, value: readSection(item.keys, itemPath, each, walk) }];
  });
}

/** The whole file. */
export function readFile<S extends Shape>(shape: S, ledger: Ledger): ReadShape<S> {
  const walk: Walk = { ledger, paths: allPaths(shape) };
  const start = { line: 1, column: 1 };
  const entry: Entry = {
    key: '',
    keyPlace: start,
    value: ledger.root,
    valuePlace: ledger.placeOf(ledger.root, start),
  };
  return readSection(shape, '', entry, walk);
}
