// What a node tells its peer about itself, and when: at every beat, and at once when something important changes.

import { ineligible, replicationFaults } from './eligibility.ts';
import type { PairAction } from './event.ts';
import { holdLeftMs, holds } from './hold.ts';
import type { PeerReport } from './message.ts';
import { codes } from './reason.ts';
import type { PairState } from './state.ts';
import { vouches } from './writing.ts';

/** A report goes out at least this often. */
export const REPORT_INTERVAL_MS = 250;
/** While the peer's adverts are missing it is asked this often. */
const ASK_INTERVAL_MS = 50;

/** This node's statement about itself. */
export function reportOf(state: PairState): PeerReport {
  const { own, settings } = state;
  const status = own.status;
  return {
    node: settings.self,
    role: state.role,
    record: state.record,
    server: own.health,
    executedGtid: status?.executedGtid ?? '',
    history: status?.history ?? '',
    origin: status?.origin ?? '',
    receivedGtid: status?.channel?.receivedGtid ?? '',
    receiverStopped: own.health === 'up' && status?.channel?.receiver === 'stopped',
    // A server boots closed: one that is open did not fall.
    suspect:
      state.record.writer === settings.self && own.suspectSinceMs !== null && status?.readOnly === true,
    replicating:
      own.health === 'up' &&
      state.mending === null &&
      replicationFaults(state).length === 0 &&
      status?.channel?.receiver === 'running',
    pairing: state.operation?.kind === 'pair',
    semiSyncReplica:
      status?.semiSync.replica === true && status.receivesDurably && state.catchingUpSinceMs === null,
    lagMs: own.lagMs,
    ineligible: ineligible(state),
    held: holds(state),
    holdMs: holdLeftMs(state),
    maintenance: state.maintenance,
    vouches: vouches(state),
    advertising: state.agent.link === 'up' && state.wire.claimedEpoch !== null,
    heartbeat: state.role === 'writing' ? own.heartbeat : 0,
    leaving: state.stop !== null,
  };
}

/** A standby that does not hear the writer's adverts; a writer hears none anyway. */
export function missesAdverts(state: PairState): boolean {
  const { peerAdverts } = state.wire;
  return state.role === 'following' && (peerAdverts === 'late' || peerAdverts === 'silent');
}

/** What of a report must be told at once when it changes. */
function digestOf(report: PeerReport): string {
  const {
    record,
    role,
    server,
    replicating,
    receiverStopped,
    suspect,
    pairing,
    semiSyncReplica,
    vouches: word,
    advertising,
    leaving,
  } = report;
  const flags = [replicating, receiverStopped, suspect, pairing, semiSyncReplica, word, advertising, leaving];
  const words = `${codes(report.ineligible)} ${codes(report.held)} ${report.maintenance.version}`;
  return `${words} ${role} ${record.epoch} ${record.writer} ${record.sync} ${server} ${flags.map(Number).join('')}`;
}

/** Adds the report that is due, if one is. */
export function withReport([state, actions]: [PairState, PairAction[]]): [PairState, PairAction[]] {
  const report = reportOf(state);
  const digest = digestOf(report);
  const asks = missesAdverts(state);
  const sinceMs = state.nowMs - state.reportedAtMs;
  // The first question goes out at once; after an answer the next one waits its turn.
  const unasked =
    asks && state.peer.askedMs === null && state.nowMs - state.peer.heardAtMs >= ASK_INTERVAL_MS;
  const intervalMs = asks ? ASK_INTERVAL_MS : REPORT_INTERVAL_MS;
  const due = unasked || sinceMs >= intervalMs || digest !== state.reportedDigest;
  if (!due) return [state, actions];
  const next: PairState = {
    ...state,
    reportedAtMs: state.nowMs,
    reportedDigest: digest,
    vouchedAtMs: report.vouches ? state.peer.heardAtMs : state.vouchedAtMs,
    peer: asks ? { ...state.peer, askedMs: state.peer.askedMs ?? state.nowMs } : state.peer,
  };
  return [next, [...actions, { kind: 'report', report, asks }]];
}
