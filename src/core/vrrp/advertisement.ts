// The VRRP advertisement and its encoder: version 2 (RFC 3768 5.1, IPv4 only) and version 3 (RFC 9568 5.1).
// In the flow: vrrp.step -> {kind:'send', advertisement} -> encodeAdvertisement -> raw socket. reception.ts is the way back.

import { assert } from '../error.ts';
import { parseIp } from '../ip/address.ts';
import {
  AUTHENTICATION_DATA_BYTES,
  AUTHENTICATION_HEADER_BYTES,
  type Authentication,
  authenticationType,
  passwordBytes,
  writeAuthenticationHeader,
} from './authentication.ts';
import { finishSum, pseudoHeaderSum, sumWords } from './checksum.ts';
import {
  IPV4_HEADER_BYTES,
  PROTOCOL_AUTHENTICATION_HEADER,
  PROTOCOL_VRRP,
  writeIpv4Header,
} from './ipv4-header.ts';

export type VrrpVersion = 2 | 3;

/** IANA's groups for VRRP, RFC 9568 5.1.1.2 and 5.1.2.2. */
export const VRRP_GROUP_IPV4 = '224.0.0.18';
export const VRRP_GROUP_IPV6 = 'ff02::12';
/** RFC 9568 5.1.1.3: what a receiver of multicast insists on, so that no packet comes from beyond the link. */
export const VRRP_TTL = 255;
export const VRRP_HEADER_BYTES = 8;
export const TYPE_ADVERTISEMENT = 1;
/** 12 bits of centiseconds, RFC 9568 5.2.7. */
export const V3_INTERVAL_MS_MAX = 40_950;

export interface Advertisement {
  readonly version: VrrpVersion;
  /** Virtual router id, 1 to 255. */
  readonly vrid: number;
  /** 0 says goodbye, 255 is the address owner. */
  readonly priority: number;
  /** Milliseconds: whole seconds in version 2 (1 to 255 s), tens of milliseconds in version 3 (10 to 40950). */
  readonly advertIntervalMs: number;
  /** The virtual addresses, canonical texts, all of one family; at most 255. In IPv6 a link-local one comes first. */
  readonly addresses: readonly string[];
}

/** What surrounds an advertisement on its way out. */
export interface Envelope {
  readonly source: string;
  /** The group, or a unicast peer. */
  readonly destination: string;
  readonly authentication: Authentication;
  /** IPv4 identification; the low 16 bits are used. keepalived counts from 1. */
  readonly identification: number;
  /** AH only: above every number sent or received before. */
  readonly ahSequence?: number;
  /** Default 255. */
  readonly ttl?: number;
  /** keepalived's v3_checksum_as_v2: leaves the IPv4 pseudo-header out of version 3's checksum. */
  readonly v3ChecksumWithoutPseudoHeader?: boolean;
  /** keepalived's old_unicast_checksum: that of an IPv4 unicast packet is made as if it went to the group. */
  readonly v3ChecksumAsToGroup?: boolean;
}

/** An address known to be good: the configuration's or the encoder's own. */
function addressBytes(text: string): Uint8Array {
  const bytes = parseIp(text);
  assert(bytes !== null, `'${text}' is no IP address`);
  return bytes;
}

export function isMulticast(address: Uint8Array): boolean {
  const first = address[0] ?? 0;
  return address.length === 4 ? first >= 224 && first <= 239 : first === 0xff;
}

/** The 16 bits behind the address count: authentication type and seconds, or reserved bits and centiseconds. */
function intervalField(advertisement: Advertisement, authentication: Authentication): number {
  const { version, advertIntervalMs } = advertisement;
  if (version === 2) {
    const seconds = advertIntervalMs / 1000;
    assert(Number.isInteger(seconds) && seconds >= 1 && seconds <= 255, `${seconds} s is no VRRPv2 interval`);
    return (authenticationType(authentication) << 8) | seconds;
  }
  const centiseconds = Math.round(advertIntervalMs / 10);
  assert(centiseconds >= 1 && centiseconds <= 0xfff, `${advertIntervalMs} ms is no VRRPv3 interval`);
  return centiseconds;
}

/** Fills `message` with everything but the checksum. */
function writeMessage(
  message: Uint8Array,
  advertisement: Advertisement,
  authentication: Authentication,
): void {
  const { version, vrid, priority, addresses } = advertisement;
  assert(
    vrid >= 1 && vrid <= 255 && priority >= 0 && priority <= 255,
    'VRID and priority fit in their bytes',
  );
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  view.setUint8(0, (version << 4) | TYPE_ADVERTISEMENT);
  view.setUint8(1, vrid);
  view.setUint8(2, priority);
  view.setUint8(3, addresses.length);
  view.setUint16(4, intervalField(advertisement, authentication));
  let offset = VRRP_HEADER_BYTES;
  for (const text of addresses) {
    const address = addressBytes(text);
    message.set(address, offset);
    offset += address.length;
  }
  if (authentication.kind === 'pass') message.set(passwordBytes(authentication.password), offset);
}

/**
 * The bytes for a raw socket. IPv4: the whole packet with its IP header (IP_HDRINCL). IPv6: the VRRP message, its
 * checksum over the pseudo-header already in it; set IPV6_UNICAST_HOPS and IPV6_MULTICAST_HOPS to 255.
 * The configuration has checked the values; one that cannot be encoded is a defect and asserts.
 */
export function encodeAdvertisement(advertisement: Advertisement, envelope: Envelope): Uint8Array {
  const { version, addresses } = advertisement;
  const { authentication } = envelope;
  const source = addressBytes(envelope.source);
  const destination = addressBytes(envelope.destination);
  const isIpv4 = source.length === 4;
  assert(source.length === destination.length, 'source and destination are of one family');
  assert(addresses.length <= 255, 'the address count is one byte');
  assert(isIpv4 || version === 3, 'VRRPv2 is IPv4 only (RFC 3768 1.1)');
  assert(version === 2 || authentication.kind === 'none', 'VRRPv3 has no authentication (RFC 9568 9)');
  assert(
    addresses.every((text) => addressBytes(text).length === source.length),
    'addresses are of the family',
  );

  const headerBytes = isIpv4 ? IPV4_HEADER_BYTES : 0;
  const ahBytes = authentication.kind === 'ah' ? AUTHENTICATION_HEADER_BYTES : 0;
  const messageBytes =
    VRRP_HEADER_BYTES + addresses.length * source.length + (version === 2 ? AUTHENTICATION_DATA_BYTES : 0);
  const packet = new Uint8Array(headerBytes + ahBytes + messageBytes);
  const message = packet.subarray(headerBytes + ahBytes);
  writeMessage(message, advertisement, authentication);

  const plainSum = version === 2 || (isIpv4 && envelope.v3ChecksumWithoutPseudoHeader === true);
  const asSentTo =
    isIpv4 && envelope.v3ChecksumAsToGroup === true ? addressBytes(VRRP_GROUP_IPV4) : destination;
  const initial = plainSum ? 0 : pseudoHeaderSum(source, asSentTo, PROTOCOL_VRRP, messageBytes);
  const checksum = finishSum(sumWords(message, initial));
  message[6] = checksum >> 8;
  message[7] = checksum & 0xff;

  if (isIpv4) {
    const ttl = envelope.ttl ?? VRRP_TTL;
    const protocol = ahBytes > 0 ? PROTOCOL_AUTHENTICATION_HEADER : PROTOCOL_VRRP;
    writeIpv4Header(packet, { identification: envelope.identification, ttl, protocol, source, destination });
  }
  if (authentication.kind === 'ah') {
    const sequence = envelope.ahSequence ?? 0;
    assert(sequence >= 1 && sequence <= 0xffffffff, 'AH needs a sequence number of 1 to 2^32-1');
    const unicast = !isMulticast(destination);
    writeAuthenticationHeader(packet, headerBytes, { password: authentication.password, sequence, unicast });
  }
  return packet;
}
