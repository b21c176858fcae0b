// One node of the pair as a machine: step(state, event) -> [state, actions]. It takes the event in as knowledge,
// lets the operation in progress advance, and then asks the role what is to be done now. See SPEC.md.

import type { Decision } from './decision.ts';
import { failed, finished, offerRole, type Step, say } from './ending.ts';
import type { Outcome, PairAction, PairEvent } from './event.ts';
import { decideFollowing } from './following.ts';
import { forcePlan, forceRefusal } from './force.ts';
import { storedOf, witnessFaults } from './keeping.ts';
import type { PeerMessage, Role } from './message.ts';
import { advance, mayStart, start } from './operation.ts';
import { missesAdverts, REPORT_INTERVAL_MS, withReport } from './report.ts';
import { decideStarting, holdsAllOfPeer, reopenPlan } from './starting.ts';
import type { Operation, PairState } from './state.ts';
import type { Maintenance } from './stored.ts';
import { decideHandingOver, decideWriting } from './writing.ts';

/** What happens to a node, with the peer's three kinds of messages told apart. */
type Happening =
  | Exclude<PairEvent, { kind: 'message' }>
  | ({ readonly nowMs: number } & (
      | { readonly kind: 'report'; readonly message: Extract<PeerMessage, { kind: 'report' }> }
      | { readonly kind: 'offer'; readonly message: Extract<PeerMessage, { kind: 'handover' }> }
      | { readonly kind: 'withdrawal'; readonly message: Extract<PeerMessage, { kind: 'withdrawn' }> }
      | { readonly kind: 'refusal'; readonly message: Extract<PeerMessage, { kind: 'refused' }> }
    ));
type Handler<K extends Happening['kind']> = (
  state: PairState,
  event: Extract<Happening, { kind: K }>,
) => Step;

/** An agent that stays away for this long after its manager has handed over ends the manager, too. */
const ORPHAN_MS_MAX = 2000;

// ---- taking events in -------------------------------------------------------------------------------------------

const note = (state: PairState): Step => [state, []];

const onHealth: Handler<'health'> = (state, event) => {
  const { own } = state;
  const changed = own.health !== event.health;
  const next = {
    ...state,
    own: {
      ...own,
      health: event.health,
      because: event.because,
      sinceMs: changed ? event.nowMs : own.sinceMs,
    },
  };
  if (event.health === 'up')
    return [changed ? { ...next, said: { ...next.said, 'no-handover': undefined } } : next, []];
  if (event.health === 'unwritable') return note(next);
  // What a server said before it fell is no longer true.
  const suspect =
    own.suspect || (state.record.sync === 'paired' && state.record.writer === state.settings.self);
  return note({ ...next, own: { ...next.own, status: null, lagMs: null, suspect } });
};

/** Statuses remembered: some seconds. */
const TRAIL_MAX = 64;

const onStatus: Handler<'status'> = (state, event) => {
  const { own } = state;
  const sample = { atMs: event.nowMs, executedGtid: event.status.executedGtid };
  const trail = [...own.trail.slice(1 - TRAIL_MAX), sample];
  return note(clearSuspect({ ...state, own: { ...own, status: event.status, trail } }));
};
const onHeartbeat: Handler<'heartbeat'> = (state, event) =>
  note({ ...state, own: { ...state.own, heartbeat: event.sequence } });
const onLag: Handler<'lag'> = (state, event) => note({ ...state, own: { ...state.own, lagMs: event.lagMs } });
const onPeerSql: Handler<'peer-sql'> = (state, event) =>
  note({ ...state, peer: { ...state.peer, sql: event.sql } });
const onWire: Handler<'wire'> = (state, event) => {
  const silent = event.wire.peerAdverts === 'silent';
  const advertsSilentSinceMs = silent ? (state.peer.advertsSilentSinceMs ?? event.nowMs) : null;
  return note({ ...state, wire: event.wire, peer: { ...state.peer, advertsSilentSinceMs } });
};

const onPeerChannel: Handler<'peer-channel'> = (state, event) =>
  note({ ...state, peer: { ...state.peer, channelOpen: event.open } });

const onAgent: Handler<'agent'> = (state, event) => {
  if (event.link === state.agent.link) return note(state);
  const agent = { link: event.link, sinceMs: event.nowMs, because: event.because };
  // A lost agent renews nothing: what it held is not counted on. A new one tells anew.
  const wire = { ...state.wire, claimedEpoch: null, peerAdverts: 'unknown' } as const;
  const level = event.link === 'up' ? 'info' : 'warn';
  return [{ ...state, agent, wire }, [say(level, `agent-${event.link}`, event.because)]];
};

/** A server that fell is trusted again when it holds all that the standby holds, or when it is the standby itself. */
function clearSuspect(state: PairState): PairState {
  if (!state.own.suspect) return state;
  if (state.record.writer === state.settings.self && !holdsAllOfPeer(state)) return state;
  return { ...state, own: { ...state.own, suspect: false } };
}

function heardFrom(state: PairState, message: Extract<PeerMessage, { kind: 'report' }>): PairState {
  const { peer, nowMs } = state;
  const { report } = message;
  const echoedMs = Math.max(peer.echoedMs, message.echoMs ?? Number.NEGATIVE_INFINITY);
  const vouched = report.vouches && report.record.writer === report.node;
  const acknowledges = report.replicating && (report.semiSyncReplica || state.role !== 'writing');
  const itKnowsAlone = report.record.epoch === state.record.epoch && report.record.sync === 'alone';
  return clearSuspect({
    ...state,
    // What the writer says of the hold outlives it.
    heldUntilMs: report.role === 'writing' ? nowMs + report.holdMs : state.heldUntilMs,
    peer: {
      ...peer,
      report,
      advertisingSinceMs: report.advertising ? (peer.advertisingSinceMs ?? nowMs) : null,
      knowsAlone: itKnowsAlone && (state.record.sync === 'alone' || report.leaving),
      heardAtMs: nowMs,
      itsSentMs: message.sentMs,
      trail: [...peer.trail.slice(1 - TRAIL_MAX), { atMs: nowMs, executedGtid: report.executedGtid }],
      askedMs: null,
      echoedMs,
      vouchedForMs:
        vouched && message.echoMs !== null ? Math.max(peer.vouchedForMs, message.echoMs) : peer.vouchedForMs,
      notReplicatingSinceMs: acknowledges ? null : (peer.notReplicatingSinceMs ?? nowMs),
    },
  });
}

/** The newer order on maintenance holds, on whichever node it was given. */
function takeMaintenance(state: PairState, maintenance: Maintenance, who: string): Step {
  const next = { ...state, maintenance };
  const because =
    maintenance.because === null
      ? `maintenance is over (${who})`
      : `under maintenance (${who}): ${maintenance.because}; nothing moves by itself`;
  const code = maintenance.because === null ? 'maintenance-off' : 'maintenance-on';
  return [next, [{ kind: 'keep', stored: storedOf(next) }, say('info', code, because)]];
}

const onReport: Handler<'report'> = (state, { message }) => {
  const { report } = message;
  if (report.node !== state.settings.peer) return note(state);
  const heard = heardFrom(state, message);
  const asked = message.asks ? { ...heard, reportedAtMs: Number.NEGATIVE_INFINITY } : heard;
  if (report.maintenance.version <= state.maintenance.version) return note(asked);
  return takeMaintenance(asked, report.maintenance, `said ${report.node}`);
};

/** Refuses an offer that this node knows to be over. */
const onOffer: Handler<'offer'> = (state, { message }) => {
  const { epoch, finalGtid, planned, because: why } = message;
  if (epoch > state.record.epoch) {
    return note({ ...state, offer: { epoch, finalGtid, planned, withdrawn: false, because: why } });
  }
  const because = `epoch ${message.epoch} is over: ${state.settings.self} knows epoch ${state.record.epoch}`;
  return [state, [{ kind: 'tell', message: { kind: 'refused', epoch: message.epoch, because } }]];
};
/** A writer is offered nothing; if the peer is a later writer, its report says so and this node stands down. */
const refuseOffer: Handler<'offer'> = (state, { message }) => {
  const because = `${state.settings.self} is the writer of epoch ${state.record.epoch}`;
  return [state, [{ kind: 'tell', message: { kind: 'refused', epoch: message.epoch, because } }]];
};
/** It is being taken already, or another way to become the writer is under way. */
const passOffer: Handler<'offer'> = (state, event) =>
  event.message.epoch > state.record.epoch ? note(state) : onOffer(state, event);

/** The writer takes its offer back: refused, unless it is being taken. */
const onWithdrawal: Handler<'withdrawal'> = (state, { message }) => {
  const { epoch, because } = message;
  const answer = epoch <= state.record.epoch ? 'it is over' : `taken back: ${because}`;
  const offer = state.offer?.epoch === epoch ? null : state.offer;
  return [{ ...state, offer }, [{ kind: 'tell', message: { kind: 'refused', epoch, because: answer } }]];
};

const onRefusal: Handler<'refusal'> = (state, { message }) => {
  if (state.offer?.epoch !== message.epoch) return note(state);
  const decision = reopenPlan(state, message.epoch, message.because);
  return apply({ ...state, role: 'writing', offer: null, switchover: null }, decision);
};

const onSwitchover: Handler<'switchover'> = (state, event) =>
  note({ ...state, switchover: state.switchover ?? event.because });
const refuseSwitchover: Handler<'switchover'> = (state) => {
  const because = `${state.settings.self} is not the writer (it is ${state.role}): ask ${state.record.writer ?? 'nobody'}`;
  return [state, [say('warn', 'switchover-refused', because)]];
};

const onPromote: Handler<'promote'> = (state, event) => {
  const against = forceRefusal(state);
  if (against !== null) {
    return [state, [say('warn', 'promote-refused', `${against.because}; ${against.lift}`)]];
  }
  const [next, actions] = apply(state, forcePlan(state, event.because));
  return [next, [say('warn', 'promote-forced', event.because), ...actions]];
};

const onMaintenance: Handler<'maintenance'> = (state, event) => {
  const { version } = state.maintenance;
  return takeMaintenance(state, { version: version + 1, because: event.because }, 'an operator');
};

const onWitness: Handler<'witness'> = (state, event) => {
  const { view } = event;
  const { witness } = state;
  const told = (code: string): boolean => state.said[code] !== undefined;
  const answered = view.kind !== 'unreachable';
  const holds =
    view.kind === 'holds'
      ? { record: view.record, revision: view.revision }
      : view.kind === 'unreachable'
        ? witness.holds
        : null;
  const next: PairState = {
    ...state,
    witness: { view, answeredAtMs: answered ? event.nowMs : witness.answeredAtMs, holds },
  };
  const fault = witnessFaults(next)[0];
  // Said when it comes, when it becomes another one, and when it ends.
  if (fault === undefined) {
    if (!told('witness')) return note(next);
    return [
      { ...next, said: { ...next.said, witness: undefined } },
      [say('info', 'witness-answers', 'the witness answers, and holds the record of this pair')],
    ];
  }
  if (state.said['witness'] === fault.code) return note(next);
  const level = fault.code === 'witness-unknown' ? 'info' : 'warn';
  return [
    { ...next, said: { ...next.said, witness: fault.code } },
    [say(level, fault.code, `${fault.because}: ${fault.lift}`)],
  ];
};

const onStop: Handler<'stop'> = (state, event) => note({ ...state, stop: state.stop ?? event.because });

const onResult: Handler<'result'> = (state, event) => {
  const step = advance(state, event.id, event.outcome);
  switch (step.kind) {
    case 'stale':
      return note(state);
    case 'next':
      return offerEarly(applied(step.state, step.done, event.outcome), step.done, step.actions);
    case 'finished':
      return finished(applied(step.state, step.done, event.outcome), step.operation);
    case 'failed':
      return failed(step.state, step.operation, step.order.kind, step.code, step.because);
  }
};

/** A server that is gone acknowledges nothing: the offer need not wait until the VIP has left, only until it is journalled. */
function offerEarly(state: PairState, done: Operation['orders'][number], actions: PairAction[]): Step {
  const { operation, own } = state;
  const early = operation?.kind === 'handover' && done.kind === 'persist' && own.health === 'down';
  if (!early || state.role === 'handing-over') return [state, actions];
  const [offered, offer] = offerRole(state, operation.because, null);
  return [offered, [...offer, ...actions]];
}

/** What a carried-out order changes in what we know, at once. */
function applied(state: PairState, order: Operation['orders'][number], outcome: Outcome): PairState {
  const { own } = state;
  const status = own.status;
  const withStatus = (patch: Partial<NonNullable<typeof status>>): PairState =>
    status === null ? state : { ...state, own: { ...own, status: { ...status, ...patch } } };
  switch (order.kind) {
    case 'persist': {
      const { settings } = state;
      const claimed = order.record.writer === settings.self && order.record.epoch > state.record.epoch;
      const pairedNow = order.record.sync === 'paired' && order.record.writer === settings.self;
      return {
        ...state,
        record: order.record,
        journal: order.journal,
        // Nobody was vouched to in an epoch that has just begun.
        vouchedAtMs: claimed ? Number.NEGATIVE_INFINITY : state.vouchedAtMs,
        peer: claimed || pairedNow ? { ...state.peer, knowsAlone: false } : state.peer,
      };
    }
    case 'witness':
    case 'skip-sequence':
      return state;
    case 'open-writes':
      return withStatus({ readOnly: false });
    case 'close-writes':
      return withStatus({
        readOnly: true,
        ...(outcome.ok && outcome.gtid !== undefined ? { executedGtid: outcome.gtid } : {}),
      });
    case 'semi-sync-source':
      return status === null ? state : withStatus({ semiSync: { ...status.semiSync, source: order.on } });
    case 'semi-sync-replica':
      return status === null ? state : withStatus({ semiSync: { ...status.semiSync, replica: order.on } });
    case 'claim-vip':
      return { ...state, wire: { ...state.wire, claimedEpoch: order.epoch } };
    case 'yield-vip':
      return { ...state, wire: { ...state.wire, claimedEpoch: null } };
    case 'receive-durably':
      return withStatus({ receivesDurably: order.on });
    case 'start-channel':
      return status?.channel == null
        ? state
        : withStatus({ channel: { ...status.channel, receiver: 'connecting', applier: 'running' } });
    case 'drain':
      return status?.channel == null ? state : withStatus({ channel: { ...status.channel, drained: true } });
    case 'kill-server':
      return { ...state, own: { ...own, status: null } };
    case 'stop-receiving':
    case 'wait-for':
    case 'prove-commit':
    case 'fence-peer':
      return state;
  }
}

// ---- the table ------------------------------------------------------------------------------------------------------

type Row = { readonly [K in Happening['kind']]: Handler<K> };

/** What every role only takes note of; what to do about it is the role's decision. */
const OBSERVING = {
  tick: note,
  health: onHealth,
  status: onStatus,
  heartbeat: onHeartbeat,
  lag: onLag,
  report: onReport,
  'peer-channel': onPeerChannel,
  'peer-sql': onPeerSql,
  agent: onAgent,
  wire: onWire,
  witness: onWitness,
  result: onResult,
  maintenance: onMaintenance,
  stop: onStop,
} as const;

/** A role for an event: the compiler refuses a pair that nobody thought of. */
const TABLE: Readonly<Record<Role, Row>> = {
  starting: {
    ...OBSERVING,
    offer: onOffer,
    withdrawal: onWithdrawal,
    refusal: note,
    switchover: refuseSwitchover,
    promote: onPromote,
  },
  following: {
    ...OBSERVING,
    offer: onOffer,
    withdrawal: onWithdrawal,
    refusal: note,
    switchover: refuseSwitchover,
    promote: onPromote,
  },
  promoting: {
    ...OBSERVING,
    offer: passOffer,
    withdrawal: note,
    refusal: note,
    switchover: refuseSwitchover,
    promote: onPromote,
  },
  writing: {
    ...OBSERVING,
    offer: refuseOffer,
    withdrawal: note,
    refusal: note,
    switchover: onSwitchover,
    promote: onPromote,
  },
  'handing-over': {
    ...OBSERVING,
    offer: refuseOffer,
    withdrawal: note,
    refusal: onRefusal,
    switchover: refuseSwitchover,
    promote: onPromote,
  },
};

function happening(event: PairEvent): Happening {
  if (event.kind !== 'message') return event;
  const { nowMs, message } = event;
  switch (message.kind) {
    case 'report':
      return { kind: 'report', nowMs, message };
    case 'handover':
      return { kind: 'offer', nowMs, message };
    case 'withdrawn':
      return { kind: 'withdrawal', nowMs, message };
    case 'refused':
      return { kind: 'refusal', nowMs, message };
  }
}

const DECIDE: Readonly<Record<Role, (state: PairState) => Decision | null>> = {
  starting: (state) => (state.stop === null ? decideStarting(state) : { kind: 'exit', because: state.stop }),
  following: decideFollowing,
  promoting: () => null,
  writing: decideWriting,
  'handing-over': decideHandingOver,
};

/** More decisions than this on one event is a loop of ours. */
const DECISIONS_MAX = 8;

function apply(state: PairState, decision: Decision): Step {
  switch (decision.kind) {
    case 'plan': {
      if (!mayStart(state.operation, decision.plan)) return note(state);
      const [next, actions] = start({ ...state, ...decision.change }, decision.plan);
      const promoting = decision.plan.kind === 'takeover';
      const role: Role = promoting ? 'promoting' : next.role;
      const because = promoting ? decision.plan.because : next.because;
      const said =
        promoting || decision.plan.kind === 'handover'
          ? [say('info', decision.plan.kind, decision.plan.because)]
          : [];
      return [{ ...next, role, because }, [...said, ...actions]];
    }
    case 'become':
      return [
        { ...state, ...decision.change, role: decision.role, because: decision.because },
        [say('info', decision.role, decision.because)],
      ];
    case 'tell':
      return [
        { ...state, ...decision.change },
        [{ kind: 'tell', message: decision.message }, say('info', decision.message.kind, decision.because)],
      ];
    case 'say':
      return [{ ...state, ...decision.change }, [say(decision.level, decision.code, decision.because)]];
    case 'exit':
      return [state, [{ kind: 'exit', because: decision.because }]];
  }
}

function decide(state: PairState): Step {
  const actions: PairAction[] = [];
  let current = state;
  for (let i = 0; i < DECISIONS_MAX; i++) {
    const orphan = current.agent.link === 'lost' && current.nowMs - current.agent.sinceMs > ORPHAN_MS_MAX;
    const idle = current.role === 'following' || current.role === 'starting';
    const decision: Decision | null =
      orphan && idle && current.operation === null
        ? { kind: 'exit', because: `the agent is gone: ${current.agent.because}` }
        : DECIDE[current.role](current);
    if (decision === null) break;
    const before = current;
    const [next, more] = apply(current, decision);
    current = next;
    actions.push(...more);
    // A plan that may not start yet changes nothing: wait for what is in progress.
    if (next === before || decision.kind === 'exit') break;
  }
  return [current, actions];
}

/** The whole machine. Never throws, never waits. */
export function step(state: PairState, event: PairEvent): readonly [PairState, readonly PairAction[]] {
  const timed = { ...state, nowMs: event.nowMs };
  const happened = happening(event);
  const handler = TABLE[timed.role][happened.kind] as (state: PairState, event: Happening) => Step;
  const [observed, actions] = handler(timed, happened);
  const [decided, more] = decide(observed);
  return withReport([decided, [...actions, ...more]]);
}

/** How soon the machine wants to be asked again: soon while something is in the balance. Milliseconds. */
export function tickIntervalMs(state: PairState): number {
  const pending =
    missesAdverts(state) ||
    state.agent.link === 'lost' ||
    state.operation !== null ||
    state.role === 'handing-over' ||
    state.role === 'promoting';
  return pending ? 10 : REPORT_INTERVAL_MS;
}
