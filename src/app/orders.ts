// What operators order, as the API passes it on: each order becomes an event of the machine, and is answered at its end.

import type { PairEvent } from '../core/pair/event.ts';
import type { PairState } from '../core/pair/state.ts';
import type { EventLog } from '../io/http/events.ts';
import type { Orders } from '../io/http/orders.ts';
import type { Clock } from '../runtime/ports.ts';
import { openOrderDesk } from './orderdesk.ts';
import { openPromotions } from './promotions.ts';
import { openSwitchovers } from './switchovers.ts';

type Ordered = Extract<PairEvent, { kind: 'switchover' | 'promote' | 'maintenance' }>;
type WithoutTime<E> = E extends PairEvent ? Omit<E, 'nowMs'> : never;

export function openOrders(options: {
  readonly pair: string;
  readonly clock: Clock;
  readonly events: EventLog;
  readonly state: () => PairState;
  readonly dispatch: (event: WithoutTime<Ordered>) => void;
}): Orders {
  const { pair, clock, events, state, dispatch } = options;
  const desk = openOrderDesk(clock, events);
  const promotions = openPromotions({
    pair,
    state,
    order: (because) => dispatch({ kind: 'promote', because }),
    desk,
  });
  const maintenance = () => ({ node: state().settings.self, ...state().maintenance });
  return {
    switchover: openSwitchovers({
      state,
      order: (because) => dispatch({ kind: 'switchover', because }),
      desk,
    }),
    promote: promotions.promote,
    promotionRisks: promotions.risks,
    maintenance,
    orderMaintenance(because) {
      dispatch({ kind: 'maintenance', because });
      return maintenance();
    },
  };
}
