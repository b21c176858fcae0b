// `POST /api/v1/passwords`: a new password for one of the agent's accounts, sealed with the pair's key. Part of `twinkeep rotate`.
import type { Hono } from 'hono';
import { fail } from './failure.ts';
import type { OrderAnswer } from './orders.ts';

export interface Passwords {
  take(account: 'admin' | 'replication', sealed: string): Promise<OrderAnswer>;
}

const HINT = 'send {"account": "admin" or "replication", "sealed": "..."}; `twinkeep rotate` does';

export function servePasswords(app: Hono, passwords: Passwords): void {
  app.post('/api/v1/passwords', async (c) => {
    const body: unknown = await c.req.json().catch(() => null);
    const { account, sealed } = (body ?? {}) as Record<string, unknown>;
    if ((account !== 'admin' && account !== 'replication') || typeof sealed !== 'string')
      return fail(c, 400, { code: 'body', message: 'the body is not that of a password', hint: HINT });
    const answer = await passwords.take(account, sealed);
    return answer.ok ? c.json(answer) : fail(c, answer.status, answer.error);
  });
}
