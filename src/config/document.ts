// pair.yaml's text as a YAML tree with positions, and the ledger in which every later step writes its findings.
// First step of parsePair: syntax mistakes are found here, meaning comes in fields.ts and rules.ts.
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { Finding } from './types.ts';

/** Where a reader stands: the node there, or only the place when the node is missing. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Entry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: Node | null;
  readonly valuePlace: Place;
}

/** The tree, the findings so far, and where each key that was read stands. */
export interface Ledger {
  readonly file: string;
  readonly root: Node | null;
  readonly findings: Finding[];
  readonly warnings: Finding[];
  /** Place of every value that was read, by its path (`vrrp.id`). */
  readonly places: Map<string, Place>;
  placeOf(node: Node | null, otherwise: Place): Place;
  /** Follows `*alias` to what it stands for. */
  resolve(node: Node | null): Node | null;
  entries(map: YAMLMap): Entry[];
  report(place: Place, code: string, message: string, hint: string): void;
  warn(place: Place, code: string, message: string, hint: string): void;
}

const START: Place = { line: 1, column: 1 };

const SYNTAX: Partial<Record<YAMLError['code'], readonly [message: string, hint: string]>> = {
  DUPLICATE_KEY: [
    'this key stands twice in the same section, and only one of its values could count',
    'remove one of the two',
  ],
  TAB_AS_INDENT: [
    'the line is indented with a tab, which YAML does not allow',
    'indent with spaces, two a level',
  ],
  MULTIPLE_DOCS: ['a second document starts here (---)', 'keep one pair in one file: remove the --- line'],
  MULTILINE_IMPLICIT_KEY: [
    'this line is no `key: value`',
    'put a colon and a space after the key, as in `port: 3306`, and check the indentation',
  ],
  BLOCK_AS_IMPLICIT_KEY: [
    'a second `key: value` starts inside a value',
    'start each key on a line of its own; quote the value if the colon belongs to it; check the indentation of the next line',
  ],
  BAD_INDENT: [
    'the indentation fits no section that is open here',
    'start all keys of one section in the same column, and close every { and [ that was opened before',
  ],
  BAD_ALIAS: ['this alias is malformed', 'quote the value if the * belongs to it'],
};

/** These leave the tree whole, so that what follows them can still be judged. */
const HARMLESS = new Set<YAMLError['code']>(['DUPLICATE_KEY', 'MULTIPLE_DOCS', 'TAG_RESOLVE_FAILED']);

interface Tree {
  readonly document: Document.Parsed<ParsedNode>;
  readonly errors: readonly YAMLError[];
  at(offset: number): Place;
}

function parseTree(text: string): Tree {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  return {
    document,
    errors: [...document.errors, ...document.warnings],
    at(offset) {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(line, 1), column: Math.max(col, 1) };
    },
  };
}

/**
 * Tabs used as indentation break the tree, and so would hide every other mistake. The tree is then read from a copy with
 * two spaces for each; `columnShift` says how far a line moved.
 */
function parseWithTabsSpread(text: string): { tree: Tree; tabs: Place[]; shift: Map<number, number> } {
  const first = parseTree(text);
  const tabs = first.errors.filter((e) => e.code === 'TAB_AS_INDENT').map((e) => first.at(e.pos[0]));
  const shift = new Map<number, number>();
  if (tabs.length === 0) return { tree: first, tabs, shift };
  const lines = text.split('\n').map((line, i) => {
    const indent = /^[ \t]*/.exec(line)?.[0] ?? '';
    const count = indent.split('\t').length - 1;
    shift.set(i + 1, count);
    return indent.replaceAll('\t', '  ') + line.slice(indent.length);
  });
  return { tree: parseTree(lines.join('\n')), tabs, shift };
}

function syntaxSentence(error: YAMLError): readonly [string, string] {
  if (/stack (size|overflow)/i.test(error.message))
    return ['the file is nested too deeply here', 'check that this is a pair.yaml'];
  return (
    SYNTAX[error.code] ?? [
      `YAML cannot be read here: ${error.message.replace(/\s+/g, ' ')}`,
      'mend the syntax; quote a value that starts with one of @ ` % & * ! | > \' " # { [',
    ]
  );
}

/** Reads the tree. `broken` is the line from which on the tree cannot be trusted, Infinity when all of it can. */
export function openLedger(text: string, file: string): { ledger: Ledger; brokenFromLine: number } {
  const { tree, tabs, shift } = parseWithTabsSpread(text);
  const { document } = tree;
  const placeAt = (offset: number): Place => {
    const { line, column } = tree.at(offset);
    return { line, column: Math.max(1, column - (shift.get(line) ?? 0)) };
  };
  const ledger: Ledger = {
    file,
    root: document.contents,
    findings: [],
    warnings: [],
    places: new Map(),
    placeOf: (node, otherwise) => (node?.range ? placeAt(node.range[0]) : otherwise),
    resolve: (node) => (isAlias(node) ? ((node.resolve(document) as Node | undefined) ?? null) : node),
    entries: (map) =>
      map.items.map((pair) => {
        const keyNode = pair.key as Node | null;
        const keyPlace = ledger.placeOf(keyNode, START);
        const written = pair.value as Node | null;
        const key = isScalar(keyNode) ? (keyNode.source ?? String(keyNode.value)) : String(keyNode);
        // An alias is reported where it is used: that is the line the operator has to look at.
        const valuePlace = ledger.placeOf(written, keyPlace);
        return { key, keyPlace, value: ledger.resolve(written), valuePlace };
      }),
    report: (place, code, message, hint) => {
      ledger.findings.push({ file, ...place, code, message, hint });
    },
    warn: (place, code, message, hint) => {
      ledger.warnings.push({ file, ...place, code, message, hint });
    },
  };
  for (const place of tabs) ledger.report(place, 'yaml-syntax', ...(SYNTAX.TAB_AS_INDENT ?? ['', '']));
  let brokenFromLine = Number.POSITIVE_INFINITY;
  for (const error of tree.errors) {
    if (error.code === 'TAB_AS_INDENT') continue;
    const place = placeAt(error.pos[0]);
    ledger.report(
      place,
      error.code === 'DUPLICATE_KEY' ? 'duplicate-key' : 'yaml-syntax',
      ...syntaxSentence(error),
    );
    if (!HARMLESS.has(error.code)) brokenFromLine = Math.min(brokenFromLine, place.line);
  }
  return { ledger, brokenFromLine };
}

/** What a value is, in words, for "found ...". */
export function describe(node: Node | null): string {
  if (node === null) return 'nothing';
  if (isMap(node)) return 'a section';
  if (isSeq(node)) return 'a list';
  if (!isScalar(node)) return 'an alias that leads nowhere';
  if (node.value === null) return 'nothing';
  const text = shorten(node.source ?? String(node.value));
  if (typeof node.value === 'number') return `the number ${text}`;
  if (typeof node.value === 'boolean') return `the truth value ${text}`;
  return text === '' ? 'an empty text' : `the text "${text}"`;
}

/** A value from the file, fit for one line of a message. */
export function shorten(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}
