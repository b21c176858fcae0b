// keepalived.stats (SIGUSR2): the counters of each instance, in the C daemon's lines.

import type { DropReason } from '../vrrp/reception.ts';
import type { Statistics } from '../vrrp/state.ts';

/** Under which of the C daemon's counters a dropped packet falls. It has none for the others (checksum, version, ...). */
const COUNTED = {
  length: ['too-short', 'length'],
  ttl: ['ttl'],
  type: ['type'],
  interval: ['interval'],
  addressList: ['address-count'],
  authType: ['auth-type'],
  authFailure: ['auth-password', 'auth-digest', 'auth-sequence'],
} as const satisfies Record<string, readonly DropReason[]>;

export type DropCounter = keyof typeof COUNTED;

export function dropped(statistics: Statistics, counter: DropCounter): number {
  return COUNTED[counter].reduce((sum, reason) => sum + statistics.dropped[reason], 0);
}

/** One block an instance. */
export function renderStatistics(
  instances: readonly { readonly name: string; readonly statistics: Statistics }[],
): string {
  return instances
    .map(({ name, statistics: s }) =>
      [
        `VRRP Instance: ${name}`,
        '  Advertisements:',
        `    Received: ${s.advertsReceived}`,
        `    Sent: ${s.advertsSent}`,
        `  Became master: ${s.becameMaster}`,
        `  Released master: ${s.releasedMaster}`,
        '  Packet Errors:',
        `    Length: ${dropped(s, 'length')}`,
        `    TTL: ${dropped(s, 'ttl')}`,
        `    Invalid Type: ${dropped(s, 'type')}`,
        `    Advertisement Interval: ${dropped(s, 'interval')}`,
        `    Address List: ${dropped(s, 'addressList')}`,
        '  Authentication Errors:',
        // An authentication type that no version knows counts as a mismatch here.
        '    Invalid Type: 0',
        `    Type Mismatch: ${dropped(s, 'authType')}`,
        `    Failure: ${dropped(s, 'authFailure')}`,
        '  Priority Zero:',
        `    Received: ${s.priorityZeroReceived}`,
        `    Sent: ${s.priorityZeroSent}`,
        '',
      ].join('\n'),
    )
    .join('');
}

/** The counters since `before`: the C daemon's STATS_CLEAR sets them to zero after showing them. */
export function statisticsSince(now: Statistics, before: Statistics): Statistics {
  const less = (a: number, b: number) => Math.max(0, a - b);
  const reasons = Object.keys(now.dropped) as DropReason[];
  return {
    advertsSent: less(now.advertsSent, before.advertsSent),
    advertsReceived: less(now.advertsReceived, before.advertsReceived),
    priorityZeroSent: less(now.priorityZeroSent, before.priorityZeroSent),
    priorityZeroReceived: less(now.priorityZeroReceived, before.priorityZeroReceived),
    foreignReceived: less(now.foreignReceived, before.foreignReceived),
    becameMaster: less(now.becameMaster, before.becameMaster),
    releasedMaster: less(now.releasedMaster, before.releasedMaster),
    transitions: less(now.transitions, before.transitions),
    dropped: Object.fromEntries(
      reasons.map((reason) => [reason, less(now.dropped[reason], before.dropped[reason])]),
    ) as Record<DropReason, number>,
  };
}
