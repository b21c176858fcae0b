// What would happen if the writer failed now: who takes over, in about how long, and what would be lost; or which rules
// stand against it and what lifts each. Computed from what is known, with the rules that would decide.

import { backlog } from '../gtid/gtid.ts';
import { ineligible, peerHeld, peerIneligible } from './eligibility.ts';
import { holds } from './hold.ts';
import { type Reason, sentences } from './reason.ts';
import { freshReport, type PairState } from './state.ts';

export interface Forecast {
  /** Null: the pair has no writer at this moment. */
  readonly writer: string | null;
  /** Who takes over if the writer fails now; null: nobody, by itself. */
  readonly successor: string | null;
  /** About how long clients cannot write, by what fails. Milliseconds; null without a successor. */
  readonly outageMs: { readonly server: number; readonly host: number } | null;
  /** Acknowledged transactions that the other node is known to lack; null: not known. */
  readonly atRisk: number | null;
  /** The rules that stand against it. Empty: nothing does. */
  readonly against: readonly Reason[];
  /** All of it in one sentence. */
  readonly because: string;
}

/** What a handover takes when both nodes are well: two fsyncs, the read-only switch, the VIP. As measured (docs/DRILLS.md). */
const HANDOVER_MS = 100;

function outages(state: PairState, lagMs: number | null): { server: number; host: number } {
  const drainMs = Math.max(0, lagMs ?? 0);
  const { masterDownMs, peerSilenceMsMax } = state.settings;
  return { server: HANDOVER_MS + drainMs, host: masterDownMs + peerSilenceMsMax + drainMs };
}

/** How many transactions `position` lacks of `other`; null when GTIDs cannot tell. */
function lacks(position: string, other: string): number | null {
  if (position === '' || other === '') return null;
  const count = backlog(other, position);
  return Number.isFinite(count) ? count : null;
}

function sentence(state: PairState, forecast: Omit<Forecast, 'because'>, standby: string): string {
  const { writer, successor, outageMs, atRisk, against } = forecast;
  if (writer === null) return `there is no writer at this moment: ${state.because}`;
  if (successor !== null && outageMs !== null) {
    const risk =
      state.settings.durability === 'lossless'
        ? 'no acknowledged transaction is at risk'
        : `what it has not received then is lost, or salvaged (mysql.durability: async; now ${atRisk ?? 'an unknown number of'} transactions)`;
    return `if ${writer} fails now: ${successor} takes over, ${risk}; clients wait about ${outageMs.server} ms (server) to ${outageMs.host} ms (host)`;
  }
  const risk =
    atRisk === null || atRisk === 0
      ? ''
      : `; ${standby} lacks ${atRisk} transactions that ${writer} has acknowledged`;
  return `if ${writer} fails now: nobody takes over by itself: ${sentences(against)}${risk}`;
}

export function forecast(state: PairState): Forecast {
  const { self, peer } = state.settings;
  const report = freshReport(state);
  const status = state.own.status;
  const asWriter = state.role === 'writing';
  const writer = asWriter ? self : state.role === 'following' ? peer : null;
  const standby = asWriter ? peer : self;
  const against = asWriter
    ? [...peerIneligible(state), ...peerHeld(state)]
    : [...ineligible(state), ...holds(state)];
  const successor = writer !== null && against.length === 0 ? standby : null;
  const received = status?.channel?.receivedGtid ?? '';
  const gap = asWriter
    ? lacks(report?.receivedGtid ?? '', status?.executedGtid ?? '')
    : lacks(received, report?.executedGtid ?? '');
  const known: Omit<Forecast, 'because'> = {
    writer,
    successor,
    outageMs:
      successor === null ? null : outages(state, asWriter ? (report?.lagMs ?? null) : state.own.lagMs),
    // Paired, lossless: what is acknowledged is on both, whatever is still under way.
    atRisk: state.record.sync === 'paired' && state.settings.durability === 'lossless' ? 0 : gap,
    against: writer === null ? [] : against,
  };
  return { ...known, because: sentence(state, known, standby) };
}
