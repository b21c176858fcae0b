// Changing the record: the orders that make a change durable, in the order that safety asks for, and what is known of the
// place that decides, the witness.

import type { Order } from './event.ts';
import type { Reason } from './reason.ts';
import { type PairRecord, sameRecord } from './record.ts';
import { STATEMENT_MS_MAX, WITNESS_FRESH_MS_MAX, WITNESS_MS_MAX } from './settings.ts';
import { freshReport, type PairState } from './state.ts';
import type { Journal, Stored } from './stored.ts';

export const storedOf = (state: PairState): Stored => ({
  record: state.record,
  journal: state.journal,
  maintenance: state.maintenance,
});

/** Writes the record on this node's disk; a journal that is not given is forgotten. */
export function persist(state: PairState, record: PairRecord, journal: Journal | null = null): Order {
  const { maintenance } = state;
  return { kind: 'persist', record, journal, maintenance, deadlineMs: STATEMENT_MS_MAX };
}

function swap(state: PairState, record: PairRecord): Order[] {
  if (!state.settings.witness) return [];
  const { holds } = state.witness;
  // A decision rests on our own record: what the witness has of a later epoch is never swapped away, it is adopted first.
  const expected = holds !== null && holds.record.epoch <= state.record.epoch ? holds : null;
  return [{ kind: 'witness', record, expected, deadlineMs: WITNESS_MS_MAX }];
}

/** A change that lets this node do more (open, go alone): the witness first, and only what it took is written here. */
export function claim(state: PairState, record: PairRecord, journal: Journal | null = null): Order[] {
  return [...swap(state, record), persist(state, record, journal)];
}

/**
 * A change that lets the other node do more (`paired`: it may take over): first what is written here binds this node, then the
 * witness tells the other. Between the two nobody may do anything new.
 */
export function concede(state: PairState, record: PairRecord): Order[] {
  return [persist(state, record), ...swap(state, record)];
}

/** The record that the witness held when it last told; null without a witness, or when it holds none. */
export function witnessed(state: PairState): PairRecord | null {
  return state.settings.witness ? (state.witness.holds?.record ?? null) : null;
}

/** Whether the witness answered lately that it holds a record of this pair. */
export function witnessAnswers(state: PairState): boolean {
  const { view, answeredAtMs } = state.witness;
  return view?.kind === 'holds' && state.nowMs - answeredAtMs <= WITNESS_FRESH_MS_MAX;
}

/** Whether the witness confirms what this node's own record says; true without one. */
export function confirmed(state: PairState): boolean {
  if (!state.settings.witness) return true;
  const record = witnessed(state);
  return record !== null && sameRecord(record, state.record);
}

/** What is wrong with the witness; empty: nothing, or none is configured. */
export function witnessFaults(state: PairState): Reason[] {
  const { settings, witness, record } = state;
  if (!settings.witness) return [];
  const { view } = witness;
  if (view === null) {
    return [
      {
        code: 'witness-unknown',
        because: `${settings.self} has not had an answer of the witness yet`,
        lift: 'by itself, at its first answer; `twinkeep why` shows what stands in the way',
      },
    ];
  }
  if (view.kind === 'foreign') {
    return [
      {
        code: 'witness-foreign',
        because: view.because,
        lift: 'point witness.etcd at the etcd of this pair, or give one of the two pairs another name',
      },
    ];
  }
  if (view.kind === 'unreachable' || state.nowMs - witness.answeredAtMs > WITNESS_FRESH_MS_MAX) {
    const why = view.kind === 'unreachable' ? view.because : 'no answer for some seconds';
    return [
      {
        code: 'witness-unreachable',
        because: `${settings.self} does not reach the witness: ${why}`,
        lift: 'by itself, when the witness answers again: start etcd, or mend the network to it',
      },
    ];
  }
  const behind = view.kind === 'empty' || view.record.epoch < record.epoch;
  if (behind && record.epoch > 0) {
    return [
      {
        code: 'witness-behind',
        because:
          view.kind === 'empty'
            ? 'the witness holds no record of this pair: it is new, or was wiped'
            : `the witness holds an old record (epoch ${view.record.epoch}, here it is ${record.epoch}): it was restored from a backup, or a node was forced while it could not be reached`,
        lift: 'by itself, as soon as the writer and the standby are in contact: the writer writes the record anew',
      },
    ];
  }
  return [];
}

/** Whether the witness should be asked often now: something is in the balance, or what is known of it is not up to date. */
export function wantsWitness(state: PairState): boolean {
  if (!state.settings.witness) return false;
  const { role, wire, peer } = state;
  if (state.own.fencedSinceMs !== null) return true;
  // A paired writer without its standby: one of the two has changed the record, or will.
  if (role === 'writing' && state.record.sync === 'paired' && freshReport(state) === null) return true;
  if (role === 'starting' || role === 'handing-over' || role === 'promoting') return true;
  if (role === 'following' && (wire.peerAdverts === 'late' || wire.peerAdverts === 'silent')) return true;
  const known = witnessed(state);
  if (known === null || !sameRecord(known, state.record)) return true;
  return peer.channelOpen && peer.report !== null && !sameRecord(peer.report.record, known);
}
