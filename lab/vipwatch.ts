// Who holds the write VIP, and from when to when: each database host's kernel is asked through `ip -ts monitor address`.

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { nowMs } from './acks.ts';
import type { Span } from './drill/measure.ts';
import { isUp, onNetwork, spawnIn } from './host.ts';
import { type LabOptions, type NodeName, nodeNames, writeVip } from './plan.ts';

export interface VipEvent {
  readonly atMs: number;
  readonly held: boolean;
}

const LINE = /^\[([0-9-]+T[0-9:]+)\.([0-9]+)\] (Deleted )?.* inet ([0-9.]+)\//;

/** One line of `ip -ts -o -4 monitor address` (run with TZ=UTC); null when it is about another address. */
export function parseMonitorLine(line: string, vip: string, wallMinusMonotonicMs: number): VipEvent | null {
  const match = LINE.exec(line);
  if (match === null || match[4] !== vip) return null;
  const wallMs = Date.parse(`${match[1]}Z`) + Number(`0.${match[2]}`) * 1000;
  return { atMs: wallMs - wallMinusMonotonicMs, held: match[3] === undefined };
}

/** The spans in which the address was there; a span without an end goes on to `endMs`. Renewals change nothing. */
export function spansOf(events: readonly VipEvent[], endMs: number): Span[] {
  const spans: Span[] = [];
  let since: number | null = null;
  for (const event of [...events].sort((x, y) => x.atMs - y.atMs)) {
    if (event.held) since ??= event.atMs;
    else if (since !== null) {
      spans.push({ fromMs: since, toMs: event.atMs });
      since = null;
    }
  }
  if (since !== null) spans.push({ fromMs: since, toMs: Math.max(since, endMs) });
  return spans;
}

/** The difference of the two clocks, to a few microseconds: read just after the wall clock's millisecond turns. */
export function wallMinusMonotonicMs(): number {
  const start = Date.now();
  let now = start;
  while (now === start) now = Date.now();
  return now - nowMs();
}

export interface VipWatch {
  /** Watches a host (again, after a boot). Resolves once nothing can be missed any more. */
  attach(node: NodeName): Promise<void>;
  /** A host's kernel is gone, and its addresses with it. */
  crashed(node: NodeName, atMs: number): void;
  stop(): Promise<Record<NodeName, Span[]>>;
}

export async function watchVip(lab: LabOptions): Promise<VipWatch> {
  const lines: Record<NodeName, string[]> = { a: [], b: [] };
  const known: Record<NodeName, VipEvent[]> = { a: [], b: [] };
  const children: ChildProcess[] = [];

  const attach = async (node: NodeName): Promise<void> => {
    // `cat` ends with our pipe, so that nothing of it stays behind, however we end.
    const script = 'TZ=UTC ip -ts -o -4 monitor address & pid=$!; cat >/dev/null; kill $pid';
    const child = spawnIn(lab, node, ['sh', '-c', script], 'pipe');
    children.push(child);
    if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => lines[node].push(line));
    // An address that comes and goes proves that the monitor listens.
    await provoke(lab, node, () => lines[node].some((line) => line.includes(` ${probeAddress}/`)));
    const shown = await onNetwork(lab, node, ['ip', '-o', '-4', 'addr', 'show']);
    if (shown.includes(` ${writeVip}/`)) known[node].push({ atMs: nowMs(), held: true });
  };

  await Promise.all(nodeNames.filter((node) => isUp(lab, node)).map(attach));
  return {
    attach: async (node) => {
      lines[node] = lines[node].filter((line) => !line.includes(` ${probeAddress}/`));
      await attach(node);
    },
    crashed: (node, atMs) => known[node].push({ atMs, held: false }),
    stop: async () => {
      const endMs = nowMs();
      const offset = wallMinusMonotonicMs();
      await Promise.all(children.map(endOf));
      const spans = (node: NodeName) =>
        spansOf(
          [...known[node], ...lines[node].flatMap((line) => parseMonitorLine(line, writeVip, offset) ?? [])],
          endMs,
        );
      return { a: spans('a'), b: spans('b') };
    },
  };
}

/** RFC 5737 TEST-NET-3: used by nothing else in the lab. */
const probeAddress = '203.0.113.1';

async function provoke(lab: LabOptions, node: NodeName, seen: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!seen() && performance.now() < end) {
    const flip = `addr add ${probeAddress}/32 dev lo\naddr del ${probeAddress}/32 dev lo\n`;
    await onNetwork(lab, node, ['ip', '-batch', '-'], flip);
  }
}

function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.on('close', () => resolve());
    child.stdin?.end();
  });
}
