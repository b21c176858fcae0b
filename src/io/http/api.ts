// The HTTP API of a node (DESIGN: the CLI, the console and Prometheus use nothing else). It knows nothing of the
// pair's rules: it asks what it is given and passes orders on.

import { type ServerType, serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { type ArchiveApi, serveTail } from '../archive/serve.ts';
import { type Clones, serveClones } from './clones.ts';
import { type EventLog, serveEvents } from './events.ts';
import { fail } from './failure.ts';
import { guardedApp } from './guard.ts';
import { type Orders, serveOrders } from './orders.ts';
import { type Passwords, servePasswords } from './passwords.ts';
import { type Salvages, serveSalvages } from './salvages.ts';

export interface ApiOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly openReads: boolean;
  readonly pairView: () => unknown;
  readonly why: () => unknown;
  /** What the doctor wants to know of this host and its server; takes a second or two. */
  readonly facts: () => Promise<unknown>;
  readonly healthy: () => { readonly ok: boolean; readonly because: string };
  readonly events: EventLog;
  readonly orders: Orders;
  readonly clones?: Clones;
  readonly salvages?: Salvages;
  readonly tail?: ArchiveApi['tail'];
  readonly passwords?: Passwords;
  readonly onError: (because: string) => void;
}

function cannotListen({ host, port }: ApiOptions, error: NodeJS.ErrnoException): string {
  const what = `the API cannot listen on ${host}:${port}`;
  if (error.code === 'EADDRINUSE')
    return `${what}: another program has the port (\`ss -ltnp sport = :${port}\` names it). End it, or set api.listen in pair.yaml on both hosts; trying again every second`;
  if (error.code === 'EADDRNOTAVAIL')
    return `${what}: this host does not have that address. Mend api.listen in pair.yaml; trying again every second`;
  return `${what} (${error.message}); trying again every second`;
}

/** Everything but the socket. */
export function apiOf(options: Omit<ApiOptions, 'host' | 'port'>): Hono {
  const app = guardedApp(options);

  app.get('/api/v1/pair', (c) => c.json(options.pairView() as object));

  app.get('/api/v1/why', (c) => c.json(options.why() as object));
  app.get('/api/v1/facts', async (c) => c.json((await options.facts()) as object));
  serveEvents(app, options.events);
  serveOrders(app, options.orders);
  if (options.passwords !== undefined) servePasswords(app, options.passwords);
  if (options.salvages !== undefined) serveSalvages(app, options.salvages);
  if (options.clones !== undefined) serveClones(app, options.clones);
  if (options.tail !== undefined) serveTail(app, options.tail);

  app.notFound((c) =>
    fail(c, 404, {
      code: 'not-found',
      message: `there is nothing at ${c.req.method} ${c.req.path}`,
      hint: 'GET /api/v1/pair is the start',
    }),
  );
  app.onError((error, c) => {
    options.onError(`the API could not answer ${c.req.path}: ${error.message}`);
    return fail(c, 500, {
      code: 'defect',
      message: `this is a defect of twinkeep itself: ${error.message}`,
      hint: 'report it, with the log of this node',
    });
  });

  return app;
}

export function openApi(options: ApiOptions): { close(): void } {
  const app = apiOf(options);
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
