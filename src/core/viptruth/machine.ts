// The VIP truth of one VIP as a machine: step(state, event) -> [state, actions]; SPEC.md says what it promises. It asks
// the segment who has the VIP, says what is odd once and its end once, and has the rightful holder announce itself again.

import type { Question, Step, VipTruthAction, VipTruthEvent, VipTruthState } from './state.ts';
import { isBad, judge, type Seen } from './verdict.ts';

/** A flood of forged answers must not fill the memory. */
const ANSWERS_MAX = 8;
/** What is announced again while a duplicate stands may go on for hours; the log hears of it now and then. */
const SAY_ANNOUNCED_EVERY_MS = 60_000;

type Of<K extends VipTruthEvent['kind']> = Extract<VipTruthEvent, { kind: K }>;
type Handlers = { readonly [K in VipTruthEvent['kind']]: (state: VipTruthState, event: Of<K>) => Step };

function announce(state: VipTruthState, nowMs: number, because: string): Step {
  if (!state.held || !state.linkUp) return [state, []];
  const atMs = state.announcedMs + state.settings.times.gapMs;
  if (nowMs < atMs) return [{ ...state, owed: state.owed ?? { atMs, because } }, []];
  return [{ ...state, announcedMs: nowMs, owed: null }, [{ kind: 'announce', because }]];
}

/** For the reasons that an operator wants to know of; the others come with every role that moves. */
function announceAloud(state: VipTruthState, nowMs: number, because: string): Step {
  const [next, actions] = announceAgainst(state, nowMs, because);
  const said = nowMs < state.saidAnnouncedMs + SAY_ANNOUNCED_EVERY_MS;
  if (said || actions.length === 0) return [next, actions];
  const sentence = `announced ${state.settings.vip} again: ${because}`;
  const say: VipTruthAction = { kind: 'say', level: 'info', code: 'vip-announced', because: sentence };
  return [{ ...next, saidAnnouncedMs: nowMs }, [...actions, say]];
}

function ask(state: VipTruthState, nowMs: number, again: boolean): Step {
  const question: Question = { closesMs: nowMs + state.settings.times.collectMs, answers: [], again };
  return [{ ...state, question, askedMs: nowMs }, [{ kind: 'ask' }]];
}

const restUntilNextRound = (state: VipTruthState, nowMs: number): VipTruthState => ({
  ...state,
  question: null,
  askAtMs: nowMs + state.settings.times.everyMs - state.settings.times.collectMs,
});

/** What was seen twice, or was nothing new, is believed: it becomes the standing verdict, and what changed is said. */
function believe(state: VipTruthState, seen: Seen, nowMs: number): Step {
  const rested = { ...restUntilNextRound(state, nowMs), suspicion: null };
  const since = state.standing.verdict === seen.verdict ? state.standing.sinceMs : nowMs;
  const next: VipTruthState = { ...rested, standing: { ...seen, sinceMs: since } };
  if (isBad(seen.verdict)) {
    if (state.told === seen.verdict) return [next, []];
    const code = `vip-${seen.verdict}` as const;
    return [{ ...next, told: seen.verdict }, [{ kind: 'say', level: 'error', code, because: seen.because }]];
  }
  if (state.told === null) return [next, []];
  const because = `the VIP ${state.settings.vip} is as it should be again: ${seen.because}`;
  return [{ ...next, told: null }, [{ kind: 'say', level: 'info', code: 'vip-true-again', because }]];
}

function closeQuestion(state: VipTruthState, question: Question, nowMs: number): Step {
  const seen = judge(state, question.answers);
  const [only] = question.answers;
  const known: VipTruthState =
    !state.held && seen.verdict === 'true' && only !== undefined ? { ...state, holderMac: only } : state;
  const { verdict } = seen;
  // The very first round may be believed when it is good: there is nothing to take back.
  const plain =
    verdict === known.standing.verdict || (known.standing.verdict === 'unknown' && !isBad(verdict));
  if (plain || verdict === known.suspicion) return believe(known, seen, nowMs);
  const suspicious = { ...known, suspicion: verdict };
  return question.again ? [restUntilNextRound(suspicious, nowMs), []] : ask(suspicious, nowMs, true);
}

/** Both claim it by VRRP: the epochs decide between the two managers, and whoever stays announces when the other is gone. */
function announceAgainst(state: VipTruthState, nowMs: number, because: string): Step {
  return state.peerHolds ? [state, []] : announce(state, nowMs, because);
}

function then(before: Step, follow: (state: VipTruthState) => Step): Step {
  const [state, actions] = follow(before[0]);
  return [state, [...before[1], ...actions]];
}

function onTimer(state: VipTruthState, { nowMs }: Of<'timer'>): Step {
  if (!state.linkUp) return [state, []];
  const { owed, question } = state;
  const paid: Step =
    owed !== null && nowMs >= owed.atMs
      ? announce({ ...state, owed: null }, nowMs, owed.because)
      : [state, []];
  if (question === null) return nowMs < state.askAtMs ? paid : then(paid, (next) => ask(next, nowMs, false));
  if (nowMs < question.closesMs) return paid;
  const closed = then(paid, (next) => closeQuestion(next, question, nowMs));
  if (!state.held || question.answers.length === 0) return closed;
  return then(closed, (next) =>
    announceAloud(next, nowMs, `${question.answers.join(' and ')} answered for it`),
  );
}

/** A role moved: what was being asked is void, and what was suspected was the hand-over. */
function moved(state: VipTruthState, nowMs: number, change: Partial<VipTruthState>): VipTruthState {
  const askAtMs = nowMs + state.settings.times.settleMs;
  return { ...state, ...change, question: null, suspicion: null, askAtMs };
}

function collect(state: VipTruthState, mac: string): VipTruthState {
  const { question } = state;
  if (question === null || question.answers.length >= ANSWERS_MAX || question.answers.includes(mac))
    return state;
  return { ...state, question: { ...question, answers: [...question.answers, mac] } };
}

const askSoon = (state: VipTruthState, atMs: number): VipTruthState =>
  state.question === null && state.askAtMs > atMs ? { ...state, askAtMs: atMs } : state;

const HANDLERS: Handlers = {
  timer: onTimer,
  link(state, { up, nowMs }) {
    if (up === state.linkUp) return [state, []];
    const next = moved(state, nowMs, { linkUp: up, owed: null });
    if (up) return announceAgainst(next, nowMs, 'the link is up again');
    return [{ ...next, standing: { verdict: 'unknown', because: 'the link is down', sinceMs: nowMs } }, []];
  },
  stalled: (state, { nowMs }) => [
    moved(state, nowMs, { peerSeenMs: null, peerAskedMs: null, owed: null }),
    [],
  ],
  held(state, { held, nowMs }) {
    if (held === state.held) return [state, []];
    // The virtual router announced it with the claim.
    const announcedMs = held ? nowMs : state.announcedMs;
    return [moved(state, nowMs, { held, announcedMs, owed: null }), []];
  },
  'peer-holds'(state, { holds, nowMs }) {
    if (holds === state.peerHolds) return [state, []];
    const next = moved(state, nowMs, { peerHolds: holds, owed: null });
    return holds ? [next, []] : announce(next, nowMs, 'the peer claims it no longer');
  },
  'vip-frame'(state, { mac, as, nowMs }) {
    if (mac === state.settings.ownMac) return [state, []];
    const heard = as === 'answer' ? collect(state, mac) : state;
    const expected = !state.held && mac === (state.peerMac ?? state.holderMac ?? mac);
    if (expected) return [heard, []];
    const soon = askSoon(heard, Math.max(nowMs, state.askedMs + state.settings.times.gapMs));
    return as === 'announcement' ? announceAloud(soon, nowMs, `${mac} announced it as its own`) : [soon, []];
  },
  'peer-frame'(state, { mac, asksForVip, nowMs }) {
    const { times } = state.settings;
    const silentMs = state.peerSeenMs === null ? 0 : nowMs - state.peerSeenMs;
    const askedMs = state.peerAskedMs;
    const next: VipTruthState = {
      ...state,
      peerMac: mac,
      peerSeenMs: nowMs,
      peerAskedMs: asksForVip ? nowMs : askedMs,
    };
    if (silentMs > times.peerSilenceMs) {
      const because = `the peer is heard on this network again after ${Math.round(silentMs / 1000)} s: a split healed`;
      return announceAloud(askSoon(next, nowMs), nowMs, because);
    }
    const again = asksForVip && askedMs !== null && nowMs - askedMs < times.askedAgainMs;
    return again ? announceAgainst(next, nowMs, 'the peer had to ask for it twice') : [next, []];
  },
};

/** Never throws; the same state and event always give the same result. */
export function step(state: VipTruthState, event: VipTruthEvent): Step {
  const handler = HANDLERS[event.kind] as (state: VipTruthState, event: VipTruthEvent) => Step;
  return handler(state, event);
}
