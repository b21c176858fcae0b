// Lets the rest of the process have its turn: reading a log out of memory awaits nothing that would.
import { setImmediate as nextTurn } from 'node:timers/promises';

const TURN_MS_MAX = 8;

/** Await it in every round of a long loop. */
export function breath(): () => Promise<void> | null {
  let since = performance.now();
  return () => {
    if (performance.now() - since < TURN_MS_MAX) return null;
    return nextTurn().then(() => {
      since = performance.now();
    });
  };
}
