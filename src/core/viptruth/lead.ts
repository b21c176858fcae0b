// Where the VIP leads, as the standby's manager sees it over SQL (app/viptruth.ts asks): it must be the writer's own
// server, in the epoch of the record. What is odd is asked again, and said only when it is seen twice.

export interface ServerIdentity {
  readonly serverId: number;
  readonly hostname: string;
  readonly port: number;
}

/** What a connection found at an address. `epoch`: of the heartbeat that this server wrote last; null: it never did. */
export type Found =
  | { readonly kind: 'server'; readonly identity: ServerIdentity; readonly epoch: number | null }
  | { readonly kind: 'full'; readonly because: string }
  | { readonly kind: 'failed'; readonly because: string };

export interface Expected {
  readonly vip: string;
  readonly writer: string;
  /** Of the record. */
  readonly epoch: number;
  /** At the writer's own address. */
  readonly direct: Found;
}

export type LeadVerdict = 'unknown' | 'right' | 'astray';

export interface LeadSeen {
  readonly verdict: LeadVerdict;
  readonly because: string;
}

const text = ({ serverId, hostname, port }: ServerIdentity): string =>
  `server id ${serverId} (${hostname}, port ${port})`;

export function sameServer(a: ServerIdentity, b: ServerIdentity): boolean {
  return a.serverId === b.serverId && a.hostname === b.hostname && a.port === b.port;
}

export function judgeLead(expected: Expected, atVip: Found): LeadSeen {
  const { vip, writer, epoch, direct } = expected;
  if (atVip.kind === 'full') return { verdict: 'unknown', because: `not to be told: ${atVip.because}` };
  if (direct.kind !== 'server') {
    const because = `not to be told: the server of ${writer} does not answer at its own address either (${direct.because})`;
    return { verdict: 'unknown', because };
  }
  if (atVip.kind === 'failed') {
    return {
      verdict: 'astray',
      because: `the VIP ${vip} does not lead to the server of ${writer}, which answers at its own address: ${atVip.because}`,
    };
  }
  if (!sameServer(atVip.identity, direct.identity)) {
    return {
      verdict: 'astray',
      because: `the VIP ${vip} leads to ${text(atVip.identity)} instead of the writer ${writer}, ${text(direct.identity)}: clients read and write at the wrong server`,
    };
  }
  // A later epoch is one that this node has not heard of yet; none is a writer that has not written yet.
  if (atVip.epoch === null || atVip.epoch > epoch)
    return { verdict: 'unknown', because: `the writer is about to change, or has just changed` };
  if (atVip.epoch < epoch) {
    return {
      verdict: 'astray',
      because: `the VIP ${vip} leads to the server of ${writer}, but it last wrote in epoch ${atVip.epoch}, and the pair is in epoch ${epoch}`,
    };
  }
  return { verdict: 'right', because: `${vip} leads to the server of ${writer}, epoch ${epoch}` };
}

export interface LeadState {
  readonly verdict: LeadVerdict;
  readonly because: string;
  readonly sinceMs: number;
  readonly suspicion: LeadVerdict | null;
  /** It was said that the VIP leads astray, and not yet that it does no longer. */
  readonly told: boolean;
}

export interface LeadSaying {
  readonly level: 'info' | 'error';
  readonly code: 'vip-leads-astray' | 'vip-leads-right';
  readonly because: string;
}

export function newLead(because: string, nowMs: number): LeadState {
  return { verdict: 'unknown', because, sinceMs: nowMs, suspicion: null, told: false };
}

/** One more look. `again`: it was odd for the first time, look again soon. */
export function look(
  state: LeadState,
  seen: LeadSeen,
  nowMs: number,
): { readonly state: LeadState; readonly say: LeadSaying | null; readonly again: boolean } {
  if (seen.verdict === 'astray' && state.verdict !== 'astray' && state.suspicion !== 'astray')
    return { state: { ...state, suspicion: 'astray' }, say: null, again: true };
  const sinceMs = seen.verdict === state.verdict ? state.sinceMs : nowMs;
  const next: LeadState = { ...seen, sinceMs, suspicion: null, told: state.told };
  const { because } = seen;
  if (seen.verdict === 'astray' && !state.told)
    return {
      state: { ...next, told: true },
      say: { level: 'error', code: 'vip-leads-astray', because },
      again: false,
    };
  if (seen.verdict === 'right' && state.told)
    return {
      state: { ...next, told: false },
      say: { level: 'info', code: 'vip-leads-right', because },
      again: false,
    };
  return { state: next, say: null, again: false };
}

/** Nothing is looked at from here any more, or not yet: a condition that was said ends with the reason. */
export function lookAway(
  state: LeadState,
  because: string,
  nowMs: number,
): { readonly state: LeadState; readonly say: LeadSaying | null } {
  const ended = `no longer looked at from here: ${because}`;
  return {
    state: newLead(because, nowMs),
    say: state.told ? { level: 'info', code: 'vip-leads-right', because: ended } : null,
  };
}
