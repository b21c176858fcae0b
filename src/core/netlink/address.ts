// rtnetlink addresses (rtnetlink(7), include/uapi/linux/if_addr.h): adding with a lifetime, removing, listing, and
// the notices of others doing so. The lifetime is the VIP lease: the kernel drops what nobody renews.

import { formatIp, type IpFamily, parseIp } from '../ip/address.ts';
import {
  attributeText,
  attributeU8,
  attributeU32,
  decodeAttributes,
  type MessageWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  viewOf,
} from './message.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const IFADDRMSG_BYTES = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_PROTO = 11;

const IFA_F_SECONDARY = 0x01;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_HOMEADDRESS = 0x10;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_MANAGETEMPADDR = 0x100;
const IFA_F_NOPREFIXROUTE = 0x200;
const IFA_F_MCAUTOJOIN = 0x400;

const AF_INET = 2;
const AF_INET6 = 10;
const RT_SCOPE_HOST = 254;
/** INFINITY_LIFE_TIME. */
const FOREVER_S = 0xffff_ffff;

/**
 * IFA_PROTO of the addresses this program adds ('T'): after a crash they can be told from an administrator's.
 * Kernels before 5.18 ignore the attribute and report 0.
 */
export const OUR_ADDRESS_PROTOCOL = 0x54;

export interface NewAddress {
  readonly interfaceIndex: number;
  readonly address: string;
  readonly prefix: number;
  /** Whole seconds, at least 1; null: for ever. */
  readonly validLifetimeS: number | null;
  /** IPv4 only, e.g. `eth0:vip`; must begin with the interface's name; at most 15 characters. */
  readonly label?: string;
  /**
   * Without a route to the prefix. The default is true for IPv6 and false for IPv4. An IPv6 address with a lifetime
   * hands its expiry to the subnet's connected route, and where the host's own address came by SLAAC or DHCPv6 the
   * route is shared: it was gone for good after the end of a VIP's lease (seen on Linux 6.18).
   */
  readonly noPrefixRoute?: boolean;
  /**
   * Whole seconds for which the host may choose the address as a source, no more than the valid lifetime; null: as long
   * as it is valid. The default is null for IPv4 and 0 for IPv6.
   */
  readonly preferredLifetimeS?: number | null;
  /** RT_SCOPE_*; the default is host for 127.0.0.0/8 and universe for all others. */
  readonly scope?: number;
  /** IPv4 only. */
  readonly broadcast?: string;
  /** The other end of a point-to-point link; the prefix length is that of the peer's network. */
  readonly peer?: string;
  /** IPv6: Mobile IPv6's home address (RFC 6275). */
  readonly home?: boolean;
  /** IPv6: the kernel makes temporary addresses (RFC 8981) from this one. */
  readonly manageTemporary?: boolean;
  /** Joins the multicast group that the address is. */
  readonly autoJoin?: boolean;
}

/** Which address: the interface, the address and, because IPv4 allows one address twice, its prefix length. */
export interface AddressKey {
  readonly interfaceIndex: number;
  readonly address: string;
  readonly prefix: number;
  /** Not given: the address has no other end. */
  readonly peer?: string;
}

export interface InterfaceAddress extends AddressKey {
  readonly family: IpFamily;
  readonly label: string | null;
  /** Seconds left when the kernel was asked; null: for ever. */
  readonly validLifetimeS: number | null;
  readonly preferredLifetimeS: number | null;
  /** IFA_PROTO: who added it; 0 when unknown. OUR_ADDRESS_PROTOCOL: this program. */
  readonly protocol: number;
  /** IPv4: another address of the same subnet is the primary, and deleting that one deletes this one too (promote_secondaries=0). */
  readonly secondary: boolean;
  /** IPv6: duplicate address detection is not over. */
  readonly tentative: boolean;
  /** IPv6: another host has the address; the kernel does not use it. */
  readonly duplicate: boolean;
}

function writeIfaddrmsg(
  writer: MessageWriter,
  key: AddressKey,
  ip: Uint8Array,
  flags: number,
  scope = ip[0] === 127 && ip.length === 4 ? RT_SCOPE_HOST : 0,
): void {
  writer
    .u8(ip.length === 4 ? AF_INET : AF_INET6)
    .u8(key.prefix)
    .u8(flags & 0xff)
    .u8(scope)
    .u32(key.interfaceIndex)
    .attribute(IFA_LOCAL, ip)
    .attribute(IFA_ADDRESS, (key.peer === undefined ? null : parseIp(key.peer)) ?? ip);
}

function flagsOf(wanted: NewAddress, v6: boolean): number {
  // NODAD: the address is moved on purpose, and a tentative second without service is what failover is to avoid.
  let flags = v6 ? IFA_F_NODAD : 0;
  if (wanted.noPrefixRoute ?? v6) flags |= IFA_F_NOPREFIXROUTE;
  if (wanted.home) flags |= IFA_F_HOMEADDRESS;
  if (wanted.manageTemporary) flags |= IFA_F_MANAGETEMPADDR;
  if (wanted.autoJoin) flags |= IFA_F_MCAUTOJOIN;
  return flags;
}

/** Without `acknowledged` the kernel answers a refusal only. */
export interface AddOptions {
  readonly acknowledged: boolean;
}

/** Adds the address, or renews the lifetime of the one that is there. False when the text is no address. */
export function encodeAddAddress(
  writer: MessageWriter,
  sequence: number,
  wanted: NewAddress,
  { acknowledged }: AddOptions = { acknowledged: true },
): boolean {
  const ip = parseIp(wanted.address);
  if (ip === null) return false;
  const v6 = ip.length === 16;
  const flags = flagsOf(wanted, v6);
  const valid = wanted.validLifetimeS ?? FOREVER_S;
  // IPv6: preferred 0 makes the address deprecated, so that the host never picks it as the source of its own connections.
  const preferred = wanted.preferredLifetimeS === undefined ? (v6 ? 0 : null) : wanted.preferredLifetimeS;
  const acknowledge = acknowledged ? NLM_F_ACK : 0;
  writer.begin(RTM_NEWADDR, NLM_F_REQUEST | acknowledge | NLM_F_CREATE | NLM_F_REPLACE, sequence);
  writeIfaddrmsg(writer, wanted, ip, flags, wanted.scope);
  const broadcast = wanted.broadcast === undefined || v6 ? null : parseIp(wanted.broadcast);
  if (broadcast !== null) writer.attribute(IFA_BROADCAST, broadcast);
  if (wanted.label !== undefined && !v6) writer.attributeText(IFA_LABEL, wanted.label);
  writer.u16(4 + 16).u16(IFA_CACHEINFO);
  writer
    .u32(preferred === null ? valid : Math.min(preferred, valid))
    .u32(valid)
    .u32(0)
    .u32(0);
  writer.attributeU32(IFA_FLAGS, flags).attributeU8(IFA_PROTO, OUR_ADDRESS_PROTOCOL).end();
  return true;
}

/** False when the text is no address. */
export function encodeRemoveAddress(writer: MessageWriter, sequence: number, key: AddressKey): boolean {
  const ip = parseIp(key.address);
  if (ip === null) return false;
  writer.begin(RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, sequence);
  writeIfaddrmsg(writer, key, ip, 0);
  writer.end();
  return true;
}

/** Asks for the addresses of all interfaces, of both families. */
export function encodeDumpAddresses(writer: MessageWriter, sequence: number): void {
  writer
    .begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u32(0)
    .end();
}

export type DecodedAddress =
  | { readonly ok: true; readonly address: InterfaceAddress }
  | { readonly ok: false; readonly reason: string };

/** IFA_ADDRESS where it is another address than IFA_LOCAL. */
function peerOf(attributes: ReadonlyMap<number, Uint8Array>, address: string): string | null {
  const other = attributes.get(IFA_ADDRESS);
  if (other === undefined || (other.length !== 4 && other.length !== 16)) return null;
  const text = formatIp(other);
  return text === address ? null : text;
}

const lifetime = (seconds: number): number | null => (seconds === FOREVER_S ? null : seconds);

function textOfAddress(attributes: ReadonlyMap<number, Uint8Array>, bytes: number): string | null {
  // On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL, where present, is always this one.
  const ip = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  return ip === undefined || ip.length !== bytes ? null : formatIp(ip);
}

/** The body of an RTM_NEWADDR or RTM_DELADDR. */
export function decodeAddress(body: Uint8Array): DecodedAddress {
  if (body.length < IFADDRMSG_BYTES) return { ok: false, reason: 'the address message is cut short' };
  const family = body[0] === AF_INET ? 4 : body[0] === AF_INET6 ? 6 : null;
  if (family === null) return { ok: false, reason: `address family ${body[0]} is neither IPv4 nor IPv6` };
  const attributes = decodeAttributes(body, IFADDRMSG_BYTES);
  const address = textOfAddress(attributes, family === 4 ? 4 : 16);
  if (address === null) return { ok: false, reason: 'the address message holds no address' };
  const peer = peerOf(attributes, address);
  const cacheinfo = attributes.get(IFA_CACHEINFO);
  const times = cacheinfo !== undefined && cacheinfo.length >= 8 ? viewOf(cacheinfo) : null;
  const flags = attributeU32(attributes.get(IFA_FLAGS)) ?? body[2] ?? 0;
  return {
    ok: true,
    address: {
      interfaceIndex: viewOf(body).getUint32(4, true),
      address,
      prefix: body[1] ?? 0,
      ...(peer === null ? {} : { peer }),
      family,
      label: attributeText(attributes.get(IFA_LABEL)),
      validLifetimeS: times === null ? null : lifetime(times.getUint32(4, true)),
      preferredLifetimeS: times === null ? null : lifetime(times.getUint32(0, true)),
      protocol: attributeU8(attributes.get(IFA_PROTO)) ?? 0,
      secondary: family === 4 && (flags & IFA_F_SECONDARY) !== 0,
      tentative: (flags & IFA_F_TENTATIVE) !== 0,
      duplicate: (flags & IFA_F_DADFAILED) !== 0,
    },
  };
}
