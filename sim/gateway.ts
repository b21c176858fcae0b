// Whether a host still reaches its gateway, as src/app/wire/gateway.ts asks: now and then, and at once when the writer is silent.

import type { WireView } from '../src/core/pair/event.ts';
import type { Process } from './host.ts';
import type { Network } from './network.ts';

export interface GatewayWatch {
  state(): WireView['gateway'];
  askNow(): void;
  /** The agent was started anew. */
  forget(): void;
}

const ASK_EVERY_MS = 1000;
const ASK_AGAIN_MS = 20;
const QUESTIONS_MAX = 5;

export const NOT_WATCHED: GatewayWatch = {
  state: () => 'unknown',
  askNow: () => undefined,
  forget: () => undefined,
};

export function newGatewayWatch(
  self: 'a' | 'b',
  process: Process,
  network: Network,
  onChange: () => void,
): GatewayWatch {
  let state: WireView['gateway'] = 'unknown';
  let rounds = 0;

  function ask(round: number, asked: number): void {
    if (round !== rounds) return;
    if (asked >= QUESTIONS_MAX) {
      state = 'silent';
      onChange();
      process.after(ASK_EVERY_MS, () => ask(round, 0));
      return;
    }
    let answered = false;
    network.datagram('gateway', self, 'gateway', () =>
      network.datagram('gateway', 'gateway', self, () =>
        process.run(() => {
          if (round !== rounds || answered) return;
          answered = true;
          state = 'answers';
          onChange();
        }),
      ),
    );
    process.after(ASK_AGAIN_MS, () => {
      if (answered) process.after(ASK_EVERY_MS, () => ask(round, 0));
      else ask(round, asked + 1);
    });
  }

  return {
    state: () => state,
    askNow() {
      state = 'unknown';
      ask(++rounds, 0);
    },
    forget() {
      state = 'unknown';
      rounds++;
    },
  };
}
