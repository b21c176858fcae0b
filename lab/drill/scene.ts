// The world of one drill as its fault sees it: the loads, the watches, a ready hand at the nodes' API, and what was noted.

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Ack, type Failure, nowMs } from '../acks.ts';
import { spawnIn } from '../host.ts';
import { bootHost, crashHost, type Progress } from '../lab.ts';
import { type Load, sideLoad, startLoad } from '../load.ts';
import {
  addressOf,
  type HostName,
  type LabOptions,
  type NodeName,
  nodeNames,
  peerOf,
  projectRoot,
} from '../plan.ts';
import { until } from '../process.ts';
import { apiPort, type StatusWatch, watchStatus } from '../statuswatch.ts';
import { type VipWatch, watchVip } from '../vipwatch.ts';
import type { Question, Reply } from './ask.ts';
import type { ApiAnswer, Fault, Scene } from './fault.ts';

export const flowsAgainMsMax = 20_000;
const wholeMsMax = 120_000;

export interface Mark {
  readonly atMs: number;
  readonly what: string;
}

const isNode = (host: HostName): host is NodeName => host === 'a' || host === 'b';

/** A drill in progress. `scene` is its fault's part of it. */
export interface Stage {
  readonly scene: Scene;
  /** The application's clients, on the VIP. */
  readonly load: Load;
  readonly vip: VipWatch;
  readonly status: StatusWatch;
  readonly marks: readonly Mark[];
  readonly problems: readonly string[];
  /** Rows of this drill are numbered from here on. */
  readonly firstSequence: number;
  /** Ends every load; what all clients were told. */
  stopLoads(): Promise<{ acks: Ack[]; failures: Failure[] }>;
  close(): void;
}

export async function setStage(
  lab: LabOptions,
  fault: Fault,
  writer: NodeName,
  serverIds: Readonly<Record<NodeName, number>>,
  progress: Progress,
): Promise<Stage> {
  const status = watchStatus(lab);
  const marks: Mark[] = [];
  const problems: string[] = [];
  const vip = await watchVip(lab);
  const load = startLoad(lab);
  const sides = fault.sides ? nodeNames.map((node) => startLoad(lab, sideLoad(node))) : [];
  const loads = [load, ...sides];
  const asker = openAsker(lab);
  const acknowledgedSince = (sinceMs: number, by?: NodeName): number =>
    loads
      .flatMap((each) => each.soFar().acks)
      .filter((ack) => ack.sentMs >= sinceMs && (by === undefined || ack.serverId === serverIds[by])).length;

  const scene: Scene = {
    lab,
    writer,
    standby: peerOf(writer),
    mark: (what) => {
      const atMs = nowMs();
      marks.push({ atMs, what });
      progress(what);
      return atMs;
    },
    mustHold: (holds, problem) => {
      if (!holds) problems.push(problem);
    },
    crash: async (...hosts) => {
      await Promise.all(hosts.map((host) => crashHost(lab, host)));
      for (const node of hosts.filter(isNode)) vip.crashed(node, nowMs());
    },
    boot: async (host) => {
      await bootHost(lab, host);
      if (isNode(host)) await vip.attach(host);
    },
    acknowledgedSince,
    writesFlow: async (by) => {
      const sinceMs = nowMs();
      return (await until(() => acknowledgedSince(sinceMs, by) > 0, flowsAgainMsMax, 100)) === true;
    },
    whole: async () => {
      const sinceMs = nowMs();
      const paired = () => status.latest().atMs > sinceMs + 300 && status.latest().paired;
      return (await until(paired, wholeMsMax)) === true;
    },
    status: () => status.latest(),
    post: asker.post,
  };
  return {
    scene,
    load,
    vip,
    status,
    marks,
    problems,
    firstSequence: Math.min(...loads.map((each) => each.firstSequence)),
    stopLoads: async () => {
      const told = await Promise.all(loads.map((each) => each.stop()));
      return { acks: told.flatMap((each) => each.acks), failures: told.flatMap((each) => each.failures) };
    },
    close: () => {
      status.stop();
      asker.close();
    },
  };
}

function openAsker(lab: LabOptions): { post: Scene['post']; close(): void } {
  const argv = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(projectRoot, 'lab', 'drill', 'ask.ts'),
  ];
  const child = spawnIn(lab, 'app', argv, 'pipe');
  const waiting = new Map<number, (answer: ApiAnswer) => void>();
  let lastId = 0;
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      const { id, status, text } = JSON.parse(line) as Reply;
      waiting.get(id)?.({ status, text });
      waiting.delete(id);
    });
  }
  child.stdin?.on('error', () => {});
  child.on('close', () => {
    for (const settle of waiting.values()) settle({ status: 0, text: 'the lab is gone' });
  });
  const send = (node: NodeName, path: string, body: unknown): Promise<ApiAnswer> =>
    new Promise((resolve) => {
      const id = ++lastId;
      waiting.set(id, resolve);
      const url = `http://${addressOf[node]}:${apiPort}${path}`;
      const question: Question = { id, url, tokenFile: join(lab.dir, 'api.token'), body };
      child.stdin?.write(`${JSON.stringify(question)}\n`);
    });
  for (const node of nodeNames) void send(node, '/api/v1/pair', null); // so that the first order finds everything loaded
  return { post: send, close: () => child.stdin?.end() };
}
