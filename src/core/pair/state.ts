// What one node of the pair knows and does. Knowledge (own, agent, peer) only ever changes by observation;
// role, record and operation only by the machine's decisions.

import { contains } from '../gtid/gtid.ts';
import type { Order, PathState, WireView } from './event.ts';
import type { PeerReport, Role, ServerHealth } from './message.ts';
import type { PairRecord } from './record.ts';
import type { ServerStatus } from './server.ts';
import type { PairSettings } from './settings.ts';
import { type Journal, type Maintenance, NOTHING_STORED, type Stored } from './stored.ts';
import type { WitnessExpectation, WitnessView } from './witness.ts';

/** Where a server was at its last statuses, oldest first. */
export type Trail = readonly { readonly atMs: number; readonly executedGtid: string }[];

export interface OwnServer {
  readonly health: ServerHealth;
  readonly because: string;
  readonly sinceMs: number;
  readonly status: ServerStatus | null;
  readonly trail: Trail;
  /** Sequence of our last committed heartbeat. */
  readonly heartbeat: number;
  /** Lag of our replica, from the heartbeat; null when unknown. */
  readonly lagMs: number | null;
  /**
   * Since when our server is suspect: it fell, or may have, while it was the writer. Crash recovery may have rolled back
   * transactions that the standby holds, and their GTIDs would be given again. While paired it is not opened, and does not go
   * alone, before it holds all that the standby has; alone, and without the standby, it leaves a gap (`skip-sequence`).
   */
  readonly suspectSinceMs: number | null;
  /**
   * Since when our open server is closed by somebody else: the peer fenced it over SQL and took over, or an operator closed
   * it. Not opened, and not gone on with alone, before the peer, or the witness, tells which.
   */
  readonly fencedSinceMs: number | null;
  /**
   * Commits wait although the standby holds them: their acknowledgement was lost with its connection, and no other one comes
   * (docs/MARIADB.md). Since when, and where the server has stood still since; null when they do not.
   */
  readonly stuck: { readonly sinceMs: number; readonly executedGtid: string } | null;
}

export interface PeerKnowledge {
  readonly channelOpen: boolean;
  readonly report: PeerReport | null;
  readonly trail: Trail;
  /** When anything was last heard over the peer channel. */
  readonly heardAtMs: number;
  /** Its clock: the latest `sentMs` heard, to be echoed. */
  readonly itsSentMs: number | null;
  /** Our clock: when we sent the latest report that the peer says it has heard. */
  readonly echoedMs: number;
  /** Our clock: the latest own sending that a vouching report of a paired writer echoed: starts the promotion window. */
  readonly vouchedForMs: number;
  readonly sql: PathState;
  /** When the SQL path last told. */
  readonly sqlAtMs: number;
  /** Since when the writer sees this standby not acknowledging; null while it does. */
  readonly notReplicatingSinceMs: number | null;
  /** Since when it says that it could take over, with nothing held against it; null while it does not. */
  readonly fitSinceMs: number | null;
  /** When the oldest question that has had no answer was asked; null when none is open. */
  readonly askedMs: number | null;
  /** Since when no adverts of the peer are heard; null while they are, or while that is not known. */
  readonly advertsSilentSinceMs: number | null;
  /** Since when the peer says that it sends adverts; null while it does not. */
  readonly advertisingSinceMs: number | null;
  /** The standby has stored that this writer goes on alone: it cannot decide to promote until it is paired again. */
  readonly knowsAlone: boolean;
}

export type OperationKind =
  | 'adopt'
  | 'resume'
  | 'takeover'
  | 'handover'
  | 'stand-down'
  | 'reopen'
  | 'go-alone'
  | 'pair'
  | 'leave'
  | 'reconcile';

/** A plan in progress: its orders are carried out one after the other. */
export interface Operation {
  readonly kind: OperationKind;
  readonly because: string;
  readonly startedMs: number;
  /** The order in flight, and those after it. */
  readonly orders: readonly Order[];
  /** Id of the order in flight; results of other ids are stale. */
  readonly id: number;
  /** When the order in flight was given, and how long those before it took: for the operator. */
  readonly orderedMs: number;
  readonly spans: readonly { readonly order: Order['kind']; readonly tookMs: number }[];
  /** GTIDs that close-writes or fence-peer reported. */
  readonly gtid: string | null;
}

/** What is known of the witness. */
export interface WitnessKnowledge {
  /** Null before the first answer. */
  readonly view: WitnessView | null;
  /** When it last answered anything. */
  readonly answeredAtMs: number;
  /** What it held when it last told: what the next compare-and-swap expects. Null: nothing, or not known. */
  readonly holds: WitnessExpectation | null;
}

export interface Offer {
  readonly epoch: number;
  readonly finalGtid: string | null;
  readonly planned: boolean;
  /** It was made before an interruption, and is taken back. */
  readonly withdrawn: boolean;
  readonly because: string;
}

export interface PairState {
  readonly settings: PairSettings;
  readonly nowMs: number;
  readonly startedMs: number;
  /** Since when this process runs without a pause: what was silent while it was frozen proves nothing. */
  readonly awakeSinceMs: number;
  readonly role: Role;
  readonly because: string;
  readonly record: PairRecord;
  /** What was journalled with the record: a plan that is not finished yet. */
  readonly journal: Journal | null;
  readonly maintenance: Maintenance;
  readonly witness: WitnessKnowledge;
  readonly own: OwnServer;
  readonly agent: { readonly link: 'up' | 'lost'; readonly sinceMs: number; readonly because: string };
  readonly wire: WireView;
  readonly peer: PeerKnowledge;
  readonly operation: Operation | null;
  readonly nextId: number;
  /**
   * An `open-writes` that was on its way when a more urgent plan took its place: until it has ended, or cannot any more, the
   * server may open.
   */
  readonly stray: { readonly id: number; readonly untilMs: number } | null;
  /** No new attempt of a failed plan before this. */
  readonly retryAtMs: number;
  /** No new attempt to take over before this: the last one failed before its claim. */
  readonly takeoverAtMs: number;
  /** When this node became the writer; meaningless otherwise. */
  readonly writerSinceMs: number;
  /** No new attempt to pair before this. */
  readonly pairAtMs: number;
  readonly pairFailures: number;
  /** As the standby: the writer's offer to take over. As the writer: the offer made. */
  readonly offer: Offer | null;
  readonly offeredAtMs: number;
  /**
   * Our clock: when we heard the latest message of the standby that a vouching report of ours echoed. The standby's window
   * began before that, when it sent the message; reports that echo it again do not make the window longer.
   */
  readonly vouchedAtMs: number;
  /**
   * As the standby: since when it says that it will not sync what it receives, to catch up. It does so only when the writer
   * has heard that, and does not pair.
   */
  readonly catchingUpSinceMs: number | null;
  /** As the standby: until when no failover follows the last one. */
  readonly heldUntilMs: number;
  /** As the writer: when this node took over from one that failed. */
  readonly failedOverAtMs: number;
  /** The takeover in progress was not planned by an operator. */
  readonly failingOver: boolean;
  /** An operator asked for a switchover. */
  readonly switchover: string | null;
  /** This node's data are being mended: its server is not steered, and not counted on. */
  readonly mending: string | null;
  /** As the writer: no new attempt to give the role back to the preferred node before this. */
  readonly failbackAtMs: number;
  /** This manager shall end. */
  readonly stop: string | null;
  readonly reportedAtMs: number;
  /** The last report in a form that changes only when something important does. */
  readonly reportedDigest: string;
  /** Sentences already said, by code, so that a standing condition is said once. */
  readonly said: Readonly<Record<string, string | undefined>>;
}

export function initialState(settings: PairSettings, stored: Stored | null, nowMs: number): PairState {
  const { record, journal, maintenance } = stored ?? NOTHING_STORED;
  return {
    settings,
    nowMs,
    startedMs: nowMs,
    awakeSinceMs: nowMs,
    role: 'starting',
    because: 'the manager has just started',
    record,
    journal,
    maintenance,
    witness: { view: null, answeredAtMs: Number.NEGATIVE_INFINITY, holds: null },
    own: {
      health: 'unknown',
      because: 'not probed yet',
      sinceMs: nowMs,
      status: null,
      trail: [],
      heartbeat: 0,
      lagMs: null,
      suspectSinceMs: record.writer === settings.self ? nowMs : null,
      stuck: null,
      fencedSinceMs: null,
    },
    agent: { link: 'lost', sinceMs: nowMs, because: 'not connected yet' },
    wire: {
      claimedEpoch: null,
      interfaceUp: false,
      interfaceBecause: 'not known yet',
      peerAdverts: 'unknown',
      gateway: 'unknown',
    },
    peer: {
      channelOpen: false,
      report: null,
      trail: [],
      heardAtMs: Number.NEGATIVE_INFINITY,
      itsSentMs: null,
      echoedMs: Number.NEGATIVE_INFINITY,
      vouchedForMs: Number.NEGATIVE_INFINITY,
      sql: 'unknown',
      sqlAtMs: Number.NEGATIVE_INFINITY,
      notReplicatingSinceMs: null,
      fitSinceMs: null,
      askedMs: null,
      advertsSilentSinceMs: null,
      advertisingSinceMs: null,
      knowsAlone: false,
    },
    operation: null,
    nextId: 1,
    stray: null,
    retryAtMs: Number.NEGATIVE_INFINITY,
    takeoverAtMs: Number.NEGATIVE_INFINITY,
    writerSinceMs: nowMs,
    pairAtMs: Number.NEGATIVE_INFINITY,
    pairFailures: 0,
    offer: null,
    offeredAtMs: Number.NEGATIVE_INFINITY,
    // A paired writer that restarts may have vouched until a moment ago: count from now.
    vouchedAtMs: nowMs,
    catchingUpSinceMs: null,
    heldUntilMs: Number.NEGATIVE_INFINITY,
    failedOverAtMs: Number.NEGATIVE_INFINITY,
    failingOver: false,
    switchover: null,
    mending: null,
    failbackAtMs: Number.NEGATIVE_INFINITY,
    stop: null,
    reportedAtMs: Number.NEGATIVE_INFINITY,
    reportedDigest: '',
    said: {},
  };
}

/** How long ago the owner of the trail first had something that a server at `position` lacks; 0: it lacks nothing known. */
export function behindMs(trail: Trail, position: string, nowMs: number): number {
  // What a server has only grows: from the first sample that is missing on all are. Comparing sets costs.
  let [from, to] = [0, trail.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const sample = trail[middle];
    if (sample !== undefined && contains(position, sample.executedGtid)) from = middle + 1;
    else to = middle;
  }
  const missing = trail[from];
  return missing === undefined ? 0 : nowMs - missing.atMs;
}

/** Four reports missing. */
const FRESH_MS_MAX = 1000;

/** The peer's report, if it is fresh enough to act on. */
export function freshReport(state: PairState): PeerReport | null {
  const { peer, nowMs } = state;
  if (!peer.channelOpen || nowMs - peer.heardAtMs > FRESH_MS_MAX) return null;
  return peer.report;
}
