// What a drill came to: its figures, and what of it is wrong. Pure.

import type { Ack, Failure } from '../acks.ts';
import { type NodeName, nodeNames, peerOf } from '../plan.ts';
import type { Read } from '../reader.ts';
import type { PairView } from '../statuswatch.ts';
import type { DataCheck } from './check.ts';
import type { Fault } from './fault.ts';
import {
  acknowledgedTogether,
  lengthOf,
  longestGap,
  longestGapOfOneWriter,
  type Span,
  serverChanges,
} from './measure.ts';
import { type Opening, type Reign, reignedTogether, reignsOf, sharedEpochs } from './reigns.ts';
import type { Mark } from './scene.ts';

export const pairedMsMax = 90_000;
/** Writers of the application's clients are numbered below; clients on the database hosts from here on. */
const sideWriters = 100;

export interface Times {
  readonly startedMs: number;
  readonly faultMs: number;
  readonly healMs: number;
  readonly endMs: number;
}

export interface Seen {
  readonly witness: boolean;
  readonly acks: readonly Ack[];
  readonly failures: readonly Failure[];
  readonly data: DataCheck;
  readonly times: Times;
  readonly serverIds: Readonly<Record<NodeName, number>>;
  readonly openings: readonly Opening[];
  readonly marks: readonly Mark[];
  /** What the fault itself found wrong. */
  readonly noted: readonly string[];
  readonly vipOnBothMs: number;
  readonly pairedAgainMs: number | null;
  readonly lastWord: PairView;
  readonly clientStallMs: number;
  readonly reads: Read | null;
}

export interface DrillRun {
  readonly fault: string;
  /** Whether the lab had a witness. */
  readonly witness: boolean;
  /** Sentences about what is wrong; empty for a good run. */
  readonly problems: readonly string[];
  /** Longest time without any acknowledgement, from the fault to the new writer's first one (without a new writer: to the healing). */
  readonly outageMs: number;
  /** The same for the writer of the load that felt it most. */
  readonly writerOutageMs: number;
  /** The longest such gap before the fault: what this machine does without any fault. */
  readonly baselineMs: number;
  /** The longest such gap from then to the end, while the failed side comes back. */
  readonly returnOutageMs: number;
  readonly acknowledged: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Acknowledged rows that a (b) does not have. */
  readonly missing: Readonly<Record<NodeName, number>>;
  /** Acknowledged rows that neither has. */
  readonly lost: number;
  /** Acknowledged rows that the writer at the end lacks and the other node still has: the losing side of a partition. */
  readonly setAside: number;
  readonly unacknowledged: number;
  readonly differing: number;
  /** Rows of this drill on each node at the end. */
  readonly rows: Readonly<Record<NodeName, number>>;
  readonly vipOnBothMs: number;
  readonly acknowledgedByBothMs: number;
  /** The documents allow two acknowledging nodes in this drill. */
  readonly twoWritersPromised: boolean;
  /** Who acknowledged when; times in milliseconds from the fault. */
  readonly reigns: readonly Reign[];
  /** What was done and seen, in milliseconds from the fault. */
  readonly marks: readonly Mark[];
  readonly serverChanges: number;
  readonly writerAfter: NodeName | null;
  /** From the healing until the pair said `paired`; null when it did not. */
  readonly pairedAgainMs: number | null;
  /** The client's own longest stall: smaller outages than this are the client's. */
  readonly clientStallMs: number;
  /** What a reader at the read VIP got over the whole drill; null in a lab without one. */
  readonly reads: Read | null;
}

type Figures = Omit<DrillRun, 'problems'>;

export function summarize(fault: Fault, writer: NodeName, seen: Seen): DrillRun {
  const { acks, times, data } = seen;
  const application = acks.filter((ack) => ack.writer < sideWriters);
  const moments = application.map((ack) => ack.ackedMs);
  const newWriterMs =
    fault.moves === 'many' ? times.healMs : firstOfNewWriter(application, times, seen.serverIds[writer]);
  const around = { fromMs: times.faultMs, toMs: newWriterMs };
  const reigns = reignsOf(acks, seen.openings, seen.serverIds);
  const writerAfter = lastWriter(reigns);
  const figures: Figures = {
    fault: fault.name,
    witness: seen.witness,
    outageMs: lengthOf(longestGap(moments, around)),
    writerOutageMs: longestGapOfOneWriter(application, around),
    baselineMs: baselineOf(moments, times),
    returnOutageMs: lengthOf(longestGap(moments, { fromMs: newWriterMs, toMs: times.endMs })),
    acknowledged: acks.length,
    errors: countErrors(seen.failures, times.faultMs),
    missing: { a: data.missing.a.length, b: data.missing.b.length },
    lost: data.lost.length,
    setAside: writerAfter === null ? 0 : data.missing[writerAfter].length - data.lost.length,
    unacknowledged: data.unacknowledged,
    differing: data.differing.length,
    rows: data.rows,
    vipOnBothMs: seen.vipOnBothMs,
    // Where the role moves once, no log is needed to tell; where it moves to and fro, the logs say which was which.
    acknowledgedByBothMs: fault.moves === 'many' ? reignedTogether(reigns) : acknowledgedTogether(acks),
    twoWritersPromised: fault.twoWriters === 'promised' && !seen.witness,
    reigns: reigns.map((reign) => fromFault(reign, times.faultMs)),
    marks: seen.marks.map(({ atMs, what }) => ({ atMs: atMs - times.faultMs, what })),
    serverChanges: serverChanges(acks),
    writerAfter,
    pairedAgainMs: seen.pairedAgainMs,
    clientStallMs: seen.clientStallMs,
    reads: seen.reads,
  };
  return { ...figures, problems: problemsOf(fault, writer, figures, seen, sharedEpochs(reigns)) };
}

function firstOfNewWriter(acks: readonly Ack[], times: Times, oldWriterId: number): number {
  return acks.reduce(
    (first, ack) =>
      ack.ackedMs > times.faultMs && ack.serverId !== oldWriterId ? Math.min(first, ack.ackedMs) : first,
    times.healMs,
  );
}

function fromFault(reign: Reign, faultMs: number): Reign {
  return {
    ...reign,
    firstAckMs: reign.firstAckMs - faultMs,
    lastAckMs: reign.lastAckMs - faultMs,
    lastSentMs: reign.lastSentMs - faultMs,
  };
}

function lastWriter(reigns: readonly Reign[]): NodeName | null {
  let last: Reign | null = null;
  for (const reign of reigns) if (last === null || reign.lastAckMs > last.lastAckMs) last = reign;
  return last?.node ?? null;
}

/** Only gaps that ended before the fault: the one that the fault cut into is the outage's. */
function baselineOf(moments: readonly number[], times: Times): number {
  const before = moments.filter((moment) => moment >= times.startedMs && moment <= times.faultMs);
  const fromMs = before.reduce((first, moment) => Math.min(first, moment), times.faultMs);
  const span: Span = { fromMs, toMs: before.reduce((last, moment) => Math.max(last, moment), fromMs) };
  return lengthOf(longestGap(before, span));
}

/** Of the application's clients: those on the database hosts are refused by every standby. */
function countErrors(failures: readonly Failure[], sinceMs: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const failure of failures) {
    if (failure.failedMs < sinceMs || failure.writer >= sideWriters) continue;
    counts[failure.code] = (counts[failure.code] ?? 0) + 1;
  }
  return counts;
}

/** What makes a run wrong. Timings never do. */
function problemsOf(
  fault: Fault,
  writer: NodeName,
  run: Figures,
  seen: Seen,
  shared: readonly number[],
): string[] {
  const problems = [...seen.noted, ...dataProblems(run, seen.data)];
  for (const epoch of shared) problems.push(`both nodes acknowledged writes in epoch ${epoch}`);
  if (run.acknowledgedByBothMs > 0 && !run.twoWritersPromised) {
    problems.push(`both servers acknowledged writes for ${run.acknowledgedByBothMs.toFixed(1)} ms`);
  }
  const after = (seen.witness ? fault.writerAfterWithWitness : undefined) ?? fault.writerAfter;
  const expected = { same: [writer], standby: [peerOf(writer)], either: [...nodeNames] }[after];
  if (run.writerAfter === null || !expected.includes(run.writerAfter)) {
    problems.push(
      `the writer afterwards is ${run.writerAfter ?? 'nobody'}, expected ${expected.join(' or ')}`,
    );
  }
  const changes = run.writerAfter === writer ? 0 : 1;
  if (run.serverChanges !== changes && fault.moves !== 'many' && !run.twoWritersPromised) {
    problems.push(`the acknowledging server changed ${run.serverChanges} times, expected ${changes}`);
  }
  // Two writers leave two histories: the pair is whole again only once somebody has decided about the loser's rows.
  if (run.pairedAgainMs === null && !run.twoWritersPromised) {
    problems.push(`the pair was not whole again within ${pairedMsMax / 1000} s: ${seen.lastWord.sentence}`);
  }
  return problems;
}

function dataProblems(run: Figures, { missing, lost, differing }: DataCheck): string[] {
  const problems: string[] = [];
  const some = (rows: readonly string[]) => `(writer/sequence ${rows.slice(0, 3).join(', ')})`;
  if (lost.length > 0)
    problems.push(`${lost.length} acknowledged rows are lost, neither server has them ${some(lost)}`);
  if (run.twoWritersPromised) return problems;
  for (const node of nodeNames) {
    if (missing[node].length === 0) continue;
    problems.push(`${missing[node].length} acknowledged rows are missing on ${node} ${some(missing[node])}`);
  }
  if (differing.length > 0)
    problems.push(`${differing.length} rows differ between a and b ${some(differing)}`);
  return problems;
}
