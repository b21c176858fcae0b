// The manager's way to the witness: one request at a time, each within its deadline.

import type { Outcome } from '../src/core/pair/event.ts';
import type { PairRecord } from '../src/core/pair/record.ts';
import type { WitnessExpectation, WitnessView } from '../src/core/pair/witness.ts';
import type { Process } from './host.ts';

export interface WitnessDesk {
  read(deadlineMs: number, onView: (view: WitnessView) => void): void;
  swap(
    record: PairRecord,
    expected: WitnessExpectation | null,
    deadlineMs: number,
    onOutcome: (outcome: Outcome, view: WitnessView) => void,
  ): void;
}

/** One request to the witness at a time; what has no answer in time is unknown, and may be carried out later. */
export function inTurn(witness: WitnessDesk | null, process: Process): WitnessDesk {
  const waiting: (() => void)[] = [];
  let busy = false;
  const next = (): void => {
    busy = false;
    waiting.shift()?.();
  };
  const enter = (act: () => void): void => {
    const begin = (): void => {
      busy = true;
      act();
    };
    if (busy) waiting.push(begin);
    else begin();
  };
  const settled = (deadlineMs: number, onLate: () => void): (() => boolean) => {
    let done = false;
    process.after(deadlineMs, () => {
      if (done) return;
      done = true;
      onLate();
      next();
    });
    return () => {
      const first = !done;
      done = true;
      return first;
    };
  };
  const because = 'no answer in time';
  return {
    read(deadlineMs, onView) {
      enter(() => {
        const first = settled(deadlineMs, () => onView({ kind: 'unreachable', because }));
        witness?.read(deadlineMs, (view) =>
          process.run(() => {
            if (!first()) return;
            onView(view);
            next();
          }),
        );
      });
    },
    swap(record, expected, deadlineMs, onOutcome) {
      enter(() => {
        const unknown = { ok: false, code: 'witness-unknown', because } as const;
        const first = settled(deadlineMs, () => onOutcome(unknown, { kind: 'unreachable', because }));
        witness?.swap(record, expected, deadlineMs, (outcome, view) =>
          process.run(() => {
            if (!first()) return;
            onOutcome(outcome, view);
            next();
          }),
        );
      });
    },
  };
}
