// MariaDB's GTIDs as text: "0-1-100,1-2-3", domain-server-sequence. A position names the last transaction of each
// domain (gtid_binlog_pos, gtid_slave_pos); a state names the last of each server in each domain (gtid_binlog_state).
// Read by core/pair to compare servers, and by io/database. Never throws: text that is no GTID list contains nothing.

export interface Gtid {
  readonly domain: number;
  readonly server: number;
  /** 64 bits, unsigned. */
  readonly sequence: bigint;
}

export type ParsedGtids =
  | { readonly ok: true; readonly gtids: readonly Gtid[] }
  | { readonly ok: false; readonly reason: string };

const UINT32_MAX = 0xffff_ffff;
const UINT64_MAX = 0xffff_ffff_ffff_ffffn;
/** One GTID takes 42 characters at most; a list of this many bytes is none of ours. */
const TEXT_MAX = 65_536;
const ONE = /^(\d{1,10})-(\d{1,10})-(\d{1,20})$/;

export function parseGtids(text: string): ParsedGtids {
  if (text.length > TEXT_MAX) return { ok: false, reason: `a GTID list of ${text.length} characters` };
  if (text.trim() === '') return { ok: true, gtids: [] };
  const gtids: Gtid[] = [];
  for (const part of text.split(',')) {
    const found = ONE.exec(part.trim());
    const [, domain = '', server = '', sequence = ''] = found ?? [];
    const gtid = { domain: Number(domain), server: Number(server), sequence: BigInt(sequence || '0') };
    if (found === null || gtid.domain > UINT32_MAX || gtid.server > UINT32_MAX || gtid.sequence > UINT64_MAX)
      return { ok: false, reason: `"${part.trim().slice(0, 60)}" is no GTID like 0-1-100` };
    gtids.push(gtid);
  }
  return { ok: true, gtids };
}

export const formatGtid = (gtid: Gtid): string => `${gtid.domain}-${gtid.server}-${gtid.sequence}`;

/** Sorted by domain, then by sequence number, so that equal lists are equal texts. */
export function formatGtids(gtids: Iterable<Gtid>): string {
  return [...gtids]
    .sort(
      (a, b) =>
        a.domain - b.domain ||
        (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : a.server - b.server),
    )
    .map(formatGtid)
    .join(',');
}

/** The last transaction of each domain; null for text that is no list. */
function lastByDomain(text: string): Map<number, Gtid> | null {
  const parsed = parseGtids(text);
  if (!parsed.ok) return null;
  const last = new Map<number, Gtid>();
  for (const gtid of parsed.gtids) {
    const before = last.get(gtid.domain);
    if (before === undefined || gtid.sequence > before.sequence) last.set(gtid.domain, gtid);
  }
  return last;
}

/**
 * Whether `a` has reached `b`: in each domain of `b`, `a` has the same sequence number or a higher one. Says nothing of
 * two histories that went apart; `lacking` does, on states.
 */
export function contains(a: string, b: string): boolean {
  const held = lastByDomain(a);
  const asked = lastByDomain(b);
  if (held === null || asked === null) return false;
  for (const gtid of asked.values()) {
    const last = held.get(gtid.domain);
    if (last === undefined || last.sequence < gtid.sequence) return false;
  }
  return true;
}

export function equal(a: string, b: string): boolean {
  const left = lastByDomain(a);
  const right = lastByDomain(b);
  return left !== null && right !== null && formatGtids(left.values()) === formatGtids(right.values());
}

/** The position that has reached both. Text that is no list stays in the result, so that nothing contains it. */
export function union(a: string, b: string): string {
  const left = lastByDomain(a);
  const right = lastByDomain(b);
  if (left === null || right === null) return `${a},${b}`;
  const last = new Map(left);
  for (const gtid of right.values()) {
    const before = last.get(gtid.domain);
    if (before === undefined || gtid.sequence > before.sequence) last.set(gtid.domain, gtid);
  }
  return formatGtids(last.values());
}

/**
 * What the history `own` (a gtid_binlog_state) has that `other` (one as well) lacks, as the last such transaction of
 * each server: errant ones, when `other` is the writer's. Null when either is no list.
 */
export function lacking(own: string, other: string): readonly Gtid[] | null {
  const mine = parseGtids(own);
  const theirs = parseGtids(other);
  if (!mine.ok || !theirs.ok) return null;
  return mine.gtids.filter(
    (gtid) =>
      !theirs.gtids.some(
        (held) =>
          held.domain === gtid.domain && held.server === gtid.server && held.sequence >= gtid.sequence,
      ),
  );
}

/**
 * gtid_slave_pos as it must be for the receiver to fetch what this server lacks, or null when it is right.
 * A writer's slave position follows its own transactions as they come back over the ring, also those that crash
 * recovery then rolls back: it may be ahead of the server's own binary log, which tells the truth.
 */
export function rewoundSlavePosition(slavePos: string, binlogPos: string, serverId: number): string | null {
  const slave = lastByDomain(slavePos);
  const logged = lastByDomain(binlogPos);
  if (slave === null || logged === null) return null;
  let changed = false;
  for (const gtid of [...slave.values()]) {
    const last = logged.get(gtid.domain);
    // An empty log is a clone's: its slave position is all that tells where it stands.
    if (gtid.server !== serverId || last === undefined || last.sequence >= gtid.sequence) continue;
    slave.set(gtid.domain, last);
    changed = true;
  }
  return changed ? formatGtids(slave.values()) : null;
}

/**
 * Whether the last transaction of some domain is of this server. Sequence numbers alone do not show whose history it is: a server
 * that went another way may have come further.
 */
export function endsWith(position: string, serverId: number): boolean {
  const parsed = parseGtids(position);
  return parsed.ok && parsed.gtids.some((gtid) => gtid.server === serverId);
}

/** The last transaction of each domain that this server really has. */
export function executedPosition(slavePos: string, binlogPos: string, serverId: number): string {
  return union(rewoundSlavePosition(slavePos, binlogPos, serverId) ?? slavePos, binlogPos);
}

/** How many transactions `behind` lacks of `ahead`, by sequence numbers; Infinity when either is no list. */
export function backlog(ahead: string, behind: string): number {
  const reached = lastByDomain(ahead);
  const held = lastByDomain(behind);
  if (reached === null || held === null) return Number.POSITIVE_INFINITY;
  let count = 0;
  for (const gtid of reached.values()) {
    count += Math.max(0, Number(gtid.sequence - (held.get(gtid.domain)?.sequence ?? 0n)));
  }
  return count;
}
