// One node of the pair as a machine: step(state, event) -> [state, actions]. It takes the event in as knowledge,
// lets the operation in progress advance, and then asks the role what is to be done now. See SPEC.md.

import { applied } from './applied.ts';
import type { Decision } from './decision.ts';
import { failed, finished, offerRole, type Step, say } from './ending.ts';
import type { PairAction, PairEvent } from './event.ts';
import { decideFollowing } from './following.ts';
import { forcePlan, forceRefusal } from './force.ts';
import { decideHandingOver } from './handingover.ts';
import type { Role } from './message.ts';
import { advance, mayStart, start } from './operation.ts';
import { missesAdverts, REPORT_INTERVAL_MS, withReport } from './report.ts';
import { decideStarting, laterRecord, reopenPlan } from './starting.ts';
import type { Operation, PairState } from './state.ts';
import { isNewer } from './stored.ts';
import {
  type Handler,
  type Happening,
  heardFrom,
  note,
  onAgent,
  onHealth,
  onHeartbeat,
  onLag,
  onPeerChannel,
  onPeerSql,
  onStatus,
  onWire,
  onWitness,
  takeMaintenance,
} from './taking.ts';
import { decideWriting } from './writing.ts';

/** An agent that stays away for this long after its manager has handed over ends the manager, too. */
const ORPHAN_MS_MAX = 2000;

// ---- messages and orders of operators ---------------------------------------------------------------------------

const onReport: Handler<'report'> = (state, { message }) => {
  const { report } = message;
  if (report.node !== state.settings.peer) return note(state);
  const heard = heardFrom(state, message);
  const asked = message.asks ? { ...heard, reportedAtMs: Number.NEGATIVE_INFINITY } : heard;
  if (!isNewer(report.maintenance, state.maintenance)) return note(asked);
  return takeMaintenance(asked, report.maintenance, `said ${report.node}`);
};

/** Refuses an offer that this node knows to be over. */
const onOffer: Handler<'offer'> = (state, { message }) => {
  const { epoch, finalGtid, planned, because: why } = message;
  if (epoch > state.record.epoch) {
    return note({ ...state, offer: { epoch, finalGtid, planned, withdrawn: false, because: why } });
  }
  const because = `epoch ${message.epoch} is over: ${state.settings.self} knows epoch ${state.record.epoch}`;
  return [
    state,
    [{ kind: 'tell', message: { kind: 'refused', epoch: message.epoch, record: state.record, because } }],
  ];
};
/** A writer is offered nothing; if the peer is a later writer, its report says so and this node stands down. */
const refuseOffer: Handler<'offer'> = (state, { message }) => {
  const because = `${state.settings.self} is the writer of epoch ${state.record.epoch}`;
  return [
    state,
    [{ kind: 'tell', message: { kind: 'refused', epoch: message.epoch, record: state.record, because } }],
  ];
};
/** It is being taken already, or another way to become the writer is under way. */
const passOffer: Handler<'offer'> = (state, event) =>
  event.message.epoch > state.record.epoch ? note(state) : onOffer(state, event);

/** The writer takes its offer back: refused, unless it is being taken. */
const onWithdrawal: Handler<'withdrawal'> = (state, { message }) => {
  const { epoch, because } = message;
  const answer = epoch <= state.record.epoch ? 'it is over' : `taken back: ${because}`;
  const offer = state.offer?.epoch === epoch ? null : state.offer;
  return [
    { ...state, offer },
    [{ kind: 'tell', message: { kind: 'refused', epoch, record: state.record, because: answer } }],
  ];
};

const onRefusal: Handler<'refusal'> = (state, { message }) => {
  // A later record is known: there is nothing to go back to.
  const over = message.record.epoch > state.record.epoch || laterRecord(state) !== null;
  if (state.offer?.epoch !== message.epoch || over) return note(state);
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
  if (next === state) {
    const because = `${state.operation?.kind ?? 'another plan'} is under way: try again in a moment`;
    return [state, [say('warn', 'promote-refused', because)]];
  }
  return [next, [say('warn', 'promote-forced', event.because), ...actions]];
};

const onMaintenance: Handler<'maintenance'> = (state, event) => {
  const { version } = state.maintenance;
  return takeMaintenance(state, { version: version + 1, because: event.because }, 'an operator');
};

const onMending: Handler<'mending'> = (state, event) => {
  if (event.because === state.mending) return note(state);
  const because =
    event.because === null
      ? `the data of ${state.settings.self} are not being mended any more`
      : `the data of ${state.settings.self} are being mended: ${event.because}`;
  return [{ ...state, mending: event.because }, [say('info', 'mending', because)]];
};
const refuseMending: Handler<'mending'> = (state, event) =>
  event.because === null ? onMending(state, event) : note(state);

const onStop: Handler<'stop'> = (state, event) => note({ ...state, stop: state.stop ?? event.because });

const onResult: Handler<'result'> = (state, event) => {
  const step = advance(state, event.id, event.outcome);
  switch (step.kind) {
    case 'stale':
      return note(strayed(state, event));
    case 'next':
      return offerEarly(applied(step.state, step.done, event.outcome), step.done, step.actions);
    case 'finished':
      return finished(applied(step.state, step.done, event.outcome), step.operation);
    case 'failed':
      return failed(step.state, step.operation, step.order.kind, step.code, step.because);
  }
};

/** A late `open-writes` has been carried out: the server is open, and its role must know. */
function strayed(state: PairState, { id, outcome }: Extract<PairEvent, { kind: 'result' }>): PairState {
  if (state.stray?.id !== id) return state;
  const { own } = state;
  const status = own.status !== null && outcome.ok ? { ...own.status, readOnly: false } : own.status;
  return { ...state, stray: null, own: { ...own, status } };
}

/** A server that is gone acknowledges nothing: the offer need not wait until the VIP has left, only until it is journalled. */
function offerEarly(state: PairState, done: Operation['orders'][number], actions: PairAction[]): Step {
  const { operation, own } = state;
  const early = operation?.kind === 'handover' && done.kind === 'persist' && own.health === 'down';
  if (!early || state.role === 'handing-over') return [state, actions];
  const [offered, offer] = offerRole(state, operation.because, null);
  return [offered, [...offer, ...actions]];
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
    mending: onMending,
    offer: onOffer,
    withdrawal: onWithdrawal,
    refusal: note,
    switchover: refuseSwitchover,
    promote: onPromote,
  },
  following: {
    ...OBSERVING,
    mending: onMending,
    offer: onOffer,
    withdrawal: onWithdrawal,
    refusal: note,
    switchover: refuseSwitchover,
    promote: onPromote,
  },
  promoting: {
    ...OBSERVING,
    mending: refuseMending,
    offer: passOffer,
    withdrawal: note,
    refusal: note,
    switchover: refuseSwitchover,
    promote: onPromote,
  },
  writing: {
    ...OBSERVING,
    mending: refuseMending,
    offer: refuseOffer,
    withdrawal: note,
    refusal: note,
    switchover: onSwitchover,
    promote: onPromote,
  },
  'handing-over': {
    ...OBSERVING,
    mending: refuseMending,
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

/** It is asked at least every 250 ms: a longer pause is one in which this process, or its host, did not run. */
const FROZEN_MS = 500;
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
    case 'note':
      return note({ ...state, ...decision.change });
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
  const frozen = event.nowMs - state.nowMs > FROZEN_MS;
  const awakeSinceMs = frozen ? event.nowMs : state.awakeSinceMs;
  const stray = state.stray !== null && event.nowMs < state.stray.untilMs ? state.stray : null;
  const timed = { ...state, nowMs: event.nowMs, awakeSinceMs, stray };
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
