// Whether this node may become the writer now. Every reason against it is a sentence that says what would lift it.

import { freshReport, type PairState } from './state.ts';

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** What is wrong with this node itself, whoever the writer is. */
export function unfit(state: PairState): string[] {
  const reasons: string[] = [];
  const { own, agent, wire, settings, nowMs } = state;
  if (own.health !== 'up')
    reasons.push(`the database server of ${settings.self} is ${own.health}: ${own.because}`);
  if (agent.link === 'lost') {
    // A killed agent is given the time to come back and find everything as it was.
    if (nowMs - agent.sinceMs >= settings.agentGraceMs) {
      reasons.push(`the agent of ${settings.self} does not answer: ${agent.because}`);
    }
  } else if (!wire.interfaceUp)
    reasons.push(`the interface of ${settings.self} is down: ${wire.interfaceBecause}`);
  if (settings.gatewayChecked && wire.gateway === 'silent') {
    reasons.push(`${settings.self} does not reach its gateway: it may be the one that is cut off`);
  }
  if (state.stop !== null) reasons.push(`${settings.self} is stopping: ${state.stop}`);
  return reasons;
}

/** What is wrong with the replication into this node. */
export function replicationFaults(state: PairState): string[] {
  const channel = state.own.status?.channel;
  const { self, peer } = state.settings;
  if (state.own.status === null) return [`the database server of ${self} has not told its status yet`];
  if (channel === undefined || channel === null) {
    return [`${self} has no replication channel from ${peer}: run \`twinkeep setup\``];
  }
  if (channel.applierError !== null) return [`the applier of ${self} has stopped: ${channel.applierError}`];
  const { lagMs } = state.own;
  if (lagMs !== null && lagMs > state.settings.drainMsMax) {
    return [
      `${self} is ${seconds(lagMs)} behind: longer than failover.maxDrain (${seconds(state.settings.drainMsMax)})`,
    ];
  }
  if (channel.applier !== 'running')
    return [`the applier of ${self} is stopped: it is started again within a second`];
  return [];
}

/**
 * Every reason why this standby may not take over by its own decision now; empty: eligible.
 * A writer, and a node that does not know its role yet, are not eligible either, and say so.
 */
export function ineligible(state: PairState): string[] {
  const { record, settings, peer, nowMs, role } = state;
  if (role === 'writing' || role === 'handing-over') return [`${settings.self} is the writer`];
  if (role === 'starting') return [`${settings.self} does not know its role yet: ${state.because}`];
  const reasons = [...unfit(state), ...replicationFaults(state)];
  // Unknown is not enough to decide alone: the agent asks the gateway as soon as the writer falls silent.
  if (settings.gatewayChecked && state.wire.gateway === 'unknown')
    reasons.push('the gateway has not answered yet');
  if (record.writer !== settings.peer) {
    reasons.push(`the record names ${record.writer ?? 'nobody'} as the writer, not ${settings.peer}`);
  } else if (record.sync === 'alone') {
    reasons.push(
      `the record says that ${settings.peer} goes on alone: ${settings.self} may lack acknowledged writes until it is paired again`,
    );
  }
  const silentMs = nowMs - peer.vouchedForMs;
  if (record.sync === 'paired' && silentMs > settings.promoteWithinMs) {
    reasons.push(
      Number.isFinite(silentMs)
        ? `the last contact with the paired writer was ${seconds(silentMs)} ago (failover.promoteWithin is ${seconds(settings.promoteWithinMs)}): ${settings.self} may lack acknowledged writes`
        : `${settings.self} has had no contact with the paired writer since it started: it may lack acknowledged writes`,
    );
  }
  return reasons;
}

/** As the writer: why the peer cannot take over now; empty: it can. */
export function peerIneligible(state: PairState): readonly string[] {
  const { peer, self } = state.settings;
  const report = freshReport(state);
  if (report === null) return [`${peer} is not heard over the peer channel`];
  if (report.ineligible.length > 0) return report.ineligible;
  if (state.record.sync !== 'paired') return [`${self} goes on alone: ${peer} is not paired yet`];
  if (report.record.epoch !== state.record.epoch || report.record.sync !== 'paired') {
    return [`${peer} has not taken up the record of epoch ${state.record.epoch} yet`];
  }
  return [];
}

/** A node that has just started has not listened long enough to call anybody silent. */
const FIRST_LISTEN_MS = 1000;

export type Evidence =
  /** Nobody is there: every path is silent. */
  | { readonly kind: 'dead'; readonly because: string }
  /** Agent and manager are gone, but the server answers SQL and can be fenced by it. */
  | { readonly kind: 'unattended'; readonly because: string };

/**
 * As the standby: what shows that the writer is gone. VRRP silence alone never does: a firewall on protocol 112
 * is the commonest cause of two masters.
 */
export function evidenceAgainstWriter(state: PairState): Evidence | null {
  const { peer, wire, settings, nowMs } = state;
  if (wire.peerAdverts !== 'silent' || nowMs - state.startedMs < FIRST_LISTEN_MS) return null;
  if (peer.askedMs === null || nowMs - peer.askedMs < settings.peerSilenceMsMax) return null;
  const unheardMs = nowMs - peer.heardAtMs;
  const who = settings.peer;
  if (peer.sql === 'answers') {
    return {
      kind: 'unattended',
      because: `the agent and the manager of ${who} are silent (no VRRP, no peer channel), but its server still answers`,
    };
  }
  if (peer.sql === 'unknown') return null;
  return {
    kind: 'dead',
    because: `${who} is silent on every path: no VRRP, no peer channel for ${Math.round(unheardMs)} ms, and its server ${
      peer.sql === 'refused' ? 'refuses connections' : 'does not answer'
    }`,
  };
}
