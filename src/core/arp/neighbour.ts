// Neighbour discovery (RFC 4861): the unsolicited advertisement (4.4 and 7.2.6), which is what gratuitous ARP is for
// IPv6; the solicitation (4.3), which asks who has an address; and the answers to it.
// In the flow: vrrp.step -> {kind:'announce'} -> encodeUnsolicitedNeighbourAdvertisement -> packet socket;
// viptruth.step -> {kind:'ask'} -> encodeNeighbourSolicitation -> ICMPv6 socket -> decodeNeighbourAdvertisement.

import { assert } from '../error.ts';
import { formatIp, parseIp } from '../ip/address.ts';
import { internetChecksum, pseudoHeaderSum } from '../vrrp/checksum.ts';
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV6, MAC_BYTES, newFrame } from './ethernet.ts';

const IPV6_HEADER_BYTES = 40;
const PROTOCOL_ICMPV6 = 58;
/** RFC 4861 7.1.2: receivers drop any other, so that no advertisement comes from beyond the link. */
const HOP_LIMIT = 255;
const TYPE_NEIGHBOUR_SOLICITATION = 135;
const TYPE_NEIGHBOUR_ADVERTISEMENT = 136;
const FLAG_SOLICITED = 0x40;
const OPTION_SOURCE_LINK_LAYER_ADDRESS = 1;
const FLAG_ROUTER = 0x80;
const FLAG_OVERRIDE = 0x20;
const OPTION_TARGET_LINK_LAYER_ADDRESS = 2;
/** Header 4, flags 4, target 16, option 8. */
const MESSAGE_BYTES = 32;

/** All nodes on the link, RFC 4291 2.7.1. */
const ALL_NODES = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
/** The group's MAC, RFC 2464 7. */
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

/**
 * The ICMPv6 message, 32 bytes, its checksum over the pseudo-header of `source` to ff02::1 in it: for a raw ICMPv6
 * socket, which must send with hop limit 255. The override flag makes neighbours replace the MAC they have;
 * `router` keeps a router in their default router lists (a VIP on a database host is none).
 */
export function encodeNeighbourAdvertisement(
  mac: Uint8Array,
  target: string,
  source: string,
  router = false,
): Uint8Array {
  const targetBytes = parseIp(target);
  const sourceBytes = parseIp(source);
  assert(
    targetBytes?.length === 16 && sourceBytes?.length === 16,
    `'${target}', '${source}': no IPv6 address`,
  );
  assert(mac.length === MAC_BYTES, 'a MAC has 6 bytes');
  const message = new Uint8Array(MESSAGE_BYTES);
  message[0] = TYPE_NEIGHBOUR_ADVERTISEMENT;
  message[4] = FLAG_OVERRIDE | (router ? FLAG_ROUTER : 0);
  message.set(targetBytes, 8);
  message[24] = OPTION_TARGET_LINK_LAYER_ADDRESS;
  message[25] = 1; // the option's length, in units of 8 bytes
  message.set(mac, 26);
  const checksum = internetChecksum(
    message,
    pseudoHeaderSum(sourceBytes, ALL_NODES, PROTOCOL_ICMPV6, MESSAGE_BYTES),
  );
  message[2] = checksum >> 8;
  message[3] = checksum & 0xff;
  return message;
}

/**
 * "`address` is at `mac` now", to all nodes on the link, as a whole Ethernet frame of 86 bytes. Its source is the
 * address itself, as keepalived has it; the address must be past duplicate address detection (add it with nodad).
 */
export function encodeUnsolicitedNeighbourAdvertisement(
  mac: Uint8Array,
  address: string,
  router = false,
): Uint8Array {
  const message = encodeNeighbourAdvertisement(mac, address, address, router);
  const frame = newFrame(ALL_NODES_MAC, mac, ETHERTYPE_IPV6, IPV6_HEADER_BYTES + MESSAGE_BYTES);
  const header = new DataView(frame.buffer, ETHERNET_HEADER_BYTES, IPV6_HEADER_BYTES);
  header.setUint8(0, 0x60);
  header.setUint16(4, MESSAGE_BYTES);
  header.setUint8(6, PROTOCOL_ICMPV6);
  header.setUint8(7, HOP_LIMIT);
  frame.set(message.subarray(8, 24), ETHERNET_HEADER_BYTES + 8);
  frame.set(ALL_NODES, ETHERNET_HEADER_BYTES + 24);
  frame.set(message, ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES);
  return frame;
}

/** ff02::1:ffXX:XXXX, the group that the holder of `address` listens to (RFC 4291 2.7.1). */
export function solicitedNodeGroup(address: string): string {
  const bytes = parseIp(address);
  assert(bytes?.length === 16, `'${address}' is no IPv6 address`);
  const group = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0);
  group.set(bytes.subarray(13), 13);
  return formatIp(group);
}

/** "Who has `target`?", for a raw ICMPv6 socket, whose kernel fills the checksum in; to the target's solicited-node group. */
export function encodeNeighbourSolicitation(mac: Uint8Array, target: string): Uint8Array {
  const targetBytes = parseIp(target);
  assert(targetBytes?.length === 16, `'${target}' is no IPv6 address`);
  assert(mac.length === MAC_BYTES, 'a MAC has 6 bytes');
  const message = new Uint8Array(MESSAGE_BYTES);
  message[0] = TYPE_NEIGHBOUR_SOLICITATION;
  message.set(targetBytes, 8);
  message[24] = OPTION_SOURCE_LINK_LAYER_ADDRESS;
  message[25] = 1;
  message.set(mac, 26);
  return message;
}

export interface NeighbourAdvertisement {
  readonly target: string;
  readonly mac: Uint8Array;
  /** An answer; otherwise it was sent unasked. */
  readonly solicited: boolean;
}

/**
 * Reads an ICMPv6 message whose checksum and hop limit the kernel and the socket checked. Null: anything but a
 * neighbour advertisement that carries its sender's MAC. Never throws.
 */
export function decodeNeighbourAdvertisement(bytes: Uint8Array): NeighbourAdvertisement | null {
  if (bytes.length < 24 || bytes[0] !== TYPE_NEIGHBOUR_ADVERTISEMENT || bytes[1] !== 0) return null;
  for (let at = 24; at + 8 <= bytes.length; ) {
    const length = (bytes[at + 1] ?? 0) * 8;
    // RFC 4861 4.6: a message with an option of length zero is dropped.
    if (length === 0) return null;
    if (bytes[at] === OPTION_TARGET_LINK_LAYER_ADDRESS && length === 8) {
      return {
        target: formatIp(bytes.slice(8, 24)),
        mac: bytes.slice(at + 2, at + 8),
        solicited: ((bytes[4] ?? 0) & FLAG_SOLICITED) !== 0,
      };
    }
    at += length;
  }
  return null;
}
