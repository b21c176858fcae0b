// An operator's switchover: done, refused, or failed, each with its reason and with what lifts it.

import { nearest } from '../config/suggest.ts';
import { peerIneligible } from '../core/pair/eligibility.ts';
import type { Reason } from '../core/pair/reason.ts';
import type { PairState } from '../core/pair/state.ts';
import type { OrderAnswer } from '../io/http/orders.ts';
import { type EndOf, type OrderDesk, type Refusal, refuse } from './orderdesk.ts';

/** The order's own limits end long before; this one is for a defect. */
const STEPS_MS_MAX = 30_000;
const STATUS_HINT = '`twinkeep why` shows what stands in the way';

export const liftsOf = (reasons: readonly Reason[]): string => {
  const lifts = [...new Set(reasons.map((each) => each.lift))];
  return lifts.length === 0 ? STATUS_HINT : `lifts: ${lifts.join('; ')}`;
};

function refusal(state: PairState, to: string | null): Refusal | null {
  const { settings, role, record } = state;
  const names = [settings.self, settings.peer];
  if (to !== null && !names.includes(to)) {
    // A name of one letter is near to every other.
    const meant = to.length > 1 ? nearest(to, names) : null;
    const hint = `${meant === null ? '' : `did you mean ${meant}? `}The pair has ${names.join(' and ')}`;
    return refuse(404, 'unknown-node', `there is no node ${to} in this pair`, hint);
  }
  if (to !== null && to === record.writer) {
    return refuse(409, 'switchover-refused', `${to} is the writer already`, 'nothing is to be done');
  }
  if (role === 'writing') return null;
  const ask = role === 'following' ? `ask ${record.writer ?? 'the other node'}` : STATUS_HINT;
  return refuse(409, 'not-the-writer', `${settings.self} is not the writer (it is ${role})`, ask);
}

export function openSwitchovers(options: {
  readonly state: () => PairState;
  readonly order: (because: string) => void;
  readonly desk: OrderDesk;
}): (to: string | null) => Promise<OrderAnswer> {
  const { state, order, desk } = options;
  const endOf: EndOf = ({ code, because }) => {
    switch (code) {
      case 'switchover-done':
        return { ok: true };
      case 'switchover-refused':
        return { ok: false, error: { code, message: because, hint: liftsOf(peerIneligible(state())) } };
      case 'switchover-failed':
        return { ok: false, error: { code, message: because, hint: STATUS_HINT } };
      default:
        return null;
    }
  };
  return async (to) => {
    const against = refusal(state(), to);
    if (against !== null) return against;
    const limitMs = state().settings.drainMsMax + STEPS_MS_MAX;
    return desk.run({ give: () => order('an operator asked for a switchover'), endOf, limitMs });
  };
}
