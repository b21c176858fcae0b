// The witness as etcd behaves: one value with the revision of its last change, compare-and-swap, linearizable. It can be
// slow, away, unreachable from either node, or wiped; an answer can be lost though the request was applied, or the
// request be applied late.

import { type PairRecord, sameRecord } from '../src/core/pair/record.ts';
import type { WitnessExpectation, WitnessView } from '../src/core/pair/witness.ts';
import type { Network, Place } from './network.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

export type SwapAnswer =
  | { readonly kind: 'swapped'; readonly revision: string }
  | { readonly kind: 'conflict'; readonly view: WitnessView };

export interface WitnessModel {
  readonly record: PairRecord | null;
  up: boolean;
  /** Extra time for each request, at most. */
  slowMs: number;
  wipe(): void;
  read(from: Place, onAnswer: (view: WitnessView) => void): void;
  swap(
    from: Place,
    record: PairRecord,
    expected: WitnessExpectation | null,
    onAnswer: (answer: SwapAnswer) => void,
  ): void;
  onSwapped: (from: Place, record: PairRecord) => void;
}

export function newWitness(timeline: Timeline, network: Network, random: Random): WitnessModel {
  let value: { readonly record: PairRecord; readonly revision: number } | null = null;
  let revision = 1;

  const view = (): WitnessView =>
    value === null
      ? { kind: 'empty' }
      : { kind: 'holds', record: value.record, revision: String(value.revision) };

  /** There, done after a while if it is up by then, and back. */
  function serve(from: Place, answer: () => void): void {
    network.post('witness', from, 'witness', () => {
      timeline.at(random.skewed(0.5, 4 + model.slowMs), () => {
        if (model.up) answer();
      });
    });
  }
  const reply = (from: Place, deliver: () => void): void => network.post('witness', 'witness', from, deliver);

  const model: WitnessModel = {
    get record() {
      return value?.record ?? null;
    },
    up: true,
    slowMs: 0,
    onSwapped: () => undefined,
    wipe() {
      value = null;
      revision = 1;
    },
    read(from, onAnswer) {
      serve(from, () => {
        const seen = view();
        reply(from, () => onAnswer(seen));
      });
    },
    swap(from, record, expected, onAnswer) {
      serve(from, () => {
        const matches =
          expected === null
            ? value === null
            : value !== null &&
              String(value.revision) === expected.revision &&
              sameRecord(value.record, expected.record);
        if (!matches) {
          const seen = view();
          reply(from, () => onAnswer({ kind: 'conflict', view: seen }));
          return;
        }
        revision++;
        value = { record, revision };
        model.onSwapped(from, record);
        const swapped = String(revision);
        reply(from, () => onAnswer({ kind: 'swapped', revision: swapped }));
      });
    },
  };
  return model;
}
