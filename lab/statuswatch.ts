// Follows both nodes' own view of the pair during a drill or the demo (statuspoll.ts does the asking).

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnIn } from './host.ts';
import { addressOf, type LabOptions, type NodeName, nodeNames, projectRoot } from './plan.ts';

/** One answer of one node; `body` is what GET /api/v1/pair said. */
export interface StatusAnswer {
  readonly atMs: number;
  readonly node: NodeName;
  readonly body: unknown;
  readonly error: string | null;
}

export interface PairView {
  /** When the older of the two answers came, CLOCK_MONOTONIC. */
  readonly atMs: number;
  /** Both nodes answer, name the same writer and epoch, and say `paired`. */
  readonly paired: boolean;
  /** Since when that has been so without a break. */
  readonly pairedSinceMs: number;
  readonly writer: NodeName | null;
  readonly sentence: string;
  readonly answers: Readonly<Record<NodeName, StatusAnswer | null>>;
}

export interface StatusWatch {
  latest(): PairView;
  stop(): void;
}

export const apiPort = 8700;

export function watchStatus(lab: LabOptions): StatusWatch {
  const child = spawnIn(
    lab,
    'app',
    [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(projectRoot, 'lab', 'statuspoll.ts'),
      '--token-file',
      join(lab.dir, 'api.token'),
      ...nodeNames.flatMap((node) => ['--node', `${node}=http://${addressOf[node]}:${apiPort}/api/v1/pair`]),
    ],
    'pipe',
  );
  const answers: Record<NodeName, StatusAnswer | null> = { a: null, b: null };
  let view = viewOf(answers, null);
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      const answer = JSON.parse(line) as StatusAnswer;
      answers[answer.node] = answer;
      view = viewOf(answers, view);
    });
  }
  child.stdin?.on('error', () => {});
  return { latest: () => view, stop: () => child.stdin?.end() };
}

interface NodeSays {
  readonly epoch: number;
  readonly writer: string | null;
  readonly sync: string;
  readonly role: string;
}

function saysOf(answer: StatusAnswer | null): NodeSays | null {
  const body = answer?.body as
    | { epoch?: number; writer?: string; sync?: string; role?: string }
    | null
    | undefined;
  if (body === null || body === undefined) return null;
  return {
    epoch: body.epoch ?? 0,
    writer: body.writer ?? null,
    sync: body.sync ?? 'unknown',
    role: body.role ?? 'unknown',
  };
}

function describe(node: NodeName, answer: StatusAnswer | null): string {
  const says = saysOf(answer);
  if (says === null) return `${node} does not answer (${answer?.error ?? 'not asked yet'})`;
  return `${node} says epoch ${says.epoch}, writer ${says.writer ?? 'none'}, ${says.sync}, itself ${says.role}`;
}

export function viewOf(
  answers: Readonly<Record<NodeName, StatusAnswer | null>>,
  before: PairView | null,
): PairView {
  const atMs = Math.min(...nodeNames.map((node) => answers[node]?.atMs ?? 0));
  const [a, b] = [saysOf(answers.a), saysOf(answers.b)];
  const agreed = a !== null && b !== null && a.epoch === b.epoch && a.writer === b.writer;
  const paired = agreed && a.sync === 'paired' && b.sync === 'paired';
  return {
    atMs,
    paired,
    pairedSinceMs: paired && before?.paired ? before.pairedSinceMs : atMs,
    writer: agreed ? (nodeNames.find((node) => node === a.writer) ?? null) : null,
    sentence: nodeNames.map((node) => describe(node, answers[node])).join('; '),
    answers: { ...answers },
  };
}
