// The HTTP API of a node (DESIGN: the CLI, the console and Prometheus use nothing else). It knows nothing of the
// pair's rules: it asks what it is given and passes orders on.

import { createHash, timingSafeEqual } from 'node:crypto';
import { type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';

export interface LogEvent {
  readonly sequence: number;
  readonly time: string;
  readonly node: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly code: string;
  readonly because: string;
}

export interface EventLog {
  /** Events with a sequence above `since`, oldest first. */
  since(sequence: number): readonly LogEvent[];
  /** Calls back at each new event until the returned function is called. */
  follow(listener: (event: LogEvent) => void): () => void;
}

export type SwitchoverAnswer =
  | { readonly ok: true; readonly because: string; readonly tookMs: number }
  | { readonly ok: false; readonly because: string };

export interface ApiOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly openReads: boolean;
  readonly pairView: () => unknown;
  readonly healthy: () => { readonly ok: boolean; readonly because: string };
  readonly events: EventLog;
  readonly switchover: (to: string | null) => Promise<SwitchoverAnswer>;
  readonly onError: (because: string) => void;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function cannotListen({ host, port }: ApiOptions, error: NodeJS.ErrnoException): string {
  const what = `the API cannot listen on ${host}:${port}`;
  if (error.code === 'EADDRINUSE')
    return `${what}: another program has the port (\`ss -ltnp sport = :${port}\` names it). End it, or set api.listen in pair.yaml on both hosts; trying again every second`;
  if (error.code === 'EADDRNOTAVAIL')
    return `${what}: this host does not have that address. Mend api.listen in pair.yaml; trying again every second`;
  return `${what} (${error.message}); trying again every second`;
}

export function openApi(options: ApiOptions): { close(): void } {
  const app = new Hono();
  const expected = digest(options.token);

  app.get('/healthz', (c) => {
    const { ok, because } = options.healthy();
    return c.json({ ok, because }, ok ? 200 : 503);
  });

  app.use('/api/*', async (c, next) => {
    const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    const known = given !== undefined && timingSafeEqual(digest(given), expected);
    if (known || (options.openReads && c.req.method === 'GET')) return next();
    return c.json(
      {
        error: {
          code: 'token',
          message:
            given === undefined ? 'no bearer token was sent' : 'the bearer token is not the one of this pair',
          hint: 'send the content of api.tokenFile as `Authorization: Bearer ...`',
        },
      },
      401,
    );
  });

  app.get('/api/v1/pair', (c) => c.json(options.pairView() as object));

  app.get('/api/v1/events', (c) => {
    const since = Number(c.req.query('since') ?? '0') || 0;
    if (!(c.req.header('accept') ?? '').includes('text/event-stream')) {
      return c.json({ events: options.events.since(since) });
    }
    return streamSSE(c, async (stream) => {
      const send = (event: LogEvent): void =>
        void stream.writeSSE({ id: String(event.sequence), event: event.code, data: JSON.stringify(event) });
      for (const event of options.events.since(since)) send(event);
      const unfollow = options.events.follow(send);
      await new Promise<void>((resolve) => stream.onAbort(resolve));
      unfollow();
    });
  });

  app.post('/api/v1/switchovers', async (c) => {
    const body: unknown = await c.req.json().catch(() => ({}));
    const to = (body as { to?: unknown } | null)?.to;
    if (to !== undefined && typeof to !== 'string') {
      const error = { code: 'body', message: '`to` must be a node name', hint: 'send {"to": "b"}, or {}' };
      return c.json({ error }, 400);
    }
    const answer = await options.switchover(to ?? null);
    return c.json(answer, answer.ok ? 200 : 409);
  });

  app.notFound((c) =>
    c.json(
      {
        error: {
          code: 'not-found',
          message: `there is nothing at ${c.req.path}`,
          hint: 'GET /api/v1/pair is the start',
        },
      },
      404,
    ),
  );

  let closed = false;
  let told = '';
  let server: ServerType;
  const listen = (): void => {
    server = serve({ fetch: app.fetch, hostname: options.host, port: options.port });
    server.on('error', (error: NodeJS.ErrnoException) => {
      const because = cannotListen(options, error);
      if (because !== told) options.onError(because);
      told = because;
      if (!closed) setTimeout(listen, 1000);
    });
  };
  listen();
  return {
    close() {
      closed = true;
      server.close();
    },
  };
}
