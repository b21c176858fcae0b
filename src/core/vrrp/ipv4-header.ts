// The IPv4 header (RFC 791) around an advertisement: written whole, because the raw socket has IP_HDRINCL set, and
// read back, because a raw IPv4 socket delivers it. IPv6 sockets do neither.

import { internetChecksum } from './checksum.ts';

export const IPV4_HEADER_BYTES = 20;
/** Internetwork control, DSCP CS6: what keepalived sends, so that switches queue adverts ahead of data. */
export const TOS_INTERNETWORK_CONTROL = 0xc0;
export const PROTOCOL_VRRP = 112;
export const PROTOCOL_AUTHENTICATION_HEADER = 51;

export interface Ipv4Header {
  /** Header length in bytes, options included: 20 to 60. */
  readonly headerBytes: number;
  /** Header and payload in bytes; what lies behind it in a frame is padding. */
  readonly totalBytes: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** Writes a 20-byte header at the start of `packet`, whose whole length becomes the total length. No DF, as keepalived. */
export function writeIpv4Header(
  packet: Uint8Array,
  fields: {
    readonly identification: number;
    readonly ttl: number;
    readonly protocol: number;
    readonly source: Uint8Array;
    readonly destination: Uint8Array;
  },
): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  view.setUint8(0, 0x45);
  view.setUint8(1, TOS_INTERNETWORK_CONTROL);
  view.setUint16(2, packet.length);
  view.setUint16(4, fields.identification & 0xffff);
  view.setUint16(6, 0);
  view.setUint8(8, fields.ttl);
  view.setUint8(9, fields.protocol);
  view.setUint16(10, 0);
  packet.set(fields.source, 12);
  packet.set(fields.destination, 16);
  view.setUint16(10, internetChecksum(packet.subarray(0, IPV4_HEADER_BYTES)));
}

/**
 * Reads the header; null when these bytes hold no whole IPv4 packet. The header checksum is not verified: the kernel
 * drops such packets before a raw socket sees them.
 */
export function readIpv4Header(bytes: Uint8Array): Ipv4Header | null {
  if (bytes.length < IPV4_HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  const headerBytes = (first & 0x0f) * 4;
  const totalBytes = view.getUint16(2);
  if (first >> 4 !== 4 || headerBytes < IPV4_HEADER_BYTES) return null;
  if (totalBytes < headerBytes || totalBytes > bytes.length) return null;
  return {
    headerBytes,
    totalBytes,
    ttl: view.getUint8(8),
    protocol: view.getUint8(9),
    source: bytes.slice(12, 16),
    destination: bytes.slice(16, 20),
  };
}
