// The API of a replica's agent: GET /api/v1/replica, /api/v1/events, /healthz. Nothing can be ordered here.
import { type ServerType, serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { type EventLog, serveEvents } from '../http/events.ts';
import { fail } from '../http/failure.ts';
import { guardedApp } from '../http/guard.ts';

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
/** Everything but the socket. */
export function replicaApi(options: Omit<ReplicaApiOptions, 'host' | 'port' | 'onError'>): Hono {
  const app = guardedApp(options);
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
