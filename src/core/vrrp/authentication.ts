// VRRPv2's authentication (RFC 2338 5.3.6; RFC 3768 kept the field and dropped the methods), as keepalived still
// speaks it: a clear-text password, or an Authentication Header (RFC 2402) with HMAC-MD5-96.
// Neither keeps an attacker out; they keep two installations apart. VRRPv3 has none (RFC 9568 9).

import { PROTOCOL_VRRP } from './ipv4-header.ts';
import { hmacMd5Truncated96 } from './md5.ts';

export type Authentication =
  | { readonly kind: 'none' }
  | { readonly kind: 'pass'; readonly password: string }
  | { readonly kind: 'ah'; readonly password: string };

/** The authentication data field, always there in version 2; also the length to which passwords are cut, in bytes. */
export const AUTHENTICATION_DATA_BYTES = 8;
/** RFC 2402 2 with a 96-bit digest. */
export const AUTHENTICATION_HEADER_BYTES = 24;
const DIGEST_OFFSET = 12;
/** AH length in 32-bit words, minus 2 (RFC 2402 2.2). */
const PAYLOAD_LENGTH_WORDS = 4;

/** The value of the auth type field. */
export function authenticationType(authentication: Authentication): 0 | 1 | 2 {
  if (authentication.kind === 'none') return 0;
  return authentication.kind === 'pass' ? 1 : 2;
}

/** The password as it goes on the wire and into the digest: UTF-8, cut to 8 bytes, zero-padded (as keepalived). */
export function passwordBytes(password: string): Uint8Array {
  const field = new Uint8Array(AUTHENTICATION_DATA_BYTES);
  field.set(new TextEncoder().encode(password).subarray(0, AUTHENTICATION_DATA_BYTES));
  return field;
}

/** Compares every byte, however early they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0);
  return difference === 0;
}

/**
 * HMAC-MD5-96 over a whole packet: IP header, AH, VRRP. The header's mutable fields and the digest itself count as
 * zero (RFC 2402 3.3.3.1.1.1). TTL is mutable too, but keepalived leaves it in for multicast and takes it out
 * for unicast, so that is what interoperates.
 */
function digest(packet: Uint8Array, headerBytes: number, password: string, unicast: boolean): Uint8Array {
  const covered = packet.slice();
  covered[1] = 0;
  covered.fill(0, 6, 8);
  if (unicast) covered[8] = 0;
  covered.fill(0, 10, 12);
  covered.fill(0, headerBytes + DIGEST_OFFSET, headerBytes + AUTHENTICATION_HEADER_BYTES);
  return hmacMd5Truncated96(passwordBytes(password), covered);
}

/**
 * Writes the Authentication Header behind the IP header, and its digest over the packet as it stands: call it last.
 * The SPI is the source address, as keepalived has it. `sequence` is 1 to 2^32-1 and grows with each packet.
 */
export function writeAuthenticationHeader(
  packet: Uint8Array,
  headerBytes: number,
  fields: { readonly password: string; readonly sequence: number; readonly unicast: boolean },
): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  view.setUint8(headerBytes, PROTOCOL_VRRP);
  view.setUint8(headerBytes + 1, PAYLOAD_LENGTH_WORDS);
  packet.set(packet.subarray(12, 16), headerBytes + 4);
  view.setUint32(headerBytes + 8, fields.sequence);
  packet.set(digest(packet, headerBytes, fields.password, fields.unicast), headerBytes + DIGEST_OFFSET);
}

export type AuthenticationHeaderCheck =
  | { readonly ok: true; readonly sequence: number }
  | {
      readonly ok: false;
      readonly reason: 'not-vrrp' | 'auth-digest' | 'auth-sequence';
      readonly message: string;
    };

/**
 * Checks the Authentication Header of a packet that is long enough to hold one (the caller has looked).
 * `lastSequence` is the highest number seen or sent: one counter serves both directions, as in keepalived.
 */
export function checkAuthenticationHeader(
  packet: Uint8Array,
  headerBytes: number,
  expected: { readonly password: string; readonly lastSequence: number; readonly unicast: boolean },
): AuthenticationHeaderCheck {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const next = view.getUint8(headerBytes);
  if (next !== PROTOCOL_VRRP || view.getUint8(headerBytes + 1) !== PAYLOAD_LENGTH_WORDS) {
    return {
      ok: false,
      reason: 'not-vrrp',
      message: `the Authentication Header leads to protocol ${next}, not to VRRP`,
    };
  }
  if (!equalBytes(packet.subarray(headerBytes + 4, headerBytes + 8), packet.subarray(12, 16))) {
    return {
      ok: false,
      reason: 'auth-digest',
      message: 'the SPI of the Authentication Header is not the source address',
    };
  }
  const received = packet.subarray(headerBytes + DIGEST_OFFSET, headerBytes + AUTHENTICATION_HEADER_BYTES);
  if (!equalBytes(received, digest(packet, headerBytes, expected.password, expected.unicast))) {
    return {
      ok: false,
      reason: 'auth-digest',
      message:
        'the digest of the Authentication Header is wrong: the passwords differ, or the packet was altered',
    };
  }
  const sequence = view.getUint32(headerBytes + 8);
  if (sequence <= expected.lastSequence) {
    return {
      ok: false,
      reason: 'auth-sequence',
      message: `the sequence number ${sequence} is not above ${expected.lastSequence}: a repeated packet`,
    };
  }
  return { ok: true, sequence };
}
