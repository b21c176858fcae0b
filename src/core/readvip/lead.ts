// Where a read VIP leads, as the manager of the node that does not hold it sees it over SQL (app/readtruth.ts asks): it
// must be the server of the node that says it holds it. Like core/viptruth/lead.ts, without an epoch: a standby has none.

import { type Found, type LeadSeen, sameServer } from '../viptruth/lead.ts';

export interface ExpectedReader {
  readonly vip: string;
  readonly holder: string;
  /** At the holder's own address. */
  readonly direct: Found;
}

export function judgeReadLead({ vip, holder, direct }: ExpectedReader, atVip: Found): LeadSeen {
  if (atVip.kind === 'full') return { verdict: 'unknown', because: `not to be told: ${atVip.because}` };
  if (direct.kind !== 'server') {
    const because = `not to be told: the server of ${holder} does not answer at its own address either (${direct.because})`;
    return { verdict: 'unknown', because };
  }
  const holds = `${holder}, which says that it holds it`;
  if (atVip.kind === 'failed') {
    const because = `the read VIP ${vip} does not lead to the server of ${holds}: ${atVip.because}`;
    return { verdict: 'astray', because };
  }
  if (sameServer(atVip.identity, direct.identity))
    return { verdict: 'right', because: `${vip} leads to the server of ${holder}` };
  const { serverId, hostname, port } = atVip.identity;
  const because = `the read VIP ${vip} leads to server id ${serverId} (${hostname}, port ${port}) instead of the server of ${holds}`;
  return { verdict: 'astray', because };
}
