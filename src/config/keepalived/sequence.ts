// ~SEQ(var, start, step, end) and ~LST(var, value, ...): the rest of the line is read once for each value. Used by lines.ts.
import { slice, type Text } from './text.ts';

export interface Repetition {
  /** One set of values a round; lazily made, so that a range of a billion costs nothing until it is read. */
  readonly rounds: () => Iterable<ReadonlyMap<string, string>>;
  readonly rest: Text;
}

export type Repeated =
  | { readonly ok: true; readonly value: Repetition }
  | { readonly ok: false; readonly reason: string };

const wrong = (reason: string): Repeated => ({ ok: false, reason });
const NUMBER = /^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)$/;

/** As C's strtol with base 0: hexadecimal with 0x, octal with a leading 0. */
function parseNumber(text: string): number | null {
  if (!NUMBER.test(text)) return null;
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[+-]/, '');
  if (/^0[xX]/.test(digits)) return sign * Number.parseInt(digits, 16);
  if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8);
  return sign * Number(digits);
}

/** `line` starts with ~SEQ or ~LST; parameters between the parentheses are replaced already. */
export function parseRepetition(line: Text): Repeated {
  const head = /^~(SEQ|SEQx|LST)[ \t]*\(/.exec(line.text);
  if (head === null) return wrong('after ~SEQ, ~SEQx or ~LST stands (variable, values...)');
  const end = line.text.indexOf(')', head[0].length);
  if (end < 0) return wrong('the ) is missing');
  const inside = line.text.slice(head[0].length, end);
  const rest = slice(line, end + 1 + (/^[ \t]*/.exec(line.text.slice(end + 1))?.[0].length ?? 0));
  return head[1] === 'LST' ? parseList(inside, rest) : parseSequence(inside, head[1] === 'SEQx', rest);
}

function parseSequence(inside: string, hexadecimal: boolean, rest: Text): Repeated {
  const [variable = '', ...texts] = inside.split(',').map((part) => part.trim());
  const numbers = texts.map(parseNumber);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable))
    return wrong(`"${variable.slice(0, 30)}" is no name of a variable`);
  if (numbers.length < 1 || numbers.length > 3)
    return wrong('it takes one to three numbers: start, step, end');
  if (numbers.some((n) => n === null || !Number.isSafeInteger(n)))
    return wrong('start, step and end are whole numbers');
  const [one = 0, two = 0, three = 0] = numbers as number[];
  const range =
    numbers.length === 1
      ? { start: one < 0 ? -1 : 1, step: one < 1 ? -1 : 1, end: one }
      : numbers.length === 2
        ? { start: one, step: one <= two ? 1 : -1, end: two }
        : { start: one, step: two, end: three };
  const { start, step, end } = range;
  if (step === 0 || (start < end && step < 0) || (start > end && step > 0))
    return wrong(`from ${start} in steps of ${step} it never gets to ${end}`);
  if (hexadecimal && (start < 0 || end < 0)) return wrong('~SEQx counts positive numbers only');
  function* rounds() {
    for (let n = start; step > 0 ? n <= end : n >= end; n += step)
      yield new Map([[variable, n.toString(hexadecimal ? 16 : 10)]]);
  }
  return { ok: true, value: { rounds, rest } };
}

/** Splits at commas that stand outside { }. */
function splitList(inside: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const c of inside) {
    if (c === '{') depth++;
    if (c === '}') depth--;
    if (c === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts.map((part) => part.trim());
}

const group = (text: string): string[] =>
  (text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1).split(',') : [text]).map((t) => t.trim());

function parseList(inside: string, rest: Text): Repeated {
  const [names = '', ...values] = splitList(inside);
  const variables = group(names);
  if (!variables.every((v) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(v)))
    return wrong('the first word names the variable');
  if (values.length === 0) return wrong('it needs at least one value');
  const sets = values.map(group);
  if (sets.some((set) => set.length !== variables.length))
    return wrong(
      `each value needs ${variables.length} part${variables.length === 1 ? '' : 's'}, as the variables`,
    );
  if (sets.some((set) => set.some((v) => /\s/.test(v)))) return wrong('a value cannot hold a blank');
  function* rounds() {
    for (const set of sets) yield new Map(variables.map((v, i) => [v, set[i] ?? '']));
  }
  return { ok: true, value: { rounds, rest } };
}
