// The intervals of the virtual router machine, as formulas. All in milliseconds, fractions allowed.

import type { VrrpVersion } from './advertisement.ts';

/** "Three missed adverts", RFC 3768 6.1 and RFC 9568 6.1; keepalived's down_timer_adverts. */
export const MASTER_DOWN_ADVERTS_DEFAULT = 3;

/**
 * The head start of higher priorities: the lower one's own, the longer it waits.
 * Version 2 counts in seconds whatever the interval (RFC 3768 6.1); version 3 in shares of the master's interval
 * (RFC 9568 6.1).
 */
export function skewMs(version: VrrpVersion, priority: number, masterIntervalMs: number): number {
  const unitMs = version === 2 ? 1000 : masterIntervalMs;
  return ((256 - priority) * unitMs) / 256;
}

/**
 * The priority that counts for the skew. The skew orders the candidates of an election; where somebody else gives the
 * orders there is nothing to wait for, and none is kept.
 */
export function skewPriority(election: 'vrrp' | 'ordered', priority: number): number {
  return election === 'ordered' ? 256 : priority;
}

/** How long silence lasts before the master counts as down: 3 x its interval + skew. */
export function masterDownIntervalMs(
  version: VrrpVersion,
  priority: number,
  masterIntervalMs: number,
  adverts: number = MASTER_DOWN_ADVERTS_DEFAULT,
): number {
  return adverts * masterIntervalMs + skewMs(version, priority, masterIntervalMs);
}
