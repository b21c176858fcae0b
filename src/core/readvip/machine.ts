// May this node hold the read VIPs, and how gladly: pure, decided anew from what is known. SPEC.md states the rules.
// In the flow: manager -> note, decide -> grant -> agent's wire thread -> VRRP elects among the nodes that may.

import {
  type Evidence,
  type Grade,
  type Grant,
  type ReadSituation,
  type ReadState,
  rankOf,
} from './state.ts';

/** Both say that they hold the VIPs, and VRRP does not settle it: for so long a hand-over may look like that. */
const UNHEARD_MS_MAX = 500;

/** A node that was the writer until now has its channel started again within this; a standing fault is one. */
const FAULT_MS_MAX = 1500;

const seconds = (ms: number): string => `${(Math.max(0, ms) / 1000).toFixed(1)} s`;

/** Takes one piece of evidence of how fresh our data are. */
export function note(state: ReadState, evidence: Evidence): ReadState {
  const { nowMs } = evidence;
  const { heard, freshAtMs } = state;
  const freshAt = (atMs: number): ReadState =>
    freshAtMs !== null && freshAtMs >= atMs ? state : { ...state, freshAtMs: atMs };
  switch (evidence.kind) {
    case 'heard':
      if (evidence.heartbeat <= (heard?.heartbeat ?? 0)) return state;
      return { ...state, heard: { heartbeat: evidence.heartbeat, atMs: nowMs } };
    case 'lag':
      if (evidence.lagMs === null || heard === null) return state;
      // All that was heard of has arrived; what the writer committed since is unknown, however long ago that was.
      return freshAt(evidence.lagMs === 0 ? heard.atMs : nowMs - evidence.lagMs);
    case 'committed':
      if (evidence.heartbeat <= state.committed) return state;
      return { ...freshAt(nowMs), committed: evidence.heartbeat };
  }
}

interface Judged {
  readonly grade: Grade;
  readonly because: string;
  readonly fit: boolean | null;
  readonly mendingSinceMs: number | null;
}

const unfit = (grade: Grade, because: string): Judged => ({
  grade,
  because,
  fit: false,
  mendingSinceMs: null,
});

function wish({ settings }: ReadState, isWriter: boolean): Grade {
  const { prefer, self } = settings;
  const preferred = prefer === 'standby' ? !isWriter : prefer === self;
  return preferred ? 'preferred' : 'willing';
}

function judgeWriter(state: ReadState): Judged {
  const { prefer, self } = state.settings;
  const because =
    prefer === self
      ? `${self} is the writer, and reads.prefer names it`
      : `${self} is the writer: it serves reads while no ${prefer === 'standby' ? 'fresh standby' : `fresh ${prefer}`} does`;
  return { grade: wish(state, true), because, fit: true, mendingSinceMs: null };
}

const faultSince = (state: ReadState, { nowMs }: ReadSituation): number => state.faultSinceMs ?? nowMs;

function judgeStandby(state: ReadState, now: ReadSituation, staleMs: number): Judged {
  const { self, prefer, maxLagMs, returnAfterMs } = state.settings;
  if (now.fault !== null && faultSince(state, now) <= now.nowMs - FAULT_MS_MAX) {
    return unfit('last-resort', `the data of ${self} do not become newer: ${now.fault}`);
  }
  // A manager that finds its host holding the VIPs is one that was started again: nothing has lapsed.
  const fit = state.fit ?? now.wire.holds;
  const serves =
    prefer === 'standby' || prefer === self
      ? `${self} is a fresh standby (${seconds(staleMs)} behind at most, limit ${seconds(maxLagMs)})`
      : `${self} is a fresh standby, and reads.prefer names ${prefer}`;
  if (fit) return { grade: wish(state, false), because: serves, fit, mendingSinceMs: null };
  if (staleMs > maxLagMs / 2) {
    return unfit(
      'last-resort',
      `${self} is ${seconds(staleMs)} behind: it serves reads again below ${seconds(maxLagMs / 2)}`,
    );
  }
  const mendingSinceMs = state.mendingSinceMs ?? now.nowMs;
  const mendedMs = now.nowMs - mendingSinceMs;
  if (mendedMs >= returnAfterMs)
    return { grade: wish(state, false), because: serves, fit: true, mendingSinceMs: null };
  const because = `${self} is fresh again, and serves reads once it has been so for ${seconds(returnAfterMs)}`;
  return { grade: 'last-resort', because, fit: false, mendingSinceMs };
}

function judge(state: ReadState, now: ReadSituation): Judged {
  const { self, maxLagMs, writerLagMsMax } = state.settings;
  if (now.health === 'unknown')
    return { ...unfit('none', `the server of ${self} was not asked yet`), fit: state.fit };
  if (now.health !== 'up')
    return unfit('none', `the server of ${self} is ${now.health}: ${now.healthBecause}`);
  if (state.freshAtMs === null) {
    const because = `how fresh the data of ${self} are is not known yet`;
    return { ...unfit('none', because), fit: state.fit };
  }
  const isWriter = now.role === 'writing';
  const staleMs = now.nowMs - state.freshAtMs;
  const limitMs = isWriter ? writerLagMsMax : maxLagMs;
  if (staleMs > limitMs) {
    const because = isWriter
      ? `${self} has committed nothing for ${seconds(staleMs)}: it may not be the writer any more`
      : `the data of ${self} may be ${seconds(staleMs)} old: reads.maxLag is ${seconds(limitMs)}`;
    return unfit(staleMs > limitMs + state.settings.handoverMs ? 'none' : 'last-resort', because);
  }
  return isWriter ? judgeWriter(state) : judgeStandby(state, now, staleMs);
}

/** By its statement the peer has the better right; between equals the preferred node has it, then the first by name. */
function outranked({ settings }: ReadState, grade: Grade, theirs: Grade): boolean {
  const { self, peer, prefer } = settings;
  if (rankOf(theirs) !== rankOf(grade)) return rankOf(theirs) > rankOf(grade);
  if (prefer === self || prefer === peer) return prefer === peer;
  return peer < self;
}

/**
 * VRRP is blocked between hosts that hear each other otherwise: it would leave the VIPs on both. Then the statements over
 * the peer channel decide.
 */
function settle(state: ReadState, judged: Judged, now: ReadSituation): readonly [Judged, number | null] {
  const { peer, wire, nowMs } = now;
  if (peer === null || !peer.holds || wire.peerHeard || !outranked(state, judged.grade, peer.grade))
    return [judged, null];
  const sinceMs = state.unheardSinceMs ?? nowMs;
  if (nowMs - sinceMs < UNHEARD_MS_MAX) return [judged, sinceMs];
  const because = `${state.settings.peer} holds the read VIPs, as its manager says, and its adverts for them are not heard (is VRRP, IP protocol 112, blocked?)`;
  return [{ ...judged, grade: 'none', because }, sinceMs];
}

/** The decision at this moment. Called often: it's also what renews the grant. */
export function decide(state: ReadState, now: ReadSituation): ReadState {
  const [judged, unheardSinceMs] = settle(state, judge(state, now), now);
  const { grade, because, fit, mendingSinceMs } = judged;
  const known = now.health !== 'unknown' && (now.health !== 'up' || state.freshAtMs !== null);
  return {
    ...state,
    fit,
    settled: state.settled || known,
    faultSinceMs: now.fault === null ? null : faultSince(state, now),
    mendingSinceMs,
    unheardSinceMs,
    grant: grantOf(state, now, grade, because),
  };
}

function grantOf(state: ReadState, now: ReadSituation, grade: Grade, because: string): Grant {
  const { maxLagMs, writerLagMsMax, handoverMs, graceMs } = state.settings;
  if (grade === 'none' || state.freshAtMs === null) return { grade: 'none', untilMs: now.nowMs, because };
  const limitMs = now.role === 'writing' ? writerLagMsMax : maxLagMs;
  // Whatever becomes of this manager: nobody reads here once the data may be older than the limit.
  const untilMs = Math.min(state.freshAtMs + limitMs + handoverMs, now.nowMs + graceMs);
  return { grade, untilMs, because };
}
