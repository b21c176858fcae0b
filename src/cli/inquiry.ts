// What both nodes say of the pair, put together: `why` and `events` show it. Clocks are compared with this host's, and what
// happened on two hosts is told in one order.

import type { WhyView } from '../app/view.ts';
import type { PairConfig } from '../config/types.ts';
import { OperatorError } from '../core/error.ts';
import type { LogEvent } from '../io/http/events.ts';
import { type ApiAnswer, accepted, askEach, askNode, type Silent } from './api.ts';
import { leadingView, merge, type Status } from './status.ts';

export interface Inquiry {
  readonly askedAtMs: number;
  readonly status: Status;
  /** The view that counts: the writer's own where it answers. */
  readonly leading: WhyView;
  readonly views: readonly WhyView[];
  readonly silent: readonly Silent[];
  /** How far each node's clock is ahead of this host's; 0: as far as can be told it is not. */
  readonly clocks: readonly { readonly node: string; readonly aheadMs: number }[];
}

/** Smaller differences are within what an answer's way takes. */
const CLOCKS_DIFFER_FROM_MS = 200;

function aheadMs({ atMs, atMsError }: ApiAnswer, view: WhyView): number {
  const ahead = Date.parse(view.time) - atMs;
  return Math.abs(ahead) > CLOCKS_DIFFER_FROM_MS + atMsError ? Math.round(ahead) : 0;
}

export async function inquire(config: PairConfig): Promise<Inquiry> {
  const { answers, silent } = await askEach(config, '/api/v1/why');
  const refused: Silent[] = [];
  const views: WhyView[] = [];
  const clocks: { node: string; aheadMs: number }[] = [];
  for (const answer of answers) {
    try {
      const view = accepted<WhyView>(answer);
      views.push(view);
      clocks.push({ node: answer.node.name, aheadMs: aheadMs(answer, view) });
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      refused.push({ node: answer.node.name, because: `${error.message}: ${error.hint}` });
    }
  }
  const leading = leadingView(views);
  if (leading === undefined) {
    const because = refused.map((each) => `${each.node}: ${each.because}`).join('; ');
    throw new OperatorError('no-answer', `no node could answer: ${because}`, 'see the logs of the agents');
  }
  return {
    askedAtMs: Date.now(),
    status: merge(config, views),
    leading,
    views,
    silent: [...silent, ...refused],
    clocks,
  };
}

/** An event with its time by the clock of this host. */
export interface DatedEvent extends LogEvent {
  readonly atMs: number;
}

export interface Wanted {
  readonly sinceMs: number | null;
  readonly level: string;
  /** Of each node; null: all that it keeps. */
  readonly limit: number | null;
}

export const aheadOf = (inquiry: Inquiry, node: string): number =>
  inquiry.clocks.find((clock) => clock.node === node)?.aheadMs ?? 0;

export const dated = (event: LogEvent, ahead: number): DatedEvent => ({
  ...event,
  atMs: Date.parse(event.time) - ahead,
});

/** The events of every node that answers, oldest first by this host's clock. A node that falls silent meanwhile is named. */
export async function history(
  config: PairConfig,
  inquiry: Inquiry,
  wanted: Wanted,
): Promise<{ readonly events: readonly DatedEvent[]; readonly inquiry: Inquiry }> {
  const answering = config.nodes.filter((node) => inquiry.clocks.some((clock) => clock.node === node.name));
  const silent: Silent[] = [];
  const lists = await Promise.all(
    answering.map(async (node) => {
      const ahead = aheadOf(inquiry, node.name);
      const query = new URLSearchParams({ level: wanted.level });
      if (wanted.sinceMs !== null) query.set('since', new Date(wanted.sinceMs + ahead).toISOString());
      if (wanted.limit !== null) query.set('limit', String(wanted.limit));
      try {
        const answer = await askNode(config, node, `/api/v1/events?${query}`);
        return accepted<{ events: LogEvent[] }>(answer).events.map((event) => dated(event, ahead));
      } catch (error) {
        if (!(error instanceof OperatorError)) throw error;
        silent.push({ node: node.name, because: error.message });
        return [];
      }
    }),
  );
  const events = lists
    .flat()
    .sort((a, b) => a.atMs - b.atMs || a.node.localeCompare(b.node) || a.sequence - b.sequence);
  return { events, inquiry: { ...inquiry, silent: [...inquiry.silent, ...silent] } };
}

/** Whose clock the times are shown by, and what of the story may be missing. */
export function caveats(inquiry: Inquiry, sinceMs: number | null): string[] {
  const said = inquiry.clocks
    .filter((clock) => clock.aheadMs !== 0)
    .map(({ node, aheadMs: ahead }) => {
      const seconds = (Math.abs(ahead) / 1000).toFixed(1);
      return `the clock of ${node} is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this host's: its times are shown by this host's`;
    });
  for (const view of inquiry.views) {
    const from = view.eventsFrom === null ? null : Date.parse(view.eventsFrom);
    if (from !== null && sinceMs !== null && from > sinceMs)
      said.push(`${view.askedNode} keeps no events from before ${view.eventsFrom}`);
  }
  for (const { node, because } of inquiry.silent) said.push(`without what ${node} saw: ${because}`);
  return said;
}
