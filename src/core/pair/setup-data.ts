// Set-up's look at the data of both servers: whether they are two points of one history, so that one can catch up.
import { contains, formatGtids, lacking } from '../gtid/mariadb.ts';
import { type Positions, positionsOf, type Refusal, type SetupInput, type SetupNode } from './setup-facts.ts';

const listed = (names: readonly string[]): string =>
  names.length === 0
    ? 'none'
    : names.slice(0, 8).join(', ') + (names.length > 8 ? ` and ${names.length - 8} more` : '');

function tableDifferences(a: SetupNode, b: SetupNode): string[] {
  const only = (one: SetupNode, other: SetupNode): string[] =>
    one.seen.tables.filter((table) => !other.seen.tables.includes(table));
  const differing = a.seen.tables.filter(
    (table) => b.seen.tables.includes(table) && a.seen.checksums[table] !== b.seen.checksums[table],
  );
  return [
    ...(only(a, b).length > 0 ? [`only on ${a.name}: ${listed(only(a, b))}`] : []),
    ...(only(b, a).length > 0 ? [`only on ${b.name}: ${listed(only(b, a))}`] : []),
    ...(differing.length > 0 ? [`with other rows: ${listed(differing)}`] : []),
  ];
}

function copyHint(from: SetupNode, to: SetupNode): string {
  return `choose the node whose data are right and copy them to the other, for example from ${from.name} to ${to.name}: mariadb-backup --backup on ${from.name}, --prepare and --copy-back on ${to.name}, then there SET GLOBAL gtid_slave_pos to the GTID in mariadb_backup_binlog_info; then run setup again`;
}

/** Whether `behind` can fetch from `ahead` all that it lacks. */
function catchUpProblem(behind: SetupNode, ahead: SetupNode): Refusal | null {
  const own = positionsOf(behind);
  const other = positionsOf(ahead);
  if (contains(own.executed, other.executed)) return null;
  if (!contains(own.executed, ahead.seen.oldestPos)) {
    return {
      code: 'log-purged',
      message: `${behind.name} stands at ${own.executed || 'nothing'}, and the binary log of ${ahead.name} begins at ${ahead.seen.oldestPos} only`,
      hint: copyHint(ahead, behind),
    };
  }
  return null;
}

/** Reasons why the data of the two are not two points of one history. */
export function dataProblems(input: SetupInput): Refusal[] {
  const [a, b] = input.nodes;
  const writer = a.name === input.writer ? a : b;
  const standby = writer === a ? b : a;
  const w = positionsOf(writer);
  const s = positionsOf(standby);
  // A channel from the other node with a position: they have been a pair.
  const joined =
    writer.seen.channel !== null && standby.seen.channel !== null && (w.executed !== '' || s.executed !== '');
  const strays = (one: Positions, other: Positions): string =>
    formatGtids(lacking(one.history, other.history) ?? []);
  const wOnly = strays(w, s);
  const sOnly = strays(s, w);
  if (wOnly !== '' && sOnly !== '') {
    const tables = tableDifferences(a, b);
    return [
      {
        code: 'histories-differ',
        message: `each node has transactions that the other lacks: ${writer.name} up to ${wOnly}, ${standby.name} up to ${sOnly}${
          tables.length > 0 ? `; tables ${tables.join('; ')}` : ''
        }`,
        hint: `${copyHint(writer, standby)}. If ${standby.name} holds nothing of value: RESET MASTER there forgets its transactions`,
      },
    ];
  }
  const catchUp = [catchUpProblem(standby, writer), catchUpProblem(writer, standby)].filter(
    (each) => each !== null,
  );
  if (catchUp.length > 0 || joined) return catchUp;
  const empty =
    w.executed === '' ? (s.executed === '' ? 'both' : writer) : s.executed === '' ? standby : null;
  if (empty === null) return [];
  const differences = tableDifferences(a, b);
  if (empty === 'both') {
    if (differences.length === 0) return [];
    return [
      {
        code: 'data-differ',
        message: `the nodes hold different data, and neither has it in its binary log: tables ${differences.join('; ')}`,
        hint: copyHint(writer, standby),
      },
    ];
  }
  // One has a history, the other nothing: without tables on either side the history can be read from its start.
  if (a.seen.tables.length === 0 && b.seen.tables.length === 0) return [];
  const full = empty === a ? b : a;
  return [
    {
      code: 'data-differ',
      message: `${empty.name} has no position in the history of ${full.name} (${positionsOf(full).executed}); tables ${
        differences.length > 0 ? differences.join('; ') : `on both: ${listed(a.seen.tables)}`
      }`,
      hint: copyHint(full, empty),
    },
  ];
}
