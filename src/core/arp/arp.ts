// ARP for IPv4 over Ethernet (RFC 826): the frames that move a VIP's traffic to this host (gratuitous), ask whether an
// address is in use (probe, RFC 5227), and ask whether a gateway or peer answers (request).
// In the flow: vrrp.step -> {kind:'announce'} -> encodeGratuitousArp -> packet socket; frames received -> decodeArp.

import { assert } from '../error.ts';
import { formatIp, parseIp } from '../ip/address.ts';
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_ARP,
  MAC_BROADCAST,
  MAC_BYTES,
  MAC_ZERO,
  newFrame,
} from './ethernet.ts';

export const ARP_BYTES = 28;
/** Header and ARP, without padding. */
export const ARP_FRAME_BYTES: number = ETHERNET_HEADER_BYTES + ARP_BYTES;

const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;
const OPERATION_REQUEST = 1;
const OPERATION_REPLY = 2;

export interface Arp {
  readonly operation: 'request' | 'reply';
  readonly senderMac: Uint8Array;
  /** Canonical IPv4 texts; a probe's sender is 0.0.0.0. */
  readonly senderIp: string;
  readonly targetMac: Uint8Array;
  readonly targetIp: string;
}

export type ArpDecoded =
  | ({ readonly ok: true } & Arp)
  | { readonly ok: false; readonly reason: 'too-short' | 'not-arp' | 'not-ipv4' | 'operation' | 'sender' };

function ipv4Bytes(text: string): Uint8Array {
  const bytes = parseIp(text);
  assert(bytes?.length === 4, `'${text}' is no IPv4 address`);
  return bytes;
}

/** One ARP frame, 42 bytes. The Ethernet source is the sender's MAC, so that switches learn the new port from it. */
export function encodeArp(arp: Arp, destinationMac: Uint8Array): Uint8Array {
  assert(arp.senderMac.length === MAC_BYTES && arp.targetMac.length === MAC_BYTES, 'a MAC has 6 bytes');
  const frame = newFrame(destinationMac, arp.senderMac, ETHERTYPE_ARP, ARP_BYTES);
  const view = new DataView(frame.buffer, ETHERNET_HEADER_BYTES);
  view.setUint16(0, HARDWARE_ETHERNET);
  view.setUint16(2, PROTOCOL_IPV4);
  view.setUint8(4, MAC_BYTES);
  view.setUint8(5, 4);
  view.setUint16(6, arp.operation === 'request' ? OPERATION_REQUEST : OPERATION_REPLY);
  frame.set(arp.senderMac, ETHERNET_HEADER_BYTES + 8);
  frame.set(ipv4Bytes(arp.senderIp), ETHERNET_HEADER_BYTES + 14);
  frame.set(arp.targetMac, ETHERNET_HEADER_BYTES + 18);
  frame.set(ipv4Bytes(arp.targetIp), ETHERNET_HEADER_BYTES + 24);
  return frame;
}

/**
 * "`address` is at `mac` now", to everybody: sender = target = the address. Requests are what keepalived sends and
 * what every neighbour heeds (RFC 5227 3); some old switches and firewalls heed only replies.
 * The target MAC is broadcast in both forms, as in keepalived's; receivers ignore it.
 */
export function encodeGratuitousArp(
  mac: Uint8Array,
  address: string,
  operation: 'request' | 'reply' = 'request',
): Uint8Array {
  return encodeArp(
    { operation, senderMac: mac, senderIp: address, targetMac: MAC_BROADCAST, targetIp: address },
    MAC_BROADCAST,
  );
}

/** "Does anybody use `address`?", without claiming it: the sender is 0.0.0.0, so no cache is touched (RFC 5227 2.1.1). */
export function encodeArpProbe(mac: Uint8Array, address: string): Uint8Array {
  return encodeArp(
    { operation: 'request', senderMac: mac, senderIp: '0.0.0.0', targetMac: MAC_ZERO, targetIp: address },
    MAC_BROADCAST,
  );
}

/**
 * "Who has `targetIp`? Tell `senderIp`." Broadcast, or straight to a `targetMac` known before, which asks that very
 * host without stirring the others (RFC 1122 2.3.2.1).
 */
export function encodeArpRequest(
  senderMac: Uint8Array,
  senderIp: string,
  targetIp: string,
  targetMac?: Uint8Array,
): Uint8Array {
  return encodeArp(
    { operation: 'request', senderMac, senderIp, targetMac: MAC_ZERO, targetIp },
    targetMac ?? MAC_BROADCAST,
  );
}

/**
 * Reads one received frame, from the Ethernet header on; padding is allowed. Anything but a plain ARP request or
 * reply for IPv4 over Ethernet from a single host gives `ok: false`. Never throws.
 */
export function decodeArp(frame: Uint8Array): ArpDecoded {
  if (frame.length < ARP_FRAME_BYTES) return { ok: false, reason: 'too-short' };
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(12) !== ETHERTYPE_ARP) return { ok: false, reason: 'not-arp' };
  const at = ETHERNET_HEADER_BYTES;
  const isIpv4OverEthernet =
    view.getUint16(at) === HARDWARE_ETHERNET &&
    view.getUint16(at + 2) === PROTOCOL_IPV4 &&
    view.getUint8(at + 4) === MAC_BYTES &&
    view.getUint8(at + 5) === 4;
  if (!isIpv4OverEthernet) return { ok: false, reason: 'not-ipv4' };
  const operation = view.getUint16(at + 6);
  if (operation !== OPERATION_REQUEST && operation !== OPERATION_REPLY) {
    return { ok: false, reason: 'operation' };
  }
  const senderMac = frame.slice(at + 8, at + 14);
  // A group address names no single host; such a sender is forged or broken (RFC 1812 3.3.2).
  if (((senderMac[0] ?? 0) & 1) === 1) return { ok: false, reason: 'sender' };
  return {
    ok: true,
    operation: operation === OPERATION_REQUEST ? 'request' : 'reply',
    senderMac,
    senderIp: formatIp(frame.subarray(at + 14, at + 18)),
    targetMac: frame.slice(at + 18, at + 24),
    targetIp: formatIp(frame.subarray(at + 24, at + 28)),
  };
}
