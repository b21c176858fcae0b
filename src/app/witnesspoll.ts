// Asks the witness what it holds: once a second, and often while something is in the balance.

import type { WitnessView } from '../core/pair/witness.ts';
import type { Witness } from '../runtime/ports.ts';

const INTERVAL_MS = 1000;
const HURRY_INTERVAL_MS = 100;
const DEADLINE_MS = 1000;
/** A swap waits for the read before it. */
const HURRY_DEADLINE_MS = 300;

export interface WitnessPoll {
  /** Whether the answer is wanted soon and often. */
  hurry(on: boolean): void;
  stop(): void;
}

export function startWitnessPoll(witness: Witness, onView: (view: WitnessView) => void): WitnessPoll {
  let stopped = false;
  let hurried = false;
  let wake: () => void = () => {};

  const run = async (): Promise<void> => {
    while (!stopped) {
      const view = await witness.read(hurried ? HURRY_DEADLINE_MS : DEADLINE_MS);
      if (!stopped) onView(view);
      const restMs = hurried ? HURRY_INTERVAL_MS : INTERVAL_MS;
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, restMs);
      });
    }
  };
  void run();
  return {
    hurry(on) {
      const begins = on && !hurried;
      hurried = on;
      if (begins) wake();
    },
    stop() {
      stopped = true;
      wake();
    },
  };
}
