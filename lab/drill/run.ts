// One drill: a fresh lab under load, a fault at a random moment, the healing, and what it came to (verdict.ts judges).

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../../src/core/error.ts';
import { nowMs } from '../acks.ts';
import { readPairFile, rootSession } from '../database.ts';
import { type Progress, vipHolders } from '../lab.ts';
import { agentLog } from '../pair.ts';
import { type LabOptions, type NodeName, nodeNames } from '../plan.ts';
import { until } from '../process.ts';
import { type Reader, startReader } from '../reader.ts';
import { wallMinusMonotonicMs } from '../vipwatch.ts';
import { checkData } from './check.ts';
import type { Fault } from './fault.ts';
import { heldTogether } from './measure.ts';
import { type Opening, openingsOf } from './reigns.ts';
import { flowsAgainMsMax, type Stage, setStage } from './scene.ts';
import { type DrillRun, pairedMsMax, summarize, type Times } from './verdict.ts';

const warmUpMs = 2000;
const randomPhaseMs = 300;
/** A pair that may stay apart is waited for no longer than this. */
const unpromisedPairedMsMax = 15_000;
const unpromisedEqualMsMax = 2000;

/** Carries out one fault on a lab that was just built; the lab stays up, for the caller to end or to keep. */
export async function drillOnce(lab: LabOptions, fault: Fault, progress: Progress): Promise<DrillRun> {
  const witness = lab.witnesses > 0;
  const writer: NodeName = 'a'; // set-up made it so
  const serverIds = await serverIdsOf(lab);
  const reader = await startReading(lab, writer, progress);
  const stage = await setStage(lab, fault, writer, serverIds, progress);
  try {
    const mayDiffer = fault.twoWriters === 'promised' && !witness;
    const { times, pairedAgainMs } = await breakAndMend(
      fault,
      stage,
      serverIds,
      progress,
      mayDiffer ? unpromisedPairedMsMax : pairedMsMax,
    );
    progress('checking what the clients were told against both servers');
    const reads = (await reader?.read()) ?? null;
    const { acks, failures } = await stage.stopLoads();
    const spans = await stage.vip.stop();
    const limitMs = mayDiffer ? unpromisedEqualMsMax : undefined;
    const data = await checkData(lab, acks, stage.firstSequence, limitMs);
    return summarize(fault, writer, {
      witness,
      acks,
      failures,
      data,
      times,
      serverIds,
      openings: openings(lab),
      marks: stage.marks,
      noted: stage.problems,
      vipOnBothMs: heldTogether(spans.a, spans.b),
      pairedAgainMs,
      lastWord: stage.status.latest(),
      clientStallMs: stage.load.latest().stallMsMax,
      reads,
    });
  } finally {
    await reader?.stop();
    stage.close();
  }
}

/** The standby serves readers once it has been fresh for some seconds. */
const readVipMsMax = 20_000;

/** A reader of the first read VIP; null in a lab without one. */
async function startReading(lab: LabOptions, writer: NodeName, progress: Progress): Promise<Reader | null> {
  const [vip] = readPairFile(lab).vips.read;
  if (vip === undefined) return null;
  progress('waiting until the standby holds the read VIP');
  const standby = nodeNames.filter((node) => node !== writer).join();
  await until(async () => (await vipHolders(lab, vip.address)).join() === standby, readVipMsMax, 100);
  const reader = startReader(lab, vip.address);
  await reader.read();
  reader.mark();
  return reader;
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

/** The hosts' logs outlive their hosts; every process of the machine shares one clock. */
function openings(lab: LabOptions): Opening[] {
  const offsetMs = wallMinusMonotonicMs();
  return nodeNames.flatMap((node) => openingsOf(node, readFileSync(agentLog(lab, node), 'utf8'), offsetMs));
}

async function breakAndMend(
  fault: Fault,
  stage: Stage,
  serverIds: Readonly<Record<NodeName, number>>,
  progress: Progress,
  pairedMs: number,
): Promise<{ times: Times; pairedAgainMs: number | null }> {
  const { scene, load, status } = stage;
  if (!(await until(() => load.latest().acks > 0, flowsAgainMsMax))) {
    throw new OperatorError(
      'drill-no-writes',
      `The load got no write through before the fault: ${JSON.stringify(load.latest().errors)}`,
      'Run the drill with --keep and see what twinkeep lab status says.',
    );
  }
  const startedMs = nowMs();
  await sleep(warmUpMs + Math.random() * randomPhaseMs);
  const faultMs = scene.mark(`fault: ${fault.about}`);
  await fault.cause(scene);
  if (!fault.silent) await writesFlow(stage, fault, serverIds[scene.writer]);
  await sleep(fault.lookOnMs);

  progress('healing, and waiting until the pair is whole again');
  const healMs = scene.mark('healing');
  await fault.heal(scene);
  // A status said before the healing may still be on its way.
  const paired = await until(() => status.latest().atMs > healMs + 500 && status.latest().paired, pairedMs);
  const pairedAgainMs = paired ? Math.max(0, status.latest().pairedSinceMs - healMs) : null;
  await sleep(1000);
  return { times: { startedMs, faultMs, healMs, endMs: nowMs() }, pairedAgainMs };
}

/** Waits until the expected writer acknowledges, for a while; not for ever, since a fault may end that for good. */
async function writesFlow({ load }: Stage, fault: Fault, writerId: number): Promise<void> {
  const sinceMs = nowMs();
  await until(() => {
    const { lastAckMs, serverId } = load.latest();
    return lastAckMs > sinceMs + 200 && (fault.writerAfter !== 'standby' || serverId !== writerId);
  }, flowsAgainMsMax);
}
