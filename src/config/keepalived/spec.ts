// The kinds of keyword there are: what each takes, how its words become a value, and what is wrong with other words. The tables
// in schema/ are made of these; read.ts applies them. The value's type is inferred from the table.
import { parseIp } from '../../core/ip/address.ts';
import { quote, type Report } from './findings.ts';
import type { Place } from './text.ts';
import type { Statement } from './tree.ts';
import { scriptWords, type Word } from './words.ts';

/** `later`: this program will do it. Otherwise the reason why it will not, or not yet. */
export type Status = 'later' | { readonly not: string };

export interface Spec<V> {
  readonly status: Status;
  /** May stand more than once in its block; each counts. Of any other the last counts. */
  readonly repeats: boolean;
  /** Words that must follow the keyword, and those that may; more are ignored by keepalived, and reported. */
  readonly words: readonly [min: number, max: number];
  /** 'none': no block. 'lines': each line an entry. Otherwise the keywords that the block knows. */
  readonly content: 'none' | 'lines' | Schema;
  readonly deprecated?: string;
  /** undefined: the words were wrong, and that is reported. */
  read(statement: Statement, report: Report): V | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds specs of every value type
export type Schema = { readonly [keyword: string]: Spec<any> };

/** As in the file, with nothing assumed: what was not typed is missing. */
export interface Reading<S extends Schema> {
  readonly args: readonly Word[];
  readonly at: Place;
  readonly values: { readonly [K in keyof S]?: S[K] extends Spec<infer V> ? readonly Placed<V>[] : never };
}

export interface Placed<V> {
  readonly value: V;
  readonly at: Place;
}

const plain = { status: 'later', repeats: false, content: 'none' } as const;

function range(
  statement: Statement,
  text: string,
  min: number,
  max: number,
  unit: string,
  report: Report,
): void {
  report(
    'error',
    statement.args[0]?.at ?? statement.at,
    'value',
    `\`${statement.keyword}\` cannot be "${quote(text)}"`,
    `give a ${unit} from ${min} to ${max}`,
  );
}

/** Set by standing there. */
export const flag = (): Spec<true> => ({ ...plain, words: [0, 0], read: () => true });

const TRUTH: Readonly<Record<string, boolean>> = {
  on: true,
  true: true,
  yes: true,
  off: false,
  false: false,
  no: false,
};

/** on, off, true, false, yes, no; alone it means on. */
export const toggle = (): Spec<boolean> => ({
  ...plain,
  words: [0, 1],
  read(statement, report) {
    const [word] = statement.args;
    if (word === undefined) return true;
    if (Object.hasOwn(TRUTH, word.text)) return TRUTH[word.text] as boolean;
    report(
      'error',
      word.at,
      'value',
      `\`${statement.keyword}\` cannot be "${quote(word.text)}"`,
      'write on or off',
    );
    return undefined;
  },
});

export const integer = (min: number, max: number, optional?: { default: number }): Spec<number> => ({
  ...plain,
  words: [optional ? 0 : 1, 1],
  read(statement, report) {
    const text = statement.args[0]?.text.trim();
    if (text === undefined) return optional?.default;
    const value = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    range(statement, text, min, max, 'whole number', report);
    return undefined;
  },
});

/** A time in seconds, with fractions. The value is in milliseconds, down to the microsecond. */
export const seconds = (min: number, max: number): Spec<number> => ({
  ...plain,
  words: [1, 1],
  read(statement, report) {
    const text = statement.args[0]?.text.trim() ?? '';
    const value = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return Math.round(value * 1e6) / 1e3;
    range(statement, text, min, max, 'number of seconds', report);
    return undefined;
  },
});

export const word = (): Spec<string> => ({ ...plain, words: [1, 1], read: (s) => s.args[0]?.text });

/** Several words in one line; their meaning is looked at by whoever implements the keyword. */
export const words = (min: number, max = 64): Spec<readonly string[]> => ({
  ...plain,
  words: [min, max],
  read: (s) => s.args.map((arg) => arg.text),
});

export const choice = <const C extends string>(...choices: readonly C[]): Spec<C> => ({
  ...plain,
  words: [1, 1],
  read(statement, report) {
    const [typed] = statement.args;
    const found = choices.find((c) => c === typed?.text);
    if (found !== undefined) return found;
    const near = choices.find((c) => c.toLowerCase() === typed?.text.toLowerCase());
    const hint = near ? `write ${near}: case counts` : `write one of ${choices.join(', ')}`;
    report(
      'error',
      typed?.at ?? statement.at,
      'value',
      `\`${statement.keyword}\` cannot be "${quote(typed?.text ?? '')}"`,
      hint,
    );
    return undefined;
  },
});

export const address = (): Spec<string> => ({
  ...plain,
  words: [1, 1],
  read(statement, report) {
    const [typed] = statement.args;
    if (typed === undefined) return undefined;
    if (parseIp(typed.text.replace(/%.*$/, '')) !== null) return typed.text;
    report(
      'error',
      typed.at,
      'address',
      `"${quote(typed.text)}" is no IP address`,
      'write it as 192.0.2.10 or 2001:db8::10',
    );
    return undefined;
  },
});

export interface Script {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly user: string | null;
  readonly group: string | null;
  readonly at: Place;
}

/** A command in one (quoted) word, then perhaps the user and the group that it runs as. */
export const script = (): Spec<Script> => ({
  ...plain,
  words: [1, 3],
  read(statement, report) {
    const outer = scriptWords(statement.line);
    if (!outer.ok) {
      report(
        'error',
        outer.at,
        'script-quotes',
        `the command cannot be split into words: ${outer.reason}`,
        'close every quote, and double a \\',
      );
      return undefined;
    }
    const [, command, user, group] = outer.words;
    if (command === undefined) return undefined;
    // A quoted command with blanks is split again: "/bin/check a b" is a program and two arguments.
    const inner = scriptWords({ text: command.text, runs: [{ start: 0, place: command.at }] });
    const parts = inner.ok ? inner.words.map((w) => w.text) : [command.text];
    return {
      command: parts.length > 0 ? parts : [''],
      user: user?.text ?? null,
      group: group?.text ?? null,
      at: command.at,
    };
  },
});

/** A block in which every line is an entry: a list of addresses, of routes, of names. */
export const lines = <V>(
  readLine: (line: Statement, report: Report) => V | undefined,
): Spec<readonly Placed<V>[]> => ({
  ...plain,
  repeats: true,
  words: [0, 0],
  content: 'lines',
  read(statement, report) {
    const placed: Placed<V>[] = [];
    for (const line of statement.block?.statements ?? []) {
      if (line.block !== null)
        report(
          'error',
          line.block.openedAt,
          'brace-unexpected',
          `no block may stand in \`${statement.keyword}\``,
          'remove the { and its }',
        );
      const value = readLine(line, report);
      if (value !== undefined) placed.push({ value, at: line.at });
    }
    return placed;
  },
});

/** A block whose words all count alike, however they are spread over lines. */
export const list = (): Spec<readonly Placed<string>[]> => ({
  ...lines<string>(() => undefined),
  read: (statement) =>
    (statement.block?.statements ?? []).flatMap((line) =>
      [{ text: line.keyword, at: line.at }, ...line.args].map((w) => ({ value: w.text, at: w.at })),
    ),
});

/** A block with keywords of its own. read.ts fills in the value, since it is the one that walks. */
export const block = <S extends Schema>(
  content: S,
  names: readonly [min: number, max: number] = [0, 0],
): Spec<Reading<S>> => ({
  ...plain,
  repeats: true,
  words: names,
  content,
  read: () => undefined,
});

const MASK_BITS: Readonly<Record<string, number>> = {
  IRUSR: 0o400,
  IWUSR: 0o200,
  IXUSR: 0o100,
  IRGRP: 0o40,
  IWGRP: 0o20,
  IXGRP: 0o10,
  IROTH: 0o4,
  IWOTH: 0o2,
  IXOTH: 0o1,
};

/** A umask: a number in C's notations, or names of bits with | between them (IWGRP|IWOTH). */
export const fileMask = (): Spec<number> => ({
  ...plain,
  words: [1, 64],
  read(statement, report) {
    const text = statement.args.map((arg) => arg.text).join('');
    const octal = /^0[0-7]+$/.test(text);
    const value = octal
      ? Number.parseInt(text, 8)
      : /^(0x[0-9a-f]+|[0-9]+)$/i.test(text)
        ? Number(text)
        : text.split('|').reduce((mask, bit) => mask | (MASK_BITS[bit] ?? 0o10000), 0);
    if (value <= 0o777) return value;
    report(
      'error',
      statement.args[0]?.at ?? statement.at,
      'value',
      `\`umask\` cannot be "${quote(text)}"`,
      'write it as 022, or as IWGRP|IWOTH',
    );
    return undefined;
  },
});

export const not = <V>(spec: Spec<V>, why: string): Spec<V> => ({ ...spec, status: { not: why } });
export const repeated = <V>(spec: Spec<V>): Spec<V> => ({ ...spec, repeats: true });
export const deprecated = <V>(spec: Spec<V>, instead: string): Spec<V> => ({ ...spec, deprecated: instead });
