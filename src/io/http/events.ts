// GET /api/v1/events: what happened at this node, as a list or as a stream of server-sent events.

import type { Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { fail } from './failure.ts';

type Level = 'info' | 'warn' | 'error';

export interface LogEvent {
  readonly sequence: number;
  /** ISO 8601, by this node's clock. */
  readonly time: string;
  readonly node: string;
  readonly level: Level;
  /** Of the record, as this node knew it. */
  readonly epoch: number;
  readonly code: string;
  readonly because: string;
}

export interface EventLog {
  /** The last events, oldest first. */
  kept(): readonly LogEvent[];
  /** Calls back at each new event until the returned function is called. */
  follow(listener: (event: LogEvent) => void): () => void;
}

const LEVELS: readonly Level[] = ['info', 'warn', 'error'];
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
/** A listener that does not read is cut off when so many events wait for it. */
const UNREAD_MAX = 4000;

interface Wanted {
  since(event: LogEvent): boolean;
  level(event: LogEvent): boolean;
  readonly limit: number;
}

/** What the query asks for; text: what is wrong with it. */
function wanted(query: (name: string) => string | undefined): Wanted | string {
  const since = query('since') ?? '0';
  const level = query('level') ?? 'info';
  const limit = query('limit') ?? '2000';
  const least = LEVELS.indexOf(level as Level);
  if (least < 0) return '`level` is info, warn or error';
  if (!/^[1-9]\d{0,8}$/.test(limit)) return '`limit` is a number of events, 1 or more';
  const byLevel = (event: LogEvent): boolean => LEVELS.indexOf(event.level) >= least;
  if (/^\d{1,15}$/.test(since)) {
    return { since: (event) => event.sequence > Number(since), level: byLevel, limit: Number(limit) };
  }
  const fromMs = ISO.test(since) ? Date.parse(since) : Number.NaN;
  if (Number.isNaN(fromMs))
    return '`since` is the sequence number of an event, or a time as in 2026-11-21T14:05:00Z';
  return { since: (event) => Date.parse(event.time) >= fromMs, level: byLevel, limit: Number(limit) };
}

function stream(c: Context, log: EventLog, asked: Wanted): Response {
  return streamSSE(c, async (sse) => {
    let unread = 0;
    const send = (event: LogEvent): void => {
      if (!asked.level(event)) return;
      if (++unread > UNREAD_MAX) {
        sse.abort();
        return;
      }
      const line = { id: String(event.sequence), event: event.code, data: JSON.stringify(event) };
      void sse.writeSSE(line).then(() => {
        unread--;
      });
    };
    for (const event of log.kept().filter(asked.since).slice(-asked.limit)) send(event);
    const unfollow = log.follow(send);
    await new Promise<void>((resolve) => sse.onAbort(resolve));
    unfollow();
  });
}

export function serveEvents(app: Hono, log: EventLog): void {
  app.get('/api/v1/events', (c) => {
    const streams = (c.req.header('accept') ?? '').includes('text/event-stream');
    // A browser that lost the stream says where it was.
    const resumed = streams ? c.req.header('last-event-id') : undefined;
    const asked = wanted((name) => (name === 'since' ? (resumed ?? c.req.query(name)) : c.req.query(name)));
    if (typeof asked === 'string') {
      return fail(c, 400, {
        code: 'query',
        message: asked,
        hint: 'for example: GET /api/v1/events?since=1200&level=warn&limit=100',
      });
    }
    if (streams) return stream(c, log, asked);
    const events = log.kept().filter((event) => asked.since(event) && asked.level(event));
    return c.json({ events: events.slice(-asked.limit) });
  });
}
