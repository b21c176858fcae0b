// What operators order over the API: one resource an order. The rules are the pair's; here a body is read, and an answer given.

import type { Context, Hono } from 'hono';
import { type Failure, fail } from './failure.ts';

export type OrderAnswer =
  | { readonly ok: true; readonly because: string; readonly tookMs: number }
  | { readonly ok: false; readonly status: 400 | 404 | 409; readonly error: Failure };

export interface MaintenanceView {
  readonly node: string;
  /** The higher version is the newer order. */
  readonly version: number;
  /** Null: not under maintenance. */
  readonly because: string | null;
}

export interface Orders {
  switchover(to: string | null): Promise<OrderAnswer>;
  /** `confirm`: the name of the pair, typed by whoever orders it. */
  promote(confirm: string): Promise<OrderAnswer>;
  promotionRisks(): unknown;
  maintenance(): MaintenanceView;
  orderMaintenance(because: string | null): MaintenanceView;
}

const REASON_MAX = 500;

/** The named field of the body; a Response when the body is wrong. */
async function field(c: Context, name: string, hint: string): Promise<string | null | Response> {
  const text = await c.req.text();
  let body: unknown = {};
  try {
    if (text !== '') body = JSON.parse(text);
  } catch {
    return fail(c, 400, { code: 'body', message: 'the body is not JSON', hint });
  }
  const value = (body as Record<string, unknown> | null)?.[name];
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value.length <= REASON_MAX) return value;
  const message = `\`${name}\` must be a text of at most ${REASON_MAX} characters`;
  return fail(c, 400, { code: 'body', message, hint });
}

export function answered(c: Context, answer: OrderAnswer): Response {
  return answer.ok ? c.json(answer) : fail(c, answer.status, answer.error);
}

/** One line: it is shown in logs, tables and sentences. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

export function serveOrders(app: Hono, orders: Orders): void {
  app.post('/api/v1/switchovers', async (c) => {
    const to = await field(c, 'to', 'send {"to": "b"}, or {}');
    return to instanceof Response ? to : answered(c, await orders.switchover(to));
  });

  app.get('/api/v1/promotions/risks', (c) => c.json(orders.promotionRisks() as object));
  app.post('/api/v1/promotions', async (c) => {
    const hint = 'send {"confirm": "<the name of the pair>"}';
    const confirm = await field(c, 'confirm', hint);
    if (confirm instanceof Response) return confirm;
    return answered(c, await orders.promote(confirm ?? ''));
  });

  app.get('/api/v1/maintenance', (c) => c.json(orders.maintenance()));
  app.post('/api/v1/maintenance', async (c) => {
    const because = await field(c, 'because', 'send {"because": "the disks are exchanged"}, or {}');
    if (because instanceof Response) return because;
    const sentence = oneLine(because ?? '');
    return c.json(orders.orderMaintenance(sentence === '' ? 'ordered by an operator' : sentence));
  });
  app.delete('/api/v1/maintenance', (c) => c.json(orders.orderMaintenance(null)));
}
