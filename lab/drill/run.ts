// One drill: a fresh lab under load, a fault at a random moment, the healing, and what it came to.

import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../../src/core/error.ts';
import { type Ack, type Failure, nowMs } from '../acks.ts';
import { rootSession } from '../database.ts';
import type { Progress } from '../lab.ts';
import { type Load, startLoad } from '../load.ts';
import { type LabOptions, type NodeName, nodeNames, peerOf } from '../plan.ts';
import { until } from '../process.ts';
import { type PairView, type StatusWatch, watchStatus } from '../statuswatch.ts';
import { type VipWatch, watchVip } from '../vipwatch.ts';
import { checkData, type DataCheck } from './check.ts';
import type { Fault } from './faults.ts';
import {
  acknowledgedTogether,
  heldTogether,
  lengthOf,
  longestGap,
  longestGapOfOneWriter,
  serverChanges,
} from './measure.ts';

const warmUpMs = 2000;
const randomPhaseMs = 300;
const flowsAgainMsMax = 20_000;
const pairedMsMax = 90_000;

export interface DrillRun {
  readonly fault: string;
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
  readonly unacknowledged: number;
  readonly differing: number;
  readonly vipOnBothMs: number;
  readonly acknowledgedByBothMs: number;
  readonly serverChanges: number;
  readonly writerAfter: NodeName | null;
  /** From the healing until the pair said `paired`; null when it did not. */
  readonly pairedAgainMs: number | null;
  /** The client's own longest stall: smaller outages than this are the client's. */
  readonly clientStallMs: number;
}

interface Times {
  readonly startedMs: number;
  readonly faultMs: number;
  readonly healMs: number;
  readonly endMs: number;
}

interface Instruments {
  readonly load: Load;
  readonly vip: VipWatch;
  readonly status: StatusWatch;
  /** The server id of the writer before the fault. */
  readonly writerId: number;
}

/** Carries out one fault on a lab that was just built; the lab stays up, for the caller to end or to keep. */
export async function drillOnce(lab: LabOptions, fault: Fault, progress: Progress): Promise<DrillRun> {
  const writer: NodeName = 'a'; // set-up made it so
  const status = watchStatus(lab);
  try {
    const serverIds = await serverIdsOf(lab);
    const vip = await watchVip(lab);
    const load = startLoad(lab);
    const instruments = { load, vip, status, writerId: serverIds[writer] };
    const { times, pairedAgainMs } = await breakAndMend(lab, fault, writer, instruments, progress);
    progress('checking what the clients were told against both servers');
    const { acks, failures } = await load.stop();
    const spans = await vip.stop();
    const data = await checkData(lab, acks, load.firstSequence);
    return summarize(fault, writer, {
      acks,
      failures,
      data,
      times,
      serverIds,
      vipOnBothMs: heldTogether(spans.a, spans.b),
      pairedAgainMs,
      lastWord: status.latest(),
      clientStallMs: load.latest().stallMsMax,
    });
  } finally {
    status.stop();
  }
}

async function serverIdsOf(lab: LabOptions): Promise<Record<NodeName, number>> {
  const ids = await Promise.all(
    nodeNames.map(async (node) => {
      const session = await rootSession(lab, node);
      const [row] = await session.query<{ id: number }>('SELECT @@server_id AS id');
      session.close();
      return row?.id ?? 0;
    }),
  );
  return { a: ids[0] ?? 0, b: ids[1] ?? 0 };
}

async function breakAndMend(
  lab: LabOptions,
  fault: Fault,
  writer: NodeName,
  { load, vip, status, writerId }: Instruments,
  progress: Progress,
): Promise<{ times: Times; pairedAgainMs: number | null }> {
  if (!(await until(() => load.latest().acks > 0, flowsAgainMsMax))) {
    throw new OperatorError(
      'drill-no-writes',
      `The load got no write through before the fault: ${JSON.stringify(load.latest().errors)}`,
      'Run the drill with --keep and see what twinkeep lab status says.',
    );
  }
  const startedMs = nowMs();
  await sleep(warmUpMs + Math.random() * randomPhaseMs);
  progress(`fault: ${fault.about}`);
  const faultMs = nowMs();
  await fault.cause(lab, writer);
  const broken = fault.crashes === 'writer' ? writer : fault.crashes === 'standby' ? peerOf(writer) : null;
  if (broken !== null) vip.crashed(broken, nowMs());
  await writesFlow(load, fault, writerId);
  await sleep(fault.lookOnMs);

  progress('healing, and waiting until the pair is whole again');
  const healMs = nowMs();
  await fault.heal(lab, writer);
  if (broken !== null) await vip.attach(broken);
  // A status said before the healing may still be on its way.
  const paired = await until(
    () => status.latest().atMs > healMs + 500 && status.latest().paired,
    pairedMsMax,
  );
  const pairedAgainMs = paired ? Math.max(0, status.latest().pairedSinceMs - healMs) : null;
  await sleep(1000);
  return { times: { startedMs, faultMs, healMs, endMs: nowMs() }, pairedAgainMs };
}

/** Waits until the expected writer acknowledges, for a while; not for ever, since a fault may end that for good. */
async function writesFlow(load: Load, fault: Fault, writerId: number): Promise<void> {
  const sinceMs = nowMs();
  await until(() => {
    const { lastAckMs, serverId } = load.latest();
    return lastAckMs > sinceMs + 200 && (fault.writerAfter !== 'standby' || serverId !== writerId);
  }, flowsAgainMsMax);
}

export interface Seen {
  readonly acks: readonly Ack[];
  readonly failures: readonly Failure[];
  readonly data: DataCheck;
  readonly times: Times;
  readonly serverIds: Readonly<Record<NodeName, number>>;
  readonly vipOnBothMs: number;
  readonly pairedAgainMs: number | null;
  readonly lastWord: PairView;
  readonly clientStallMs: number;
}

export function summarize(fault: Fault, writer: NodeName, seen: Seen): DrillRun {
  const { acks, times, data } = seen;
  const moments = acks.map((ack) => ack.ackedMs);
  const newWriterMs = acks.reduce(
    (first, ack) =>
      ack.ackedMs > times.faultMs && ack.serverId !== seen.serverIds[writer]
        ? Math.min(first, ack.ackedMs)
        : first,
    times.healMs,
  );
  const around = { fromMs: times.faultMs, toMs: newWriterMs };
  const lastServer = acks.reduce(
    (last, ack) => (ack.ackedMs > last.ackedMs ? ack : last),
    acks[0] ?? noAck,
  ).serverId;
  const run: Omit<DrillRun, 'problems'> = {
    fault: fault.name,
    outageMs: lengthOf(longestGap(moments, around)),
    writerOutageMs: longestGapOfOneWriter(acks, around),
    baselineMs: baselineOf(moments, times),
    returnOutageMs: lengthOf(longestGap(moments, { fromMs: newWriterMs, toMs: times.endMs })),
    acknowledged: acks.length,
    errors: countErrors(seen.failures, times.faultMs),
    missing: { a: data.missing.a.length, b: data.missing.b.length },
    lost: data.lost.length,
    unacknowledged: data.unacknowledged,
    differing: data.differing.length,
    vipOnBothMs: seen.vipOnBothMs,
    acknowledgedByBothMs: acknowledgedTogether(acks),
    serverChanges: serverChanges(acks),
    writerAfter: nodeNames.find((node) => seen.serverIds[node] === lastServer) ?? null,
    pairedAgainMs: seen.pairedAgainMs,
    clientStallMs: seen.clientStallMs,
  };
  return { ...run, problems: problemsOf(fault, writer, run, seen) };
}

/** Only gaps that ended before the fault: the one that the fault cut into is the outage's. */
function baselineOf(moments: readonly number[], times: Times): number {
  const before = moments.filter((moment) => moment >= times.startedMs && moment <= times.faultMs);
  const fromMs = before.reduce((first, moment) => Math.min(first, moment), times.faultMs);
  const toMs = before.reduce((last, moment) => Math.max(last, moment), fromMs);
  return lengthOf(longestGap(before, { fromMs, toMs }));
}

const noAck: Ack = { writer: 0, sequence: 0, sentMs: 0, ackedMs: 0, serverId: 0 };

function countErrors(failures: readonly Failure[], sinceMs: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const failure of failures) {
    if (failure.failedMs >= sinceMs) counts[failure.code] = (counts[failure.code] ?? 0) + 1;
  }
  return counts;
}

/** What makes a run wrong. Timings never do. */
function problemsOf(fault: Fault, writer: NodeName, run: Omit<DrillRun, 'problems'>, seen: Seen): string[] {
  const problems: string[] = [];
  const some = (rows: readonly string[]) => `(writer/sequence ${rows.slice(0, 3).join(', ')})`;
  const { missing, lost, differing } = seen.data;
  if (lost.length > 0)
    problems.push(`${lost.length} acknowledged rows are lost, neither server has them ${some(lost)}`);
  for (const node of nodeNames) {
    if (missing[node].length === 0) continue;
    problems.push(`${missing[node].length} acknowledged rows are missing on ${node} ${some(missing[node])}`);
  }
  if (differing.length > 0)
    problems.push(`${differing.length} rows differ between a and b ${some(differing)}`);
  if (run.acknowledgedByBothMs > 0) {
    problems.push(`both servers acknowledged writes for ${run.acknowledgedByBothMs.toFixed(1)} ms`);
  }
  const expected = { same: [writer], standby: [peerOf(writer)], either: [...nodeNames] }[fault.writerAfter];
  if (run.writerAfter === null || !expected.includes(run.writerAfter)) {
    problems.push(
      `the writer afterwards is ${run.writerAfter ?? 'nobody'}, expected ${expected.join(' or ')}`,
    );
  }
  const changes = run.writerAfter === writer ? 0 : 1;
  if (run.serverChanges !== changes) {
    problems.push(`the acknowledging server changed ${run.serverChanges} times, expected ${changes}`);
  }
  if (run.pairedAgainMs === null) {
    problems.push(`the pair was not whole again within ${pairedMsMax / 1000} s: ${seen.lastWord.sentence}`);
  }
  return problems;
}
