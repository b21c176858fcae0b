import { expect, test } from 'vitest';
import type { PairAction, PairEvent } from '../core/pair/event.ts';
import { step } from '../core/pair/machine.ts';
import type { PairSettings } from '../core/pair/settings.ts';
import { initialState, type PairState } from '../core/pair/state.ts';
import type { LogEvent } from '../io/http/events.ts';
import { runMachine } from '../runtime/loop.ts';
import { openOrders } from './orders.ts';

const settings: PairSettings = {
  self: 'b',
  peer: 'a',
  preferred: false,
  durability: 'lossless',
  tailMs: null,
  failback: false,
  partition: 'availability',
  promoteWithinMs: 2000,
  aloneAfterMs: 3000,
  peerSilenceMsMax: 120,
  agentGraceMs: 500,
  drainMsMax: 30_000,
  gatewayChecked: false,
  witness: false,
  holdAfterFailoverMs: 0,
  masterDownMs: 300,
};

/** Node b, whose record says that a goes on alone, with a server that carries out every order, or fails one. */
function nodeB(fails: string | null = null) {
  const listeners = new Set<(event: LogEvent) => void>();
  const orders: string[] = [];
  let nowMs = 5000;
  const machine = runMachine<PairState, PairEvent, PairAction>({
    initial: initialState(
      settings,
      {
        record: { epoch: 4, writer: 'a', sync: 'alone' },
        journal: null,
        maintenance: { version: 0, because: null },
      },
      0,
    ),
    step,
    perform(action) {
      if (action.kind === 'say') {
        const { level, code, because } = action;
        const event = { sequence: 1, time: '', node: 'b', level, epoch: 4, code, because };
        for (const listener of listeners) listener(event);
      }
      if (action.kind !== 'order') return;
      orders.push(action.order.kind);
      const ok = action.order.kind !== fails;
      const outcome = ok ? ({ ok } as const) : ({ ok: false, code: 'timeout', because: 'it hangs' } as const);
      queueMicrotask(() => dispatch({ kind: 'result', id: action.id, outcome }));
    },
  });
  type WithoutTime<E> = E extends PairEvent ? Omit<E, 'nowMs'> : never;
  const dispatch = (event: WithoutTime<PairEvent>): void =>
    machine.dispatch({ ...event, nowMs: nowMs++ } as PairEvent);
  const status = {
    version: '10.11',
    serverId: 2,
    readOnly: true,
    executedGtid: '0-1-7',
    history: '0-1-7',
    origin: '2',
    channel: null,
    semiSync: { source: false, replica: true, replicas: 0, waitingSessions: 0 },
    receivesDurably: true,
    uptimeS: 9,
  };
  dispatch({ kind: 'agent', link: 'up', because: 'it answers' });
  const up = { claimedEpoch: null, interfaceUp: true, interfaceBecause: '', gateway: 'unknown' } as const;
  dispatch({ kind: 'wire', wire: { ...up, peerAdverts: 'silent' } });
  dispatch({ kind: 'health', health: 'up', because: 'it answers' });
  dispatch({ kind: 'status', status });
  const api = openOrders({
    pair: 'shop',
    clock: { bootMs: () => nowMs },
    events: {
      kept: () => [],
      follow(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    state: () => machine.state,
    dispatch,
  });
  return { api, orders, listeners, machine };
}

test('nothing is done without the name of the pair', async () => {
  const { api, orders } = nodeB();
  const before = orders.length;
  for (const name of ['', 'shoe']) {
    expect(await api.promote(name)).toMatchObject({ ok: false, status: 400, error: { code: 'confirm' } });
  }
  expect(orders).toHaveLength(before);
});

test('the risks name the rules that are overridden, and that the other node may still be up', () => {
  const { api } = nodeB();
  expect(api.promotionRisks()).toMatchObject({
    pair: 'shop',
    node: 'b',
    refusal: null,
    risks: expect.arrayContaining([
      expect.stringContaining('the record says that a goes on alone'),
      expect.stringContaining('a is not heard: if it is up'),
    ]),
  });
});

test('with the name it is done, and answered when the node is the writer', async () => {
  const { api, machine, listeners } = nodeB();
  const answer = await api.promote('shop');
  expect(answer).toMatchObject({ ok: true, because: expect.stringContaining('b is the writer of epoch') });
  expect(machine.state.record).toMatchObject({ writer: 'b', sync: 'alone' });
  expect(listeners.size).toBe(0);
  expect(await api.promote('shop')).toMatchObject({ ok: false, error: { code: 'is-writer' } });
});

test('a step that is passed over is not the end; one that ends it is the answer', async () => {
  expect(await nodeB('stop-receiving').api.promote('shop')).toMatchObject({ ok: true });
  expect(await nodeB('open-writes').api.promote('shop')).toMatchObject({
    ok: false,
    status: 409,
    error: { code: 'takeover-failed', message: expect.stringContaining('open-writes failed: it hangs') },
  });
});

test('a second order waits for nobody: it is refused while the first one is carried out', async () => {
  const { api } = nodeB();
  const first = api.promote('shop');
  expect(await api.promote('shop')).toMatchObject({ ok: false, error: { code: 'promoting' } });
  expect(await first).toMatchObject({ ok: true });
});

test('a switchover to a node that is unknown, the writer already, or not asked at the writer is refused', async () => {
  const { api } = nodeB();
  expect(await api.switchover('c')).toMatchObject({ status: 404, error: { code: 'unknown-node' } });
  expect(await api.switchover('a')).toMatchObject({ status: 409, error: { code: 'switchover-refused' } });
  expect(await api.switchover('b')).toMatchObject({ error: { code: 'not-the-writer', hint: 'ask a' } });
});

test('maintenance is ordered and ended, each time under a higher version', () => {
  const { api } = nodeB();
  expect(api.orderMaintenance('disks')).toEqual({ node: 'b', version: 1, because: 'disks' });
  expect(api.orderMaintenance(null)).toEqual({ node: 'b', version: 2, because: null });
  expect(api.maintenance()).toEqual({ node: 'b', version: 2, because: null });
});
