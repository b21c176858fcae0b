// A reader of the read VIP, for drills and tests: who answered it between two moments, and how long nobody did. The
// reader itself is a process in the application host (readerclient.ts).

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spawnIn } from './host.ts';
import { applicationPasswordFile, applicationUser } from './pair.ts';
import type { LabOptions } from './plan.ts';

interface Stretch {
  readonly server: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly errors: number;
}

export interface Read {
  /** The servers that answered, one after the other. */
  readonly servers: readonly number[];
  /** The longest time without an answer. */
  readonly outageMs: number;
}

export interface Reader {
  /** From now on. */
  mark(): void;
  /** What it got since the mark. */
  read(): Promise<Read>;
  stop(): Promise<void>;
}

/** A reader that gets nothing for this long after it was asked gets nothing at all. */
const UNANSWERED_MS_MAX = 20_000;
const CLIENT = fileURLToPath(new URL('./readerclient.ts', import.meta.url));
const nowMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

export function startReader(lab: LabOptions, vip: string): Reader {
  const child: ChildProcess = spawnIn(
    lab,
    'app',
    [process.execPath, CLIENT, vip, applicationUser, applicationPasswordFile(lab)],
    'pipe',
  );
  const stretches: Stretch[] = [];
  let told: () => void = () => {};
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      const stretch = JSON.parse(line) as Stretch;
      const last = stretches.at(-1);
      // The one that goes on is told again, longer.
      if (last?.fromMs === stretch.fromMs) stretches.pop();
      stretches.push(stretch);
      told();
    });
  }
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let markMs = nowMs();
  return {
    mark() {
      markMs = nowMs();
    },
    async read() {
      const untilMs = nowMs();
      // Until it has told of what is later than now.
      for (let last = stretches.at(-1); (last?.toMs ?? 0) < untilMs; last = stretches.at(-1)) {
        const next = new Promise<void>((resolve) => {
          told = resolve;
        });
        child.stdin?.write('\n');
        await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 100))]);
        if (nowMs() - untilMs > UNANSWERED_MS_MAX) break;
      }
      const since = stretches.filter((each) => each.toMs >= markMs);
      const servers = since
        .map((each) => each.server)
        .filter((server, i, all) => i === 0 || server !== all[i - 1]);
      const gaps = since.slice(1).map((each, i) => each.fromMs - (since[i]?.toMs ?? 0));
      const sinceLast = untilMs - (since.at(-1)?.toMs ?? markMs);
      return { servers, outageMs: Math.round(Math.max(0, sinceLast, ...gaps)) };
    },
    async stop() {
      child.stdin?.end();
      await ended;
    },
  };
}
