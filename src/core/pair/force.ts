// `promote --force`: an operator makes this node the writer although a rule speaks against it. What may be lost is said
// first, in sentences; what can still be kept (everything that was received here) is kept.

import type { Decision } from './decision.ts';
import { ineligible } from './eligibility.ts';
import type { Order } from './event.ts';
import { holds } from './hold.ts';
import { persist, witnessAnswers, witnessed } from './keeping.ts';
import type { Reason } from './reason.ts';
import { TAKEOVER_STEP_MS_MAX, WITNESS_MS_MAX } from './settings.ts';
import { freshReport, type PairState } from './state.ts';

/** The other node may have claimed some epochs that this one did not hear of: a forced one is above them. */
const UNHEARD_EPOCHS = 10;

/** Why not even an operator's word makes this node the writer; null: it may. */
export function forceRefusal(state: PairState): Reason | null {
  const { settings, own, role } = state;
  const { self, peer } = settings;
  if (role === 'writing') {
    return { code: 'is-writer', because: `${self} is the writer already`, lift: 'nothing is to be done' };
  }
  if (role === 'promoting') {
    return {
      code: 'promoting',
      because: `${self} is becoming the writer at this moment`,
      lift: 'wait a moment, then look at `twinkeep status`',
    };
  }
  const report = freshReport(state);
  if (report?.role === 'writing' && report.server === 'up') {
    return {
      code: 'writer-lives',
      because: `${peer} is the writer, is heard and well: nothing has to be forced`,
      lift: `\`twinkeep switchover --to ${self}\` moves the role without a loss`,
    };
  }
  if (own.health !== 'up' || own.status === null) {
    return {
      code: `server-${own.health}`,
      because: `the database server of ${self} is ${own.health}: ${own.because}`,
      lift: `start the server of ${self}, and see that it can write`,
    };
  }
  const error = own.status.channel?.applierError ?? null;
  if (error !== null) {
    return {
      code: 'applier-stopped',
      because: `${self} has received transactions that its applier cannot apply: ${error}`,
      lift: 'mend what the error names and start the applier; what is received is never thrown away',
    };
  }
  return null;
}

/** What an operator must know before forcing: each sentence a thing that may be lost or go wrong. */
export function forceRisks(state: PairState): readonly string[] {
  const { settings, peer } = state;
  const risks = [...ineligible(state), ...holds(state)].map((each) => each.because);
  const report = freshReport(state);
  if (report === null) {
    risks.push(
      `${settings.peer} is not heard: if it is up and takes writes, both nodes acknowledge writes until they hear each other; then those of ${settings.peer} are set aside`,
    );
  }
  if (peer.sql === 'answers') {
    risks.push(
      `the server of ${settings.peer} answers over SQL: it is closed first, and its clients are cut off`,
    );
  }
  if (settings.witness && !witnessAnswers(state)) {
    risks.push('the witness is not reached: it cannot keep the other node from going on');
  }
  return risks;
}

function forcedEpoch(state: PairState): number {
  const known = [state.record, state.peer.report?.record, witnessed(state)].map((each) => each?.epoch ?? 0);
  const sure = freshReport(state) !== null || (state.settings.witness && witnessAnswers(state));
  return Math.max(...known, state.journal?.epoch ?? 0) + (sure ? 1 : UNHEARD_EPOCHS);
}

export function forcePlan(state: PairState, because: string): Decision {
  const { settings, peer, witness } = state;
  const record = { epoch: forcedEpoch(state), writer: settings.self, sync: 'alone' } as const;
  const step = { deadlineMs: TAKEOVER_STEP_MS_MAX };
  const rest: Order[] = [
    ...(peer.sql === 'answers' ? [{ kind: 'fence-peer', ...step } as const] : []),
    { kind: 'stop-receiving', ...step },
    { kind: 'drain', deadlineMs: settings.drainMsMax },
    { kind: 'semi-sync-source', on: false, ...step },
    { kind: 'skip-sequence', ...step },
    { kind: 'open-writes', ...step },
    { kind: 'claim-vip', epoch: record.epoch, ...step },
  ];
  const fence = peer.sql === 'answers';
  const journal = { kind: 'takeover', epoch: record.epoch, because, fence } as const;
  const reached = settings.witness && (witnessAnswers(state) || witness.view?.kind === 'empty');
  const swap: Order[] = reached
    ? [{ kind: 'witness', record, expected: witness.holds, deadlineMs: WITNESS_MS_MAX }]
    : [];
  const orders = [...swap, persist(state, record, journal), ...rest];
  return {
    kind: 'plan',
    plan: { kind: 'takeover', because, orders },
    change: { failingOver: false, offer: null },
  };
}
