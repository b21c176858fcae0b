// Clones over the API of the node that is overwritten. The files are moved by `twinkeep clone` on that host; here its manager is
// told that one begins, so that the pair leaves the node alone, and others see how far it is.

import type { Hono } from 'hono';
import type { OrderAnswer } from './orders.ts';
import { answered } from './orders.ts';

export interface CloneView {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly method: string;
  /** What is done next; `done` at the end. */
  readonly step: string;
  readonly startedAt: string;
  readonly aborting: boolean;
  /** As the command last told it; null: nothing. */
  readonly progress: unknown;
}

export interface Clones {
  /** The one under way, or the last one. */
  view(): CloneView | null;
  /** The journal in the state folder names a clone of this id: heeds it, and answers when the node may be overwritten. */
  begin(id: string): Promise<OrderAnswer>;
  /** Reads the journal again, at once. */
  refresh(): void;
}

export function serveClones(app: Hono, clones: Clones): void {
  const list = () => {
    const view = clones.view();
    return { clones: view === null ? [] : [view] };
  };
  app.get('/api/v1/clones', (c) => c.json(list()));
  app.post('/api/v1/clones', async (c) => {
    const body = (await c.req.json().catch(() => null)) as { id?: unknown } | null;
    const id = typeof body?.id === 'string' ? body.id : '';
    return answered(c, await clones.begin(id));
  });
  app.post('/api/v1/clones/refresh', (c) => {
    clones.refresh();
    return c.json(list());
  });
}
