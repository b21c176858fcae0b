// The API of a replica's agent: GET /api/v1/replica, /api/v1/events, /healthz. Nothing can be ordered here.
import { createHash, timingSafeEqual } from 'node:crypto';
import { type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { type EventLog, serveEvents } from '../http/events.ts';
import { fail } from '../http/failure.ts';

export interface ReplicaApiOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly openReads: boolean;
  readonly statement: () => object;
  readonly healthy: () => { readonly ok: boolean; readonly because: string };
  readonly events: EventLog;
  readonly onError: (because: string) => void;
}

const AGAIN_MS = 1000;
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Everything but the socket. */
export function replicaApi(options: Omit<ReplicaApiOptions, 'host' | 'port' | 'onError'>): Hono {
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
    return fail(c, 401, {
      code: 'token',
      message:
        given === undefined ? 'no bearer token was sent' : 'the bearer token is not the one of this pair',
      hint: 'send the content of api.tokenFile as `Authorization: Bearer ...`',
    });
  });
  app.get('/api/v1/replica', (c) => c.json(options.statement()));
  serveEvents(app, options.events);
  app.notFound((c) =>
    fail(c, 404, {
      code: 'not-found',
      message: `there is nothing at ${c.req.method} ${c.req.path}: this host is a replica of the pair`,
      hint: 'GET /api/v1/replica says how it is; orders go to a node of the pair',
    }),
  );
  return app;
}

export function openReplicaApi(options: ReplicaApiOptions): { close(): void } {
  const app = replicaApi(options);
  let closed = false;
  let told = '';
  let server: ServerType;
  const listen = (): void => {
    server = serve({ fetch: app.fetch, hostname: options.host, port: options.port });
    server.on('error', (error: NodeJS.ErrnoException) => {
      const because = `the API cannot listen on ${options.host}:${options.port} (${error.code ?? error.message}); trying again every second`;
      if (because !== told) options.onError(because);
      told = because;
      if (!closed) setTimeout(listen, AGAIN_MS);
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
