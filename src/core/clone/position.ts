// Where in the writer's history a copy stands: read from what the tools leave, and completed to what the copy's own binary
// log must begin with. The copy's GTID state has to be exactly the writer's at that moment: pairing and rejoin compare them.

import { formatGtid, parseGtids } from '../gtid/mariadb.ts';

/** The last transaction in a copy, as mariadb-backup says: file, position, GTIDs. Null: none is named. */
export function positionOfBackup(info: string): string | null {
  const gtids = info.trim().split(/\s+/)[2];
  if (gtids === undefined) return null;
  const parsed = parseGtids(gtids);
  return parsed.ok && parsed.gtids.length > 0 ? gtids : null;
}

/**
 * The same of a dump by mariadb-dump --master-data=2 --gtid: a comment, at its end (seen with 10.11.19), or at its beginning, as older ones have it. `ends` are its first and its last bytes. Null: not there.
 */
export function positionOfDump(ends: { readonly head: string; readonly tail: string }): string | null {
  const comment = /^-- SET GLOBAL gtid_slave_pos='([^'\n]*)';$/gm;
  const gtids = [...ends.tail.matchAll(comment)].at(-1)?.[1] ?? [...ends.head.matchAll(comment)][0]?.[1];
  if (gtids === undefined) return null;
  const parsed = parseGtids(gtids);
  return parsed.ok && parsed.gtids.length > 0 ? gtids : null;
}

export type History =
  | { readonly ok: true; readonly state: string }
  | { readonly ok: false; readonly reason: string };

/**
 * The gtid_binlog_state of a MariaDB copy: that of the donor before the copy was begun, brought to the copy's position. `after` is the
 * donor's when it had ended: when another server's transactions came to it meanwhile, nobody can say what of them is in the copy.
 */
export function historyOfCopy(before: string, after: string, position: string): History {
  const [old, now, at] = [parseGtids(before), parseGtids(after), parseGtids(position)];
  if (!old.ok || !now.ok || !at.ok)
    return { ok: false, reason: `the donor's history is not readable: ${before} ${after} ${position}` };
  const key = ({ domain, server }: { domain: number; server: number }): string => `${domain}-${server}`;
  const reached = new Map(at.gtids.map((gtid) => [key(gtid), gtid]));
  const known = new Map(old.gtids.map((gtid) => [key(gtid), gtid]));
  const moved = now.gtids.find(
    (gtid) => !reached.has(key(gtid)) && known.get(key(gtid))?.sequence !== gtid.sequence,
  );
  if (moved !== undefined) {
    const reason = `transactions of server ${moved.server} (${formatGtid(moved)}) reached the donor while it was copied`;
    return { ok: false, reason };
  }
  // The last of each domain comes last: the server takes it for its position.
  const rest = old.gtids.filter((gtid) => !reached.has(key(gtid)));
  return { ok: true, state: [...rest, ...at.gtids].map(formatGtid).join(',') };
}
