// Which vrrp_instance of the two files is which VIP of the pair: the write VIP follows the writer, a read VIP prefers the other host.
// Two instances whose priorities are crossed are the write and the read one; any others move together. Used by import.ts.
import { parseIp } from '../../core/ip/address.ts';
import type { AddressEntry } from '../keepalived/entries.ts';
import { pairsOf } from '../keepalived/peers.ts';
import type { Placed } from '../keepalived/spec.ts';
import type { Place } from '../keepalived/text.ts';
import type { InstanceConfig, KeepalivedConfig } from '../keepalived/types.ts';
import type { Say } from './types.ts';

/** The same instance in both files. */
export interface Twin {
  readonly a: InstanceConfig;
  readonly b: InstanceConfig;
}

export interface Roles {
  /** The first one gives the VRRP settings. */
  readonly write: readonly Twin[];
  readonly read: readonly Twin[];
  readonly because: string;
}

export const at = ({ file, line }: Pick<Place, 'file' | 'line'>): string => `${file}:${line}`;
/** Where a keyword of an instance was typed; where it was not, what counts then. */
export const from = (i: InstanceConfig, keyword: string): string =>
  i.placeOf(keyword) === i.at
    ? `keepalived's default (no ${keyword} in ${at(i.at)})`
    : at(i.placeOf(keyword));
const prefersA = ({ a, b }: Twin): boolean =>
  a.priority === b.priority ? b.state !== 'MASTER' : a.priority > b.priority;

const WRITE_NAME = /(?:^|[^a-z])(?:w|wr|write|writer|rw|master)(?:[^a-z]|$)/i;
const READ_NAME = /(?:^|[^a-z])(?:r|ro|read|reader|slave|replica)(?:[^a-z]|$)/i;

const namesOf = (twins: readonly Twin[]): string =>
  [...new Set(twins.flatMap((t) => [t.a.name, t.b.name]))].join(', ');

/** Why `one` is the writing side and `other` the reading one; null: nothing says so. */
function saysWrite(one: readonly Twin[], other: readonly Twin[]): string | null {
  const all = (twins: readonly Twin[], test: (i: InstanceConfig) => boolean) =>
    twins.every((t) => test(t.a) || test(t.b));
  if (all(one, (i) => WRITE_NAME.test(i.name)) && all(other, (i) => !WRITE_NAME.test(i.name)))
    return `the name of ${namesOf(one)} says so`;
  if (all(other, (i) => READ_NAME.test(i.name)) && all(one, (i) => !READ_NAME.test(i.name)))
    return `the name of ${namesOf(other)} says that it is the other one`;
  if (all(one, (i) => !i.preempt) && all(other, (i) => i.preempt))
    return `${namesOf(one)} does not move back by itself (nopreempt), as one wants it of the writer`;
  return null;
}

export function rolesOf(a: KeepalivedConfig, b: KeepalivedConfig): Roles {
  const twins = pairsOf(a, b).map(([x, y]): Twin => ({ a: x, b: y }));
  const toA = twins.filter(prefersA);
  const toB = twins.filter((t) => !prefersA(t));
  if (toA.length === 0 || toB.length === 0)
    return {
      write: twins,
      read: [],
      because:
        twins.length > 1
          ? `${namesOf(twins)} prefer the same host, so all their addresses follow the writer. One VRRP group is enough for them.`
          : 'One instance: its addresses follow the writer.',
    };
  const crossed = `The priorities of ${namesOf(toA)} and ${namesOf(toB)} are crossed: one host is preferred for writes, the other for reads.`;
  const reason = saysWrite(toA, toB);
  const reverse = reason === null ? saysWrite(toB, toA) : null;
  if (reason === null && reverse !== null)
    return { write: toB, read: toA, because: `${crossed} ${namesOf(toB)} is the write one: ${reverse}.` };
  const why =
    reason ??
    'it prefers the first host, and nothing else tells them apart: swap write and read if that is wrong';
  return { write: toA, read: toB, because: `${crossed} ${namesOf(toA)} is the write one: ${why}.` };
}

/** How many bits two addresses have in common; -1: not of one family. */
function commonBits(x: string, y: string): number {
  const [p, q] = [parseIp(x), parseIp(y)];
  if (p === null || q === null || p.length !== q.length) return -1;
  for (let i = 0; i < p.length; i++) {
    const differ = (p[i] ?? 0) ^ (q[i] ?? 0);
    if (differ !== 0) return i * 8 + Math.clz32(differ) - 24;
  }
  return p.length * 8;
}

export interface Vip {
  readonly text: string;
  readonly why: readonly string[];
}

interface VipOptions {
  readonly prefix: number | null;
  /** Of the nodes, as far as known: a VIP that was typed in two ways is the one in their network. */
  readonly nodes: readonly string[];
}

type Entry = Placed<AddressEntry>;
/** At least so much nearer to the nodes, in bits, that it is no accident. */
const NEARER_BITS = 2;

/** One address in the one file and another in the other: the one that lies nearer to the hosts. */
function settle(x: Entry, y: Entry, nodes: readonly string[], say: Say): Vip | null {
  const [one, other] = [x.value.address, y.value.address];
  const near = (address: string) => Math.min(...nodes.map((n) => commonBits(address, n)));
  const lead = nodes.length === 0 ? 0 : near(one) - near(other);
  const places = `${one} in ${at(x.at)}, ${other} in ${at(y.at)}`;
  if (Math.abs(lead) < NEARER_BITS) {
    say(
      'error',
      x.at,
      'import-vip',
      `the two files have different addresses (${places}), and nothing tells which one is meant`,
      'mend the wrong one and import again, or fill the right one in',
    );
    return null;
  }
  const [right, wrong] = lead > 0 ? [x, y] : [y, x];
  say(
    'error',
    wrong.at,
    'import-vip',
    `${wrong.value.address} is taken for a typing error: ${right.value.address} (${at(right.at)}) lies in the network of the hosts (${nodes.join(', ')})`,
    'check that vips in the result are what clients use',
  );
  return {
    text: right.value.address,
    why: [`Typed in two ways: ${places}. Taken: the one in the network of the hosts ${nodes.join(' and ')}.`],
  };
}

function withPrefix(entry: Entry, options: VipOptions): Vip {
  const { address, prefix, prefixTyped } = entry.value;
  if (prefixTyped) return { text: `${address}/${prefix}`, why: [] };
  if (options.prefix !== null)
    return {
      text: `${address}/${options.prefix}`,
      why: [`${at(entry.at)} has no prefix length; /${options.prefix} is --vip-prefix.`],
    };
  return {
    text: `${address}/${prefix}`,
    why: [
      `${at(entry.at)} has no prefix length: keepalived takes /${prefix}, so it stays. (--vip-prefix 24 writes another; a VIP with the prefix of its network is checked against the hosts' addresses.)`,
    ],
  };
}

/** VRRP for IPv6 begins with such an address (RFC 9568, section 5.2.9); the agent sends from the interface's own. */
export const isLinkLocal = (address: string): boolean => /^fe[89ab][0-9a-f]:/i.test(address);

/** VRRP version 2 knows no IPv6. */
export const hasSix = ({ write, read }: Roles): boolean =>
  [...write, ...read].some(({ a, b }) =>
    [a, b].some((i) => [...i.addresses, ...i.excluded].some((e) => e.value.address.includes(':'))),
  );

/** The addresses of these instances, of both files together. null in the list: to be filled in. */
export function vipsOf(twins: readonly Twin[], options: VipOptions, say: Say): (Vip | null)[] {
  const vips = new Map<string, Vip | null>();
  for (const { a, b } of twins) {
    const all = (i: InstanceConfig) =>
      [...i.addresses, ...i.excluded].filter((e) => !isLinkLocal(e.value.address));
    const onlyA = all(a).filter((x) => !all(b).some((y) => y.value.address === x.value.address));
    const onlyB = all(b).filter((y) => !all(a).some((x) => x.value.address === y.value.address));
    const [x, y] = [onlyA[0], onlyB[0]];
    const mistyped = onlyA.length === 1 && onlyB.length === 1 && x !== undefined && y !== undefined;
    const settled = mistyped ? settle(x, y, options.nodes, say) : undefined;
    for (const entry of [...all(a), ...onlyB]) {
      if (mistyped && (entry === x || entry === y)) {
        if (settled === null) vips.set(`? ${x.value.address}`, null);
        else if (settled?.text === entry.value.address) {
          const vip = withPrefix(entry, options);
          vips.set(entry.value.address, { text: vip.text, why: [...settled.why, ...vip.why] });
        }
        continue;
      }
      const excluded = [...a.excluded, ...b.excluded].includes(entry);
      const vip = withPrefix(entry, options);
      const why = excluded
        ? [
            ...vip.why,
            `${entry.value.address} was in virtual_ipaddress_excluded (${at(entry.at)}): set with the others and not advertised. A pair knows no such difference.`,
          ]
        : vip.why;
      vips.set(entry.value.address, { text: vip.text, why });
    }
  }
  return [...vips.values()];
}
