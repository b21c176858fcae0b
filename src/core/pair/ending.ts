// What the end of an operation means, good or bad: the role that follows, and the sentence that says why.

import type { Order, PairAction } from './event.ts';
import { storedOf } from './keeping.ts';
import type { Role } from './message.ts';
import { describeDuration, start } from './operation.ts';
import { pairPauseMs } from './pairing.ts';
import { RETRY_MS, TAKEOVER_RETRY_MS } from './settings.ts';
import type { Operation, PairState } from './state.ts';

export type Step = [PairState, PairAction[]];

export const say = (level: 'info' | 'warn' | 'error', code: string, because: string): PairAction => ({
  kind: 'say',
  level,
  code,
  because,
});

const withJournal = (state: PairState, actions: PairAction[]): PairAction[] => [
  ...actions,
  { kind: 'keep', stored: storedOf(state) },
];

const took = (state: PairState, operation: Operation): string => describeDuration(operation, state.nowMs);

function becomeWriter(state: PairState, operation: Operation): Step {
  const because = `${operation.because}; ${state.settings.self} is the writer of epoch ${state.record.epoch} (${took(state, operation)})`;
  const next: PairState = {
    ...state,
    role: 'writing',
    because,
    offer: null,
    said: {},
    writerSinceMs: state.nowMs,
    failedOverAtMs: state.failingOver ? state.nowMs : state.failedOverAtMs,
    failingOver: false,
    journal: null,
  };
  return [next, withJournal(next, [say('info', 'writer', because)])];
}

export function offerRole(state: PairState, reason: string, finalGtid: string | null): Step {
  const planned = reason === state.stop || reason === state.switchover;
  const told = { epoch: state.record.epoch + 1, finalGtid, planned, because: reason };
  const offer = { ...told, withdrawn: false };
  const because = `${state.settings.peer} is offered epoch ${offer.epoch}: ${reason}`;
  const next: PairState = { ...state, role: 'handing-over', because, offer, offeredAtMs: state.nowMs };
  return [
    next,
    [{ kind: 'tell', message: { kind: 'handover', ...told } }, say('info', 'handing-over', because)],
  ];
}

export function finished(state: PairState, operation: Operation): Step {
  switch (operation.kind) {
    case 'takeover':
    case 'resume':
      return becomeWriter(state, operation);
    case 'reopen': {
      // This was no failover of the other one's making; the hold counts from real ones only.
      const because = `${operation.because} (${took(state, operation)})`;
      return [
        { ...state, role: 'writing', because, switchover: null },
        [say('warn', 'switchover-failed', because)],
      ];
    }
    case 'handover': {
      const closed = say('info', 'closed', `closed for writes (${took(state, operation)})`);
      if (state.role === 'handing-over') return [state, [closed]];
      const [next, actions] = offerRole(state, operation.because, operation.gtid);
      return [next, [closed, ...actions]];
    }
    case 'adopt':
    case 'stand-down':
      return adopted(state, operation);
    case 'go-alone':
      return [state, [say('warn', 'alone', `going on alone: ${operation.because}`)]];
    case 'pair':
      return [
        { ...state, pairFailures: 0 },
        [say('info', 'paired', `paired: ${operation.because}, and acknowledged a commit`)],
      ];
    case 'leave':
      return state.role === 'writing'
        ? [state, [say('warn', 'left', operation.because), { kind: 'exit', because: operation.because }]]
        : [state, []];
    case 'reconcile':
      return [
        state,
        [say('info', 'reconciled', `${operation.orders[0]?.kind ?? 'done'}: ${operation.because}`)],
      ];
  }
}

function adopted(state: PairState, operation: Operation): Step {
  const { record, settings, role } = state;
  const actions = [say('info', 'record', operation.because)];
  if (role === 'following' && record.writer === settings.peer) return [state, actions];
  const handed = role === 'handing-over' && state.switchover !== null;
  if (handed)
    actions.push(say('info', 'switchover-done', `${settings.peer} is the writer of epoch ${record.epoch}`));
  const because = `${record.writer} is the writer of epoch ${record.epoch}`;
  const next: Role = record.writer === settings.self ? 'starting' : 'following';
  // What failed in the old role is no reason to wait in the new one.
  const retryAtMs = Number.NEGATIVE_INFINITY;
  return [{ ...state, role: next, because, offer: null, switchover: null, said: {}, retryAtMs }, actions];
}

export function failed(
  state: PairState,
  operation: Operation,
  order: string,
  code: string,
  because: string,
): Step {
  const retry: PairState = { ...state, retryAtMs: state.nowMs + RETRY_MS };
  const sentence = `${operation.kind}: ${order} failed: ${because}`;
  const warn = say('warn', `${operation.kind}-failed`, sentence);
  switch (operation.kind) {
    case 'handover':
    case 'stand-down':
      return failedClosing(state, operation, order, code, sentence);
    case 'takeover':
      return failedTakeover(retry, operation, order, sentence);
    case 'reconcile':
      if (order === 'close-writes' && code === 'commits-in-doubt') {
        const killing = { kind: 'kill-server', because, deadlineMs: 1000 } as const;
        const [next, actions] = start(state, { kind: 'reconcile', because: sentence, orders: [killing] });
        return [next, [warn, ...actions]];
      }
      return [retry, [warn]];
    case 'reopen':
      // Not opened under the old epoch: the one that was offered may still be taken; see resumeHandover.
      return [reopenedLater(retry, sentence), [warn]];
    case 'adopt':
    case 'resume':
    case 'go-alone':
      return [retry, [warn]];
    case 'pair':
      return [
        {
          ...state,
          pairAtMs: state.nowMs + pairPauseMs(state.pairFailures),
          pairFailures: state.pairFailures + 1,
        },
        [warn],
      ];
    case 'leave':
      return [retry, [warn, { kind: 'exit', because: sentence }]];
  }
}

/** An epoch above the offered one could not be claimed: this node starts anew, with its journal. */
function reopenedLater(state: PairState, because: string): PairState {
  const { journal, record } = state;
  const undecided = journal?.kind === 'handover' && journal.epoch > record.epoch;
  return undecided ? { ...state, role: 'starting', because, startedMs: state.nowMs } : state;
}

/** A writer that cannot close its server cleanly is closed to clients all the same: they were cut off first. */
function failedClosing(
  state: PairState,
  operation: Operation,
  order: string,
  code: string,
  sentence: string,
): Step {
  const warn = say('warn', `${operation.kind}-unclean`, sentence);
  if (operation.kind === 'stand-down') {
    if (order === 'persist') return [{ ...state, retryAtMs: state.nowMs + RETRY_MS }, [warn]];
    const [next, actions] = adopted(state, operation);
    if (code !== 'commits-in-doubt') return [next, [warn, ...actions]];
    const killing = { kind: 'kill-server', because: sentence, deadlineMs: 1000 } as const;
    const [killed, killActions] = start(next, { kind: 'reconcile', because: sentence, orders: [killing] });
    return [killed, [warn, ...actions, ...killActions]];
  }
  if (state.role === 'handing-over') return [state, [warn]];
  const [next, actions] = offerRole(state, operation.because, null);
  return [next, [warn, ...actions]];
}

function failedTakeover(state: PairState, operation: Operation, order: string, sentence: string): Step {
  const warn = say('error', 'takeover-failed', sentence);
  const claimed = state.record.writer === state.settings.self;
  if (!claimed) {
    const epoch = state.offer?.epoch;
    const refusal: PairAction[] =
      epoch === undefined
        ? []
        : [{ kind: 'tell', message: { kind: 'refused', epoch, record: state.record, because: sentence } }];
    const takeoverAtMs = state.nowMs + TAKEOVER_RETRY_MS;
    return [{ ...state, role: 'following', offer: null, takeoverAtMs }, [warn, ...refusal]];
  }
  if (order === 'fence-peer' || order === 'stop-receiving') {
    // Its server fell silent too, or the receiver hangs: the epoch is claimed, what was received is what there is.
    const done = new Set<string>(['wait-for', 'drain', 'stop-receiving', 'fence-peer', 'take-tail']);
    const orders: Order[] = [
      ...(order === 'fence-peer' ? [{ kind: 'stop-receiving', deadlineMs: 2000 } as const] : []),
      { kind: 'drain', deadlineMs: state.settings.drainMsMax },
      ...operation.orders.filter((each) => !done.has(each.kind)),
    ];
    const [next, actions] = start(state, { kind: 'takeover', because: operation.because, orders });
    return [next, [warn, ...actions]];
  }
  return [{ ...state, role: 'starting', offer: null, because: sentence }, [warn]];
}
