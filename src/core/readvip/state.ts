// What one node knows of how fresh its own data are, and what it makes of it: may it hold the read VIPs, and how
// gladly. Events come from the manager (app/readvips.ts); machine.ts decides; the wire thread carries the grant out.

import type { Role, ServerHealth } from '../pair/message.ts';

/**
 * How gladly a node holds the read VIPs. `preferred` and `willing` may; `last-resort` only until somebody else takes
 * them; `none` may not. On the wire each is a VRRP priority (app/wire), so that VRRP alone finds the best one.
 */
export type Grade = 'preferred' | 'willing' | 'last-resort' | 'none';

const RANK: Readonly<Record<Grade, number>> = { preferred: 3, willing: 2, 'last-resort': 1, none: 0 };
const GRADES = Object.keys(RANK) as Grade[];

export const rankOf = (grade: Grade): number => RANK[grade];
export const isGrade = (value: unknown): value is Grade => GRADES.includes(value as Grade);

/** Milliseconds all. */
export interface ReadSettings {
  readonly self: string;
  readonly peer: string;
  /** `standby`, or the name of a node: reads.prefer. */
  readonly prefer: string;
  /** A standby whose data are older than this may not be read from: reads.maxLag. */
  readonly maxLagMs: number;
  /** The same for a writer, whose commits may have to wait for a standby that is gone (failover.aloneAfter). */
  readonly writerLagMsMax: number;
  /** A standby that was stale must be fresh for this long before it's preferred again. */
  readonly returnAfterMs: number;
  /** How long a node past its limit may hold on, so that the other one takes the VIPs without a gap. */
  readonly handoverMs: number;
  /** A grant that its manager does not renew ends after this: the manager is dead or frozen. */
  readonly graceMs: number;
}

/** What the peer's manager says of itself, over the peer channel. */
export interface ReadStatement {
  readonly kind: 'reads';
  readonly grade: Grade;
  /** Its host holds the read VIPs. */
  readonly holds: boolean;
}

/** What the node is at this moment. */
export interface ReadSituation {
  readonly nowMs: number;
  readonly role: Role;
  readonly health: ServerHealth;
  readonly healthBecause: string;
  /** Why the standby's data do not become newer at this moment; null: they do, or it is not known. */
  readonly fault: string | null;
  /** The peer's statement, if it is fresh. */
  readonly peer: ReadStatement | null;
  readonly wire: {
    /** This host holds the read VIPs. */
    readonly holds: boolean;
    /** The peer's adverts for them are heard. */
    readonly peerHeard: boolean;
  };
}

export type Evidence = {
  readonly nowMs: number;
} /** The writer said that it has committed this heartbeat; 0 from a node that is not the writer. */ & (
  | { readonly kind: 'heard'; readonly heartbeat: number }
  /** Our own table was read: how old is the oldest heartbeat heard of that it lacks; 0: it lacks none (core/health/lag.ts). */
  | { readonly kind: 'lag'; readonly lagMs: number | null }
  /** As the writer: our own server committed this heartbeat. */
  | { readonly kind: 'committed'; readonly heartbeat: number }
);

/** The node may hold the read VIPs, until then; renewed all the time. */
export interface Grant {
  readonly grade: Grade;
  /** CLOCK_BOOTTIME, which both processes of a host share. */
  readonly untilMs: number;
  readonly because: string;
}

export interface ReadState {
  readonly settings: ReadSettings;
  /** The newest heartbeat that the writer said it committed, and when it was heard. */
  readonly heard: { readonly heartbeat: number; readonly atMs: number } | null;
  readonly committed: number;
  /** Our data hold everything that was committed up to then; null: never proven. */
  readonly freshAtMs: number | null;
  /** Not stale since it was last found fit; null: not judged yet. */
  readonly fit: boolean | null;
  /** Enough is known to decide; until then a grant of the manager before this one is left to run out. */
  readonly settled: boolean;
  /** Since when its data do not become newer; null: they do. */
  readonly faultSinceMs: number | null;
  /** A standby that is not fit: since when its data are fresh enough to become so. */
  readonly mendingSinceMs: number | null;
  /** Since when the peer says that it holds the VIPs, though its adverts are not heard. */
  readonly unheardSinceMs: number | null;
  readonly grant: Grant;
}

export function initialState(settings: ReadSettings): ReadState {
  return {
    settings,
    heard: null,
    committed: 0,
    freshAtMs: null,
    fit: null,
    settled: false,
    faultSinceMs: null,
    mendingSinceMs: null,
    unheardSinceMs: null,
    grant: { grade: 'none', untilMs: 0, because: 'the manager has just started' },
  };
}

/** Reads one decoded JSON value; null when it is no such statement. */
export function parseReadStatement(value: unknown): ReadStatement | null {
  if (typeof value !== 'object' || value === null) return null;
  const { kind, grade, holds } = value as Record<string, unknown>;
  if (kind !== 'reads' || !isGrade(grade) || typeof holds !== 'boolean') return null;
  return { kind, grade, holds };
}
