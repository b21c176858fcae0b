// Where a copy of a binary log has come to, from the GTIDs that it holds, in the order of the log.
import { union } from '../gtid/gtid.ts';

/** `behind` and all of these. A log without GTIDs adds nothing. */
export function positionBehind(behind: string, gtids: Iterable<string>): string {
  const last = new Map<string, string>();
  const ranges = new Map<string, [first: bigint, last: bigint][]>();
  for (const gtid of gtids) {
    const colon = gtid.lastIndexOf(':');
    if (colon < 0) {
      // MariaDB: in each domain the last one names them all.
      const domain = gtid.split('-')[0] ?? '';
      if (gtid !== '') last.set(domain, gtid);
      continue;
    }
    const [origin, number] = [gtid.slice(0, colon), BigInt(gtid.slice(colon + 1))];
    const known = ranges.get(origin) ?? [];
    const end = known.at(-1);
    if (end !== undefined && end[1] + 1n === number) end[1] = number;
    else known.push([number, number]);
    ranges.set(origin, known);
  }
  const sets = [...ranges].map(
    ([origin, each]) => `${origin}:${each.map(([from, to]) => `${from}-${to}`).join(':')}`,
  );
  return [...last.values(), ...sets].reduce(union, behind);
}
