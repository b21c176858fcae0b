// Splits a line into words, in keepalived's two ways: plain (double quotes, no escapes) for nearly everything, and shell-like
// (both quotes, escapes) for scripts. Used by tree.ts and spec.ts.
import { type Place, placeAt, type Text } from './text.ts';

export interface Word {
  readonly text: string;
  readonly at: Place;
}

/** `a"b c"d` is three words here, as in the C daemon. An unclosed quote was reported with the comment; it ends with the line. */
export function plainWords(line: Text): Word[] {
  const words: Word[] = [];
  const pattern = /"([^"]*)(?:"|$)|[^ \t\f\v\r\n"]+/g;
  for (const found of line.text.matchAll(pattern)) {
    words.push({ text: found[1] ?? found[0], at: placeAt(line, found.index) });
  }
  return words;
}

const NAMED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function readEscape(text: string, at: number): { value: string; next: number } {
  const rest = text.slice(at, at + 32);
  const hex = /^x([0-9a-fA-F]+)/.exec(rest);
  if (hex)
    return {
      value: String.fromCharCode(Number.parseInt((hex[1] as string).slice(-2), 16)),
      next: at + hex[0].length,
    };
  const octal = /^[0-7]{1,3}/.exec(rest);
  if (octal)
    return { value: String.fromCharCode(Number.parseInt(octal[0], 8) & 0xff), next: at + octal[0].length };
  if (rest.startsWith('c') && rest.length > 1)
    return { value: String.fromCharCode(rest.charCodeAt(1) & 0x1f), next: at + 2 };
  const c = rest.charAt(0);
  return { value: Object.hasOwn(NAMED, c) ? (NAMED[c] as string) : c, next: at + 1 };
}

export type ScriptWords =
  | { readonly ok: true; readonly words: readonly Word[] }
  | { readonly ok: false; readonly at: Place; readonly reason: string };

/** Both quotes hold words together, and \ escapes in and out of them. */
export function scriptWords(line: Text): ScriptWords {
  const { text } = line;
  const words: Word[] = [];
  let i = 0;
  while (i < text.length) {
    if (/\s/.test(text.charAt(i))) {
      i++;
      continue;
    }
    const at = placeAt(line, i);
    let word = '';
    let open = '';
    let openAt = i;
    for (; i < text.length; i++) {
      const c = text.charAt(i);
      if (c === '\\') {
        if (i + 1 >= text.length)
          return { ok: false, at: placeAt(line, i), reason: 'nothing follows the \\' };
        const escaped = readEscape(text, i + 1);
        word += escaped.value;
        i = escaped.next - 1;
      } else if (c === open) open = '';
      else if (open !== '') word += c;
      else if (c === '"' || c === "'") {
        open = c;
        openAt = i;
      } else if (/\s/.test(c)) break;
      else word += c;
    }
    if (open !== '')
      return { ok: false, at: placeAt(line, openAt), reason: `the closing ${open} is missing` };
    words.push({ text: word, at });
  }
  return { ok: true, words };
}
