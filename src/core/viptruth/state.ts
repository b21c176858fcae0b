// What one agent knows of one VIP on its segment: who answered for it, what follows from that, and what is to be asked
// next. Events come from the wire thread (app/wire/truthwatch.ts), machine.ts turns them into actions.

/** Milliseconds all. */
export interface VipTruthTimes {
  /** Between two rounds of questions. */
  readonly everyMs: number;
  /** How long answers to one question are collected. */
  readonly collectMs: number;
  /** After a role moved: the segment is left alone for so long before it is asked. */
  readonly settleMs: number;
  /** The least distance between two announcements, and between a suspicious frame's question and the one before. */
  readonly gapMs: number;
  /** The peer's own frames were missing on this segment for so long: hearing one again means that a split healed. */
  readonly peerSilenceMs: number;
  /** The peer asked twice within this: its first question had no answer, or an odd one. */
  readonly askedAgainMs: number;
}

export const VIP_TRUTH_TIMES: VipTruthTimes = {
  everyMs: 2000,
  collectMs: 300,
  settleMs: 100,
  gapMs: 1000,
  peerSilenceMs: 4500,
  askedAgainMs: 900,
};

export interface VipTruthSettings {
  readonly vip: string;
  /** MACs are texts, `02:00:00:00:00:01`, lower case. */
  readonly ownMac: string;
  readonly times: VipTruthTimes;
}

/**
 * `true`: only the rightful holder answers. `unheld`: nobody answers, and nobody claims it. `silent`: the peer claims it,
 * nobody answers. `stranger`: one answers, who is neither of the two hosts.
 */
export type Verdict = 'unknown' | 'true' | 'unheld' | 'duplicate' | 'silent' | 'stranger';
export type BadVerdict = Extract<Verdict, 'duplicate' | 'silent' | 'stranger'>;

export interface Question {
  readonly closesMs: number;
  /** The MACs that answered, this host's own not among them. */
  readonly answers: readonly string[];
  /** Asked because the answer before was odd. */
  readonly again: boolean;
}

export interface Standing {
  readonly verdict: Verdict;
  readonly because: string;
  readonly sinceMs: number;
}

export interface VipTruthState {
  readonly settings: VipTruthSettings;
  readonly linkUp: boolean;
  /** The VIP is on this host. */
  readonly held: boolean;
  /** The peer's adverts say that it holds the VIP. */
  readonly peerHolds: boolean;
  /** From the frames of the peer's own address; null until the first of them. */
  readonly peerMac: string | null;
  readonly peerSeenMs: number | null;
  readonly peerAskedMs: number | null;
  /** Who answered while the peer's own MAC was not known. */
  readonly holderMac: string | null;
  readonly question: Question | null;
  readonly askAtMs: number;
  readonly askedMs: number;
  /** Seen once, and not said before it is seen again. */
  readonly suspicion: Verdict | null;
  readonly standing: Standing;
  /** The condition that was said, until its end is said. */
  readonly told: BadVerdict | null;
  readonly announcedMs: number;
  /** An announcement that waits for its distance to the one before. */
  readonly owed: { readonly atMs: number; readonly because: string } | null;
  readonly saidAnnouncedMs: number;
}

export type VipTruthEvent = { readonly nowMs: number } & (
  | { readonly kind: 'timer' }
  | { readonly kind: 'link'; readonly up: boolean }
  /** This process did not run for a while: what was heard before, and what waited to be heard, has no time any more. */
  | { readonly kind: 'stalled' }
  | { readonly kind: 'held'; readonly held: boolean }
  | { readonly kind: 'peer-holds'; readonly holds: boolean }
  /**
   * A frame whose sender says that it has the VIP. Only an `answer` to a question shows that questions are answered; an
   * `announcement` came unasked, in `use` the VIP is the sender of something else.
   */
  | { readonly kind: 'vip-frame'; readonly mac: string; readonly as: 'answer' | 'announcement' | 'use' }
  /** A frame of the peer's own address. */
  | { readonly kind: 'peer-frame'; readonly mac: string; readonly asksForVip: boolean }
);

export type VipTruthAction =
  /** "Who has the VIP?", from this host's own address: asked from the VIP it would poison caches. */
  | { readonly kind: 'ask' }
  /** A burst of gratuitous announcements: this host has the VIP. */
  | { readonly kind: 'announce'; readonly because: string }
  | {
      readonly kind: 'say';
      readonly level: 'info' | 'warn' | 'error';
      readonly code: 'vip-duplicate' | 'vip-silent' | 'vip-stranger' | 'vip-true-again' | 'vip-announced';
      readonly because: string;
    };

export type Step = readonly [VipTruthState, readonly VipTruthAction[]];

const NEVER = Number.NEGATIVE_INFINITY;

export function initialState(settings: VipTruthSettings, nowMs: number): VipTruthState {
  return {
    settings,
    linkUp: false,
    held: false,
    peerHolds: false,
    peerMac: null,
    peerSeenMs: null,
    peerAskedMs: null,
    holderMac: null,
    question: null,
    askAtMs: nowMs,
    askedMs: NEVER,
    suspicion: null,
    standing: { verdict: 'unknown', because: 'not asked yet', sinceMs: nowMs },
    told: null,
    announcedMs: NEVER,
    owed: null,
    saidAnnouncedMs: NEVER,
  };
}

/** When the next `timer` event is wanted. */
export function dueMs(state: VipTruthState): number {
  if (!state.linkUp) return Number.POSITIVE_INFINITY;
  const asking = state.question?.closesMs ?? state.askAtMs;
  return Math.min(asking, state.owed?.atMs ?? Number.POSITIVE_INFINITY);
}
