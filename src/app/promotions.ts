// `promote --force` at this node: what may be lost is told first, and nothing is done without the name of the pair.

import { forceRefusal, forceRisks } from '../core/pair/force.ts';
import type { Reason } from '../core/pair/reason.ts';
import type { PairState } from '../core/pair/state.ts';
import type { OrderAnswer } from '../io/http/orders.ts';
import { type EndOf, type OrderDesk, refuse } from './orderdesk.ts';

const STEPS_MS_MAX = 30_000;

export interface PromotionRisks {
  readonly pair: string;
  readonly node: string;
  /** Why not even an operator's word makes this node the writer; null: it may. */
  readonly refusal: Reason | null;
  /** What may be lost or go wrong, a sentence each. */
  readonly risks: readonly string[];
}

export function openPromotions(options: {
  readonly pair: string;
  readonly state: () => PairState;
  readonly order: (because: string) => void;
  readonly desk: OrderDesk;
}): { risks(): PromotionRisks; promote(confirm: string): Promise<OrderAnswer> } {
  const { pair, state, order, desk } = options;
  const endOf: EndOf = ({ code, because }) => {
    if (code === 'writer') return { ok: true };
    if (code === 'promote-refused') {
      return {
        ok: false,
        error: { code, message: because, hint: '`twinkeep why` shows what stands in the way' },
      };
    }
    // A step that failed may be passed over: then the takeover goes on.
    if (code !== 'takeover-failed' || state().role === 'promoting') return null;
    const hint =
      state().record.writer === state().settings.self
        ? 'it is tried again by itself: `twinkeep events --follow` shows it'
        : 'nothing was changed: mend what is named, then order it again';
    return { ok: false, error: { code, message: because, hint } };
  };
  return {
    risks: () => ({
      pair,
      node: state().settings.self,
      refusal: forceRefusal(state()),
      risks: forceRisks(state()),
    }),
    async promote(confirm) {
      if (confirm !== pair) {
        const message =
          confirm === '' ? 'the order does not name the pair' : `this is not the pair ${confirm}`;
        return refuse(
          400,
          'confirm',
          `${message}: nothing is done`,
          `confirm with the name of the pair, ${pair}`,
        );
      }
      const against = forceRefusal(state());
      if (against !== null) return refuse(409, against.code, against.because, against.lift);
      const give = () => order('an operator forced the promotion');
      // What is under way and as urgent is not interrupted.
      const taken = () => state().role === 'promoting';
      return desk.run({ give, taken, endOf, limitMs: state().settings.drainMsMax + STEPS_MS_MAX });
    },
  };
}
