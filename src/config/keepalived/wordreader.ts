// Reads the words of a route or a rule one after the other, and reports what is wrong with one at its place. Used by routes.ts and
// rules-entries.ts.
import { type Cidr, formatIp, type IpFamily, parseCidr, parseIp } from '../../core/ip/address.ts';
import { nearest } from '../suggest.ts';
import { quote, type Report } from './findings.ts';
import type { Names } from './routenames.ts';
import type { Word } from './words.ts';

/** As strtoul with base 0 takes them: 16, 0x10. */
const NUMBER = /^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/i;
const ANY: ReadonlySet<string> = new Set(['default', 'all', 'any']);

/** `default` fits either family. */
export type Prefix = Cidr | 'any';

export class WordReader {
  /** Something was wrong: the line as a whole is left out, as the C daemon does. */
  failed = false;
  readonly #words: readonly Word[];
  readonly #report: Report;
  #at = 0;

  constructor(words: readonly Word[], report: Report) {
    this.#words = words;
    this.#report = report;
  }

  next(): Word | null {
    return this.#words[this.#at++] ?? null;
  }

  /** The next word, without taking it. */
  peek(): string | null {
    return this.#words[this.#at]?.text ?? null;
  }

  fail(word: Word, code: string, message: string, hint: string): void {
    this.failed = true;
    this.#report('error', word.at, code, message, hint);
  }

  complain(word: Word, code: string, message: string, hint: string): void {
    this.#report('error', word.at, code, message, hint);
  }

  warn(word: Word, code: string, message: string, hint: string): void {
    this.#report('warning', word.at, code, message, hint);
  }

  value(keyword: Word): Word | null {
    const word = this.next();
    if (word !== null) return word;
    this.failed = true;
    this.#report(
      'fatal',
      keyword.at,
      'missing-parameter',
      `nothing follows \`${quote(keyword.text)}\``,
      'write its value behind it',
    );
    return null;
  }

  number(keyword: Word, min: number, max: number): number | null {
    const word = this.value(keyword);
    if (word === null) return null;
    const value = NUMBER.test(word.text) ? Number(word.text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.#refuse(keyword, word, `write a whole number from ${min} to ${max}`);
    return null;
  }

  /** A number, or a name of one. `base` 16: digits alone are hexadecimal, as ip(8) reads DSCP values. */
  named(keyword: Word, names: Names, min: number, max: number, base: 10 | 16 = 10): number | null {
    const word = this.value(keyword);
    if (word === null) return null;
    const named = names.get(word.text);
    const digits = base === 16 ? /^(0x)?[0-9a-f]{1,2}$/i.test(word.text) : NUMBER.test(word.text);
    const value =
      named ?? (digits ? Number(base === 16 ? `0x${word.text.replace(/^0x/i, '')}` : word.text) : Number.NaN);
    if (value >= min && value <= max) return value;
    this.#refuse(keyword, word, this.#named(word.text, names, `write a number from ${min} to ${max}`));
    return null;
  }

  choice<V>(keyword: Word, choices: Readonly<Record<string, V>>): V | null {
    const word = this.value(keyword);
    if (word === null) return null;
    if (Object.hasOwn(choices, word.text)) return choices[word.text] as V;
    this.#refuse(keyword, word, `write one of ${Object.keys(choices).join(', ')}`);
    return null;
  }

  /** `realms 3/4`: source and destination, or the destination alone. */
  realms(keyword: Word, names: Names): number | null {
    const word = this.value(keyword);
    if (word === null) return null;
    const parts = word.text
      .split('/')
      .map((part) => names.get(part) ?? (NUMBER.test(part) ? Number(part) : Number.NaN));
    const [first = Number.NaN, second] = parts;
    if (parts.length <= 2 && parts.every((part) => part >= 0 && part <= 0xffff))
      return second === undefined ? first : first * 0x1_0000 + second;
    this.#refuse(
      keyword,
      word,
      'write SOURCE/DESTINATION or DESTINATION, each from 0 to 65535 or a name of /etc/iproute2/rt_realms',
    );
    return null;
  }

  ip(keyword: Word): string | null {
    const word = this.value(keyword);
    if (word === null) return null;
    const bytes = parseIp(word.text);
    if (bytes !== null) return formatIp(bytes);
    this.fail(
      word,
      'address',
      `"${quote(word.text)}" is no IP address`,
      'write it as 192.0.2.10 or 2001:db8::10',
    );
    return null;
  }

  /** What `word` itself says, which must be a network. */
  prefixOf(word: Word): Prefix | null {
    if (ANY.has(word.text)) return 'any';
    const cidr = parseCidr(word.text);
    if (cidr === null) {
      this.fail(
        word,
        'address',
        `"${quote(word.text)}" is no network`,
        'write it as 192.0.2.0/24, 2001:db8::/64 or default',
      );
      return null;
    }
    const network = networkOf(cidr);
    if (network === cidr.address) return cidr;
    this.warn(
      word,
      'host-bits',
      `${word.text} is an address inside its network; ${network}/${cidr.prefix} is taken`,
      `write ${network}/${cidr.prefix}`,
    );
    return { ...cidr, address: network };
  }

  prefix(keyword: Word): Prefix | null {
    const word = this.value(keyword);
    return word === null ? null : this.prefixOf(word);
  }

  #named(typed: string, names: Names, orNumber: string): string {
    if (names.size === 0 || this.#report.full('error')) return orNumber;
    const known = [...names.keys()];
    const near = nearest(typed, known);
    const which = near === null ? `known here are ${known.slice(0, 8).join(', ')}.` : `did you mean ${near}?`;
    return `${which} Names stand in /etc/iproute2; or ${orNumber}`;
  }

  #refuse(keyword: Word, word: Word, hint: string): void {
    this.fail(word, 'value', `\`${quote(keyword.text)}\` cannot be "${quote(word.text)}"`, hint);
  }
}

function networkOf(cidr: Cidr): string {
  const ip = parseIp(cidr.address) ?? new Uint8Array();
  for (let bit = cidr.prefix; bit < ip.length * 8; bit++) {
    const at = bit >> 3;
    ip[at] = (ip[at] ?? 0) & ~(0x80 >> (bit & 7));
  }
  return formatIp(ip);
}

/** The prefix in the family that the rest of the line turned out to be of. */
export function inFamily(prefix: Prefix, family: IpFamily): Cidr {
  return prefix === 'any' ? { address: family === 4 ? '0.0.0.0' : '::', family, prefix: 0 } : prefix;
}
