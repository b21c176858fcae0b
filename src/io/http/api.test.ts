import { expect, test } from 'vitest';
import { apiOf } from './api.ts';
import type { LogEvent } from './events.ts';
import type { MaintenanceView } from './orders.ts';

const event = (sequence: number, level: LogEvent['level'] = 'info'): LogEvent => ({
  sequence,
  time: `2026-11-21T10:00:0${sequence}.000Z`,
  node: 'a',
  level,
  epoch: 1,
  code: `code-${sequence}`,
  because: `sentence ${sequence}`,
});

function api(openReads = false) {
  const kept = [event(1), event(2, 'warn'), event(3), event(4, 'error')];
  const listeners = new Set<(event: LogEvent) => void>();
  const given: unknown[] = [];
  let maintenance: MaintenanceView = { node: 'a', version: 0, because: null };
  const app = apiOf({
    token: 'secret',
    openReads,
    pairView: () => ({ pair: 'shop' }),
    why: () => ({ pair: 'shop' }),
    facts: async () => ({ version: '0' }),
    healthy: () => ({ ok: true, because: 'all is well' }),
    events: {
      kept: () => kept,
      follow(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    orders: {
      switchover: async (to) => {
        given.push(to);
        return {
          ok: false,
          status: 404,
          error: { code: 'unknown-node', message: 'no such node', hint: 'b?' },
        };
      },
      promote: async (confirm) => {
        given.push(confirm);
        return { ok: true, because: 'a is the writer', tookMs: 12 };
      },
      promotionRisks: () => ({ risks: ['something'] }),
      maintenance: () => maintenance,
      orderMaintenance(because) {
        maintenance = { node: 'a', version: maintenance.version + 1, because };
        return maintenance;
      },
    },
    onError: (because) => given.push(because),
  });
  const ask = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const answer = await app.request(path, {
      method,
      headers: { authorization: 'Bearer secret', ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const tell = (told: LogEvent): void => {
    for (const listener of listeners) listener(told);
  };
  return { app, ask, given, listeners, tell };
}

const sequences = (body: Record<string, unknown>): number[] =>
  (body['events'] as LogEvent[]).map((each) => each.sequence);

test.each([
  ['', [1, 2, 3, 4]],
  ['?since=2', [3, 4]],
  ['?since=2026-11-21T10:00:03.000Z', [3, 4]],
  ['?since=2026-11-21T12:00:03%2B02:00', [3, 4]],
  ['?level=warn', [2, 4]],
  ['?level=error&since=0', [4]],
  ['?limit=2', [3, 4]],
])('events%s are %j', async (query, expected) => {
  const { status, body } = await api().ask('GET', `/api/v1/events${query}`);
  expect(status).toBe(200);
  expect(sequences(body)).toEqual(expected);
});

test.each(['?since=soon', '?since=-1', '?level=loud', '?limit=0', '?limit=many', '?since=2026-13-41T99:99'])(
  'events%s is refused with what would be right',
  async (query) => {
    const { status, body } = await api().ask('GET', `/api/v1/events${query}`);
    expect(status).toBe(400);
    expect(body['error']).toMatchObject({ code: 'query', hint: expect.stringContaining('since=') });
  },
);

test('the stream begins where its reader was, goes on with what happens, and stops listening when the reader goes', async () => {
  const { app, tell, listeners } = api();
  const gone = new AbortController();
  const answer = await app.request('/api/v1/events?level=warn', {
    headers: { authorization: 'Bearer secret', accept: 'text/event-stream', 'last-event-id': '2' },
    signal: gone.signal,
  });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const next = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
  expect(await next()).toContain('id: 4\n');
  tell(event(5));
  tell(event(6, 'error'));
  expect(await next()).toContain('"because":"sentence 6"');
  await reader.cancel();
  await expect.poll(() => listeners.size).toBe(0);
});

test('a refused order answers with its reason and the mend, and a done one with what was done', async () => {
  const { ask, given } = api();
  expect(await ask('POST', '/api/v1/switchovers', '{"to":"c"}')).toEqual({
    status: 404,
    body: { error: { code: 'unknown-node', message: 'no such node', hint: 'b?' } },
  });
  expect(await ask('POST', '/api/v1/promotions', '{"confirm":"shop"}')).toMatchObject({
    status: 200,
    body: { tookMs: 12 },
  });
  await ask('POST', '/api/v1/switchovers');
  expect(given).toEqual(['c', 'shop', null]);
});

test.each([
  ['/api/v1/switchovers', '{"to":1}'],
  ['/api/v1/promotions', '{"confirm":'],
  ['/api/v1/maintenance', `{"because":"${'x'.repeat(501)}"}`],
])('a wrong body to %s orders nothing', async (path, body) => {
  const { ask, given } = api();
  const answer = await ask('POST', path, body);
  expect(answer).toMatchObject({ status: 400, body: { error: { code: 'body' } } });
  expect(given).toEqual([]);
});

test('maintenance has a reason of one line, or says that an operator ordered it', async () => {
  const { ask } = api();
  const on = await ask('POST', '/api/v1/maintenance', '{"because":" the switch\\nis exchanged "}');
  expect(on.body).toEqual({ node: 'a', version: 1, because: 'the switch is exchanged' });
  expect((await ask('POST', '/api/v1/maintenance')).body).toMatchObject({
    because: 'ordered by an operator',
  });
  expect((await ask('DELETE', '/api/v1/maintenance')).body).toEqual({ node: 'a', version: 3, because: null });
  expect((await ask('GET', '/api/v1/maintenance')).body).toMatchObject({ version: 3 });
});

test('without the token nothing is told and nothing ordered; open reads open reading only', async () => {
  const none = { authorization: '' };
  expect(await api().ask('GET', '/api/v1/why', undefined, none)).toMatchObject({
    status: 401,
    body: { error: { code: 'token' } },
  });
  const open = api(true);
  expect((await open.ask('GET', '/api/v1/why', undefined, none)).status).toBe(200);
  expect((await open.ask('POST', '/api/v1/promotions', '{"confirm":"shop"}', none)).status).toBe(401);
  expect((await open.ask('DELETE', '/api/v1/maintenance', undefined, none)).status).toBe(401);
  expect(open.given).toEqual([]);
});

test('what is not there is said in the same form', async () => {
  expect(await api().ask('PUT', '/api/v1/nothing')).toMatchObject({
    status: 404,
    body: { error: { code: 'not-found' } },
  });
});
