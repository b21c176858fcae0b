// What a raw socket delivered -> a checked advertisement, or the reason why it is dropped (RFC 3768 7.1, RFC 9568 7.1).
// In the flow: io/linux bytes -> readVrid finds the virtual router -> decodeAdvertisement -> vrrp.step.
// The checks run in keepalived's order, so that the same bad packet is counted under the same name.

import { formatIp, parseIp } from '../ip/address.ts';
import {
  type Advertisement,
  isMulticast,
  TYPE_ADVERTISEMENT,
  VRRP_GROUP_IPV4,
  VRRP_HEADER_BYTES,
  VRRP_TTL,
  type VrrpVersion,
} from './advertisement.ts';
import {
  AUTHENTICATION_DATA_BYTES,
  AUTHENTICATION_HEADER_BYTES,
  type Authentication,
  authenticationType,
  checkAuthenticationHeader,
  equalBytes,
  passwordBytes,
} from './authentication.ts';
import { finishSum, pseudoHeaderSum, sumWords } from './checksum.ts';
import { PROTOCOL_AUTHENTICATION_HEADER, PROTOCOL_VRRP, readIpv4Header } from './ipv4-header.ts';

/** Why an advertisement was dropped; each is a counter in the machine's statistics. */
export const DROP_REASONS = [
  'too-short',
  'not-vrrp',
  'ttl',
  'version',
  'vrid',
  'auth-type',
  'auth-password',
  'auth-digest',
  'auth-sequence',
  'interval',
  'type',
  'address-count',
  'length',
  'checksum',
  'destination',
  'source',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What one virtual router expects of what it receives. */
export interface ReceptionContext {
  readonly version: VrrpVersion;
  readonly vrid: number;
  /** Version 2 only; version 3 has none. */
  readonly authentication: Authentication;
  /** Version 2 drops an advertisement of another interval; version 3 learns it. */
  readonly advertIntervalMs: number;
  /** AH only: the highest sequence number received or sent so far, 0 at first. */
  readonly ahSequenceLast: number;
  /** Canonical texts. Empty: multicast. Otherwise unicast, from these sources only. */
  readonly unicastPeers: readonly string[];
  /** Unicast: others than the peers count too (keepalived without check_unicast_src). Default: not. */
  readonly unicastAnySource?: boolean;
  /** Unicast: the TTLs that are believed of a source; null: any. Default: any. */
  readonly ttlRangeOf?: (source: string) => { readonly min: number; readonly max: number } | null;
  /** An advertisement without addresses is one of ours (keepalived's no_virtual_ipaddress). Default: not. */
  readonly allowsNoAddress?: boolean;
  /** Canonical text: a packet from here is our own, or another host uses our address. */
  readonly ownAddress: string;
  /** keepalived's v3_checksum_as_v2. */
  readonly v3ChecksumWithoutPseudoHeader: boolean;
  /** IPv6 only: the header's fields, which recvmsg gives beside the payload. Absent: the bytes begin with an IPv4 header. */
  readonly ipv6?: { readonly source: string; readonly destination: string; readonly hopLimit: number };
}

export type Reception =
  | {
      readonly ok: true;
      readonly advertisement: Advertisement;
      /** Canonical texts. */
      readonly source: string;
      readonly destination: string;
      /** AH only: the caller keeps it as the next context's `ahSequenceLast`, and sends from there on. */
      readonly ahSequence: number | null;
    }
  | {
      readonly ok: false;
      readonly reason: DropReason;
      /** One sentence: what was wrong, and what was expected. */
      readonly message: string;
    };

type Dropped = Extract<Reception, { ok: false }>;

/** A packet taken apart, before any of it is believed. */
interface Packet {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly ttl: number;
  /** IPv4: the whole packet without padding, and its header's length, for AH. IPv6: the message again, and 0. */
  readonly whole: Uint8Array;
  readonly headerBytes: number;
  readonly hasAuthenticationHeader: boolean;
  /** The VRRP message; at least its 8 bytes of header. */
  readonly message: Uint8Array;
}

function drop(reason: DropReason, message: string): Dropped {
  return { ok: false, reason, message };
}

function dismantleIpv4(bytes: Uint8Array): Packet | Dropped {
  const header = readIpv4Header(bytes);
  if (header === null) return drop('too-short', `${bytes.length} bytes hold no whole IPv4 packet`);
  const hasAuthenticationHeader = header.protocol === PROTOCOL_AUTHENTICATION_HEADER;
  if (!hasAuthenticationHeader && header.protocol !== PROTOCOL_VRRP) {
    return drop('not-vrrp', `IP protocol ${header.protocol} is neither VRRP (112) nor AH (51)`);
  }
  const whole = bytes.subarray(0, header.totalBytes);
  const message = whole.subarray(
    header.headerBytes + (hasAuthenticationHeader ? AUTHENTICATION_HEADER_BYTES : 0),
  );
  if (message.length < VRRP_HEADER_BYTES) {
    return drop('too-short', `${whole.length} bytes are too few for a VRRP advertisement`);
  }
  return { ...header, whole, hasAuthenticationHeader, message };
}

function dismantleIpv6(bytes: Uint8Array, header: NonNullable<ReceptionContext['ipv6']>): Packet | Dropped {
  const source = parseIp(header.source);
  const destination = parseIp(header.destination);
  if (source?.length !== 16 || destination?.length !== 16) {
    return drop('not-vrrp', `'${header.source}' to '${header.destination}' are not two IPv6 addresses`);
  }
  if (bytes.length < VRRP_HEADER_BYTES) {
    return drop('too-short', `${bytes.length} bytes are too few for a VRRP advertisement`);
  }
  return {
    source,
    destination,
    ttl: header.hopLimit,
    whole: bytes,
    headerBytes: 0,
    hasAuthenticationHeader: false,
    message: bytes,
  };
}

/** The message's 8-byte header; the caller has made sure that they are there. */
function readHeader(message: Uint8Array) {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return {
    version: view.getUint8(0) >> 4,
    type: view.getUint8(0) & 0x0f,
    vrid: view.getUint8(1),
    priority: view.getUint8(2),
    addressCount: view.getUint8(3),
    /** Version 2. */
    authenticationType: view.getUint8(4),
    intervalS: view.getUint8(5),
    /** Version 3. */
    intervalCs: view.getUint16(4) & 0x0fff,
  };
}
type Header = ReturnType<typeof readHeader>;

function checkTtl(packet: Packet, context: ReceptionContext): Dropped | null {
  if (context.unicastPeers.length > 0) {
    const range = context.ttlRangeOf?.(formatIp(packet.source)) ?? null;
    if (range === null || (packet.ttl >= range.min && packet.ttl <= range.max)) return null;
    return drop('ttl', `its TTL is ${packet.ttl} and not ${range.min} to ${range.max}`);
  }
  if (packet.ttl === VRRP_TTL) return null;
  return drop('ttl', `its TTL is ${packet.ttl} and not 255: it was routed here, or made up`);
}

function checkIdentity(header: Header, context: ReceptionContext): Dropped | null {
  if (header.version !== context.version) {
    return drop(
      'version',
      `it speaks VRRP version ${header.version}, this router version ${context.version}`,
    );
  }
  if (header.vrid !== context.vrid) {
    return drop('vrid', `it is for virtual router ${header.vrid}, not ${context.vrid}`);
  }
  return null;
}

const AUTHENTICATION_NAMES = ['no authentication', 'PASS', 'AH'];

/** Version 2: type, password or digest, interval. The AH sequence number comes back where there is one. */
function checkVersion2(
  packet: Packet,
  header: Header,
  context: ReceptionContext,
): Dropped | { readonly ok: true; readonly ahSequence: number | null } {
  const { authentication } = context;
  const expectedType = authenticationType(authentication);
  const isAh = authentication.kind === 'ah';
  if (header.authenticationType !== expectedType || packet.hasAuthenticationHeader !== isAh) {
    const type = packet.hasAuthenticationHeader ? 2 : header.authenticationType;
    const name = AUTHENTICATION_NAMES[type] ?? `authentication type ${type}`;
    return drop(
      'auth-type',
      `it comes with ${name}, this router wants ${AUTHENTICATION_NAMES[expectedType]}`,
    );
  }
  let ahSequence: number | null = null;
  if (authentication.kind === 'pass') {
    const at = VRRP_HEADER_BYTES + 4 * header.addressCount;
    const received = packet.message.subarray(at, at + AUTHENTICATION_DATA_BYTES);
    if (received.length < AUTHENTICATION_DATA_BYTES) {
      return drop('length', `it ends before its password: ${packet.message.length} bytes`);
    }
    if (!equalBytes(received, passwordBytes(authentication.password))) {
      return drop('auth-password', 'its password is not the configured one');
    }
  } else if (authentication.kind === 'ah') {
    const check = checkAuthenticationHeader(packet.whole, packet.headerBytes, {
      password: authentication.password,
      lastSequence: context.ahSequenceLast,
      unicast: !isMulticast(packet.destination),
    });
    if (!check.ok) return check;
    ahSequence = check.sequence;
  }
  if (header.intervalS * 1000 !== context.advertIntervalMs) {
    const own = context.advertIntervalMs / 1000;
    return drop('interval', `it advertises every ${header.intervalS} s, this router every ${own} s`);
  }
  return { ok: true, ahSequence };
}

function checkVersion3(packet: Packet, header: Header, context: ReceptionContext): Dropped | null {
  if (packet.hasAuthenticationHeader) {
    return drop('auth-type', 'it comes with AH, and VRRP version 3 has no authentication');
  }
  if (header.addressCount === 0 && context.allowsNoAddress !== true) {
    return drop('address-count', 'it names no virtual address (RFC 9568 5.2.5 wants one)');
  }
  // Not in the RFC, but three times zero would be a master-down interval of nothing.
  if (header.intervalCs === 0) return drop('interval', 'it names an advertisement interval of zero');
  return null;
}

function checkLength(packet: Packet, header: Header): Dropped | null {
  const authenticationBytes = header.version === 2 ? AUTHENTICATION_DATA_BYTES : 0;
  const expected = VRRP_HEADER_BYTES + header.addressCount * packet.source.length + authenticationBytes;
  if (packet.message.length === expected) return null;
  return drop(
    'length',
    `it has ${packet.message.length} bytes; ${header.addressCount} addresses make ${expected}`,
  );
}

function checksumIsRight(packet: Packet, context: ReceptionContext): boolean {
  const { message, source } = packet;
  const isIpv4 = source.length === 4;
  if (context.version === 2 || (isIpv4 && context.v3ChecksumWithoutPseudoHeader)) {
    return finishSum(sumWords(message)) === 0;
  }
  const rightFor = (destination: Uint8Array) =>
    finishSum(sumWords(message, pseudoHeaderSum(source, destination, PROTOCOL_VRRP, message.length))) === 0;
  if (rightFor(packet.destination)) return true;
  // keepalived up to 1.3.6 computes a unicast checksum as if it were sent to the group.
  const group = parseIp(VRRP_GROUP_IPV4);
  return isIpv4 && context.unicastPeers.length > 0 && group !== null && rightFor(group);
}

function checkOrigin(packet: Packet, context: ReceptionContext): Dropped | null {
  const source = formatIp(packet.source);
  const destination = formatIp(packet.destination);
  const unicast = context.unicastPeers.length > 0;
  if (isMulticast(packet.destination) === unicast) {
    const [its, ours] = unicast ? ['multicast', 'unicast'] : ['unicast', 'multicast'];
    return drop('destination', `it is ${its}, to ${destination}; this router is configured for ${ours}`);
  }
  if (source === context.ownAddress) {
    return drop(
      'source',
      `it comes from our own address ${source}: another host uses it, or the network loops`,
    );
  }
  if (unicast && context.unicastAnySource !== true && !context.unicastPeers.includes(source)) {
    return drop('source', `${source} is none of the unicast peers (${context.unicastPeers.join(', ')})`);
  }
  return null;
}

function readAddresses(packet: Packet, count: number): string[] {
  const size = packet.source.length;
  return Array.from({ length: count }, (_, i) => {
    const at = VRRP_HEADER_BYTES + i * size;
    return formatIp(packet.message.subarray(at, at + size));
  });
}

/**
 * Checks one received packet. `bytes` may be longer than the IPv4 packet (Ethernet padding). Never throws, whatever
 * the bytes are, and never reads past them.
 */
export function decodeAdvertisement(bytes: Uint8Array, context: ReceptionContext): Reception {
  const packet = context.ipv6 === undefined ? dismantleIpv4(bytes) : dismantleIpv6(bytes, context.ipv6);
  if ('ok' in packet) return packet;
  const header = readHeader(packet.message);
  const early = checkTtl(packet, context) ?? checkIdentity(header, context);
  if (early !== null) return early;
  let ahSequence: number | null = null;
  if (context.version === 2) {
    const check = checkVersion2(packet, header, context);
    if (!check.ok) return check;
    ahSequence = check.ahSequence;
  }
  if (header.type !== TYPE_ADVERTISEMENT) {
    return drop('type', `its type is ${header.type}; only 1, advertisement, is defined`);
  }
  const late =
    (context.version === 3 ? checkVersion3(packet, header, context) : null) ?? checkLength(packet, header);
  if (late !== null) return late;
  if (!checksumIsRight(packet, context)) return drop('checksum', 'its checksum is wrong');
  const origin = checkOrigin(packet, context);
  if (origin !== null) return origin;
  return {
    ok: true,
    advertisement: {
      version: context.version,
      vrid: header.vrid,
      priority: header.priority,
      advertIntervalMs: context.version === 2 ? header.intervalS * 1000 : header.intervalCs * 10,
      addresses: readAddresses(packet, header.addressCount),
    },
    source: formatIp(packet.source),
    destination: formatIp(packet.destination),
    ahSequence,
  };
}

/**
 * The virtual router that a received packet is for, to choose the context by; nothing else of it is checked.
 * Null when it is no VRRP packet at all, or names router 0, which does not exist.
 */
export function readVrid(bytes: Uint8Array, family: 4 | 6): number | null {
  let message = bytes;
  if (family === 4) {
    const packet = dismantleIpv4(bytes);
    if ('ok' in packet) return null;
    message = packet.message;
  }
  if (message.length < VRRP_HEADER_BYTES) return null;
  return message[1] || null;
}
