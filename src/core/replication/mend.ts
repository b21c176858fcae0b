// Which broken channel is mended without a hand, and when that is safe. Nothing is ever skipped. The pair machine starts stopped
// threads again every second, which is all that a lost connection, a deadlock or a lock wait needs; here is what it needs more.
import { readFailure } from './failure.ts';

export interface ChannelCase {
  /** As ChannelStatus has it. */
  readonly applierError: string;
  readonly role: string;
  /** The record names the other node as the writer, and says that it goes on alone. */
  readonly writerAlone: boolean;
  /** The writer's server answers now. */
  readonly sourceAnswers: boolean;
  /** All that was received is executed at the writer: the relay log holds nothing that is nowhere else. */
  readonly sourceHoldsAll: boolean;
}

export type Mend =
  /** The relay log is thrown away and fetched again. */
  | { readonly kind: 'refetch'; readonly because: string }
  /** It may become possible by itself. */
  | { readonly kind: 'wait'; readonly because: string }
  /** An operator's matter. */
  | { readonly kind: 'none' };

/** The relay log cannot be read, or an event in it is damaged: MariaDB and MySQL before 8.0, and since. */
const DAMAGED = new Set([1594, 13121]);
const TORN = /relay log read failure|could not parse relay log event|corrupt/i;

/**
 * A damaged relay log is fetched again only while the writer goes on alone: under `paired` this standby might be promoted before it
 * has all of it again, and the writer's acknowledged commits be lost (I3, I4).
 */
export function mendOf(channel: ChannelCase): Mend {
  const { number, text } = readFailure(channel.applierError);
  if (!DAMAGED.has(number) && !TORN.test(text)) return { kind: 'none' };
  if (channel.role !== 'following') return { kind: 'wait', because: 'this node is no standby at the moment' };
  if (!channel.sourceAnswers) return { kind: 'wait', because: 'the source does not answer' };
  if (!channel.writerAlone)
    return {
      kind: 'wait',
      because: 'the writer must go on alone first, so that this node is not promoted meanwhile',
    };
  if (!channel.sourceHoldsAll)
    return { kind: 'wait', because: 'the relay log holds transactions that the source does not have' };
  return {
    kind: 'refetch',
    because: 'the relay log is damaged, and the writer has all that was received: it is fetched again',
  };
}
