// Follows both nodes' own view of the pair during a drill or the demo (statuspoll.ts does the asking).

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { PairView as ApiView, NodeView } from '../src/app/view.ts';
import { sameRecord } from '../src/core/pair/record.ts';
import { spawnIn } from './host.ts';
import { addressOf, type LabOptions, type NodeName, nodeNames, projectRoot } from './plan.ts';

/** One answer of one node; `body` is what GET /api/v1/pair said. */
export interface StatusAnswer {
  readonly atMs: number;
  readonly node: NodeName;
  readonly body: ApiView | null;
  readonly error: string | null;
}

export interface PairView {
  /** When the older of the two answers came, CLOCK_MONOTONIC. */
  readonly atMs: number;
  /** Both nodes answer, hold the same record, it says `paired`, and each is in the role that it gives. */
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

/** What a node says of itself and of the pair; null when it does not answer. */
function saysOf(answer: StatusAnswer | null): { pair: ApiView; self: NodeView } | null {
  const pair = answer?.body ?? null;
  const self = pair?.nodes.find((node) => node.self);
  return pair === null || self === undefined ? null : { pair, self };
}

function describe(node: NodeName, answer: StatusAnswer | null): string {
  const says = saysOf(answer);
  if (says === null) return `${node} does not answer (${answer?.error ?? 'not asked yet'})`;
  const { record } = says.pair;
  return `${node} is ${says.self.role} (${says.self.because}), record: epoch ${record.epoch}, writer ${record.writer ?? 'none'}, ${record.sync}`;
}

export function viewOf(
  answers: Readonly<Record<NodeName, StatusAnswer | null>>,
  before: PairView | null,
): PairView {
  const atMs = Math.min(...nodeNames.map((node) => answers[node]?.atMs ?? 0));
  const [a, b] = [saysOf(answers.a), saysOf(answers.b)];
  const agreed = a !== null && b !== null && sameRecord(a.pair.record, b.pair.record);
  const writer = agreed ? (nodeNames.find((node) => node === a.pair.record.writer) ?? null) : null;
  const paired =
    agreed &&
    a.pair.record.sync === 'paired' &&
    a.self.role === (writer === 'a' ? 'writing' : 'following') &&
    b.self.role === (writer === 'b' ? 'writing' : 'following');
  return {
    atMs,
    paired,
    pairedSinceMs: paired && before?.paired ? before.pairedSinceMs : atMs,
    writer,
    sentence: nodeNames.map((node) => describe(node, answers[node])).join('; '),
    answers: { ...answers },
  };
}
