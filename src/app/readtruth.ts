// Which server answers behind the read VIPs? Asked by the manager of the node that does not hold them, as a client would
// ask, like viptruth.ts for the write VIP. core/readvip/lead.ts decides what the answer means.

import { judgeReadLead } from '../core/readvip/lead.ts';
import { type LeadState, look, lookAway, newLead } from '../core/viptruth/lead.ts';
import { findServer, type VipLeadView, type VipTruth, type VipTruthOptions } from './viptruth.ts';

const GLANCE_MS = 1000;
const EVERY_MS = 5000;
/** After the VIPs moved: the neighbours learn of it, and the managers. */
const SETTLE_MS = 2000;
const DEADLINE_MS = 1000;

export interface ReadTruthOptions extends Omit<VipTruthOptions, 'situation' | 'times'> {
  /** Names of the nodes that say they hold the read VIPs. */
  readonly holders: () => readonly string[];
}

export function startReadTruth(options: ReadTruthOptions): VipTruth | null {
  const { clock, config, self, peer } = options;
  // From an address of the other family there may be no way.
  const asked = config.vips.read.filter((vip) => vip.address.includes(':') === self.address.includes(':'));
  if (asked.length === 0) return null;
  const leads = new Map<string, LeadState>();
  for (const { address } of asked) leads.set(address, newLead('not asked yet', clock.bootMs()));
  let known = '';
  let dueMs = 0;
  let stopped = false;

  const take = (vip: string, turn: Pick<ReturnType<typeof look>, 'state' | 'say'>): void => {
    leads.set(vip, turn.state);
    if (turn.say !== null) options.say(turn.say.level, `read-${turn.say.code}`, turn.say.because);
  };

  /** Null: the peer holds them, and is asked. */
  function notAsking(holders: readonly string[]): string | null {
    if (holders.length === 1 && holders[0] === peer.name) return null;
    if (holders.includes(self.name)) return `${self.name} holds it: it is looked at from the other node`;
    return 'nobody says that it holds it';
  }

  async function ask(vip: string, before: string): Promise<boolean> {
    const state = leads.get(vip) ?? newLead('', 0);
    const atVip = await findServer(options, vip, DEADLINE_MS);
    const direct = await findServer(options, peer.address, DEADLINE_MS);
    if (stopped || options.holders().join() !== before) return false;
    const turn = look(state, judgeReadLead({ vip, holder: peer.name, direct }, atVip), clock.bootMs());
    take(vip, turn);
    return turn.again;
  }

  async function glance(): Promise<void> {
    const holders = options.holders();
    const now = holders.join();
    const because = notAsking(holders);
    if (now !== known) {
      known = now;
      dueMs = clock.bootMs() + SETTLE_MS;
      for (const [vip, state] of leads)
        take(vip, lookAway(state, because ?? 'the read VIPs have just moved', clock.bootMs()));
    }
    if (because !== null || clock.bootMs() < dueMs) return;
    let again = false;
    for (const vip of leads.keys()) again = (await ask(vip, now)) || again;
    dueMs = clock.bootMs() + (again ? GLANCE_MS : EVERY_MS);
  }

  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    void glance().finally(() => {
      busy = false;
    });
  }, GLANCE_MS);

  return {
    stop() {
      stopped = true;
      clearInterval(timer);
    },
    view: (): VipLeadView[] =>
      [...leads].map(([vip, { verdict, because, sinceMs }]) => ({
        vip,
        verdict,
        because,
        atMs: Math.round(sinceMs),
      })),
  };
}
