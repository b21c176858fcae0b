// Salvages over the API: what is saved at this node, and what operators order of it. One resource, its orders below each one.
import type { Context, Hono } from 'hono';
import type { LoggedTransaction } from '../../core/binlog/logged.ts';
import type { SalvageIndex } from '../../core/salvage/entry.ts';
import type { Verdict } from '../../core/salvage/judge.ts';
import type { RowCheck } from '../salvage/replay.ts';
import { type Failure, fail } from './failure.ts';

export interface TransactionView {
  readonly number: number;
  readonly logged: LoggedTransaction;
  /** Null: it was not checked against the writer. */
  readonly verdict: Verdict | null;
  /** One a row, in their order. */
  readonly checks: readonly RowCheck[];
}

export type SalvageAnswer =
  | {
      readonly ok: true;
      readonly because: string;
      readonly index: SalvageIndex | null;
      readonly transactions?: readonly TransactionView[];
      /** On that host. */
      readonly folder?: string;
    }
  | { readonly ok: false; readonly status: 404 | 409; readonly error: Failure };

export interface SalvageOrder {
  readonly action: 'replay' | 'discard' | 'rewind';
  /** Null: all. */
  readonly transactions: readonly number[] | null;
  readonly force: boolean;
}

export interface Salvages {
  list(): readonly SalvageIndex[];
  show(id: string, transactions: readonly number[] | null, check: boolean): Promise<SalvageAnswer>;
  order(id: string, order: SalvageOrder): Promise<SalvageAnswer>;
  /** `files`: a folder on this host that holds the binary logs of a dead server; null: the log of the peer's running server. */
  take(files: string | null): Promise<SalvageAnswer>;
  forget(id: string): Promise<SalvageAnswer>;
}

const ACTIONS: readonly SalvageOrder['action'][] = ['replay', 'discard', 'rewind'];
const NUMBERS_MAX = 10_000;

function answer(c: Context, given: SalvageAnswer): Response {
  if (!given.ok) return fail(c, given.status, given.error);
  const { ok: _ok, ...body } = given;
  return c.json(body);
}

const wrong = (c: Context, message: string): Response =>
  fail(c, 400, {
    code: 'body',
    message,
    hint: 'for example {"action": "replay", "transactions": [1, 2], "force": false}',
  });

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) &&
  value.length <= NUMBERS_MAX &&
  value.every((each) => Number.isSafeInteger(each) && each > 0);

async function bodyOf(c: Context): Promise<Record<string, unknown> | null> {
  const text = await c.req.text();
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

export function serveSalvages(app: Hono, salvages: Salvages): void {
  app.get('/api/v1/salvages', (c) => c.json({ salvages: salvages.list() }));

  app.post('/api/v1/salvages', async (c) => {
    const body = await bodyOf(c);
    const files = body?.['fromFiles'] ?? null;
    if (body === null || !(files === null || typeof files === 'string'))
      return fail(c, 400, {
        code: 'body',
        message: '`fromFiles` is a folder',
        hint: 'send {"fromFiles": "/var/lib/mysql"}, or {}',
      });
    return answer(c, await salvages.take(files));
  });

  app.get('/api/v1/salvages/:id', async (c) => {
    const asked = c.req.query('transaction');
    const numbers = asked === undefined ? null : asked.split(',').map(Number);
    if (numbers !== null && !isNumbers(numbers))
      return wrong(c, '`transaction` is a number, or several with commas');
    return answer(c, await salvages.show(c.req.param('id'), numbers, c.req.query('check') === '1'));
  });

  app.post('/api/v1/salvages/:id', async (c) => {
    const body = await bodyOf(c);
    const action = ACTIONS.find((each) => each === body?.['action']);
    if (body === null || action === undefined) return wrong(c, '`action` is replay, discard or rewind');
    const transactions = body['transactions'] ?? null;
    if (!(transactions === null || isNumbers(transactions)))
      return wrong(c, '`transactions` is a list of numbers');
    return answer(
      c,
      await salvages.order(c.req.param('id'), { action, transactions, force: body['force'] === true }),
    );
  });

  app.delete('/api/v1/salvages/:id', async (c) => answer(c, await salvages.forget(c.req.param('id'))));
}
