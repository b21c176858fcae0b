// What a carried-out order changes in what is known, at once: the next status of the server will say the same.

import type { Order, Outcome } from './event.ts';
import type { PairState } from './state.ts';

/** What a carried-out order changes in what we know, at once. */
export function applied(state: PairState, order: Order, outcome: Outcome): PairState {
  const { own } = state;
  const status = own.status;
  const withStatus = (patch: Partial<NonNullable<typeof status>>): PairState =>
    status === null ? state : { ...state, own: { ...own, status: { ...status, ...patch } } };
  switch (order.kind) {
    case 'persist': {
      const { settings } = state;
      if (order.record.epoch < state.record.epoch) return state;
      const claimed = order.record.writer === settings.self && order.record.epoch > state.record.epoch;
      const pairedNow = order.record.sync === 'paired' && order.record.writer === settings.self;
      return {
        ...state,
        record: order.record,
        journal: order.journal,
        // Nobody was vouched to in an epoch that has just begun.
        vouchedAtMs: claimed ? Number.NEGATIVE_INFINITY : state.vouchedAtMs,
        peer: claimed || pairedNow ? { ...state.peer, knowsAlone: false } : state.peer,
      };
    }
    case 'witness':
      return state;
    case 'skip-sequence': {
      return { ...state, own: { ...own, suspectSinceMs: null } };
    }
    case 'open-writes':
      return withStatus({ readOnly: false });
    case 'close-writes':
      return withStatus({
        readOnly: true,
        ...(outcome.ok && outcome.gtid !== undefined ? { executedGtid: outcome.gtid } : {}),
      });
    case 'semi-sync-source':
      return status === null ? state : withStatus({ semiSync: { ...status.semiSync, source: order.on } });
    case 'semi-sync-replica':
      return status === null ? state : withStatus({ semiSync: { ...status.semiSync, replica: order.on } });
    case 'claim-vip':
      return { ...state, wire: { ...state.wire, claimedEpoch: order.epoch } };
    case 'yield-vip':
      return { ...state, wire: { ...state.wire, claimedEpoch: null } };
    case 'receive-durably':
      return withStatus({ receivesDurably: order.on });
    case 'start-channel':
      return status?.channel == null
        ? state
        : withStatus({ channel: { ...status.channel, receiver: 'connecting', applier: 'running' } });
    case 'drain':
      return status?.channel == null ? state : withStatus({ channel: { ...status.channel, drained: true } });
    case 'kill-server':
      return { ...state, own: { ...own, status: null } };
    case 'stop-receiving':
    case 'take-tail':
    case 'wait-for':
    case 'prove-commit':
    case 'fence-peer':
      return state;
  }
}
