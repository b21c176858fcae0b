// Deliberate defects: what somebody might break one day, each as a thin wrapper around the real step function, a server, a
// disk or the witness. The simulator must catch every one of them; one that it does not catch shows a world too kind.

import type { Order, PairAction, PairEvent } from '../src/core/pair/event.ts';
import { step } from '../src/core/pair/machine.ts';
import type { PairState } from '../src/core/pair/state.ts';
import type { SimDatabase } from './database.ts';
import type { Flaws } from './node.ts';
import type { Family } from './server.ts';
import { HONEST } from './simulation.ts';

export interface Mutant {
  readonly name: string;
  readonly flaws: Flaws;
  /** Where it can show at all. */
  readonly witness: 'on' | 'off' | 'any';
  readonly family: Family;
  /** The test looks from this seed on: where a rare one was seen last, so that it need not take long. */
  readonly from: number;
}

type Step = typeof step;
/** An order on the side: its result belongs to nothing. */
const beside = (order: Order): PairAction => ({ kind: 'order', id: -1, order });
const SOURCE_OFF: Order = { kind: 'semi-sync-source', on: false, deadlineMs: 1000 };
const NOTHING: Order = { kind: 'receive-durably', on: true, deadlineMs: 1000 };

const knowing =
  (change: (state: PairState, event: PairEvent) => PairState): Step =>
  (state, event) =>
    step(change(state, event), event);
const deaf =
  (to: (state: PairState, event: PairEvent) => boolean): Step =>
  (state, event) =>
    to(state, event) ? step(state, { kind: 'tick', nowMs: event.nowMs }) : step(state, event);
const acting =
  (change: (action: PairAction, state: PairState) => readonly PairAction[]): Step =>
  (state, event) => {
    const [next, actions] = step(state, event);
    return [next, actions.flatMap((action) => change(action, next))];
  };
const ordering = (change: (order: Order, state: PairState) => Order): Step =>
  acting((action, state) =>
    action.kind === 'order' ? [{ ...action, order: change(action.order, state) }] : [action],
  );
const before = (which: (order: Order, state: PairState) => boolean, ...extra: Order[]): Step =>
  acting((action, state) =>
    action.kind === 'order' && which(action.order, state) ? [...extra.map(beside), action] : [action],
  );

const writesAlone = (order: Order, state: PairState): boolean =>
  state.operation?.kind === 'go-alone' && (order.kind === 'persist' || order.kind === 'witness');

function laterElsewhere(state: PairState, event: PairEvent): boolean {
  if (state.role !== 'writing') return false;
  if (event.kind === 'witness')
    return event.view.kind === 'holds' && event.view.record.epoch > state.record.epoch;
  return (
    event.kind === 'message' &&
    event.message.kind === 'report' &&
    event.message.report.record.epoch > state.record.epoch
  );
}

function takesEverythingForSilence(state: PairState): PairState {
  if (state.role !== 'following' || state.wire.peerAdverts !== 'silent') return state;
  const peer = { ...state.peer, askedMs: Number.NEGATIVE_INFINITY, sql: 'silent' as const };
  return { ...state, peer };
}

/** As `change`, in the eyes of the decision only: the record itself stays as it is. */
function believing(record: (state: PairState) => PairState['record'] | null): Step {
  return (state, event) => {
    const believed = record(state);
    if (believed === null) return step(state, event);
    const [next, actions] = step({ ...state, record: believed }, event);
    return [next.record === believed ? { ...next, record: state.record } : next, actions];
  };
}

/** A standby's report, as if it had nothing of its own. */
const blind: Step = (state, event) => {
  if (event.kind !== 'message' || event.message.kind !== 'report') return step(state, event);
  const { message } = event;
  const report = { ...message.report, history: '' };
  return step(state, { ...event, message: { ...message, report } });
};

const throwing = (database: SimDatabase): SimDatabase => ({
  ...database,
  order(from, deadlineMs, once, onDone) {
    database.order(from, deadlineMs, once, onDone);
  },
  model: {
    ...database.model,
    stopReceiving() {
      database.model.stopThreads('both');
      database.model.startThreads('applier');
      return { kind: 'done' };
    },
  },
});

const releasing = (database: SimDatabase): SimDatabase => ({
  ...database,
  closeWrites(from, remote, deadlineMs, onDone) {
    database.order(
      from,
      deadlineMs,
      () => database.model.setSemiSyncSource(false),
      () => database.closeWrites(from, remote, deadlineMs, onDone),
    );
  },
});

const mutant = (
  name: string,
  flaws: Partial<Flaws>,
  witness: Mutant['witness'] = 'any',
  from = 1,
  family: Family = 'mariadb',
): Mutant => ({
  name,
  flaws: { ...HONEST, ...flaws },
  witness,
  family,
  from,
});

export const MUTANTS: readonly Mutant[] = [
  mutant(
    'the record is written without fsync',
    { disk: (disk) => ({ ...disk, write: (stored) => disk.write(stored, false) }) },
    'any',
    850,
  ),
  mutant('commits stop waiting before the record says alone', { step: before(writesAlone, SOURCE_OFF) }),
  mutant(
    'the record says alone without the witness',
    {
      witness: (desk) => ({
        ...desk,
        swap(record, expected, deadlineMs, onOutcome) {
          const goesAlone = record.sync === 'alone' && expected?.record.epoch === record.epoch;
          if (!goesAlone) desk.swap(record, expected, deadlineMs, onOutcome);
          else onOutcome({ ok: true }, { kind: 'holds', record, revision: expected.revision });
        },
      }),
    },
    'on',
  ),
  mutant('VRRP silence alone promotes', { step: knowing(takesEverythingForSilence) }),
  mutant('a writer does not hear of a later epoch', { step: deaf(laterElsewhere) }),
  mutant('waiting commits are released before the clients are cut off', {
    database: releasing,
    step: ordering((order) => (order.kind === 'yield-vip' ? NOTHING : order)),
  }),
  mutant(
    'a standby promotes long after its window',
    {
      step: knowing((state) => ({ ...state, peer: { ...state.peer, vouchedForMs: state.nowMs } })),
    },
    'off',
    500,
  ),
  mutant('the relay log is thrown away when receiving stops', { database: throwing }),
  mutant(
    'a pairing is not proved by a commit',
    { step: ordering((order) => (order.kind === 'prove-commit' ? NOTHING : order)) },
    'any',
    100,
  ),
  mutant('writes open before what was received is applied', {
    step: ordering((order) => (order.kind === 'drain' || order.kind === 'wait-for' ? NOTHING : order)),
  }),
  mutant('the server opens before the epoch is claimed', {
    step: before(
      (order, state) =>
        state.operation?.kind === 'takeover' && (order.kind === 'persist' || order.kind === 'witness'),
      SOURCE_OFF,
      { kind: 'open-writes', deadlineMs: 1000 },
      { kind: 'claim-vip', epoch: 1, deadlineMs: 1000 },
    ),
  }),
  mutant(
    'an unknown swap counts as done',
    {
      witness: (desk) => ({
        ...desk,
        swap(record, expected, deadlineMs, onOutcome) {
          desk.swap(record, expected, deadlineMs, (outcome, view) => {
            if (outcome.ok || outcome.code !== 'witness-unknown') onOutcome(outcome, view);
            else onOutcome({ ok: true }, { kind: 'holds', record, revision: expected?.revision ?? '2' });
          });
        },
      }),
    },
    'on',
  ),
  mutant("the engine's commit is not flushed", {
    server: { commitsDurably: false, acknowledgesUnsynced: false },
  }),
  mutant('the standby acknowledges what it has not synced', {
    server: { commitsDurably: true, acknowledgesUnsynced: true },
  }),
  mutant('an epoch that was offered is reopened', {
    step: ordering((order, state) =>
      state.operation?.kind === 'reopen' && (order.kind === 'persist' || order.kind === 'witness')
        ? { ...order, record: state.record }
        : order,
    ),
  }),
  mutant('errant transactions do not keep a standby from being paired', { step: blind }, 'any', 1, 'mysql'),
  mutant('a standby promotes although the record says alone', {
    step: believing((state) =>
      state.role === 'following' && state.record.sync === 'alone'
        ? { ...state.record, sync: 'paired' }
        : null,
    ),
  }),
];
