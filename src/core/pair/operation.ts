// Operations: plans of orders, carried out one after the other. An order's result advances the plan; the machine
// decides what its end means. A more urgent plan replaces a less urgent one; late results are recognised by id.

import type { Order, Outcome, PairAction } from './event.ts';
import type { Operation, OperationKind, PairState } from './state.ts';

/** What a decision wants done. */
export interface Plan {
  readonly kind: OperationKind;
  readonly because: string;
  readonly orders: readonly Order[];
}

const URGENCY: Readonly<Record<OperationKind, number>> = {
  takeover: 3,
  handover: 3,
  'stand-down': 3,
  reopen: 3,
  resume: 2,
  leave: 2,
  'go-alone': 1,
  adopt: 1,
  pair: 0,
  reconcile: 0,
};

/** Whether a plan may start beside (instead of) what is in progress. */
export function mayStart(current: Operation | null, plan: Plan): boolean {
  return current === null || URGENCY[plan.kind] > URGENCY[current.kind];
}

function strayOf({ operation }: PairState): PairState['stray'] {
  const flying = operation?.orders[0];
  if (operation === null || flying?.kind !== 'open-writes') return null;
  return { id: operation.id, untilMs: operation.orderedMs + 2 * flying.deadlineMs };
}

/** Starts a plan: its first order goes out. A plan without orders is a mistake of ours. */
export function start(state: PairState, plan: Plan): [PairState, PairAction[]] {
  const [first] = plan.orders;
  if (first === undefined) return [state, []];
  const operation: Operation = {
    kind: plan.kind,
    because: plan.because,
    startedMs: state.nowMs,
    orders: plan.orders,
    id: state.nextId,
    orderedMs: state.nowMs,
    spans: [],
    gtid: null,
  };
  const stray = strayOf(state) ?? state.stray;
  return [
    { ...state, operation, stray, nextId: state.nextId + 1 },
    [{ kind: 'order', id: operation.id, order: first }],
  ];
}

/** "81 ms: persist 6, drain 20, ..." */
export function describeDuration(operation: Operation, nowMs: number): string {
  const parts = operation.spans.map(({ order, tookMs }) => `${order} ${Math.round(tookMs)}`);
  return `${Math.round(nowMs - operation.startedMs)} ms: ${parts.join(', ')}`;
}

export type Advance =
  | { readonly kind: 'stale' }
  | { readonly kind: 'next'; readonly state: PairState; readonly actions: PairAction[]; readonly done: Order }
  | {
      readonly kind: 'finished';
      readonly state: PairState;
      readonly operation: Operation;
      readonly done: Order;
    }
  | {
      readonly kind: 'failed';
      readonly state: PairState;
      readonly operation: Operation;
      readonly order: Order;
      readonly code: string;
      readonly because: string;
    };

/** Takes a result in: the next order, the end, or the failure of the operation. */
export function advance(state: PairState, id: number, outcome: Outcome): Advance {
  const { operation } = state;
  const done = operation?.orders[0];
  if (operation === null || operation.id !== id || done === undefined) return { kind: 'stale' };
  if (!outcome.ok) {
    const failed = { ...state, operation: null };
    return {
      kind: 'failed',
      state: failed,
      operation,
      order: done,
      code: outcome.code,
      because: outcome.because,
    };
  }
  const gtid = outcome.gtid ?? operation.gtid;
  const spans = [...operation.spans, { order: done.kind, tookMs: state.nowMs - operation.orderedMs }];
  const orders = operation.orders.slice(1).map((order) =>
    // A fenced peer tells how far we must come before we open.
    order.kind === 'wait-for' && order.gtid === '' && gtid !== null ? { ...order, gtid } : order,
  );
  const next = orders[0];
  if (next === undefined) {
    return {
      kind: 'finished',
      state: { ...state, operation: null },
      operation: { ...operation, gtid, spans },
      done,
    };
  }
  const following = { ...operation, orders, gtid, spans, orderedMs: state.nowMs, id: state.nextId };
  return {
    kind: 'next',
    state: { ...state, operation: following, nextId: state.nextId + 1 },
    actions: [{ kind: 'order', id: following.id, order: next }],
    done,
  };
}
