// MySQL's GTID sets as text: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7:backup:1-3", intervals by server uuid and, from
// 8.3 on, tag. A set says exactly which transactions it holds, holes included. Read by core/pair (through gtid.ts) to
// compare servers, and by io/database. Never throws: text that is no set contains nothing.

/** First and last sequence number, both of them in it. */
export interface Interval {
  readonly first: bigint;
  readonly last: bigint;
}

/** By "uuid" or "uuid:tag", in lower case; intervals in order, none touching the next. */
export type GtidSet = ReadonlyMap<string, readonly Interval[]>;

export type ParsedGtidSet =
  | { readonly ok: true; readonly set: GtidSet }
  | { readonly ok: false; readonly reason: string };

/** The server's greatest: 2^63 - 2. */
const SEQUENCE_MAX = 0x7fff_ffff_ffff_fffen;
/** Some ten thousand intervals; a set of more is none that a healthy server has. */
const TEXT_MAX = 262_144;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;
const NUMBERS = /^(\d{1,19})(?:-(\d{1,19}))?$/;

const refused = (part: string, wanted: string): ParsedGtidSet => ({
  ok: false,
  reason: `"${part.slice(0, 60)}" is no ${wanted}`,
});

export function parseGtidSet(text: string): ParsedGtidSet {
  if (text.length > TEXT_MAX) return { ok: false, reason: `a GTID set of ${text.length} characters` };
  const set = new Map<string, Interval[]>();
  if (text.trim() === '') return { ok: true, set };
  for (const member of text.toLowerCase().split(',')) {
    const [uuid = '', ...rest] = member.split(':').map((part) => part.trim());
    if (!UUID.test(uuid)) return refused(uuid, "server's uuid");
    let key = uuid;
    // What a uuid or a tag must be followed by, or it names no transaction.
    let numbered = false;
    for (const part of rest) {
      const interval = readInterval(part);
      if (interval !== null) {
        const intervals = set.get(key) ?? [];
        intervals.push(interval);
        set.set(key, intervals);
        numbered = true;
      } else if (TAG.test(part) && (numbered || key === uuid)) {
        key = `${uuid}:${part}`;
        numbered = false;
      } else return refused(part, 'interval like 1-5, and no tag in its place');
    }
    if (!numbered) return refused(member.trim(), 'GTID set like uuid:1-5');
  }
  for (const [key, intervals] of set) set.set(key, merged(intervals));
  return { ok: true, set };
}

function readInterval(part: string): Interval | null {
  const [, from, to] = NUMBERS.exec(part) ?? [];
  if (from === undefined) return null;
  const first = BigInt(from);
  const last = BigInt(to ?? from);
  return first < 1n || last < first || last > SEQUENCE_MAX ? null : { first, last };
}

const byFirst = (a: Interval, b: Interval): number => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0);

function merged(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (const next of [...intervals].sort(byFirst)) {
    const before = result.at(-1);
    if (before === undefined || next.first > before.last + 1n) result.push(next);
    else if (next.last > before.last) result[result.length - 1] = { first: before.first, last: next.last };
  }
  return result;
}

const intervalText = ({ first, last }: Interval): string =>
  first === last ? `${first}` : `${first}-${last}`;

/** As the server writes it, on one line: sorted by uuid, each once, the tags behind it in order. Equal sets are equal texts. */
export function formatGtidSet(set: GtidSet): string {
  const members: string[] = [];
  let uuidBefore = '';
  for (const [key, intervals] of [...set].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (intervals.length === 0) continue;
    const numbers = intervals.map(intervalText).join(':');
    const [uuid = '', tag] = key.split(':');
    if (uuid === uuidBefore) members.push(`${members.pop()}:${tag}:${numbers}`);
    else members.push(`${key}:${numbers}`);
    uuidBefore = uuid;
  }
  return members.join(',');
}

/** Calls back with the sets of both texts; undefined when either is none. */
function both<T>(a: string, b: string, then: (a: GtidSet, b: GtidSet) => T): T | undefined {
  const left = parseGtidSet(a);
  const right = parseGtidSet(b);
  return left.ok && right.ok ? then(left.set, right.set) : undefined;
}

function without(intervals: readonly Interval[], taken: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  let at = 0;
  for (const { first, last } of intervals) {
    let from = first;
    while (at < taken.length && (taken[at] as Interval).last < from) at += 1;
    for (let each = at; each < taken.length; each += 1) {
      const hole = taken[each] as Interval;
      if (hole.first > last) break;
      if (hole.first > from) result.push({ first: from, last: hole.first - 1n });
      from = hole.last + 1n;
    }
    if (from <= last) result.push({ first: from, last });
  }
  return result;
}

function difference(a: GtidSet, b: GtidSet): GtidSet {
  const result = new Map<string, readonly Interval[]>();
  for (const [key, intervals] of a) {
    const left = without(intervals, b.get(key) ?? []);
    if (left.length > 0) result.set(key, left);
  }
  return result;
}

/** Whether `a` holds every transaction of `b`. */
export const contains = (a: string, b: string): boolean =>
  both(a, b, (held, asked) => difference(asked, held).size === 0) ?? false;

export const equal = (a: string, b: string): boolean =>
  both(a, b, (left, right) => formatGtidSet(left) === formatGtidSet(right)) ?? false;

/** What either holds. Text that is no set stays in the result, so that nothing contains it. */
export function union(a: string, b: string): string {
  const united = both(a, b, (left, right) => {
    const all = new Map<string, readonly Interval[]>(left);
    for (const [key, intervals] of right) all.set(key, merged([...(all.get(key) ?? []), ...intervals]));
    return formatGtidSet(all);
  });
  return united ?? `${a},${b}`;
}

/** What `a` holds and `b` does not: errant transactions, when `b` is the writer's. Null when either is no set. */
export const subtract = (a: string, b: string): string | null =>
  both(a, b, (left, right) => formatGtidSet(difference(left, right))) ?? null;

function size(set: GtidSet): number {
  let transactions = 0n;
  for (const intervals of set.values())
    for (const { first, last } of intervals) transactions += last - first + 1n;
  return Number(transactions);
}

/** How many transactions are in it; Infinity for text that is no set. */
export function count(text: string): number {
  const parsed = parseGtidSet(text);
  return parsed.ok ? size(parsed.set) : Number.POSITIVE_INFINITY;
}

/** How many transactions `behind` lacks of `ahead`; Infinity when either is no set. */
export const backlog = (ahead: string, behind: string): number =>
  both(ahead, behind, (reached, held) => size(difference(reached, held))) ?? Number.POSITIVE_INFINITY;
