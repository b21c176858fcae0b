// Whether this node may become the writer now: every rule that speaks against it, with what lifts it.

import { witnessed, witnessFaults } from './keeping.ts';
import type { Reason } from './reason.ts';
import { freshReport, type PairState } from './state.ts';

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** What is wrong with this node itself, whoever the writer is. */
export function unfit(state: PairState): Reason[] {
  const { own, agent, wire, settings, nowMs } = state;
  const { self } = settings;
  const found: Reason[] = [];
  if (own.health !== 'up') {
    found.push({
      code: `server-${own.health}`,
      because: `the database server of ${self} is ${own.health}: ${own.because}`,
      lift: `by itself, when the server of ${self} answers and can write again`,
    });
  }
  if (agent.link === 'lost') {
    // A killed agent is given the time to come back and find everything as it was.
    if (nowMs - agent.sinceMs >= settings.agentGraceMs) {
      found.push({
        code: 'agent-lost',
        because: `the agent of ${self} does not answer: ${agent.because}`,
        lift: `start the agent of ${self} again (systemctl restart twinkeep)`,
      });
    }
  } else if (!wire.interfaceUp) {
    found.push({
      code: 'interface-down',
      because: `the interface of ${self} is down: ${wire.interfaceBecause}`,
      lift: `by itself, when the interface of ${self} has its link again`,
    });
  }
  if (settings.gatewayChecked && wire.gateway === 'silent') {
    found.push({
      code: 'gateway-silent',
      because: `${self} does not reach its gateway: it may be the one that is cut off`,
      lift: 'by itself, when the gateway answers ARP or a ping again (failover.gateway names it)',
    });
  }
  if (state.mending !== null) {
    found.push({
      code: 'mending',
      because: `the data of ${self} are being mended: ${state.mending}`,
      lift: 'by itself, when that has ended',
    });
  }
  if (state.stop !== null) {
    found.push({
      code: 'stopping',
      because: `${self} is stopping: ${state.stop}`,
      lift: `start the agent of ${self} again`,
    });
  }
  return found;
}

/** What is wrong with the replication into this node. */
export function replicationFaults(state: PairState): Reason[] {
  const channel = state.own.status?.channel;
  const { self, peer, drainMsMax } = state.settings;
  const one = (code: string, because: string, lift: string): Reason[] => [{ code, because, lift }];
  if (state.own.status === null) {
    return one(
      'status-unknown',
      `the database server of ${self} has not told its status yet`,
      'by itself, with its first answer',
    );
  }
  if (channel === undefined || channel === null) {
    return one('no-channel', `${self} has no replication channel from ${peer}`, 'run `twinkeep setup`');
  }
  if (channel.applierError !== null) {
    return one(
      'applier-stopped',
      `the applier of ${self} has stopped: ${channel.applierError}`,
      channel.applierLift ??
        'mend what the error names, then START SLAVE SQL_THREAD (START REPLICA SQL_THREAD); nothing is skipped by itself',
    );
  }
  const { lagMs } = state.own;
  if (lagMs !== null && lagMs > drainMsMax) {
    return one(
      'lag',
      `${self} is ${seconds(lagMs)} behind: longer than failover.maxDrain (${seconds(drainMsMax)})`,
      'by itself, when it has caught up; or set a longer failover.maxDrain',
    );
  }
  if (channel.applier !== 'running') {
    return one(
      'applier-off',
      `the applier of ${self} is stopped`,
      'by itself: it is started again within a second',
    );
  }
  return [];
}

/** What the record says against this standby: it may lack writes that were acknowledged. */
function recordAgainst(state: PairState): Reason[] {
  const { record, settings, peer, nowMs } = state;
  const { self } = settings;
  const decides = witnessed(state) ?? record;
  if (decides.writer !== settings.peer) {
    return [
      {
        code: 'not-the-standby',
        because: `the record names ${decides.writer ?? 'nobody'} as the writer, not ${settings.peer}`,
        lift: 'by itself, when the pair has a writer',
      },
    ];
  }
  if (decides.sync === 'alone') {
    return [
      {
        code: 'alone',
        because: `the record says that ${settings.peer} goes on alone: ${self} may lack acknowledged writes until it is paired again`,
        lift: `by itself, when ${self} has caught up with ${settings.peer} and acknowledges again; if ${settings.peer} is lost for good: \`twinkeep promote --force\``,
      },
    ];
  }
  // With a witness the record alone decides: `paired` there means that no commit was acknowledged without this node.
  if (settings.witness) return [];
  const silentMs = nowMs - peer.vouchedForMs;
  if (silentMs <= settings.promoteWithinMs) return [];
  return [
    {
      code: 'stale',
      because: Number.isFinite(silentMs)
        ? `the last contact with the paired writer was ${seconds(silentMs)} ago (failover.promoteWithin is ${seconds(settings.promoteWithinMs)}): ${self} may lack acknowledged writes`
        : `${self} has had no contact with the paired writer since it started: it may lack acknowledged writes`,
      lift: `by itself, when ${settings.peer} is heard again; if it is lost for good: \`twinkeep promote --force\`. A witness (witness.etcd) makes this rule unnecessary`,
    },
  ];
}

/**
 * Every reason why this standby may not take over now; empty: eligible. A writer, and a node that does not know its role yet,
 * are not eligible either, and say so.
 */
export function ineligible(state: PairState): Reason[] {
  const { settings, role } = state;
  const { self } = settings;
  if (role === 'writing' || role === 'handing-over') {
    return [{ code: 'is-writer', because: `${self} is the writer`, lift: 'nothing: it has the role' }];
  }
  if (role === 'starting') {
    return [
      {
        code: 'starting',
        because: `${self} does not know its role yet: ${state.because}`,
        lift: `by itself, when that is settled; if ${settings.peer} is lost for good: \`twinkeep promote --force\``,
      },
    ];
  }
  const found = [...unfit(state), ...replicationFaults(state)];
  // Unknown is not enough to decide alone: the agent asks the gateway as soon as the writer falls silent.
  if (settings.gatewayChecked && state.wire.gateway === 'unknown') {
    found.push({
      code: 'gateway-unknown',
      because: 'the gateway has not answered yet',
      lift: 'by itself, at its first answer',
    });
  }
  return [...found, ...witnessFaults(state), ...recordAgainst(state)];
}

/** As the writer: why the peer cannot take over now; empty: it can. */
export function peerIneligible(state: PairState): readonly Reason[] {
  const { peer, self } = state.settings;
  const report = freshReport(state);
  const one = (code: string, because: string, lift: string): Reason[] => [{ code, because, lift }];
  if (report === null) {
    return one(
      'peer-silent',
      `${peer} is not heard over the peer channel`,
      `by itself, when the agent of ${peer} runs and TCP port peer.port is open between the hosts`,
    );
  }
  if (report.ineligible.length > 0) return report.ineligible;
  if (state.record.sync !== 'paired') {
    return one(
      'alone',
      `${self} goes on alone: ${peer} is not paired yet`,
      `by itself, when ${peer} has caught up`,
    );
  }
  if (report.record.epoch !== state.record.epoch || report.record.sync !== 'paired') {
    return one(
      'record-behind',
      `${peer} has not taken up the record of epoch ${state.record.epoch} yet`,
      'by itself, within a second',
    );
  }
  return [];
}

/** As the writer: why its own failure does not move the role now. An operator's order heeds only `peerIneligible`. */
export function peerHeld(state: PairState): readonly Reason[] {
  return freshReport(state)?.held ?? [];
}

/** A node that has just started, or thawed, has not listened long enough to call anybody silent. */
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
  if (wire.peerAdverts !== 'silent' || nowMs - state.awakeSinceMs < FIRST_LISTEN_MS) return null;
  if (peer.askedMs === null || nowMs - peer.askedMs < settings.peerSilenceMsMax) return null;
  const unheardMs = nowMs - peer.heardAtMs;
  const who = settings.peer;
  // What its server answered before it fell silent proves nothing now.
  if (peer.sql === 'answers' && peer.sqlAtMs < peer.askedMs) return null;
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
