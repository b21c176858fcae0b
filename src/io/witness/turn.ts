// Calls in turn: one at a time, answered in the order in which they were made, each within its own deadline. etcd.ts makes
// its calls through it, so that an old view of the witness never arrives after a newer one.

import type { Clock } from '../../runtime/ports.ts';

/** The call itself keeps its time; this ends one that does not, or that waits behind a longer one. */
const OVERRUN_MS = 20;

export interface Taken<T> {
  /** Null when the time was over before it was asked. */
  readonly answer: T | null;
  /** It came after the deadline: a process that was frozen finds old answers when it thaws. */
  readonly late: boolean;
}

export interface Turn {
  /** `ask` gets what is left of the time. */
  take<T>(deadlineMs: number, ask: (leftMs: number, signal: AbortSignal) => Promise<T>): Promise<Taken<T>>;
  /** Gives up every call that is open. */
  close(): void;
}

export function openTurn(clock: Clock): Turn {
  const open: AbortController[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const giveUp = (upTo: number): void => {
    for (const each of open.slice(0, upTo)) each.abort();
  };
  return {
    take(deadlineMs, ask) {
      const endMs = clock.bootMs() + deadlineMs;
      const own = new AbortController();
      open.push(own);
      // The calls before this one end with it at the latest: their answers may not come after its own.
      const timer = setTimeout(() => giveUp(open.indexOf(own) + 1), deadlineMs + OVERRUN_MS);
      const turn = last.then(async () => {
        const leftMs = endMs - clock.bootMs();
        const answer = leftMs > 0 && !own.signal.aborted ? await ask(leftMs, own.signal) : null;
        clearTimeout(timer);
        open.shift();
        return { answer, late: clock.bootMs() > endMs };
      });
      last = turn;
      return turn;
    },
    close: () => giveUp(open.length),
  };
}
