// The role `starting`: the manager has just started and must find out what this node is. Nothing is opened here
// before the record allows it; a server that was open before (only the manager was restarted) is left as it is.

import { contains, union } from '../gtid/gtid.ts';
import type { Decision } from './decision.ts';
import type { Order } from './event.ts';
import { claim, persist, witnessAnswers, witnessed, witnessFaults } from './keeping.ts';
import { sentences } from './reason.ts';
import { describeRecord, type PairRecord } from './record.ts';
import { RETRY_MS, TAKEOVER_STEP_MS_MAX } from './settings.ts';
import { freshReport, type PairState } from './state.ts';
import type { Journal } from './stored.ts';

/** The orders that make this node the open writer under its present record. Idempotent. */
export function openingOrders(state: PairState) {
  const { record } = state;
  const waits = record.sync === 'paired' && state.settings.durability === 'lossless';
  return [
    { kind: 'semi-sync-source', on: waits, deadlineMs: TAKEOVER_STEP_MS_MAX },
    { kind: 'open-writes', deadlineMs: TAKEOVER_STEP_MS_MAX },
    { kind: 'claim-vip', epoch: record.epoch, deadlineMs: TAKEOVER_STEP_MS_MAX },
  ] as const;
}

/** Whether our server holds everything that the peer's holds or has received. */
export function holdsAllOfPeer(state: PairState): boolean {
  const report = freshReport(state);
  const status = state.own.status;
  if (report === null || status === null) return false;
  return contains(status.executedGtid, union(report.executedGtid, report.receivedGtid));
}

/**
 * The same, and the standby can get nothing more of what our server sent before it fell: it has stopped its receiver after it
 * heard of the fall. What was on its way when our server died would else arrive after it told what it has.
 */
export function surelyHoldsAllOfPeer(state: PairState): boolean {
  const since = state.own.suspectSinceMs ?? Number.NEGATIVE_INFINITY;
  const stopped = freshReport(state)?.receiverStopped === true && state.peer.echoedMs >= since;
  return stopped && holdsAllOfPeer(state);
}

/** A later record than ours, and who knows it. The one with the highest epoch was decided last. */
export function laterRecord(state: PairState): { readonly record: PairRecord; readonly who: string } | null {
  const report = freshReport(state);
  const known = [
    ...(report === null ? [] : [{ record: report.record, who: report.node }]),
    ...(witnessed(state) === null ? [] : [{ record: witnessed(state) as PairRecord, who: 'the witness' }]),
  ];
  const later = known.filter(({ record }) => record.epoch > state.record.epoch);
  return later.sort((x, y) => y.record.epoch - x.record.epoch)[0] ?? null;
}

/** In one epoch the witness's word on `sync` is the later one, except that a writer relaxes only by its own new swap. */
function otherSync(state: PairState): { readonly record: PairRecord; readonly who: string } | null {
  const { record, settings } = state;
  const atWitness = witnessed(state);
  if (atWitness === null || atWitness.epoch !== record.epoch || atWitness.sync === record.sync) return null;
  if (record.writer === settings.self && atWitness.sync === 'alone') return null;
  return { record: atWitness, who: 'the witness' };
}

/** Takes up a later record than ours. */
export function adoptLater(state: PairState): Decision | null {
  const later = laterRecord(state) ?? otherSync(state);
  if (later === null) return null;
  return {
    kind: 'plan',
    plan: {
      kind: 'adopt',
      because: `${later.who} says: ${describeRecord(later.record)}`,
      orders: [persist(state, later.record, lostClaim(state, later.record))],
    },
  };
}

/** A claim of ours whose answer was lost, and that was taken: the takeover is still to be done. */
function lostClaim(state: PairState, record: PairRecord): Journal | null {
  if (record.writer !== state.settings.self || record.epoch <= state.record.epoch) return null;
  const because = `the claim of epoch ${record.epoch} was taken, though its answer was lost`;
  return { kind: 'takeover', epoch: record.epoch, because, fence: false };
}

const waits = (state: PairState, because: string): Decision | null =>
  state.because === because ? null : { kind: 'become', role: 'starting', because };

function decideFirstWriter(state: PairState): Decision | null {
  const { settings, own } = state;
  const report = freshReport(state);
  if (report === null) {
    return waits(
      state,
      `this pair never had a writer, and ${settings.peer} is not heard yet: both must be up the first time`,
    );
  }
  if (!settings.preferred) {
    return waits(
      state,
      `this pair never had a writer: ${settings.peer} has the higher priority and goes first`,
    );
  }
  if (own.health !== 'up' || own.status === null)
    return waits(state, `the server is ${own.health}: ${own.because}`);
  if (!holdsAllOfPeer(state)) {
    return waits(
      state,
      `${settings.peer} holds transactions that ${settings.self} lacks: run \`twinkeep setup\` first`,
    );
  }
  const { view } = state.witness;
  if (settings.witness && view?.kind !== 'empty')
    return waits(state, sentences(witnessFaults(state)) || 'the witness is asked');
  const record = { epoch: 1, writer: settings.self, sync: 'alone' } as const;
  return {
    kind: 'plan',
    plan: {
      kind: 'resume',
      because: `${settings.self} is the first writer of the pair (it has the higher priority)`,
      orders: [...claim(state, record), ...openingOrders({ ...state, record })],
    },
  };
}

/** Whether the server takes writes and the VIP is held: only the manager was restarted. */
function stillOpen({ own, wire, record }: PairState): boolean {
  return own.status !== null && !own.status.readOnly && wire.claimedEpoch === record.epoch;
}

/** How long a lone writer whose server fell waits for the standby to settle what it holds. */
const SETTLE_MS_MAX = 2000;

const settling = ({ settings: { self, peer } }: PairState): string =>
  `${peer} settles first what it holds of ${self}'s transactions`;

/**
 * Whether a suspect server whose record says alone may open: it lacks nothing, or nobody is there to be asked, or was asked for
 * long enough. It then leaves a gap in its GTIDs, so that what the other one holds beyond it is recognised as errant.
 */
export function mayGap(state: PairState): boolean {
  const { own, nowMs } = state;
  if (own.suspectSinceMs === null || freshReport(state)?.server !== 'up') return true;
  return nowMs - Math.max(own.suspectSinceMs, own.sinceMs) > SETTLE_MS_MAX;
}

/** Why the last writer may open again, or what it waits for. */
function mayResume(state: PairState): { ok: boolean; because: string } {
  const { settings, record, nowMs } = state;
  const report = freshReport(state);
  if (stillOpen(state))
    return { ok: true, because: `${settings.self} was and is the writer: only its manager was restarted` };
  if (settings.witness && witnessAnswers(state)) return mayResumeByWitness(state);
  if (report !== null) {
    if (record.sync === 'alone' && !mayGap(state)) return { ok: false, because: settling(state) };
    if (record.sync === 'alone' && state.peer.knowsAlone) {
      return {
        ok: true,
        because: `${settings.self} was the last writer, alone, and ${settings.peer} knows it`,
      };
    }
    if (record.sync === 'alone')
      return { ok: false, because: `${settings.peer} must first know that ${settings.self} goes on alone` };
    if (state.own.suspectSinceMs === null) {
      return {
        ok: true,
        because: `${settings.self} was the last writer, and holds all that ${settings.peer} holds`,
      };
    }
    return { ok: false, because: `${settings.self} must first hold all that ${settings.peer} has received` };
  }
  if (settings.witness) return { ok: false, because: sentences(witnessFaults(state)) };
  if (record.sync === 'paired') {
    return {
      ok: false,
      because: `${settings.self} was the last writer, paired: ${settings.peer} may have taken over since, and is not heard`,
    };
  }
  // Before the restart we may have vouched for the standby: its window must have passed.
  if (nowMs - Math.max(state.vouchedAtMs, state.awakeSinceMs) < settings.aloneAfterMs) {
    return { ok: false, because: `listening for ${settings.peer} first (failover.aloneAfter)` };
  }
  return {
    ok: true,
    because: `${settings.self} was the last writer, alone: ${settings.peer} cannot have taken over`,
  };
}

/** The witness has just confirmed our record: nobody has taken over, and nobody can without changing it. */
function mayResumeByWitness(state: PairState): { ok: boolean; because: string } {
  const { settings, record } = state;
  const report = freshReport(state);
  if (record.sync === 'alone' && !mayGap(state)) return { ok: false, because: settling(state) };
  if (record.sync === 'alone') {
    return { ok: true, because: `the witness says that ${settings.self} is the writer, alone` };
  }
  // Crash recovery may have rolled back what the standby holds: this server would give the same GTIDs to other transactions.
  if (report === null) {
    return {
      ok: false,
      because: `${settings.self} was the last writer, paired: ${settings.peer} may hold transactions that ${settings.self} lost in its crash, and is not heard`,
    };
  }
  return state.own.suspectSinceMs === null
    ? {
        ok: true,
        because: `the witness names ${settings.self}, and it holds all that ${settings.peer} holds`,
      }
    : { ok: false, because: `${settings.self} must first hold all that ${settings.peer} has received` };
}

const resumed = (because: string): string =>
  because.startsWith('taken up again') ? because : `taken up again after an interruption: ${because}`;

/**
 * A handover that was interrupted is undone: the offer is taken back, and the peer answers by refusing it, or takes it all the
 * same. Not without the peer: it may have taken the offer, and may hold what a crash of this server took back (see `suspect`).
 */
function resumeHandover(state: PairState): Decision | null {
  const { journal, record, settings, own } = state;
  if (journal?.kind !== 'handover' || journal.epoch <= record.epoch) return null;
  // Nothing is offered before the VIP is released.
  if (stillOpen(state)) return null;
  if (own.health === 'unknown') return waits(state, 'the server is asked how it is');
  const { epoch } = journal;
  if (freshReport(state) === null) {
    return waits(
      state,
      `epoch ${epoch} was offered to ${settings.peer}, which may have taken it, and is not heard`,
    );
  }
  const because = resumed(journal.because);
  const offer = { epoch, finalGtid: null, planned: false, withdrawn: true, because };
  const change = { offer, offeredAtMs: Number.NEGATIVE_INFINITY };
  return { kind: 'become', role: 'handing-over', because, change };
}

/** A takeover that was interrupted after its claim goes on with what was left to do. */
function resumeTakeover(state: PairState): Decision | null {
  const { journal, record } = state;
  if (journal?.kind !== 'takeover' || journal.epoch !== record.epoch || stillOpen(state)) return null;
  const because = resumed(journal.because);
  const step = { deadlineMs: TAKEOVER_STEP_MS_MAX };
  // What the other server did meanwhile is not waited for: it was acknowledged by nobody but itself.
  const fence = state.peer.sql === 'answers' && journal.fence;
  const before: Order[] = [
    ...(fence ? [{ kind: 'fence-peer', ...step } as const] : []),
    { kind: 'stop-receiving', ...step },
    { kind: 'drain', deadlineMs: state.settings.drainMsMax },
  ];
  // It may have been open for a moment, and may have crashed since.
  const [source, ...opening] = openingOrders(state);
  if (state.own.status?.readOnly === false) {
    return { kind: 'plan', plan: { kind: 'takeover', because, orders: [source, ...opening] } };
  }
  const gap: Order = { kind: 'skip-sequence', deadlineMs: TAKEOVER_STEP_MS_MAX };
  return { kind: 'plan', plan: { kind: 'takeover', because, orders: [...before, source, gap, ...opening] } };
}

/** After a refusal, or without an answer: claims an epoch above the one that was offered, and opens again. */
export function reopenPlan(state: PairState, offeredEpoch: number, because: string): Decision {
  const { settings, own } = state;
  const record = { ...state.record, epoch: offeredEpoch + 1 };
  const ready = own.health === 'up' && own.suspectSinceMs === null;
  const opening = ready ? openingOrders({ ...state, record }) : [];
  return {
    kind: 'plan',
    plan: {
      kind: 'reopen',
      because: `${settings.peer} did not take epoch ${offeredEpoch}: ${because}; ${settings.self} goes on`,
      orders: [...claim(state, record), ...opening],
    },
  };
}

export function decideStarting(state: PairState): Decision | null {
  const { record, settings, own } = state;
  if (state.nowMs < state.retryAtMs) return null;
  const adopt = adoptLater(state);
  if (adopt !== null) return adopt;
  if (record.writer !== null && record.writer !== settings.self) {
    return {
      kind: 'become',
      role: 'following',
      because: `the record names ${record.writer} as the writer (epoch ${record.epoch})`,
    };
  }
  if (state.mending !== null) return null;
  if (record.writer === null) return decideFirstWriter(state);
  if (settings.witness && state.witness.view === null)
    return waits(state, 'the witness is asked what it holds');
  const handover = resumeHandover(state);
  if (handover !== null) return handover;
  if (state.journal?.kind === 'handover' && state.journal.epoch > record.epoch && !stillOpen(state))
    return null;
  if (own.health !== 'up' || own.status === null) {
    return waits(state, `the server of the last writer is ${own.health}: ${own.because}`);
  }
  const takeover = resumeTakeover(state);
  if (takeover !== null) return takeover;
  const resume = mayResume(state);
  if (!resume.ok) {
    // What the peer has received of ours comes back over the channel; alone, nothing of it is needed.
    const { channel, readOnly } = own.status;
    if (record.sync === 'paired' && readOnly && channel !== null && channel.receiver === 'stopped') {
      return {
        kind: 'plan',
        plan: {
          kind: 'reconcile',
          because: resume.because,
          orders: [
            // No client waits at a server that fell, and what comes back must not wait for the standby.
            { kind: 'semi-sync-source', on: false, deadlineMs: TAKEOVER_STEP_MS_MAX },
            { kind: 'start-channel', discard: false, deadlineMs: settings.drainMsMax },
          ],
        },
        change: { retryAtMs: state.nowMs + RETRY_MS },
      };
    }
    return waits(state, resume.because);
  }
  return {
    kind: 'plan',
    plan: {
      kind: 'resume',
      because: resume.because,
      orders: stillOpen(state) ? openingOrders(state) : resumingOrders(state),
    },
  };
}

/**
 * The orders that open a server that was closed, under the record under which it was open before: its relay log can only hold
 * what came back from the standby, and nobody is owed that.
 */
export function resumingOrders(state: PairState): Order[] {
  const { record, own } = state;
  const channel = own.status?.channel ?? null;
  const alone = record.sync === 'alone';
  const before: Order[] = [];
  if (channel !== null && channel.receiver !== 'stopped' && alone) {
    before.push({ kind: 'stop-receiving', deadlineMs: TAKEOVER_STEP_MS_MAX });
  }
  const [source, ...opening] = openingOrders(state);
  const gap: Order[] =
    alone && own.suspectSinceMs !== null ? [{ kind: 'skip-sequence', deadlineMs: TAKEOVER_STEP_MS_MAX }] : [];
  return [...before, source, ...gap, ...opening];
}
