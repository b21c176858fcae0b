// Set-up's look at the data of both servers: whether they are two points of one history, so that one can catch up.
import { contains, lacking } from '../gtid/gtid.ts';
import type { Refusal, SetupInput, SetupNode } from './setup-facts.ts';

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

const copyHint = (from: SetupNode, to: SetupNode): string =>
  `choose the node whose data are right and make the other a copy of it, for example on ${to.name}: twinkeep clone --from ${from.name}; then run setup again`;

/** How an administrator makes a server forget its transactions, with its binary logs. */
const forgetting = ({ seen }: SetupNode): string =>
  seen.family === 'mysql' && !/^[5-7]\.|^8\.[0-3]\./.test(seen.version)
    ? 'RESET BINARY LOGS AND GTIDS'
    : 'RESET MASTER';

/** Whether `behind` can fetch from `ahead` all that it lacks. */
function catchUpProblem(behind: SetupNode, ahead: SetupNode): Refusal | null {
  const { executed } = behind.seen;
  if (contains(executed, ahead.seen.executed) || contains(executed, ahead.seen.purged)) return null;
  return {
    code: 'log-purged',
    message: `${behind.name} stands at ${executed || 'nothing'}, and the binary log of ${ahead.name} lacks what came before ${ahead.seen.purged}`,
    hint: copyHint(ahead, behind),
  };
}

const strays = (one: SetupNode, other: SetupNode): string =>
  lacking(one.seen.history, other.seen.history)?.join(',') ?? one.seen.history;

/** Each has transactions that the other lacks. */
function historiesDiffer(writer: SetupNode, standby: SetupNode): Refusal | null {
  const [wOnly, sOnly] = [strays(writer, standby), strays(standby, writer)];
  if (wOnly === '' || sOnly === '') return null;
  const tables = tableDifferences(writer, standby);
  const worthless =
    standby.seen.tables.length === 0
      ? `${standby.name} holds no tables: if nothing else there is of value, ${forgetting(standby)} on it forgets its transactions. Otherwise ${copyHint(writer, standby)}`
      : `${copyHint(writer, standby)}. If ${standby.name} holds nothing of value: ${forgetting(standby)} there forgets its transactions`;
  return {
    code: 'histories-differ',
    message: `each node has transactions that the other lacks: ${writer.name} up to ${wOnly}, ${standby.name} up to ${sOnly}${
      tables.length > 0 ? `; tables ${tables.join('; ')}` : ''
    }`,
    hint: worthless,
  };
}

/** The one that has no history, where only one has; its data then tell nothing of the other's. */
export function emptyNode({ nodes: [a, b] }: SetupInput): SetupNode | null {
  if ((a.seen.executed === '') === (b.seen.executed === '')) return null;
  return a.seen.executed === '' ? a : b;
}

/** Data that no transaction in either binary log accounts for. */
function unloggedProblem(input: SetupInput): Refusal | null {
  const [a, b] = input.nodes;
  const differences = tableDifferences(a, b);
  const empty = emptyNode(input);
  if (empty !== null) {
    // The other's history is read from its start, and confirmed afterwards.
    if (empty.seen.tables.length === 0) return null;
    const full = empty === a ? b : a;
    return {
      code: 'data-differ',
      message: `${empty.name} has tables and no position in the history of ${full.name} (${full.seen.executed}); tables ${
        differences.length > 0 ? differences.join('; ') : `on both: ${listed(a.seen.tables)}`
      }`,
      hint: copyHint(full, empty),
    };
  }
  if (a.seen.executed !== '' || differences.length === 0) return null;
  const [writer, standby] = a.name === input.writer ? [a, b] : [b, a];
  return {
    code: 'data-differ',
    message: `the nodes hold different data, and neither has it in its binary log: tables ${differences.join('; ')}`,
    hint: copyHint(writer, standby),
  };
}

/** Reasons why the data of the two are not two points of one history. */
export function dataProblems(input: SetupInput): Refusal[] {
  const [a, b] = input.nodes;
  const [writer, standby] = a.name === input.writer ? [a, b] : [b, a];
  const differ = historiesDiffer(writer, standby);
  if (differ !== null) return [differ];
  const catchUp = [catchUpProblem(standby, writer), catchUpProblem(writer, standby)].filter(
    (each) => each !== null,
  );
  if (catchUp.length > 0) return catchUp;
  // A channel each and a position: they have been a pair.
  const joined =
    a.seen.channel !== null && b.seen.channel !== null && (a.seen.executed !== '' || b.seen.executed !== '');
  const unlogged = joined ? null : unloggedProblem(input);
  return unlogged === null ? [] : [unlogged];
}
