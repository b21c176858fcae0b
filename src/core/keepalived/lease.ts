// How long the kernel keeps a VIP that nobody renews: keepalived's VIPs stay on a host whose daemon was killed, these do not.

const LEASE_S_MIN = 2;
const LEASE_S_MAX = 60;
const MASTER_DOWN_ADVERTS = 3;
/** Renewing must not become the daemon's main work. */
const RENEWED_A_SECOND_MAX = 1500;
/** A lease is renewed this many times within its length. */
export const RENEWALS_PER_LEASE = 3;

/**
 * Whole seconds, the kernel's unit: about as long as another router needs to take over; longer where there are thousands of
 * `addresses` in all.
 */
export function leaseSeconds(advertIntervalMs: number, addresses: number): number {
  const seconds = Math.max(
    Math.ceil((MASTER_DOWN_ADVERTS * advertIntervalMs) / 1000),
    Math.ceil((addresses * RENEWALS_PER_LEASE) / RENEWED_A_SECOND_MAX),
  );
  return Math.min(LEASE_S_MAX, Math.max(LEASE_S_MIN, seconds));
}
