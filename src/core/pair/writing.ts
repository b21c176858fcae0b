// The role `writing`: this node is the writer of the record's epoch. It hands over when it fails and the standby is
// eligible, goes alone only through the record, and pairs again when the standby has caught up.

import type { Decision } from './decision.ts';
import { peerHeld, peerIneligible, unfit } from './eligibility.ts';
import type { Order } from './event.ts';
import { holds } from './hold.ts';
import { claim, confirmed, persist, witnessAnswers } from './keeping.ts';
import { pair } from './pairing.ts';
import { codes, type Reason, sentences } from './reason.ts';
import { describeRecord } from './record.ts';
import {
  FAILBACK_PAUSE_MS,
  FIT_MS_MIN,
  NOT_ACKNOWLEDGING_MS_MAX,
  RETRY_MS,
  SILENT_STANDBY_MS_MAX,
  STATEMENT_MS_MAX,
  TAKEOVER_STEP_MS_MAX,
  WITNESS_MS_MAX,
} from './settings.ts';
import { laterRecord, mayGap, openingOrders, resumingOrders } from './starting.ts';
import { freshReport, type PairState } from './state.ts';

/** Without two-way contact for this long the writer stops vouching for its standby. */
const SEPARATING_MS = 1000;
/** Commits that the standby holds and that still wait after this long will wait for good. */
const STUCK_MS_MAX = 1000;
/** How long a server that is ill is given to answer the orders of a handover. */
const ILL_SERVER_MS_MAX = 200;

const plan = (kind: 'reconcile' | 'go-alone', because: string, ...orders: Order[]): Decision => ({
  kind: 'plan',
  plan: { kind, because, orders },
});

/** Whether this writer vouches that it will not go alone within aloneAfter. */
export function vouches(state: PairState): boolean {
  return (
    state.role === 'writing' &&
    state.record.sync === 'paired' &&
    state.nowMs - state.peer.echoedMs < SEPARATING_MS &&
    state.stop === null
  );
}

function standDown(state: PairState): Decision | null {
  const later = laterRecord(state);
  if (later === null) return null;
  const because = `${later.who} says: ${describeRecord(later.record)}: ${state.settings.self} is no longer the writer`;
  const closing: Order[] = [
    persist(state, later.record),
    { kind: 'yield-vip', because, deadlineMs: STATEMENT_MS_MAX },
  ];
  if (state.own.health === 'up') closing.push({ kind: 'close-writes', deadlineMs: STATEMENT_MS_MAX });
  return { kind: 'plan', plan: { kind: 'stand-down', because, orders: closing } };
}

/** What asks this writer to give its role away, and the orders that close it. */
function handOver(state: PairState): Decision | null {
  const ordered = state.stop ?? state.switchover;
  const reason = state.stop ?? unfit(state)[0]?.because ?? state.switchover;
  if (reason === null || state.own.health === 'unknown') return null;
  const against = [...peerIneligible(state), ...(ordered === null ? peerHeld(state) : [])];
  if (against.length > 0) return cannotHandOver(state, reason, against);
  const epoch = state.record.epoch + 1;
  const journal = { kind: 'handover', epoch, because: reason, fence: false } as const;
  const orders: Order[] = [
    persist(state, state.record, journal),
    { kind: 'yield-vip', because: reason, deadlineMs: STATEMENT_MS_MAX },
  ];
  const { health } = state.own;
  if (health === 'up') orders.push({ kind: 'close-writes', deadlineMs: STATEMENT_MS_MAX });
  if (health === 'unwritable') orders.push({ kind: 'close-writes', deadlineMs: ILL_SERVER_MS_MAX });
  return { kind: 'plan', plan: { kind: 'handover', because: reason, orders } };
}

function cannotHandOver(state: PairState, reason: string, against: readonly Reason[]): Decision | null {
  const because = `${reason}; ${state.settings.peer} does not take over: ${sentences(against)}`;
  if (state.stop !== null) {
    const orders: Order[] = [{ kind: 'yield-vip', because: reason, deadlineMs: STATEMENT_MS_MAX }];
    if (state.own.health === 'up') orders.push({ kind: 'close-writes', deadlineMs: STATEMENT_MS_MAX });
    return { kind: 'plan', plan: { kind: 'leave', because, orders } };
  }
  if (state.switchover !== null && reason === state.switchover) {
    return { kind: 'say', level: 'warn', code: 'switchover-refused', because, change: { switchover: null } };
  }
  if (state.said['no-handover'] === codes(against)) return null;
  const said = { ...state.said, 'no-handover': codes(against) };
  return { kind: 'say', level: 'error', code: 'no-handover', because, change: { said } };
}

/** The preferred node gets the role back, as by an operator's switchover, when nothing has spoken against it for a while. */
function failback(state: PairState): Decision | null {
  const { settings, peer, nowMs } = state;
  if (!settings.failback || state.switchover !== null || state.stop !== null) return null;
  if (state.operation !== null || state.record.sync !== 'paired' || nowMs < state.failbackAtMs) return null;
  if (peer.fitSinceMs === null || nowMs - peer.fitSinceMs < FIT_MS_MIN) return null;
  if ([...peerIneligible(state), ...peerHeld(state), ...holds(state)].length > 0) return null;
  const because = `${settings.peer} is the preferred writer, and is back (vrrp.preempt, its priority is higher)`;
  const change = { switchover: because, failbackAtMs: nowMs + FAILBACK_PAUSE_MS };
  return { kind: 'say', level: 'info', code: 'failback', because, change };
}

/** Without contact to anybody for this long the writer takes its clients for cut off as well. */
const ISOLATED_MS = 3000;

/**
 * A paired writer that reaches neither the standby nor the witness cannot acknowledge (asynchronous: must not, for long): its
 * clients, if it has any, are sent away instead of left waiting. The record decides when there is contact again.
 */
export function isolated(state: PairState): boolean {
  const { settings, record, nowMs } = state;
  if (record.sync !== 'paired' || freshReport(state) !== null) return false;
  const alone = settings.witness ? !witnessAnswers(state) : settings.partition === 'consistency';
  const since = Math.max(state.peer.heardAtMs, state.writerSinceMs, state.awakeSinceMs);
  return alone && nowMs - since >= ISOLATED_MS;
}

function turnAway(state: PairState): Decision | null {
  if (!isolated(state) || state.wire.claimedEpoch === null) return null;
  const { settings, own } = state;
  const whom = settings.witness ? `neither ${settings.peer} nor the witness` : `no ${settings.peer}`;
  const because = `${settings.self} reaches ${whom}: it cannot acknowledge, and sends its clients away until it does`;
  const orders: Order[] = [{ kind: 'yield-vip', because, deadlineMs: STATEMENT_MS_MAX }];
  if (settings.durability === 'async' && own.health === 'up')
    orders.push({ kind: 'close-writes', deadlineMs: STATEMENT_MS_MAX });
  return plan('reconcile', because, ...orders);
}

/** Why the writer should go on without its standby; null while there is no reason. */
function reasonToGoAlone(state: PairState): string | null {
  const { settings, peer, nowMs, wire } = state;
  const report = freshReport(state);
  if (report !== null) {
    if (report.leaving) return `${settings.peer} is leaving on an operator's order`;
    const { stuck } = state.own;
    if (stuck !== null && nowMs - stuck.sinceMs >= STUCK_MS_MAX) {
      return `commits wait for an acknowledgement that was lost, though ${settings.peer} holds them; paired again at once`;
    }
    const since = peer.notReplicatingSinceMs;
    if (since === null || nowMs - since < NOT_ACKNOWLEDGING_MS_MAX) return null;
    return `${settings.peer} does not receive: its server is ${report.server}, its replication ${report.replicating ? 'runs' : 'does not run'}`;
  }
  if (settings.witness) {
    const silentMs = nowMs - Math.max(peer.heardAtMs, state.writerSinceMs, state.awakeSinceMs);
    if (silentMs < SILENT_STANDBY_MS_MAX || !witnessAnswers(state)) return null;
    return `${settings.peer} has been silent for ${Math.round(silentMs)} ms`;
  }
  if (settings.partition === 'consistency' || stoodStill(state)) return null;
  // Cut off ourselves: nobody who could reach us would be served by going on.
  if (!wire.interfaceUp || (settings.gatewayChecked && wire.gateway === 'silent')) return null;
  if (nowMs - Math.max(state.vouchedAtMs, state.awakeSinceMs) < settings.aloneAfterMs) return null;
  return `${settings.peer} has been silent for ${Math.round(nowMs - peer.heardAtMs)} ms, and can no longer decide to take over (failover.aloneAfter)`;
}

/** Closed by somebody else, and neither the peer nor a read of the witness that began afterwards has told by whom. */
function mayBeDeposed(state: PairState): boolean {
  const since = state.own.fencedSinceMs;
  if (since === null) return false;
  const asked = state.settings.witness && state.witness.answeredAtMs >= since + WITNESS_MS_MAX;
  return !(asked && confirmed(state));
}

/**
 * Without a witness: this process stood still and has not heard the peer since. It may have taken over meanwhile, as if we had
 * been restarted.
 */
function stoodStill(state: PairState): boolean {
  return state.awakeSinceMs > state.startedMs && state.peer.heardAtMs < state.awakeSinceMs;
}

function goAlone(state: PairState): Decision | null {
  if (state.record.sync !== 'paired' || state.own.suspectSinceMs !== null) return null;
  if (mayBeDeposed(state)) return null;
  if (state.settings.witness && state.nowMs < state.retryAtMs) return null;
  const because = reasonToGoAlone(state);
  if (because === null) return null;
  const record = { ...state.record, sync: 'alone' } as const;
  return plan('go-alone', because, ...claim(state, record));
}

/**
 * A witness that was wiped, or restored from a backup, is told the record anew; only while the standby agrees with it, so that
 * nothing was decided that this node does not know.
 */
function restoreWitness(state: PairState): Decision | null {
  const { record, witness, settings, nowMs } = state;
  const { view } = witness;
  if (!settings.witness || view === null || nowMs < state.retryAtMs) return null;
  const behind = view.kind === 'empty' || (view.kind === 'holds' && view.record.epoch < record.epoch);
  const report = freshReport(state);
  if (!behind || report === null || report.role !== 'following' || report.record.epoch !== record.epoch) {
    return null;
  }
  const because = 'the witness lacks the record, and both nodes agree on it';
  return plan('reconcile', because, {
    kind: 'witness',
    record,
    expected: witness.holds,
    deadlineMs: WITNESS_MS_MAX,
  });
}

/** Whether commits may stop waiting: the record says alone, and the standby knows it or can no longer promote. */
export function mayRelax(state: PairState): boolean {
  if (state.record.sync !== 'alone') return false;
  if (state.settings.witness) return confirmed(state);
  // Where consistency was asked for, no time that passes speaks for the standby.
  if (state.peer.knowsAlone || state.settings.partition === 'consistency') return state.peer.knowsAlone;
  if (stoodStill(state)) return false;
  return state.nowMs - Math.max(state.vouchedAtMs, state.awakeSinceMs) >= state.settings.aloneAfterMs;
}

/** Whether a writer whose server has come back, or that was cut off, may admit clients. */
function mayAdmit(state: PairState): boolean {
  if (mayBeDeposed(state) || isolated(state)) return false;
  if (state.own.suspectSinceMs !== null && (state.record.sync === 'paired' || !mayGap(state))) return false;
  if (state.settings.witness) return confirmed(state) || freshReport(state) !== null;
  return state.record.sync === 'alone' || freshReport(state) !== null;
}

function reconcile(state: PairState): Decision | null {
  const { own, wire, agent, record, settings, nowMs } = state;
  if (own.health !== 'up' || own.status === null || nowMs < state.retryAtMs) return null;
  const { status } = own;
  // Closed since it fell: no client waits here, and what comes back from the standby must not wait for it.
  const recovering = own.suspectSinceMs !== null && status.readOnly;
  const wantsSource = record.sync === 'paired' && settings.durability === 'lossless' && !recovering;
  if (
    status.semiSync.source !== wantsSource &&
    (wantsSource || recovering || settings.durability === 'async' || mayRelax(state))
  ) {
    const because = recovering ? 'what comes back waits for nobody' : `the record says ${record.sync}`;
    return plan('reconcile', because, {
      kind: 'semi-sync-source',
      on: wantsSource,
      deadlineMs: STATEMENT_MS_MAX,
    });
  }
  const open = !status.readOnly && wire.claimedEpoch === record.epoch;
  if (
    !open &&
    agent.link === 'up' &&
    wire.interfaceUp &&
    mayAdmit(state) &&
    status.semiSync.source === wantsSource
  ) {
    const because = `${settings.self} is the writer of epoch ${record.epoch}`;
    return plan('reconcile', because, ...(status.readOnly ? resumingOrders(state) : openingOrders(state)));
  }
  if (status.channel === null) return null;
  if (status.semiSync.replica && !status.readOnly) {
    return plan('reconcile', 'the replica side of semi-sync is on at the standby only', {
      kind: 'semi-sync-replica',
      on: false,
      deadlineMs: TAKEOVER_STEP_MS_MAX,
    });
  }
  const stopped = status.channel.receiver === 'stopped' || status.channel.applier === 'stopped';
  // Before it is paired the standby lacks transactions of ours, and its server refuses to send from where we are.
  if (stopped && record.sync === 'paired' && freshReport(state)?.server === 'up') {
    const starting: Order = { kind: 'start-channel', discard: true, deadlineMs: TAKEOVER_STEP_MS_MAX };
    const because = `the channel from ${settings.peer} is stopped`;
    return {
      kind: 'plan',
      plan: { kind: 'reconcile', because, orders: [starting] },
      change: { retryAtMs: nowMs + RETRY_MS },
    };
  }
  return null;
}

/** While these run nothing else is decided: the node is on its way out of the role. */
const CLOSING = new Set(['handover', 'stand-down', 'leave', 'reopen']);

export function decideWriting(state: PairState): Decision | null {
  if (state.operation !== null && CLOSING.has(state.operation.kind)) return null;
  return (
    standDown(state) ??
    handOver(state) ??
    goAlone(state) ??
    turnAway(state) ??
    restoreWitness(state) ??
    failback(state) ??
    pair(state) ??
    reconcile(state)
  );
}
