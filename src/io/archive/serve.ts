// The archive's own small API: what it is doing, and the tail that a promotion asks for.
import { type ServerType, serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { OperatorError } from '../../core/error.ts';
import { fail } from '../http/failure.ts';
import { guardedApp } from '../http/guard.ts';
import type { Tail } from './tail.ts';

/** Which tail: what is behind `after` in the log of the writer of an epoch. */
export interface TailQuestion {
  readonly after: string;
  readonly node: string;
  readonly epoch: number;
}

export interface ArchiveApi {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly view: () => unknown;
  readonly healthy: () => { readonly ok: boolean; readonly because: string };
  /** Rejects with an OperatorError when it cannot tell. */
  readonly tail: (question: TailQuestion) => Promise<Tail | null>;
}

const AFTER_MAX = 65_536;

/** How many transactions a tail has, beside the bytes. */
export const TRANSACTIONS_HEADER = 'x-twinkeep-transactions';

/** 200 with a binary log, or 204: nothing is behind it. */
export function serveTail(app: Hono, tail: ArchiveApi['tail']): void {
  app.get('/api/v1/tail', async (c) => {
    const { after = '', node = '', epoch = '' } = c.req.query();
    if (after.length > AFTER_MAX || !/^\d{1,15}$/.test(epoch))
      return fail(c, 400, {
        code: 'tail-question',
        message: 'a tail is asked for by `after`, `node` and `epoch`',
        hint: 'GET /api/v1/tail?after=0-1-100&node=a&epoch=3',
      });
    try {
      const found = await tail({ after, node, epoch: Number(epoch) });
      if (found === null) return c.body(null, 204);
      return c.body(new Uint8Array(found.log), 200, {
        'content-type': 'application/octet-stream',
        [TRANSACTIONS_HEADER]: String(found.transactions),
      });
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      const { code, message, hint } = error;
      return fail(c, 409, { code, message, hint });
    }
  });
}

export function archiveApiOf(options: Omit<ArchiveApi, 'host' | 'port'>): Hono {
  const app = guardedApp({ ...options, openReads: false });
  app.get('/api/v1/archive', (c) => c.json(options.view() as object));
  serveTail(app, options.tail);
  app.notFound((c) =>
    fail(c, 404, {
      code: 'not-found',
      message: `there is nothing at ${c.req.method} ${c.req.path}`,
      hint: 'GET /api/v1/archive is the start',
    }),
  );
  return app;
}

/** Rejects when the address cannot be listened on. */
export function openArchiveApi(options: ArchiveApi): Promise<ServerType> {
  const { host: hostname, port } = options;
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: archiveApiOf(options).fetch, hostname, port }, () => resolve(server));
    server.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        new OperatorError(
          'archive-listen',
          `the archive cannot listen on ${hostname}:${port}: ${error.message}`,
          'archive.address in pair.yaml must be an address of this host, with a port that is free',
        ),
      ),
    );
  });
}
