// One node of the pair as a machine: step(state, event) -> [state, actions]. It takes the event in as knowledge,
// lets the operation in progress advance, and then asks the role what is to be done now. See SPEC.md.

import type { Decision } from './decision.ts';
import { failed, finished, offerRole, type Step, say } from './ending.ts';
import type { Outcome, PairAction, PairEvent } from './event.ts';
import { decideFollowing } from './following.ts';
import type { PeerMessage, Role } from './message.ts';
import { advance, mayStart, start } from './operation.ts';
import { missesAdverts, REPORT_INTERVAL_MS, withReport } from './report.ts';
import { decideStarting, holdsAllOfPeer } from './starting.ts';
import type { Operation, PairState } from './state.ts';
import { decideHandingOver, decideWriting, reopenPlan } from './writing.ts';

type EventOf<K extends PairEvent['kind']> = Extract<PairEvent, { kind: K }>;
type Handler<K extends PairEvent['kind']> = (state: PairState, event: EventOf<K>) => Step;

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

function onReport(state: PairState, message: Extract<PeerMessage, { kind: 'report' }>): PairState {
  const { peer, nowMs, settings } = state;
  const { report } = message;
  if (report.node !== settings.peer) return state;
  const echoedMs = Math.max(peer.echoedMs, message.echoMs ?? Number.NEGATIVE_INFINITY);
  const vouched = report.vouches && report.record.writer === settings.peer;
  const acknowledges = report.replicating && (report.semiSyncReplica || state.role !== 'writing');
  const itKnowsAlone = report.record.epoch === state.record.epoch && report.record.sync === 'alone';
  return clearSuspect({
    ...state,
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

const onMessage: Handler<'message'> = (state, event) => {
  const { message } = event;
  if (message.kind === 'report') {
    const heard = onReport(state, message);
    return note(message.asks ? { ...heard, reportedAtMs: Number.NEGATIVE_INFINITY } : heard);
  }
  if (message.kind === 'handover') {
    const stale = message.epoch <= state.record.epoch;
    if (stale) {
      const because = `epoch ${message.epoch} is over: ${state.settings.self} knows epoch ${state.record.epoch}`;
      return [state, [{ kind: 'tell', message: { kind: 'refused', epoch: message.epoch, because } }]];
    }
    if (state.role === 'promoting') return note(state);
    return note({ ...state, offer: message });
  }
  return onRefused(state, message);
};

function onRefused(state: PairState, message: Extract<PeerMessage, { kind: 'refused' }>): Step {
  if (state.role !== 'handing-over' || state.offer?.epoch !== message.epoch) return note(state);
  const decision = reopenPlan(state, message.epoch, message.because);
  return apply({ ...state, role: 'writing', offer: null, switchover: null }, decision);
}

const onSwitchover: Handler<'switchover'> = (state, event) => {
  if (state.role === 'writing') return note({ ...state, switchover: event.because });
  const because = `${state.settings.self} is not the writer (it is ${state.role}): ask ${state.record.writer ?? 'nobody'}`;
  return [state, [say('warn', 'switchover-refused', because)]];
};

const onStop: Handler<'stop'> = (state, event) => note({ ...state, stop: state.stop ?? event.because });

const onResult: Handler<'result'> = (state, event) => {
  const step = advance(state, event.id, event.outcome);
  switch (step.kind) {
    case 'stale':
      return note(state);
    case 'next':
      return [applied(step.state, step.done, event.outcome), step.actions];
    case 'finished':
      return finished(applied(step.state, step.done, event.outcome), step.operation);
    case 'failed':
      return failed(step.state, step.operation, step.order.kind, step.code, step.because);
  }
};

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
        // Nobody was vouched to in an epoch that has just begun.
        vouchedAtMs: claimed ? Number.NEGATIVE_INFINITY : state.vouchedAtMs,
        peer: claimed || pairedNow ? { ...state.peer, knowsAlone: false } : state.peer,
      };
    }
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

type Row = { readonly [K in PairEvent['kind']]: Handler<K> };

const OBSERVING: Row = {
  tick: note,
  health: onHealth,
  status: onStatus,
  heartbeat: onHeartbeat,
  lag: onLag,
  message: onMessage,
  'peer-channel': onPeerChannel,
  'peer-sql': onPeerSql,
  agent: onAgent,
  wire: onWire,
  result: onResult,
  switchover: onSwitchover,
  stop: onStop,
};

/** A role for an event: the compiler refuses a pair that nobody thought of. */
const TABLE: Readonly<Record<Role, Row>> = {
  starting: OBSERVING,
  following: OBSERVING,
  promoting: OBSERVING,
  writing: OBSERVING,
  'handing-over': OBSERVING,
};

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
      const started: PairState = { ...next, role, because };
      if (decision.plan.kind !== 'handover' || state.own.health !== 'down')
        return [started, [...said, ...actions]];
      // A server that is gone acknowledges nothing: the offer need not wait until the VIP has left.
      const [offered, offer] = offerRole(started, decision.plan.because, null);
      return [offered, [...said, ...offer, ...actions]];
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
  const handler = TABLE[timed.role][event.kind] as (state: PairState, event: PairEvent) => Step;
  const [observed, actions] = handler(timed, event);
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
