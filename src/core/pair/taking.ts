// Taking events in as knowledge: what is known of our own server, the agent, the wire, the peer and the witness. Nothing is
// decided here; machine.ts asks the role afterwards.

import { contains, namesWaiting, union } from '../gtid/gtid.ts';
import { type Step, say } from './ending.ts';
import type { PairEvent } from './event.ts';
import { storedOf, witnessFaults } from './keeping.ts';
import type { PeerMessage } from './message.ts';
import type { ServerStatus } from './server.ts';
import { surelyHoldsAllOfPeer } from './starting.ts';
import { freshReport, type OwnServer, type PairState } from './state.ts';
import type { Maintenance } from './stored.ts';

/** What happens to a node, with the peer's three kinds of messages told apart. */
export type Happening =
  | Exclude<PairEvent, { kind: 'message' }>
  | ({ readonly nowMs: number } & (
      | { readonly kind: 'report'; readonly message: Extract<PeerMessage, { kind: 'report' }> }
      | { readonly kind: 'offer'; readonly message: Extract<PeerMessage, { kind: 'handover' }> }
      | { readonly kind: 'withdrawal'; readonly message: Extract<PeerMessage, { kind: 'withdrawn' }> }
      | { readonly kind: 'refusal'; readonly message: Extract<PeerMessage, { kind: 'refused' }> }
    ));
export type Handler<K extends Happening['kind']> = (
  state: PairState,
  event: Extract<Happening, { kind: K }>,
) => Step;

export const note = (state: PairState): Step => [state, []];

export const onHealth: Handler<'health'> = (state, event) => {
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
  const suspectSinceMs = state.record.writer === state.settings.self ? event.nowMs : own.suspectSinceMs;
  return note({ ...next, own: { ...next.own, status: null, lagMs: null, suspectSinceMs } });
};

/** Statuses remembered: some seconds. */
const TRAIL_MAX = 64;

function closedByAnother(state: PairState, status: ServerStatus): boolean {
  const { role, operation, own } = state;
  if (role !== 'writing' || operation !== null || own.status === null) return false;
  const restarted = status.uptimeS < own.status.uptimeS;
  return !restarted && !own.status.readOnly && status.readOnly;
}

function stuckSince(state: PairState, status: ServerStatus): OwnServer['stuck'] {
  const report = freshReport(state);
  const { executedGtid } = status;
  if (state.role !== 'writing' || status.semiSync.waitingSessions === 0 || report === null) return null;
  const held = union(report.executedGtid, report.receivedGtid);
  if (!contains(held, executedGtid)) return null;
  // What waits is not named by the writer itself: the standby must be seen to have more.
  if (!namesWaiting(executedGtid) && contains(executedGtid, held)) return null;
  const before = state.own.stuck;
  return before?.executedGtid === executedGtid ? before : { sinceMs: state.nowMs, executedGtid };
}

export const onStatus: Handler<'status'> = (state, event) => {
  const { own } = state;
  const sample = { atMs: event.nowMs, executedGtid: event.status.executedGtid };
  const trail = [...own.trail.slice(1 - TRAIL_MAX), sample];
  const stuck = stuckSince(state, event.status);
  const closed = closedByAnother(state, event.status);
  const fencedSinceMs = own.fencedSinceMs ?? (closed ? event.nowMs : null);
  const next: OwnServer = { ...own, status: event.status, trail, stuck, fencedSinceMs };
  return note(clearSuspect({ ...state, own: next }));
};
export const onHeartbeat: Handler<'heartbeat'> = (state, event) =>
  note({ ...state, own: { ...state.own, heartbeat: event.sequence } });
export const onLag: Handler<'lag'> = (state, event) =>
  note({ ...state, own: { ...state.own, lagMs: event.lagMs } });
export const onPeerSql: Handler<'peer-sql'> = (state, event) =>
  note({ ...state, peer: { ...state.peer, sql: event.sql, sqlAtMs: event.nowMs } });
export const onWire: Handler<'wire'> = (state, event) => {
  const silent = event.wire.peerAdverts === 'silent';
  const advertsSilentSinceMs = silent ? (state.peer.advertsSilentSinceMs ?? event.nowMs) : null;
  return note({ ...state, wire: event.wire, peer: { ...state.peer, advertsSilentSinceMs } });
};

export const onPeerChannel: Handler<'peer-channel'> = (state, event) =>
  note({ ...state, peer: { ...state.peer, channelOpen: event.open } });

export const onAgent: Handler<'agent'> = (state, event) => {
  if (event.link === state.agent.link) return note(state);
  const agent = { link: event.link, sinceMs: event.nowMs, because: event.because };
  // A lost agent renews nothing: what it held is not counted on. A new one tells anew.
  const wire = { ...state.wire, claimedEpoch: null, peerAdverts: 'unknown' } as const;
  const level = event.link === 'up' ? 'info' : 'warn';
  return [{ ...state, agent, wire }, [say(level, `agent-${event.link}`, event.because)]];
};

/** A suspect server is trusted again when it did not fall, when it knows that it lacks nothing, or when it is the standby. */
function clearSuspect(state: PairState): PairState {
  const { own, record, settings } = state;
  if (own.suspectSinceMs === null) return state;
  // A server boots closed, and only its manager opens it: one that is open did not fall.
  const fell = own.status?.readOnly !== false;
  if (record.writer === settings.self && fell && !surelyHoldsAllOfPeer(state)) return state;
  return { ...state, own: { ...own, suspectSinceMs: null } };
}

const answersSince = (echoMs: number | null, sinceMs: number | null): number | null =>
  sinceMs !== null && (echoMs === null || echoMs < sinceMs) ? sinceMs : null;

export function heardFrom(state: PairState, message: Extract<PeerMessage, { kind: 'report' }>): PairState {
  const { peer, nowMs } = state;
  const { report } = message;
  const echoedMs = Math.max(peer.echoedMs, message.echoMs ?? Number.NEGATIVE_INFINITY);
  const vouched = report.vouches && report.record.writer === report.node;
  const acknowledges =
    report.replicating &&
    (report.semiSyncReplica || state.role !== 'writing' || state.settings.durability === 'async');
  const fit = report.ineligible.length === 0 && report.held.length === 0 && report.role === 'following';
  const itKnowsAlone = report.record.epoch === state.record.epoch && report.record.sync === 'alone';
  return clearSuspect({
    ...state,
    // An answer to what we said since: if it had taken over, it would say so. Its older words prove nothing.
    own: { ...state.own, fencedSinceMs: answersSince(message.echoMs, state.own.fencedSinceMs) },
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
      fitSinceMs: fit ? (peer.fitSinceMs ?? nowMs) : null,
      notReplicatingSinceMs: acknowledges ? null : (peer.notReplicatingSinceMs ?? nowMs),
    },
  });
}

/** The newer order on maintenance holds, on whichever node it was given. */
export function takeMaintenance(state: PairState, maintenance: Maintenance, who: string): Step {
  const next = { ...state, maintenance };
  const because =
    maintenance.because === null
      ? `maintenance is over (${who})`
      : `under maintenance (${who}): ${maintenance.because}; nothing moves by itself`;
  const code = maintenance.because === null ? 'maintenance-off' : 'maintenance-on';
  return [next, [{ kind: 'keep', stored: storedOf(next) }, say('info', code, because)]];
}

export const onWitness: Handler<'witness'> = (state, event) => {
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
    [say(level, fault.code, `${fault.because} (lifts: ${fault.lift})`)],
  ];
};
