// An operator's order as one question with one answer: it is given to the machine, and an event of this node's tells how it
// ended. One order at a time.

import type { EventLog, LogEvent } from '../io/http/events.ts';
import type { Failure } from '../io/http/failure.ts';
import type { OrderAnswer } from '../io/http/orders.ts';
import type { Clock } from '../runtime/ports.ts';

export type Refusal = Extract<OrderAnswer, { ok: false }>;

/** Null: the event is not the end of this order. */
export type EndOf = (
  event: LogEvent,
) => { readonly ok: true } | { readonly ok: false; readonly error: Failure } | null;

export interface OrderDesk {
  run(order: {
    readonly give: () => void;
    /** Whether the machine has begun with it; without this an order is taken for begun. */
    readonly taken?: () => boolean;
    readonly endOf: EndOf;
    readonly limitMs: number;
  }): Promise<OrderAnswer>;
}

export const refuse = (status: Refusal['status'], code: string, message: string, hint: string): Refusal => ({
  ok: false,
  status,
  error: { code, message, hint },
});

export function openOrderDesk(clock: Clock, events: EventLog): OrderDesk {
  let busy = false;
  return {
    async run({ give, taken, endOf, limitMs }) {
      if (busy) {
        const hint = 'wait for its end: `twinkeep events --follow` shows it';
        return refuse(409, 'order-in-progress', 'another order is being carried out', hint);
      }
      busy = true;
      const startedMs = clock.bootMs();
      try {
        return await new Promise<OrderAnswer>((resolve) => {
          const settle = (answer: OrderAnswer): void => {
            clearTimeout(timer);
            unfollow();
            resolve(answer);
          };
          const timer = setTimeout(() => {
            const message = `no end of it within ${Math.round(limitMs / 1000)} s`;
            settle(refuse(409, 'no-answer', message, '`twinkeep status` shows where the pair is'));
          }, limitMs);
          const unfollow = events.follow((event) => {
            const end = endOf(event);
            if (end === null) return;
            const tookMs = Math.round(clock.bootMs() - startedMs);
            settle(end.ok ? { ok: true, because: event.because, tookMs } : { ...end, status: 409 });
          });
          give();
          if (taken?.() === false) {
            const hint = 'wait a moment, look at `twinkeep status`, then order it again';
            settle(refuse(409, 'not-now', 'this node is in the middle of something else', hint));
          }
        });
      } finally {
        busy = false;
      }
    },
  };
}
