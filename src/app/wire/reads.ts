// The read VIPs on the wire: virtual routers of their own, in VRRP's own election. The manager only says how gladly this
// node may hold them, and until when; who holds them VRRP finds out alone, within the master-down time, however slow
// the managers are. Called by the loop, like the write VIP's routers.

import type { Grade, Grant } from '../../core/readvip/state.ts';
import type { ReadsOnWire } from '../../io/agentlink/link.ts';
import { bootMs } from '../../io/linux/libc.ts';
import type { Leases } from './leases.ts';
import type { VipGroup, WireSettings } from './protocol.ts';
import { openVirtualRouter, type VirtualRouter } from './router.ts';

/** High, so that a goodbye is followed within a few milliseconds: the skew grows as the priority falls (RFC 9568 6.1). */
const PRIORITIES: Readonly<Record<Exclude<Grade, 'none'>, number>> = {
  preferred: 250,
  willing: 240,
  'last-resort': 1,
};
/** The peer is not heard any more after so many intervals without an advert. */
const ADVERTS_MISSED_MAX = 3;

type Say = (level: 'info' | 'warn' | 'error', code: string, because: string) => void;

export interface ReadGroup {
  readonly routers: readonly VirtualRouter[];
  grant(grant: Grant): void;
  /** Ends a grant that was not renewed, and tells of VIPs that came or went. */
  tick(): void;
  dueMs(): number;
  view(): ReadsOnWire | null;
}

const NO_READS: ReadGroup = {
  routers: [],
  grant() {},
  tick() {},
  dueMs: () => Number.POSITIVE_INFINITY,
  view: () => null,
};

/** Whoever came by these VIPs goes with them: behind them the data of this host may grow stale. */
function withClients(leases: Leases): Pick<Leases, 'add' | 'remove' | 'announce'> {
  return {
    add(addresses) {
      leases.admitClients(addresses);
      leases.add(addresses);
    },
    remove(addresses) {
      leases.turnClientsAway(addresses);
      leases.cutClientsOf(addresses);
      leases.remove(addresses);
      leases.cutClientsOf(addresses);
    },
    announce: leases.announce,
  };
}

export function openReadGroup(
  settings: WireSettings,
  group: VipGroup | null,
  leases: Leases,
  say: Say,
  onPeerAdvert: (priority: number) => void,
  onFurtherAdvert: (priority: number) => void,
): ReadGroup {
  if (group === null) return NO_READS;
  const missedMs = settings.advertIntervalMs * ADVERTS_MISSED_MAX;
  let untilMs = Number.POSITIVE_INFINITY;
  let because = 'no manager has said yet that this node may hold them';
  let held = false;
  const families = [...new Set(group.vips.map((vip) => vip.family))];
  /** When the peer's last advert was heard, by family: a firewall may drop one and not the other. */
  const heardMs = new Map<4 | 6, number>();
  const routers = families.map((family) =>
    openVirtualRouter(settings, group, family, withClients(leases), {
      say,
      masterDown() {},
      masterBack() {},
      heard(priority) {
        heardMs.set(family, priority > 0 ? bootMs() : Number.NEGATIVE_INFINITY);
        onPeerAdvert(priority);
      },
      heardFurther: onFurtherAdvert,
      lostRole() {},
    }),
  );
  const isHeard = (family: 4 | 6): boolean =>
    bootMs() - (heardMs.get(family) ?? Number.NEGATIVE_INFINITY) <= missedMs;
  const allow = (priority: number | null): void => {
    for (const router of routers) router.allow(priority);
  };
  allow(null);

  const names = group.vips.map((vip) => vip.address).join(', ');
  const tellOfMoves = (): void => {
    const holds = routers.some((router) => router.stateName() === 'MASTER');
    if (holds === held) return;
    held = holds;
    const [first] = routers;
    const why = `${because} (VRRP: ${first?.because() ?? ''})`;
    if (holds) say('info', 'read-vips-held', `this host holds the read VIPs ${names} now: ${why}`);
    else say('info', 'read-vips-left', `the read VIPs ${names} have left this host: ${why}`);
  };

  return {
    routers,
    grant(grant) {
      because = grant.because;
      if (grant.grade === 'none' || grant.untilMs <= bootMs()) {
        untilMs = Number.POSITIVE_INFINITY;
        allow(null);
        return;
      }
      untilMs = grant.untilMs;
      allow((grant.grade === 'preferred' ? group.preferred : undefined) ?? PRIORITIES[grant.grade]);
    },
    tick() {
      if (bootMs() >= untilMs) {
        untilMs = Number.POSITIVE_INFINITY;
        because = `the time for which its manager let it hold them is over, and was not renewed (its last word: ${because})`;
        say('warn', 'read-grant-ended', because);
        allow(null);
      }
      tellOfMoves();
    },
    dueMs: () => untilMs,
    view() {
      const [first] = routers;
      const now = leases.held();
      return {
        vrrpState: first?.stateName() ?? 'INIT',
        vrrpBecause: first?.because() ?? '',
        vips: group.vips.map(({ address, prefix }) => ({ address, prefix, held: now.has(address) })),
        peerHeard: families.every(isHeard),
      };
    },
  };
}
