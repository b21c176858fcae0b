// MISC_CHECK: a program of the user's. Status 0 is a success; with misc_dynamic 2 to 255 are too, and say what the weight is to be.
import { PASSED, type Verdict } from '../../core/checker/target.ts';
import { runScript, type ScriptCommand, type ScriptEnd } from '../scripts/run.ts';

/** So many run at once; the others wait for their turn: thousands of checks must not be thousands of processes. */
const RUNNING_MAX = 100;
let running = 0;
const waiting: (() => void)[] = [];

function leave(): void {
  running--;
  waiting.shift()?.();
}

function enter(signal: AbortSignal): Promise<void> {
  if (running < RUNNING_MAX || signal.aborted) {
    running++;
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    waiting.push(() => {
      running++;
      resolve();
    });
  });
}

function judge(end: ScriptEnd, late: boolean, dynamic: boolean): Verdict {
  if (late) return { ok: false, because: 'timed out', late: true };
  switch (end.kind) {
    case 'not-started':
      return { ok: false, because: `could not be run: ${end.reason}`, late: false };
    case 'killed':
      return { ok: false, because: `failed (due to signal ${end.signal})`, late: false };
    case 'exited':
      if (end.status === 0) return PASSED;
      if (dynamic && end.status >= 2) return { ok: true, weight: end.status - 2 };
      return { ok: false, because: `failed (exited with status ${end.status})`, late: false };
  }
}

export interface MiscCheck {
  readonly command: ScriptCommand;
  readonly timeoutMs: number;
  readonly dynamic: boolean;
}

export async function miscCheck(
  { command, timeoutMs, dynamic }: MiscCheck,
  signal: AbortSignal,
): Promise<Verdict> {
  await enter(signal);
  try {
    return await new Promise<Verdict>((resolve) => {
      let late = false;
      const script = runScript(command, {
        timeoutMs,
        onTimeout: () => {
          late = true;
        },
        onEnd: (end) => {
          signal.removeEventListener('abort', abort);
          resolve(judge(end, late, dynamic));
        },
      });
      const abort = (): void => script.end();
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
    });
  } finally {
    leave();
  }
}
