// How a look ends: by what it found, at its deadline, or because nobody wants to know any more. Used by every kind of check.
import { getSystemErrorMessage } from 'node:util';
import type { Verdict } from '../../core/checker/target.ts';

export const LATE: Verdict = { ok: false, because: 'timeout', late: true };

export const failed = (because: string): Verdict => ({ ok: false, because, late: false });

/** `connect ECONNREFUSED 10.0.0.1:3306` says more than it must: the line names the server. */
export const reasonOf = (error: unknown): string => {
  const { code, message } = error as { readonly code?: unknown; readonly message?: string };
  return typeof code === 'string' ? code : (message ?? String(error));
};

/** As the C library words it: `errno 111 (Connection refused)`. */
export const errnoOf = (error: unknown): string => {
  const { errno } = error as { readonly errno?: unknown };
  if (typeof errno !== 'number') return reasonOf(error);
  const words = getSystemErrorMessage(errno) ?? '';
  return `errno ${-errno} (${words.charAt(0).toUpperCase()}${words.slice(1)})`;
};

export interface Ending {
  /** The first word counts. */
  settle(verdict: Verdict): void;
  readonly settled: boolean;
}

/**
 * One look: `work` begins it and returns how to clean up, which happens once, however it ends. Never rejects: whatever `work` throws
 * is a failed look.
 */
export function look(
  timeoutMs: number,
  signal: AbortSignal,
  work: (ending: Ending) => () => void,
): Promise<Verdict> {
  return new Promise((resolve) => {
    let settled = false;
    let cleanUp: (() => void) | null = null;
    const settle = (verdict: Verdict): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      cleanUp?.();
      resolve(verdict);
    };
    const abort = (): void => settle(failed('abandoned'));
    const timer = setTimeout(() => settle(LATE), timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    try {
      cleanUp = work({
        settle,
        get settled() {
          return settled;
        },
      });
      // Settled while it began.
      if (settled) cleanUp();
    } catch (error) {
      settle(failed(reasonOf(error)));
    }
  });
}
