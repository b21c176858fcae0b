// What the manager of a further replica knows: of its own server, of both nodes of the pair, and of the move to another source
// that is under way. machine.ts decides on it.
import type { Role, ServerHealth } from '../pair/message.ts';
import type { Reason } from '../pair/reason.ts';
import { NO_RECORD, type PairRecord } from '../pair/record.ts';
import type { ServerStatus } from '../pair/server.ts';

export interface ReplicaSettings {
  readonly self: string;
  /** Both nodes of the pair, as the replica reaches their servers. */
  readonly nodes: readonly { readonly name: string; readonly address: string }[];
  readonly port: number;
  /** `standby`, `writer`, or the name of a node: whom it replicates from, as long as that one is fit. */
  readonly prefer: string;
}

/** What a node says of itself and the pair, over its API. */
export interface NodeStatement {
  readonly record: PairRecord;
  readonly role: Role;
  readonly server: string;
  readonly executedGtid: string;
  readonly history: string;
  /** How `history` names what was born at its server. */
  readonly origin: string;
  /** As a standby: receiver and applier run without error. */
  readonly replicating: boolean;
  /** As the writer: the last heartbeat that it committed. */
  readonly heartbeat: number;
}

export interface KnownNode {
  readonly statement: NodeStatement | null;
  /** When the question was sent that the statement answers, and when it was answered. */
  readonly askedMs: number;
  readonly heardMs: number;
  /** Why there is no answer; null: the last question was answered. */
  readonly silentBecause: string | null;
  /** Since when it is fit to be replicated from; null: it is not. */
  readonly fitSinceMs: number | null;
  /** A channel to it failed: not tried again before this. */
  readonly shunnedUntilMs: number;
}

/** An order to the own server. Each is idempotent, and bounded by whoever performs it. */
export type ReplicaOrder =
  /** Read-only, and no scheduled events. */
  | { readonly kind: 'close-writes' }
  /** Acknowledges nothing from here on, and waits for no acknowledgement. */
  | { readonly kind: 'stop-acknowledging' }
  /** Starts the channel as it is, once what the relay log holds is applied. */
  | { readonly kind: 'start' }
  /** Stops receiving, and applies what was received. */
  | { readonly kind: 'freeze' }
  | { readonly kind: 'stop-receiving' }
  /** Replicates from that node from now on, by GTID. Everything received before is applied. */
  | { readonly kind: 'point'; readonly node: string; readonly host: string };

export type OrderOutcome =
  | { readonly ok: true; readonly status: ServerStatus | null }
  | { readonly ok: false; readonly because: string };

/** Transactions that the writer lacks, and the data folder that holds them: a copy made anew has another. */
export interface Errant {
  readonly gtids: readonly string[];
  readonly because: string;
  /** Empty: not known. */
  readonly place: string;
}

export interface Move {
  readonly to: string;
  readonly because: string;
  readonly sinceMs: number;
  /** Since when nothing more is received, and all that was is applied; null: not yet. */
  readonly frozenAtMs: number | null;
}

export interface ReplicaState {
  readonly settings: ReplicaSettings;
  readonly nowMs: number;
  readonly own: {
    readonly health: ServerHealth;
    readonly because: string;
    readonly status: ServerStatus | null;
    readonly statusAtMs: number;
    readonly place: string;
    readonly lagMs: number | null;
    /** When the source was last seen to send something, by its heartbeats or transactions. */
    readonly sourceSpokeMs: number;
  };
  readonly nodes: Readonly<Record<string, KnownNode>>;
  /** The newest record that any node told of. */
  readonly record: PairRecord;
  /** Our history at some moment that held what the writer did not say it has; see errant.ts. */
  readonly suspicion: { readonly history: string; readonly atMs: number } | null;
  readonly errant: Errant | null;
  readonly order: { readonly id: number; readonly order: ReplicaOrder } | null;
  readonly nextId: number;
  /** A failed order is not repeated before this. */
  readonly restUntilMs: number;
  readonly move: Move | null;
  /** When the channel was last pointed or started. */
  readonly startedAtMs: number;
  /** Since when the source is not fit; null: it is, or there is none. */
  readonly unfitSinceMs: number | null;
  /** What the last decision was, in a sentence. */
  readonly because: string;
  readonly failure: Reason | null;
  /** What was said last of each matter, so that nothing is said twice. */
  readonly said: Readonly<Record<string, string>>;
}

const UNKNOWN_NODE: KnownNode = {
  statement: null,
  askedMs: Number.NEGATIVE_INFINITY,
  heardMs: Number.NEGATIVE_INFINITY,
  silentBecause: 'not heard since this agent started',
  fitSinceMs: null,
  shunnedUntilMs: Number.NEGATIVE_INFINITY,
};

export function initialState(settings: ReplicaSettings, errant: Errant | null, nowMs: number): ReplicaState {
  return {
    settings,
    nowMs,
    own: {
      health: 'unknown',
      because: 'not asked yet',
      status: null,
      statusAtMs: nowMs,
      place: '',
      lagMs: null,
      sourceSpokeMs: nowMs,
    },
    nodes: Object.fromEntries(settings.nodes.map(({ name }) => [name, UNKNOWN_NODE])),
    record: NO_RECORD,
    suspicion: null,
    errant,
    order: null,
    nextId: 1,
    restUntilMs: nowMs,
    move: null,
    startedAtMs: nowMs,
    unfitSinceMs: null,
    because: 'just started',
    failure: null,
    said: {},
  };
}
