// Set-up's look at servers without GTIDs: their histories are places in binary logs, which tell of two servers only when both
// have a channel from the other. Before that there are three cases: both without data, both with (then their rows are compared, and
// each begins where the other's log ends), or one of each, which reads the other's log from its start, if that is all there.
import type { Refusal, SetupNode } from './setup-facts.ts';

/** As CHANGE MASTER takes it. */
export interface LogPlace {
  readonly file: string;
  readonly offset: number;
}

/** A server's own binary log. */
export interface OwnLogPlaces {
  readonly start: LogPlace;
  readonly end: LogPlace;
}

/** No file before the first has been removed. */
const isComplete = ({ start }: OwnLogPlaces): boolean => Number(/\.(\d+)$/.exec(start.file)?.[1]) === 1;

/** The nodes with histories that say what can be known of each other. */
export function settlePlaces(nodes: readonly [SetupNode, SetupNode]): readonly [SetupNode, SetupNode] {
  const [a, b] = nodes;
  if (a.seen.places === undefined || b.seen.places === undefined) return nodes;
  if (a.seen.channel !== null && b.seen.channel !== null) return nodes;
  const only = nodes.filter(({ seen }) => seen.tables.length > 0);
  const full = only.length === 1 ? only[0] : undefined;
  const settled = (node: SetupNode): SetupNode => {
    const { seen } = node;
    if (seen.places === undefined) return node;
    if (node !== full) return { ...node, seen: { ...seen, executed: '', history: '', purged: '' } };
    const { start } = seen.places;
    const purged = isComplete(seen.places) ? '' : `${seen.uuid}@${start.file}:${start.offset}`;
    return { ...node, seen: { ...seen, purged } };
  };
  return [settled(a), settled(b)];
}

/** Where the channel of `node` is to begin in the log of `peer`; undefined: by GTID, or where it stands. */
export function beginning(node: SetupNode, peer: SetupNode): LogPlace | undefined {
  if (node.seen.channel !== null || peer.seen.places === undefined) return undefined;
  const fromStart = node.seen.executed === '' && peer.seen.executed !== '';
  return fromStart ? peer.seen.places.start : peer.seen.places.end;
}

export function gtidModeProblem(a: SetupNode, b: SetupNode): Refusal[] {
  if ((a.seen.places === undefined) === (b.seen.places === undefined) || a.seen.family === 'mariadb')
    return [];
  const [by, without] = a.seen.places === undefined ? [a, b] : [b, a];
  return [
    {
      code: 'gtid-modes',
      message: `${by.name} has gtid_mode=ON and ${without.name} has not: neither would receive from the other`,
      hint: `set gtid_mode = ON and enforce_gtid_consistency = ON on ${without.name}, or gtid_mode = OFF on both (mysql.replication.positioning: binlog)`,
    },
  ];
}
