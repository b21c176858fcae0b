// Histories of servers without GTIDs, as positions in binary logs: "uuid@binlog.000003:1200..binlog.000004:4567,uuid@binlog.000001:98".
// Read by core/pair (through gtid.ts) to compare servers; written by io/database. Never throws: text that is none contains nothing.
//
// Each server of the ring logs what it applies as well (log_slave_updates), so a transaction stands in every log, at another place
// in each. Only the log of the server that a transaction was born at orders it for all: to have passed that place in that log is to
// have the transaction. So a history is a vector with one entry for each log, and an entry is two places:
//   need   the end of the last transaction in this log that others must have taken from it;
//   reach  how far the server that says it has the log.
// A server's entry for its own log has need <= reach: behind `need` its log holds only what it applied, which was born elsewhere
// and is told by the entry of the log it was born in. (Were `need` the end of the log, a standby would seem to have something
// of its own with each transaction that it applies.) Its entry for another's log is one place: how far it executed that log, in
// which its own transactions come back and are passed over.
// Hence a has what b has when, in every log that b tells of, a's reach is not before b's need:
//   - "the standby holds all that the writer has": it executed the writer's log to the writer's own last transaction;
//     that the writer passed over some of the standby's log is the standby's own log, which it has to its end;
//   - "the fallen one has what the writer lacks": its own last transaction is behind the place to which the writer executed its log;
//   - a log that RESET MASTER began anew: its server's reach is before the other's place, so it does not contain the other;
//   - a log that a crash cut short: the server goes on in a next file, so it tells where its last files ended ("!1:873", file 1 at
//     873); it does not contain what took more from one of them than is there.
// Exact for the two servers of a pair. A further replica tells only of the log that it reads: it contains neither of them.
// Logs of another base name cannot be compared: neither contains the other.

/** A place in a binary log: behind the event that ends there. 0: nothing of the log. */
interface Place {
  readonly base: string;
  readonly file: number;
  readonly offset: bigint;
}

interface Entry {
  readonly need: Place;
  readonly reach: Place;
  /** Of the own log: where files that are closed end, by their number. */
  readonly ends: ReadonlyMap<number, bigint>;
}

/** By the uuid (or server id) of the server whose log it is, in lower case. */
type Vector = ReadonlyMap<string, Entry>;

export type ParsedPositions =
  | { readonly ok: true; readonly vector: Vector }
  | { readonly ok: false; readonly reason: string };

const TEXT_MAX = 65_536;
const ENTRY =
  /^([0-9a-z-]{1,64})@([^@:,!]+):(\d{1,20})(?:\.\.([^@:,!]+):(\d{1,20}))?((?:!\d{1,10}:\d{1,20})*)$/i;
const NO_ENDS: ReadonlyMap<number, bigint> = new Map();
const FILE = /^(.{1,255})\.(\d{1,10})$/;

function placeOf(file: string, offset: string): Place | null {
  const [, base, number] = FILE.exec(file) ?? [];
  return base === undefined ? null : { base, file: Number(number), offset: BigInt(offset) };
}

/** Negative: x is before y. Null: of logs that cannot be compared. */
function compare(x: Place, y: Place): number | null {
  if (x.base !== y.base) return null;
  if (x.file !== y.file) return x.file - y.file;
  return x.offset < y.offset ? -1 : x.offset > y.offset ? 1 : 0;
}

const isBefore = (x: Place, y: Place): boolean => (compare(x, y) ?? -1) < 0;

export function parsePositions(text: string): ParsedPositions {
  if (text.length > TEXT_MAX) return { ok: false, reason: `positions of ${text.length} characters` };
  const vector = new Map<string, Entry>();
  if (text.trim() === '') return { ok: true, vector };
  for (const part of text.split(',')) {
    const member = part.trim();
    const [, origin = '', file = '', offset = '', toFile, toOffset = '', ended = ''] =
      ENTRY.exec(member) ?? [];
    const need = placeOf(file, offset);
    const reach = toFile === undefined ? need : placeOf(toFile, toOffset);
    if (need === null || reach === null)
      return { ok: false, reason: `"${member.slice(0, 60)}" is no position like uuid@binlog.000001:98` };
    const order = compare(need, reach);
    if (order === null || order > 0)
      return { ok: false, reason: `"${member.slice(0, 60)}" ends before it begins` };
    const key = origin.toLowerCase();
    if (vector.has(key)) return { ok: false, reason: `two positions in the log of ${key}` };
    vector.set(key, { need, reach, ends: endsOf(ended) });
  }
  return { ok: true, vector };
}

function endsOf(text: string): ReadonlyMap<number, bigint> {
  if (text === '') return NO_ENDS;
  const pairs = text.slice(1).split('!');
  return new Map(
    pairs.map((pair) => {
      const [file = '', end = ''] = pair.split(':');
      return [Number(file), BigInt(end)];
    }),
  );
}

const formatPlace = ({ base, file, offset }: Place): string =>
  `${base}.${String(file).padStart(6, '0')}:${offset}`;

function formatVector(vector: Vector): string {
  return [...vector]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([origin, { need, reach, ends }]) => {
      const to = compare(need, reach) === 0 ? '' : `..${formatPlace(reach)}`;
      const ended = [...ends].map(([file, end]) => `!${file}:${end}`).join('');
      return `${origin}@${formatPlace(need)}${to}${ended}`;
    })
    .join(',');
}

function both<T>(a: string, b: string, then: (a: Vector, b: Vector) => T): T | undefined {
  const left = parsePositions(a);
  const right = parsePositions(b);
  return left.ok && right.ok ? then(left.vector, right.vector) : undefined;
}

/** Whether `held` has what its server must have of this log. A log of which nothing was ever needed is had by everybody. */
const reached = (held: Vector, origin: string, need: Place): boolean => {
  const entry = held.get(origin);
  if (entry === undefined) return need.offset === 0n;
  return !isBefore(entry.reach, need) && need.offset <= (entry.ends.get(need.file) ?? need.offset);
};

/** Whether a server at `a` has every transaction that one at `b` has. */
export const contains = (a: string, b: string): boolean =>
  both(a, b, (held, asked) => [...asked].every(([origin, { need }]) => reached(held, origin, need))) ?? false;

export const equal = (a: string, b: string): boolean => contains(a, b) && contains(b, a);

/** What either has. Text that is none, and logs that cannot be compared, stay as a text that nothing contains. */
export function union(a: string, b: string): string {
  const united = both(a, b, (left, right) => {
    const all = new Map<string, Entry>(left);
    for (const [origin, entry] of right) {
      const before = all.get(origin);
      if (before !== undefined && compare(before.reach, entry.reach) === null) return undefined;
      const later = (x: Place, y: Place): Place => (isBefore(x, y) ? y : x);
      all.set(
        origin,
        before === undefined
          ? entry
          : {
              need: later(before.need, entry.need),
              reach: later(before.reach, entry.reach),
              ends: before.ends.size > 0 ? before.ends : entry.ends,
            },
      );
    }
    return formatVector(all);
  });
  return united ?? `${a},${b}`;
}

/** The parts of logs that `own` needs and `other` has not reached, as "uuid@from..to"; null when either is no text of positions. */
export const lacking = (own: string, other: string): readonly string[] | null =>
  both(own, other, (mine, theirs) =>
    [...mine]
      .filter(([origin, { need }]) => !reached(theirs, origin, need))
      .map(([origin, { need }]) => {
        const held = theirs.get(origin);
        const start = { ...need, offset: held?.ends.get(need.file) ?? 0n };
        const known =
          held !== undefined && held.reach.base === need.base && isBefore(held.reach, need)
            ? held.reach
            : start;
        return `${origin}@${formatPlace(known)}..${formatPlace(need)}`;
      }),
  ) ?? null;

/** Positions do not count transactions: none, or nobody knows how many. */
export const backlog = (ahead: string, behind: string): number =>
  contains(behind, ahead) ? 0 : Number.POSITIVE_INFINITY;

interface NamedPlace {
  /** As the server says it. */
  readonly file: string;
  readonly offset: string | number | bigint;
}

/** One entry: how far a server has another's log, or (with `need`) its own; `closed`: where the own log's last files end. */
export function positionText(
  origin: string,
  reach: NamedPlace,
  need: NamedPlace = reach,
  closed: readonly NamedPlace[] = [],
): string {
  const to = placeOf(reach.file, String(reach.offset));
  const from = placeOf(need.file, String(need.offset));
  if (to === null || from === null || origin === '') return '';
  const ends = new Map<number, bigint>();
  for (const each of closed) {
    const end = placeOf(each.file, String(each.offset));
    if (end !== null && end.file < to.file) ends.set(end.file, end.offset);
  }
  return formatVector(new Map([[origin.toLowerCase(), { need: from, reach: to, ends }]]));
}
