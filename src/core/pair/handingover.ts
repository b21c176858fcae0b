// The role `handing-over`: closed, and the next epoch is offered; the peer claims it, or refuses it. The end is never guessed:
// without the peer only the witness can tell that the epoch was not taken.

import type { Decision } from './decision.ts';
import { persist, witnessAnswers } from './keeping.ts';
import { laterRecord, reopenPlan } from './starting.ts';
import { freshReport, type PairState } from './state.ts';

/** How long the writer waits for an answer before it makes its offer again. */
const OFFER_AGAIN_MS = 1000;

export function decideHandingOver(state: PairState): Decision | null {
  const { offer, nowMs, settings } = state;
  const report = freshReport(state);
  const later = laterRecord(state);
  if (later !== null) {
    return {
      kind: 'plan',
      plan: {
        kind: 'adopt',
        because: `${later.record.writer} has taken epoch ${later.record.epoch}`,
        orders: [persist(state, later.record)],
      },
    };
  }
  // Only the witness can tell that it was not taken; see resumeHandover for a node that was restarted meanwhile.
  const forgone =
    offer !== null &&
    report === null &&
    settings.witness &&
    state.stop === null &&
    state.own.health === 'up' &&
    state.own.suspectSinceMs === null &&
    witnessAnswers(state) &&
    nowMs - state.offeredAtMs > settings.aloneAfterMs;
  if (forgone && nowMs >= state.retryAtMs) {
    return reopenPlan(state, offer.epoch, 'it is not heard, and the witness says that it has not taken it');
  }
  const unanswered = nowMs - state.offeredAtMs > OFFER_AGAIN_MS;
  // Closed, and without the VIP: an answer that comes later needs nothing more of this node.
  if (state.stop !== null && unanswered && (report === null || report.leaving)) {
    return {
      kind: 'exit',
      because: `${state.stop}; ${settings.peer} left, or fell silent, before it answered: the pair has no writer until both are back`,
    };
  }
  if (offer !== null && report !== null && unanswered) {
    const { epoch, finalGtid, planned, because } = offer;
    return {
      kind: 'tell',
      message: offer.withdrawn
        ? { kind: 'withdrawn', epoch, because }
        : { kind: 'handover', epoch, finalGtid, planned, because },
      change: { offeredAtMs: nowMs },
      because: offer.withdrawn
        ? `the offer of epoch ${epoch} to ${settings.peer} is taken back: ${because}`
        : `no answer from ${settings.peer} yet: offering epoch ${epoch} again`,
    };
  }
  return null;
}
