// Pairing: from then on a commit is acknowledged only when the standby holds it. Every reason why it is not done yet is named,
// because a pair that stays alone is a pair that cannot fail over.

import { contains, endsWith, union } from '../gtid/gtid.ts';
import type { Decision } from './decision.ts';
import { errantReason } from './errant.ts';
import type { Order } from './event.ts';
import { concede, witnessAnswers, witnessed, witnessFaults } from './keeping.ts';
import type { PeerReport } from './message.ts';
import { type Reason, sentences } from './reason.ts';
import { sameRecord } from './record.ts';
import { RETRY_MS, STATEMENT_MS_MAX } from './settings.ts';
import { behindMs, freshReport, type PairState } from './state.ts';

/**
 * A standby that has yet to receive what was committed this long ago is not paired yet: commits would wait for it. Its
 * news of itself is up to half as old. What it has received but not applied does not count: a promotion drains it.
 */
const PAIR_BEHIND_MS_MAX = 800;
/** After a pairing that failed the next attempt waits, each time twice as long, up to this. */
const PAIR_PAUSE_MS_MAX = 30_000;
/** A new writer's clients are given this long to come back before anything may make them wait. */
const SETTLE_MS = 200;
/** The one commit that proves a pairing must be acknowledged within this. */
const PROOF_MS_MAX = 600;

/** How long to wait after the nth failure in a row. */
export function pairPauseMs(failures: number): number {
  return Math.min(PAIR_PAUSE_MS_MAX, RETRY_MS * 2 ** failures);
}

/**
 * Whether a server at `position` has something that was committed after this node opened: a receiver that is only just
 * connecting would let the first commits of the new writer wait for it, and one whose history went another way acknowledges
 * what its applier then refuses.
 */
function hasOfThisTerm(state: PairState, position: string): boolean {
  const first = state.own.trail.find((sample) => sample.atMs >= state.writerSinceMs + SETTLE_MS);
  const serverId = state.own.status?.serverId;
  if (first === undefined || serverId === undefined) return false;
  return contains(position, first.executedGtid) && endsWith(position, serverId);
}

/** Written here and not at the witness: the pairing is done again from its start. */
function isUnfinished(state: PairState): boolean {
  const atWitness = witnessed(state);
  return (
    state.record.sync === 'paired' && atWitness?.epoch === state.record.epoch && atWitness.sync === 'alone'
  );
}

const byItself = 'by itself, within seconds; `twinkeep why --since 5m` shows what was tried';

function standbyNotReady(state: PairState, report: PeerReport): Reason[] {
  const { peer } = state.settings;
  const agreed = state.settings.witness ? witnessed(state) : state.record;
  const one = (code: string, because: string, lift = byItself): Reason[] => [{ code, because, lift }];
  if (report.leaving) return one('leaving', `${peer} is leaving`, `start the agent of ${peer} again`);
  if (report.role !== 'following' || agreed === null || !sameRecord(report.record, agreed)) {
    return one('record-behind', `${peer} has not taken up the record yet (it is ${report.role})`);
  }
  if (!report.replicating) {
    const [why] = report.ineligible.filter((each) => each.code !== 'alone' && each.code !== 'stale');
    if (why !== undefined) return [why];
    return one('not-receiving', `${peer} does not receive: its receiver is not connected`);
  }
  if (!report.semiSyncReplica && state.settings.durability === 'lossless') {
    return one('catching-up', `${peer} catches up, and acknowledges only when it is nearly there`);
  }
  return [];
}

/** As the writer, alone: why it does not pair yet; empty: it may. */
export function unpairable(state: PairState): Reason[] {
  const { settings, own, nowMs } = state;
  const { self, peer } = settings;
  const one = (code: string, because: string, lift = byItself): Reason[] => [{ code, because, lift }];
  const report = freshReport(state);
  if (report === null) {
    return one(
      'peer-silent',
      `${peer} is not heard`,
      `by itself, when the agent of ${peer} runs and is reached`,
    );
  }
  if (settings.witness && !witnessAnswers(state)) return witnessFaults(state);
  // Its channel runs perhaps, as if nothing were: a server of MySQL fetches and keeps what is new to it beside what is errant.
  const errant = errantReason(state);
  if (errant !== null) return [errant];
  const notReady = standbyNotReady(state, report);
  if (notReady.length > 0) return notReady;
  if (own.status === null || own.status.readOnly) return one('closed', `the server of ${self} is not open`);
  const position = union(report.executedGtid, report.receivedGtid);
  if (!hasOfThisTerm(state, report.executedGtid)) {
    return one('old-term', `${peer} has not applied anything of this epoch yet`);
  }
  const lateMs = behindMs(own.trail, position, nowMs);
  if (lateMs > PAIR_BEHIND_MS_MAX) {
    return one('behind', `${peer} is ${Math.round(lateMs)} ms behind: paired from ${PAIR_BEHIND_MS_MAX} ms`);
  }
  if (nowMs < state.pairAtMs) {
    const restS = Math.ceil((state.pairAtMs - nowMs) / 1000);
    return one(
      'pausing',
      `the last attempt failed, because ${peer} did not acknowledge in time: the next one is in ${restS} s`,
    );
  }
  return [];
}

export function pair(state: PairState): Decision | null {
  const { record, settings } = state;
  if (record.sync === 'paired' && !isUnfinished(state)) return null;
  if (unpairable(state).length > 0) return null;
  const proof: Order[] =
    settings.durability === 'async'
      ? []
      : [
          { kind: 'semi-sync-source', on: true, deadlineMs: STATEMENT_MS_MAX },
          { kind: 'prove-commit', deadlineMs: PROOF_MS_MAX },
        ];
  const orders = [...proof, ...concede(state, { ...record, sync: 'paired' })];
  return { kind: 'plan', plan: { kind: 'pair', because: `${settings.peer} receives again`, orders } };
}

/** "alone, because b is 1200 ms behind": one reason for the operator. */
export function whyAlone(state: PairState): Reason {
  const { self, peer } = state.settings;
  const against = unpairable(state);
  return {
    code: 'alone',
    because: `${self} goes on alone: a failure now costs availability until it is back${
      against.length > 0 ? `; not paired, because ${sentences(against)}` : ''
    }`,
    lift: against[0]?.lift ?? `by itself, when ${peer} has caught up and acknowledges again`,
  };
}
