// GTIDs of either family as text, for whoever compares servers and never asks which family they are. A set of MySQL names
// a uuid and holds a colon ("3e11fa47-...:1-5"), a position of MariaDB never does ("0-1-100"), places in binary logs, of servers
// without GTIDs, hold an @ ("3e11fa47-...@binlog.000001:98"); empty text is either's. Two families in one question: nothing is contained, and a union is text that nothing contains.
import * as mariadb from './mariadb.ts';
import * as mysql from './mysql.ts';
import * as positions from './positions.ts';

const isPlaces = (text: string): boolean => text.includes('@');
const isMysql = (text: string): boolean => text.includes(':') && !isPlaces(text);
function familyOf(a: string, b: string): typeof mariadb | typeof mysql | typeof positions {
  if (isPlaces(a) || isPlaces(b)) return positions;
  return isMysql(a) || isMysql(b) ? mysql : mariadb;
}

/** Whether a server at `a` has all that one at `b` has: for MariaDB by the last sequence number of each domain. */
export const contains = (a: string, b: string): boolean => familyOf(a, b).contains(a, b);

export const equal = (a: string, b: string): boolean => familyOf(a, b).equal(a, b);

/** The least that contains both. */
export const union = (a: string, b: string): string => familyOf(a, b).union(a, b);

/**
 * Whether `position` ends in a transaction of this server: a history that went another way may have higher numbers. A set of
 * MySQL names each transaction, and places tell of each server's log, so that `contains` says it all.
 */
export const endsWith = (position: string, serverId: number): boolean =>
  isPlaces(position) || isMysql(position) || mariadb.endsWith(position, serverId);

/** How many transactions `behind` lacks of `ahead`; Infinity when either is not understood, or places cannot tell how many. */
export const backlog = (ahead: string, behind: string): number =>
  familyOf(ahead, behind).backlog(ahead, behind);

/** What a history calls the server that a transaction was born at: MariaDB's server_id, MySQL's server_uuid. */
export function originOf(gtid: string): string {
  if (isPlaces(gtid)) return gtid.split('@')[0]?.trim() ?? '';
  return (isMysql(gtid) ? gtid.split(':')[0] : gtid.split('-')[1])?.trim() ?? '';
}

/**
 * Whether a position names commits as soon as they are logged (MariaDB), or only when they are acknowledged (MySQL), so that a
 * standby that holds all of it may hold nothing of what waits.
 */
export const namesWaiting = (position: string): boolean => !isMysql(position);

/**
 * What the history `own` has that `other` lacks, each as its family writes it: errant, when `other` is the writer's. For
 * MariaDB both are a gtid_binlog_state. Null when either is not understood.
 */
export function lacking(own: string, other: string): readonly string[] | null {
  const family = familyOf(own, other);
  if (family === positions) return positions.lacking(own, other);
  if (family === mariadb) return mariadb.lacking(own, other)?.map(mariadb.formatGtid) ?? null;
  const errant = mysql.subtract(own, other);
  if (errant === null) return null;
  return errant === '' ? [] : errant.split(',');
}
