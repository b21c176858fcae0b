// Who acknowledged when: the clients' own log, told apart by the epochs that the nodes' logs name. Pure.

import type { Ack } from '../acks.ts';
import type { NodeName } from '../plan.ts';
import { nodeNames } from '../plan.ts';

/** A node became, or stayed, the writer of an epoch. */
export interface Opening {
  readonly node: NodeName;
  readonly epoch: number;
  /** When it began to: it can acknowledge nothing of this epoch earlier. CLOCK_MONOTONIC. */
  readonly fromMs: number;
}

/** What one node acknowledged in one epoch. Times are CLOCK_MONOTONIC. */
export interface Reign {
  readonly node: NodeName;
  /** Null: acknowledged before its log named an epoch. */
  readonly epoch: number | null;
  readonly rows: number;
  readonly firstAckMs: number;
  readonly lastAckMs: number;
  /** The last sending of a row that it acknowledged: until then it provably was the writer. */
  readonly lastSentMs: number;
}

/**
 * What an agent's log says of epochs; lines that are not the log's own are passed over.
 * "a is the writer of epoch 3 (32 ms: persist 3, ...)": the writer since 32 ms before this line, or since the takeover that a
 * killed manager began and its successor finished.
 */
export function openingsOf(node: NodeName, log: string, wallMinusMonotonicMs: number): Opening[] {
  const openings: Opening[] = [];
  let begunMs = Number.POSITIVE_INFINITY;
  for (const line of log.split('\n')) {
    const said = parseLine(line);
    if (said === null) continue;
    const atMs = said.time - wallMinusMonotonicMs;
    if (said.code === 'takeover') begunMs = Math.min(begunMs, atMs);
    if (said.code !== 'writer') continue;
    const epoch = /the writer of epoch (\d+)/.exec(said.msg)?.[1];
    if (epoch === undefined) continue;
    const tookMs = Number(/\((\d+) ms\b/.exec(said.msg)?.[1] ?? 0);
    openings.push({ node, epoch: Number(epoch), fromMs: Math.min(begunMs, atMs - tookMs) });
    begunMs = Number.POSITIVE_INFINITY;
  }
  return openings;
}

function parseLine(line: string): { time: number; code: string; msg: string } | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as { time: number; code: string; msg: string };
  } catch {
    return null; // the last line of a process that was killed
  }
}

/** Every acknowledgement under the last epoch that its node had opened by then, in the order of the first ones. */
export function reignsOf(
  acks: readonly Ack[],
  openings: readonly Opening[],
  serverIds: Readonly<Record<NodeName, number>>,
): Reign[] {
  const reigns = new Map<string, Reign>();
  for (const ack of acks) {
    const node = nodeNames.find((name) => serverIds[name] === ack.serverId);
    if (node === undefined) continue;
    const epoch = epochAt(openings, node, ack.ackedMs);
    const key = `${node} ${epoch}`;
    const before = reigns.get(key);
    reigns.set(key, {
      node,
      epoch,
      rows: (before?.rows ?? 0) + 1,
      firstAckMs: Math.min(before?.firstAckMs ?? ack.ackedMs, ack.ackedMs),
      lastAckMs: Math.max(before?.lastAckMs ?? ack.ackedMs, ack.ackedMs),
      lastSentMs: Math.max(before?.lastSentMs ?? ack.sentMs, ack.sentMs),
    });
  }
  return [...reigns.values()].sort((x, y) => x.firstAckMs - y.firstAckMs);
}

function epochAt(openings: readonly Opening[], node: NodeName, atMs: number): number | null {
  let last: Opening | null = null;
  for (const opening of openings) {
    if (opening.node !== node || opening.fromMs > atMs) continue;
    if (last === null || opening.fromMs >= last.fromMs) last = opening;
  }
  return last?.epoch ?? null;
}

/** For how long two nodes provably acknowledged at once: the longest overlap of two reigns of different nodes. 0 is right. */
export function reignedTogether(reigns: readonly Reign[]): number {
  let longest = 0;
  for (const [i, x] of reigns.entries()) {
    for (const y of reigns.slice(i + 1)) {
      if (x.node === y.node) continue;
      const shared = Math.min(x.lastSentMs, y.lastSentMs) - Math.max(x.firstAckMs, y.firstAckMs);
      longest = Math.max(longest, shared);
    }
  }
  return longest;
}

/** Epochs in which more than one node acknowledged. Must be none, whatever the fault. */
export function sharedEpochs(reigns: readonly Reign[]): number[] {
  const known = reigns.flatMap(({ epoch, node }) => (epoch === null ? [] : [{ epoch, node }]));
  return [...Map.groupBy(known, (reign) => reign.epoch)]
    .filter(([, own]) => new Set(own.map((reign) => reign.node)).size > 1)
    .map(([epoch]) => epoch);
}
