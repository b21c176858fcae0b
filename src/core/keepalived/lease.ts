// How long the kernel keeps a VIP that nobody renews: keepalived's VIPs stay on a host whose daemon was killed, these do not.

const LEASE_S_MIN = 2;
const LEASE_S_MAX = 60;
const MASTER_DOWN_ADVERTS = 3;
/** A lease is renewed this many times within its length. */
export const RENEWALS_PER_LEASE = 3;

/** Whole seconds, the kernel's unit: about as long as another router needs to take over. */
export function leaseSeconds(advertIntervalMs: number): number {
  const seconds = Math.ceil((MASTER_DOWN_ADVERTS * advertIntervalMs) / 1000);
  return Math.min(LEASE_S_MAX, Math.max(LEASE_S_MIN, seconds));
}
