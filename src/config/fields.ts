// The kinds of values that pair.yaml holds: each reads one YAML node, and says what was found and what would be right.
// schema.ts builds the file's shape from these; section.ts walks it. Reading never throws and never stops at a mistake.
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { type Cidr, familyOf, formatIp, parseCidr, parseIp } from '../core/ip/address.ts';
import { describe, type Ledger, type Place, shorten } from './document.ts';
import { likelyDuration, parseDuration } from './duration.ts';
import { nearest } from './suggest.ts';

/** `undefined` is a value that was wrong; the finding is in the ledger already. */
export type Read<T> = T | undefined;

/** What the reference says about a key. */
export interface About<T> {
  /** What the key does, for docs/CONFIG.md. */
  readonly meaning: string;
  /** Taken when the key is absent. Without it the key is compulsory. */
  readonly fallback?: T;
  /** How the reference writes the fallback, where the value alone would not say it. */
  readonly fallbackText?: string;
  /** A right value, as it would be typed. */
  readonly example: string;
}

export interface Field<T> extends About<T> {
  readonly kind: 'field';
  /** What is right, in words: "a whole number from 1 to 255". */
  readonly form: string;
  read(node: Node | null, place: Place, path: string, ledger: Ledger): Read<T>;
}

const lastKey = (path: string) => path.slice(path.lastIndexOf('.') + 1);

type Convert<T> = (
  node: Node | null,
  wrong: (why?: string, hint?: string) => undefined,
  place: Place,
  ledger: Ledger,
) => Read<T>;

function field<T>(about: About<T>, form: string, convert: Convert<T>): Field<T> {
  return {
    ...about,
    kind: 'field',
    form,
    read: (node, place, path, ledger) => {
      const wrong = (why?: string, hint?: string): undefined => {
        ledger.report(
          place,
          'wrong-value',
          `${path} must be ${form}; found ${why ?? describe(node)}`,
          hint ?? `write for example \`${lastKey(path)}: ${about.example}\``,
        );
      };
      return convert(node, wrong, place, ledger);
    },
  };
}

/** The text of a scalar as typed; numbers too, since YAML reads an unquoted 0123 or 1e3 as one. */
function textOf(node: Node | null): string | null {
  if (!isScalar(node) || node.value === null || typeof node.value === 'boolean') return null;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

export function whole(min: number, max: number, about: About<number>): Field<number> {
  return field(about, `a whole number from ${min} to ${max}`, (node, wrong) => {
    const value = isScalar(node) ? node.value : null;
    return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : wrong();
  });
}

/** The same field, off (null) unless given; `fallbackText` says what happens then. */
export function orNone<T>(inner: Field<T>, fallbackText: string): Field<T | null> {
  return { ...inner, fallback: null, fallbackText };
}

export function truth(about: About<boolean>): Field<boolean> {
  return field(about, 'true or false', (node, wrong) => {
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    // YAML 1.1 read these as truth values, YAML 1.2 does not.
    const word = textOf(node)?.toLowerCase() ?? '';
    const meant = ['yes', 'on'].includes(word) ? 'true' : ['no', 'off'].includes(word) ? 'false' : null;
    return meant === null ? wrong() : wrong(undefined, `write \`${meant}\``);
  });
}

export function choice<const T extends string | number>(choices: readonly T[], about: About<T>): Field<T> {
  const list =
    choices.length === 1 ? String(choices[0]) : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  return field(about, list, (node, wrong) => {
    const text = textOf(node);
    const match = choices.find((each) => String(each) === text);
    if (match !== undefined) return match;
    const near = text === null ? null : nearest(text, choices.map(String));
    return wrong(undefined, near === null ? undefined : `did you mean \`${near}\`?`);
  });
}

/** A duration in whole milliseconds; bounds inclusive. `usualMs` guides what a bare number was meant as. */
export function duration(
  limits: { min: string; max: string; usualMs: number },
  about: About<number>,
): Field<number> {
  const min = parseDuration(limits.min) ?? 0;
  const max = parseDuration(limits.max) ?? 0;
  return field(
    about,
    `a duration with its unit (ms, s, m or h) from ${limits.min} to ${limits.max}`,
    (node, wrong) => {
      const text = textOf(node);
      if (text === null) return wrong();
      if (/^\d+(\.\d+)?$/.test(text)) {
        return wrong(
          `the bare number ${shorten(text)}, which has no unit`,
          `write \`${likelyDuration(Number(text), limits.usualMs)}\` if that is what was meant`,
        );
      }
      const ms = parseDuration(text);
      if (ms === null) return wrong();
      return ms < min || ms > max ? wrong(`${shorten(text)}, which is outside`) : ms;
    },
  );
}

export function matching(
  pattern: RegExp,
  form: string,
  about: About<string>,
  why?: (text: string) => string | null,
): Field<string> {
  return field(about, form, (node, wrong) => {
    const text = textOf(node);
    if (text === null) return wrong();
    return pattern.test(text) ? text : wrong(undefined, why?.(text) ?? undefined);
  });
}

const PATH = /^[^\p{Cc}]{1,4000}$/u;

export function filePath(about: About<string>): Field<string> {
  return matching(PATH, "the path of a file, relative to this file's folder or absolute", about);
}

const UNUSABLE: readonly (readonly [test: (bytes: Uint8Array) => boolean, name: string])[] = [
  [(b) => b.every((byte) => byte === 0), 'the unspecified address'],
  [
    (b) => (b.length === 4 ? b[0] === 127 : b.every((byte, i) => byte === (i === 15 ? 1 : 0))),
    'a loopback address',
  ],
  [(b) => (b.length === 4 ? (b[0] ?? 0) >= 224 : b[0] === 0xff), 'a multicast or reserved address'],
  [
    (b) => b.length === 16 && b[0] === 0xfe && ((b[1] ?? 0) & 0xc0) === 0x80,
    'a link-local address, which other networks cannot reach',
  ],
];

/** Why no host can be reached at this address; null when one can. */
function unusable(bytes: Uint8Array): string | null {
  return UNUSABLE.find(([test]) => test(bytes))?.[1] ?? null;
}

/** A host's address, canonical. */
export function ip(about: About<string>): Field<string> {
  return field(about, 'an IPv4 or IPv6 address', (node, wrong) => {
    const text = textOf(node);
    const bytes = text === null ? null : parseIp(text);
    if (text !== null && bytes === null && parseCidr(text) !== null) {
      return wrong(undefined, `leave the prefix length out: \`${text.slice(0, text.indexOf('/'))}\``);
    }
    if (bytes === null) return wrong();
    const why = unusable(bytes);
    return why === null ? formatIp(bytes) : wrong(`${shorten(text ?? '')}, ${why}`);
  });
}

/** Why an address with its prefix cannot be set on an interface for clients to reach; null when it can. */
function unfitVip({ address, family, prefix }: Cidr): string | null {
  const bytes = parseIp(address) ?? new Uint8Array(4);
  const why = unusable(bytes);
  if (why !== null) return `${address}, ${why}`;
  if (family === 6 || prefix >= 31) return null;
  const hostBits = 32 - prefix;
  const value = new DataView(bytes.buffer).getUint32(0) % 2 ** hostBits;
  if (value === 0) return `${address}/${prefix}, which is the network itself and no host in it`;
  return value === 2 ** hostBits - 1
    ? `${address}/${prefix}, which is the network's broadcast address`
    : null;
}

function readVip(node: Node | null, wrong: (why?: string, hint?: string) => undefined): Read<Cidr> {
  const text = textOf(node);
  const vip = text === null ? null : parseCidr(text);
  if (text === null || vip === null || vip.prefix === 0) return wrong();
  if (!text.includes('/')) {
    const usual = familyOf(text) === 4 ? 24 : 64;
    return wrong(
      `${text}, which has no prefix length`,
      `add that of the network which the VIP lies in, usually \`${text}/${usual}\`; \`ip address\` on a host shows it`,
    );
  }
  const why = unfitVip(vip);
  return why === null ? vip : wrong(why);
}

/** A list whose items are read one by one; one bare item counts as a list of one. Places of the items read go under `path.0`, `path.1`... */
function listOf<T>(
  form: string,
  about: About<readonly T[]>,
  item: Field<T>,
  atLeast = 0,
): Field<readonly T[]> {
  return {
    ...about,
    kind: 'field',
    form,
    read: (node, place, path, ledger) => {
      const nodes: (Node | null)[] = isSeq(node)
        ? (node.items as (Node | null)[])
        : isMap(node)
          ? []
          : [node];
      if (isMap(node) || (isScalar(node) && node.value === null) || node === null || nodes.length < atLeast) {
        const found = isSeq(node) ? 'an empty list' : describe(node);
        ledger.report(
          place,
          'wrong-value',
          `${path} must be ${form}; found ${found}`,
          `write for example \`${lastKey(path)}: ${about.example}\``,
        );
        return undefined;
      }
      const values: T[] = [];
      for (const each of nodes) {
        const itemPlace = ledger.placeOf(each, place);
        const value = item.read(ledger.resolve(each), itemPlace, path, ledger);
        if (value === undefined) continue;
        // Wrong items are left out, so that the rules between keys can still judge the others.
        ledger.places.set(`${path}.${values.length}`, itemPlace);
        values.push(value);
      }
      return values;
    },
  };
}

export function vips(about: About<readonly Cidr[]>, atLeast = 0): Field<readonly Cidr[]> {
  const one = 'an address with its prefix length';
  return listOf(
    `a list of addresses, each with its prefix length`,
    about,
    field({ ...noFallback(about) }, one, readVip),
    atLeast,
  );
}

export function texts(
  pattern: RegExp,
  form: string,
  about: About<readonly string[]>,
  why?: (text: string) => string | null,
): Field<readonly string[]> {
  return listOf(`a list, each ${form}`, about, matching(pattern, form, noFallback(about), why), 1);
}

function noFallback<A extends About<unknown>>(about: A): { meaning: string; example: string } {
  return { meaning: about.meaning, example: about.example };
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[v6]:port`. `names` says whether a host name will do, or only an address. */
export function hostPort(names: boolean, about: About<HostPort>): Field<HostPort> {
  const form = names ? 'a host with a port' : 'an address with a port';
  return field(about, `${form}, host:port`, (node, wrong) => {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(textOf(node) ?? '');
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    if (host === undefined || port < 1 || port > 65_535) return wrong();
    const bytes = parseIp(host);
    if (bytes !== null) return { host: formatIp(bytes), port };
    return names && /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/.test(host) && !/^[\d.]+$/.test(host)
      ? { host, port }
      : wrong();
  });
}

/** `auto` or a whole number. */
export function autoOrWhole(min: number, max: number, about: About<number | 'auto'>): Field<number | 'auto'> {
  return field(about, `auto, or a whole number from ${min} to ${max}`, (node, wrong) => {
    const value = isScalar(node) ? node.value : null;
    if (value === 'auto') return value;
    return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : wrong();
  });
}
