// The role `following`: the record names the other node as the writer. Our server is kept read-only and replicating;
// when the writer offers its place, or is gone on every path, and nothing speaks against it, we take over.

import { union } from '../gtid/gtid.ts';
import type { Decision } from './decision.ts';
import { type Evidence, evidenceAgainstWriter, ineligible, replicationFaults, unfit } from './eligibility.ts';
import type { Order } from './event.ts';
import { holds } from './hold.ts';
import { claim, persist, witnessFaults } from './keeping.ts';
import { codes, type Reason, sentences } from './reason.ts';
import type { PairRecord } from './record.ts';
import { describeRecord, sameRecord } from './record.ts';
import type { ServerStatus } from './server.ts';
import { RETRY_MS, STATEMENT_MS_MAX, TAKEOVER_STEP_MS_MAX } from './settings.ts';
import { adoptLater } from './starting.ts';
import { behindMs, freshReport, type Offer, type PairState } from './state.ts';

function claimed(state: PairState): PairRecord {
  return { epoch: state.record.epoch + 1, writer: state.settings.self, sync: 'alone' };
}

/** Orders that open this node under a record that was just claimed: a promoted standby starts alone. */
function openClaimed(state: PairState, record: PairRecord): Order[] {
  // Off at every standby long before; asked only where that is not known.
  const known = state.own.status?.semiSync.source === false;
  const relax: Order = { kind: 'semi-sync-source', on: false, deadlineMs: TAKEOVER_STEP_MS_MAX };
  return [
    ...(known ? [] : [relax]),
    { kind: 'open-writes', deadlineMs: TAKEOVER_STEP_MS_MAX },
    { kind: 'claim-vip', epoch: record.epoch, deadlineMs: TAKEOVER_STEP_MS_MAX },
  ];
}

/** What a writer committed and nobody received: named by the epoch that it was the writer of. */
function tailOrders(state: PairState): Order[] {
  const { tailMs } = state.settings;
  return tailMs === null ? [] : [{ kind: 'take-tail', epoch: state.record.epoch, deadlineMs: tailMs }];
}

/** Everything that was received is applied before writes open; the relay log is kept. */
function drainOrders(state: PairState): Order[] {
  return [
    { kind: 'stop-receiving', deadlineMs: TAKEOVER_STEP_MS_MAX },
    { kind: 'drain', deadlineMs: state.settings.drainMsMax },
    ...tailOrders(state),
  ];
}

/** The claim of an epoch, and what follows it: journalled, so that a crash in between is taken up where it was. */
function claimAnd(state: PairState, because: string, rest: readonly Order[]): Order[] {
  const record = claimed(state);
  const fence = rest.some((order) => order.kind === 'fence-peer');
  const journal = { kind: 'takeover', epoch: record.epoch, because, fence } as const;
  return [...claim(state, record, journal), ...rest];
}

function refusals(state: PairState, offer: Offer): string[] {
  const against = [...unfit(state), ...replicationFaults(state), ...witnessFaults(state)].map(
    (r) => r.because,
  );
  if (offer.epoch !== state.record.epoch + 1) {
    against.push(`epoch ${offer.epoch} does not follow epoch ${state.record.epoch}`);
  }
  if (offer.finalGtid === null && state.record.sync === 'alone') {
    against.push(`the record says that ${state.settings.peer} went on alone`);
  }
  return against;
}

function takeOffer(state: PairState, offer: Offer): Decision {
  const against = refusals(state, offer);
  if (against.length > 0) {
    const because = against.join('; ');
    return {
      kind: 'tell',
      message: { kind: 'refused', epoch: offer.epoch, record: state.record, because },
      change: { offer: null },
      because: `offered epoch ${offer.epoch}, and refused it: ${because}`,
    };
  }
  const because = `${state.settings.peer} handed over: ${offer.because}`;
  const opening = openClaimed(state, claimed(state));
  const orders: Order[] =
    offer.finalGtid === null
      ? claimAnd(state, because, [...drainOrders(state), ...opening])
      : // The old writer is closed and waits for us: claim only what we have reached, so that a refusal leaves no trace.
        [
          { kind: 'wait-for', gtid: offer.finalGtid, deadlineMs: state.settings.drainMsMax },
          ...claimAnd(state, because, opening),
        ];
  const change = { failingOver: !offer.planned };
  return { kind: 'plan', plan: { kind: 'takeover', because, orders }, change };
}

function takeOver(state: PairState, evidence: Evidence): Decision {
  const opening = openClaimed(state, claimed(state));
  const rest: Order[] =
    evidence.kind === 'unattended'
      ? [
          { kind: 'fence-peer', deadlineMs: TAKEOVER_STEP_MS_MAX },
          // The GTIDs come from the fenced server; see advance().
          { kind: 'wait-for', gtid: '', deadlineMs: state.settings.drainMsMax },
          // Its manager may live after all, and open it again: nothing of that may be acknowledged here.
          { kind: 'stop-receiving', deadlineMs: TAKEOVER_STEP_MS_MAX },
          ...opening,
        ]
      : [...drainOrders(state), ...opening];
  const orders = claimAnd(state, evidence.because, rest);
  const change = { failingOver: true };
  return { kind: 'plan', plan: { kind: 'takeover', because: evidence.because, orders }, change };
}

/** Takes up what the writer says of the record: a later epoch, or another sync in the same one. */
function adopt(state: PairState): Decision | null {
  // With a witness, what the writer says of `sync` counts when the witness has it.
  if (state.settings.witness) return adoptLater(state);
  const report = freshReport(state);
  if (report === null || sameRecord(report.record, state.record)) return null;
  const later = report.record.epoch > state.record.epoch;
  const writersWord = report.record.epoch === state.record.epoch && report.record.writer === report.node;
  if (!later && !writersWord) return null;
  return {
    kind: 'plan',
    plan: {
      kind: 'adopt',
      because: `${report.node} says: ${describeRecord(report.record)}`,
      orders: [persist(state, report.record)],
    },
  };
}

/**
 * What the relay log still holds is applied first, unless the writer lives and goes on alone: then it holds all of it, sends it
 * again, and nothing that a former writer received beside its own rolled-back transactions is applied without them.
 */
function startChannel(state: PairState): Decision {
  const { settings, record, nowMs } = state;
  const discard = record.sync === 'alone' && freshReport(state)?.role === 'writing';
  const deadlineMs = discard ? TAKEOVER_STEP_MS_MAX : settings.drainMsMax;
  const because = `the replication channel from ${settings.peer} is stopped`;
  return {
    kind: 'plan',
    plan: { kind: 'reconcile', because, orders: [{ kind: 'start-channel', discard, deadlineMs }] },
    change: { retryAtMs: nowMs + RETRY_MS },
  };
}

/** The server's status after an order is there within this. */
const STATUS_MS_MAX = 200;
/** A standby that is not paired receives faster until it is nearly there: otherwise a busy writer outruns it for good. */
const CATCH_UP_FROM_MS = 1000;
const CATCH_UP_UNTIL_MS = 300;

function shouldReceiveDurably(state: PairState, status: ServerStatus): boolean {
  if (state.record.sync === 'paired' || status.channel === null) return true;
  const position = union(status.executedGtid, status.channel.receivedGtid);
  const late = behindMs(state.peer.trail, position, state.nowMs);
  return status.receivesDurably ? late < CATCH_UP_FROM_MS : late < CATCH_UP_UNTIL_MS;
}

/** What is received is synced before it is acknowledged; less only when the writer, told of it, does not count on it. */
function receiveDurably(state: PairState, status: ServerStatus): Decision | null {
  const { settings, catchingUpSinceMs: since } = state;
  const order = (on: boolean, because: string): Decision => ({
    kind: 'plan',
    plan: {
      kind: 'reconcile',
      because,
      orders: [{ kind: 'receive-durably', on, deadlineMs: STATEMENT_MS_MAX }],
    },
  });
  // Nobody's acknowledgement rests on what an asynchronous standby has received, and syncing each event slows it down.
  if (settings.durability === 'async')
    return status.receivesDurably
      ? order(false, 'asynchronous: nothing that it receives is counted on')
      : null;
  if (shouldReceiveDurably(state, status)) {
    if (!status.receivesDurably) return order(true, 'what is acknowledged must be on the disk');
    return since === null ? null : { kind: 'note', change: { catchingUpSinceMs: null } };
  }
  if (!status.receivesDurably) return null;
  if (since === null) return { kind: 'note', change: { catchingUpSinceMs: state.nowMs } };
  const report = freshReport(state);
  const released = report !== null && report.record.sync === 'alone' && !report.pairing;
  if (!released || state.peer.echoedMs < since) return null;
  return order(false, `${settings.self} catches up: nothing that it receives is counted on`);
}

/** Brings our server to what a standby must be: read-only, replicating, acknowledging. */
function reconcile(state: PairState): Decision | null {
  const { own, wire, settings, agent } = state;
  const plan = (because: string, ...orders: Order[]): Decision => ({
    kind: 'plan',
    plan: { kind: 'reconcile', because, orders },
  });
  if (agent.link === 'up' && wire.claimedEpoch !== null) {
    const because = `${settings.peer} is the writer of epoch ${state.record.epoch}`;
    return plan(because, { kind: 'yield-vip', because, deadlineMs: STATEMENT_MS_MAX });
  }
  if (own.health !== 'up' || own.status === null || state.mending !== null) return null;
  const { status } = own;
  if (!status.readOnly) {
    return plan(`${settings.self} is not the writer and its server takes writes`, {
      kind: 'close-writes',
      deadlineMs: STATEMENT_MS_MAX,
    });
  }
  if (status.semiSync.source && state.stray === null) {
    if (status.semiSync.waitingSessions > 0) {
      const because = `${status.semiSync.waitingSessions} commits wait for an acknowledgement that must not come any more`;
      return plan(because, { kind: 'kill-server', because, deadlineMs: STATEMENT_MS_MAX });
    }
    return plan('the source side of semi-sync is on at the writer only', {
      kind: 'semi-sync-source',
      on: false,
      deadlineMs: STATEMENT_MS_MAX,
    });
  }
  if (status.channel === null) return null;
  if (!status.semiSync.replica && settings.durability === 'lossless') {
    return plan('the standby acknowledges what it receives', {
      kind: 'semi-sync-replica',
      on: true,
      deadlineMs: TAKEOVER_STEP_MS_MAX,
    });
  }
  const receiving = receiveDurably(state, status);
  if (receiving !== null) return receiving;
  if (freshReport(state)?.suspect === true) {
    // Its server fell, and asks what we hold of it: that must not grow while it opens again.
    if (status.channel.receiver === 'stopped') return null;
    const because = `the server of ${settings.peer} fell: what was received of it is settled first`;
    return {
      kind: 'plan',
      plan: {
        kind: 'reconcile',
        because,
        orders: [{ kind: 'stop-receiving', deadlineMs: TAKEOVER_STEP_MS_MAX }],
      },
      // The status that says so, with all that was received, is asked for at once.
      change: { retryAtMs: state.nowMs + STATUS_MS_MAX },
    };
  }
  if (status.channel.receiver === 'stopped' || status.channel.applier === 'stopped') {
    return startChannel(state);
  }
  return null;
}

/** A new master's first adverts must have been heard within this, and a leaving one's last are not missed sooner. */
const ADVERTS_HEARD_BY_MS = 1000;

/** A warning that names the firewall, once, while VRRP alone is silent. */
function sayVrrpBlocked(state: PairState): Decision | null {
  const { wire, peer, settings, nowMs, said } = state;
  const blocked =
    peer.advertsSilentSinceMs !== null &&
    nowMs - peer.advertsSilentSinceMs > ADVERTS_HEARD_BY_MS &&
    peer.askedMs === null &&
    peer.advertisingSinceMs !== null &&
    nowMs - peer.advertisingSinceMs > ADVERTS_HEARD_BY_MS;
  const because = `VRRP from ${settings.peer} is not heard, but its manager answers: nothing moves. Does a firewall drop protocol 112 (VRRP) between the hosts?`;
  if (!blocked) {
    // Forgotten only when VRRP is heard again.
    if (said['vrrp-blocked'] === undefined || wire.peerAdverts === 'silent') return null;
    return {
      kind: 'say',
      level: 'info',
      code: 'vrrp-heard-again',
      because: `VRRP from ${settings.peer} is heard again`,
      change: { said: { ...said, 'vrrp-blocked': undefined } },
    };
  }
  if (said['vrrp-blocked'] !== undefined) return null;
  return {
    kind: 'say',
    level: 'warn',
    code: 'vrrp-blocked',
    because,
    change: { said: { ...said, 'vrrp-blocked': because } },
  };
}

export function decideFollowing(state: PairState): Decision | null {
  const { record, settings, operation } = state;
  if (state.stop !== null) return decideLeaving(state);
  if (record.writer === settings.self && operation === null) {
    const because = `the record names ${settings.self} as the writer`;
    return { kind: 'become', role: 'starting', because, change: { retryAtMs: Number.NEGATIVE_INFINITY } };
  }
  const adopting = adopt(state);
  if (adopting !== null) return adopting;
  if (state.offer !== null) return takeOffer(state, state.offer);
  const evidence = evidenceAgainstWriter(state);
  if (evidence !== null) {
    const against: Reason[] = [...ineligible(state), ...holds(state)];
    if (against.length === 0) return state.nowMs < state.takeoverAtMs ? null : takeOver(state, evidence);
    const because = `${evidence.because}; not promoted: ${sentences(against)}`;
    if (state.said['not-promoted'] !== codes(against)) {
      return {
        kind: 'say',
        level: 'error',
        code: 'not-promoted',
        because,
        change: { said: { ...state.said, 'not-promoted': codes(against) } },
      };
    }
  }
  const blocked = sayVrrpBlocked(state);
  if (blocked !== null) return blocked;
  return state.nowMs < state.retryAtMs ? null : reconcile(state);
}

/** A standby that stops gives up its claim first, so that the writer may go on at once without it. */
function decideLeaving(state: PairState): Decision | null {
  const { record, own } = state;
  if (state.operation !== null) return null;
  // Our agent still turns the clients away at once: without it they would wait for an answer until the VIP has moved.
  if (freshReport(state)?.role === 'promoting') return null;
  if (
    own.status?.semiSync.source === true &&
    own.status.semiSync.waitingSessions === 0 &&
    own.health === 'up'
  ) {
    // Left on, the next commit that is replicated into this server would wait for nobody.
    const off: Order = { kind: 'semi-sync-source', on: false, deadlineMs: STATEMENT_MS_MAX };
    const because = 'the source side of semi-sync is on at the writer only';
    return { kind: 'plan', plan: { kind: 'leave', because, orders: [off] } };
  }
  // With a witness the writer, told that we leave, goes alone there: nothing is to be given up here.
  if (record.sync === 'paired' && !state.settings.witness) {
    return {
      kind: 'plan',
      plan: {
        kind: 'leave',
        because: `${state.settings.self} is stopping and gives up its claim to take over`,
        orders: [persist(state, { ...record, sync: 'alone' })],
      },
    };
  }
  return { kind: 'exit', because: state.stop ?? 'stopped' };
}
