// What every API of this program begins with: /healthz for whoever asks, and the pair's token for everything under /api/.
import { createHash, timingSafeEqual } from 'node:crypto';
import { Hono } from 'hono';
import { fail } from './failure.ts';

export interface Guard {
  readonly token: string;
  /** Whether reading needs no token. */
  readonly openReads: boolean;
  readonly healthy: () => { readonly ok: boolean; readonly because: string };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export function guardedApp({ token, openReads, healthy }: Guard): Hono {
  const app = new Hono();
  const expected = digest(token);
  app.get('/healthz', (c) => {
    const { ok, because } = healthy();
    return c.json({ ok, because }, ok ? 200 : 503);
  });
  app.use('/api/*', async (c, next) => {
    const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    const known = given !== undefined && timingSafeEqual(digest(given), expected);
    if (known || (openReads && c.req.method === 'GET')) return next();
    return fail(c, 401, {
      code: 'token',
      message:
        given === undefined ? 'no bearer token was sent' : 'the bearer token is not the one of this pair',
      hint: 'send the content of api.tokenFile as `Authorization: Bearer ...`',
    });
  });
  return app;
}
