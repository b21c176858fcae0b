// Which transactions of a node are errant, where its history went apart from the writer's, and what its history is without them.
// `own` and `writers` are histories as in ServerStatus: MariaDB's gtid_binlog_state, MySQL's gtid_executed. Null: not understood.
import { formatGtid, formatGtids, type Gtid, parseGtids } from '../gtid/mariadb.ts';
import { contains, subtract } from '../gtid/mysql.ts';

const isMysql = (text: string): boolean => text.includes(':');

function entries(text: string): Map<string, Gtid> | null {
  const parsed = parseGtids(text);
  if (!parsed.ok) return null;
  return new Map(parsed.gtids.map((gtid) => [`${gtid.domain}-${gtid.server}`, gtid]));
}

/** Whether the writer's history lacks this transaction. */
export function isErrant(gtid: string, writers: string): boolean {
  if (isMysql(gtid)) return !contains(writers, gtid);
  const held = entries(writers);
  const one = entries(gtid);
  if (held === null || one === null) return false;
  return [...one].some(([origin, { sequence }]) => (held.get(origin)?.sequence ?? 0n) < sequence);
}

/** The history of the node once what is errant is undone: what both have, given by whom it was. */
export function withoutErrant(own: string, writers: string): string | null {
  if (isMysql(own) || isMysql(writers)) {
    const errant = subtract(own, writers);
    return errant === null ? null : subtract(own, errant);
  }
  const mine = entries(own);
  const theirs = entries(writers);
  if (mine === null || theirs === null) return null;
  const both: Gtid[] = [];
  for (const [origin, gtid] of mine) {
    const held = theirs.get(origin);
    if (held !== undefined) both.push(held.sequence < gtid.sequence ? held : gtid);
  }
  return formatGtids(both);
}

/** MariaDB: the last transaction of each domain in such a history, as gtid_slave_pos has it. */
export function positionOf(history: string): string | null {
  const parsed = parseGtids(history);
  if (!parsed.ok) return null;
  const last = new Map<number, Gtid>();
  for (const gtid of parsed.gtids) {
    const before = last.get(gtid.domain);
    if (before === undefined || gtid.sequence > before.sequence) last.set(gtid.domain, gtid);
  }
  return formatGtids(last.values());
}

/** The entry of one server in a MariaDB history, or its part of a MySQL set; empty: it has none. */
export function bornAt(history: string, origin: string): string {
  if (isMysql(history)) {
    const part = history.split(',').find((each) => each.trim().startsWith(`${origin}:`));
    return part?.trim() ?? '';
  }
  const parsed = parseGtids(history);
  if (!parsed.ok) return '';
  return parsed.gtids
    .filter((gtid) => String(gtid.server) === origin)
    .map(formatGtid)
    .join(',');
}
