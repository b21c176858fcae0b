// The role `starting`: the manager has just started and must find out what this node is. Nothing is opened here
// before the record allows it; a server that was open before (only the manager was restarted) is left as it is.

import { contains, union } from '../gtid/mariadb.ts';
import type { Decision } from './decision.ts';
import { RETRY_MS, STATEMENT_MS_MAX, TAKEOVER_STEP_MS_MAX } from './settings.ts';
import { freshReport, type PairState } from './state.ts';

/** The orders that make this node the open writer under its present record. Idempotent. */
export function openingOrders(state: PairState) {
  const { record } = state;
  const paired = record.sync === 'paired';
  return [
    { kind: 'semi-sync-source', on: paired, deadlineMs: TAKEOVER_STEP_MS_MAX },
    { kind: 'open-writes', deadlineMs: TAKEOVER_STEP_MS_MAX },
    { kind: 'claim-vip', epoch: record.epoch, deadlineMs: TAKEOVER_STEP_MS_MAX },
  ] as const;
}

/** Whether our server holds everything that the peer's holds or has received. */
export function holdsAllOfPeer(state: PairState): boolean {
  const report = freshReport(state);
  const status = state.own.status;
  if (report === null || status === null) return false;
  return contains(status.executedGtid, union(report.executedGtid, report.receivedGtid));
}

function adoptHigher(state: PairState): Decision | null {
  const report = freshReport(state);
  if (report === null || report.record.epoch <= state.record.epoch) return null;
  return {
    kind: 'plan',
    plan: {
      kind: 'adopt',
      because: `${report.node} knows a later record (epoch ${report.record.epoch}, writer ${report.record.writer})`,
      orders: [{ kind: 'persist', record: report.record, deadlineMs: STATEMENT_MS_MAX }],
    },
  };
}

const waits = (state: PairState, because: string): Decision | null =>
  state.because === because ? null : { kind: 'become', role: 'starting', because };

function decideFirstWriter(state: PairState): Decision | null {
  const { settings, own } = state;
  const report = freshReport(state);
  if (report === null) {
    return waits(
      state,
      `this pair never had a writer, and ${settings.peer} is not heard yet: both must be up the first time`,
    );
  }
  if (!settings.preferred) {
    return waits(
      state,
      `this pair never had a writer: ${settings.peer} has the higher priority and goes first`,
    );
  }
  if (own.health !== 'up' || own.status === null)
    return waits(state, `the server is ${own.health}: ${own.because}`);
  if (!holdsAllOfPeer(state)) {
    return waits(
      state,
      `${settings.peer} holds transactions that ${settings.self} lacks: run \`twinkeep setup\` first`,
    );
  }
  const record = { epoch: 1, writer: settings.self, sync: 'alone' } as const;
  return {
    kind: 'plan',
    plan: {
      kind: 'resume',
      because: `${settings.self} is the first writer of the pair (it has the higher priority)`,
      orders: [
        { kind: 'persist', record, deadlineMs: STATEMENT_MS_MAX },
        ...openingOrders({ ...state, record }),
      ],
    },
  };
}

/** Why the last writer may open again, or what it waits for. */
function mayResume(state: PairState): { ok: boolean; because: string } {
  const { settings, record, own, wire, nowMs } = state;
  const report = freshReport(state);
  const stillOpen = own.status !== null && !own.status.readOnly && wire.claimedEpoch === record.epoch;
  if (stillOpen)
    return { ok: true, because: `${settings.self} was and is the writer: only its manager was restarted` };
  if (report !== null) {
    if (record.sync === 'alone' && state.peer.knowsAlone) {
      return {
        ok: true,
        because: `${settings.self} was the last writer, alone, and ${settings.peer} knows it`,
      };
    }
    if (record.sync === 'alone')
      return { ok: false, because: `${settings.peer} must first know that ${settings.self} goes on alone` };
    if (holdsAllOfPeer(state)) {
      return {
        ok: true,
        because: `${settings.self} was the last writer, and holds all that ${settings.peer} holds`,
      };
    }
    return { ok: false, because: `${settings.self} must first hold all that ${settings.peer} has received` };
  }
  if (record.sync === 'paired') {
    return {
      ok: false,
      because: `${settings.self} was the last writer, paired: ${settings.peer} may have taken over since, and is not heard`,
    };
  }
  // Before the restart we may have vouched for the standby: its window must have passed.
  if (nowMs - state.vouchedAtMs < settings.aloneAfterMs) {
    return { ok: false, because: `listening for ${settings.peer} first (failover.aloneAfter)` };
  }
  return {
    ok: true,
    because: `${settings.self} was the last writer, alone: ${settings.peer} cannot have taken over`,
  };
}

export function decideStarting(state: PairState): Decision | null {
  const { record, settings, own } = state;
  if (state.nowMs < state.retryAtMs) return null;
  const adopt = adoptHigher(state);
  if (adopt !== null) return adopt;
  if (record.writer === null) return decideFirstWriter(state);
  if (record.writer !== settings.self) {
    return {
      kind: 'become',
      role: 'following',
      because: `the record names ${record.writer} as the writer (epoch ${record.epoch})`,
    };
  }
  if (own.health !== 'up' || own.status === null) {
    return waits(state, `the server of the last writer is ${own.health}: ${own.because}`);
  }
  const resume = mayResume(state);
  if (!resume.ok) {
    // What the peer has received of ours comes back over the channel.
    if (own.status.channel !== null && own.status.channel.receiver === 'stopped') {
      return {
        kind: 'plan',
        plan: {
          kind: 'reconcile',
          because: resume.because,
          orders: [{ kind: 'start-channel', discard: false, deadlineMs: settings.drainMsMax }],
        },
        change: { retryAtMs: state.nowMs + RETRY_MS },
      };
    }
    return waits(state, resume.because);
  }
  const drained = own.status.channel === null || own.status.channel.drained || !own.status.readOnly;
  return {
    kind: 'plan',
    plan: {
      kind: 'resume',
      because: resume.because,
      orders: [
        ...(drained ? [] : [{ kind: 'drain', deadlineMs: settings.drainMsMax } as const]),
        ...openingOrders(state),
      ],
    },
  };
}
