// Interfaces stacked on another one (include/uapi/linux/if_link.h): the macvlan that carries VRRP's virtual MAC (RFC 9568
// section 7.3), and the ipvlan that shares its base's MAC. Made by src/app/keepalived/wire/vmac.ts.

import type { IpFamily } from '../ip/address.ts';
import { RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK } from './link.ts';
import {
  attributeText,
  attributeU32,
  decodeAttributes,
  type MessageWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  viewOf,
} from './message.ts';

const IFINFOMSG_BYTES = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_AF_SPEC = 26;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;
const IFLA_INET6_ADDR_GEN_MODE = 8;

// Of the modes in which the macvlans of one base do not talk to each other (private, vepa), the one that leaves multicast to the base
// interface even when its source is the macvlan's own MAC. All routers of a virtual router send with that MAC, and they are heard on the
// base; a private macvlan would take their adverts for itself, where they are lost unless it joins VRRP's group with reports of its own.
const MACVLAN_MODE_VEPA = 2;
const IPVLAN_MODE_L2 = 0;
const IPVLAN_FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFF_UP = 0x1;
const AF_UNSPEC = 0;
const AF_INET6 = 10;

export type IpvlanFlag = keyof typeof IPVLAN_FLAGS;

export type StackedKind =
  | { readonly kind: 'macvlan'; readonly mac: string }
  | { readonly kind: 'ipvlan'; readonly flag: IpvlanFlag };

export interface NewStackedLink {
  readonly name: string;
  readonly baseIndex: number;
  readonly type: StackedKind;
}

export interface StackedLink {
  readonly index: number;
  readonly name: string;
  /** `macvlan`, `ipvlan`, or what else it is: `veth`, `bridge`; null for a plain device. */
  readonly kind: string | null;
  /** Of a macvlan, whether it is one as encodeAddStackedLink makes it; the C daemon's are private. */
  readonly hearsOnBase: boolean;
  /** 0: it stands on none. */
  readonly baseIndex: number;
  readonly mac: string | null;
}

/** 00:00:5e:00:01:VRID for IPv4, 00:00:5e:00:02:VRID for IPv6. */
export function virtualMac(family: IpFamily, vrid: number): string {
  return `00:00:5e:00:0${family === 4 ? 1 : 2}:${vrid.toString(16).padStart(2, '0')}`;
}

/** Six octets, colon-separated; null when the text is no MAC address of a single host. */
export function parseMac(text: string): Uint8Array | null {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) return null;
  const bytes = Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16));
  return (bytes[0] ?? 1) & 1 || bytes.every((byte) => byte === 0) ? null : bytes;
}

function ifinfomsg(writer: MessageWriter, index: number, flags: number, change: number): void {
  writer.u8(AF_UNSPEC).u8(0).u16(0).u32(index).u32(flags).u32(change);
}

/** False when the MAC is none. */
export function encodeAddStackedLink(
  writer: MessageWriter,
  sequence: number,
  wanted: NewStackedLink,
): boolean {
  const { type } = wanted;
  const mac = type.kind === 'macvlan' ? parseMac(type.mac) : null;
  if (type.kind === 'macvlan' && mac === null) return false;
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sequence);
  ifinfomsg(writer, 0, 0, 0);
  writer.attributeU32(IFLA_LINK, wanted.baseIndex).attributeText(IFLA_IFNAME, wanted.name);
  if (mac !== null) writer.attribute(IFLA_ADDRESS, mac);
  writer.nest(IFLA_LINKINFO, (info) => {
    info.attributeText(IFLA_INFO_KIND, type.kind).nest(IFLA_INFO_DATA, (data) => {
      if (type.kind === 'macvlan') data.attributeU32(IFLA_MACVLAN_MODE, MACVLAN_MODE_VEPA);
      else {
        data.attribute(IFLA_IPVLAN_MODE, Uint8Array.of(IPVLAN_MODE_L2, 0));
        data.attribute(IFLA_IPVLAN_FLAGS, Uint8Array.of(IPVLAN_FLAGS[type.flag], 0));
      }
    });
  });
  writer.end();
  return true;
}

export function encodeRemoveLink(writer: MessageWriter, sequence: number, index: number): void {
  writer.begin(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  ifinfomsg(writer, index, 0, 0);
  writer.end();
}

export function encodeSetLink(writer: MessageWriter, sequence: number, index: number, up: boolean): void {
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  ifinfomsg(writer, index, up ? IFF_UP : 0, IFF_UP);
  writer.end();
}

/** The kernel makes no link-local address from the interface's MAC: with the virtual MAC all masters would have the same. */
export function encodeNoLinkLocal(writer: MessageWriter, sequence: number, index: number): void {
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  ifinfomsg(writer, index, 0, 0);
  writer.nest(IFLA_AF_SPEC, (families) => {
    families.nest(AF_INET6, (v6) =>
      v6.attribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(IN6_ADDR_GEN_MODE_NONE)),
    );
  });
  writer.end();
}

/** Asks for one interface by its name. */
export function encodeFindLink(writer: MessageWriter, sequence: number, name: string): void {
  writer.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  ifinfomsg(writer, 0, 0, 0);
  writer.attributeText(IFLA_IFNAME, name).end();
}

/** The body of an RTM_NEWLINK; null when it is cut short or nameless. */
export function decodeStackedLink(body: Uint8Array): StackedLink | null {
  if (body.length < IFINFOMSG_BYTES) return null;
  const attributes = decodeAttributes(body, IFINFOMSG_BYTES);
  const name = attributeText(attributes.get(IFLA_IFNAME));
  if (name === null) return null;
  const info = attributes.get(IFLA_LINKINFO);
  const details = info === undefined ? null : decodeAttributes(info, 0);
  const data = details?.get(IFLA_INFO_DATA);
  const mode = data === undefined ? null : attributeU32(decodeAttributes(data, 0).get(IFLA_MACVLAN_MODE));
  const mac = attributes.get(IFLA_ADDRESS);
  return {
    index: viewOf(body).getInt32(4, true),
    name,
    kind: attributeText(details?.get(IFLA_INFO_KIND)),
    hearsOnBase: mode === MACVLAN_MODE_VEPA,
    baseIndex: attributeU32(attributes.get(IFLA_LINK)) ?? 0,
    mac: mac?.length === 6 ? Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':') : null,
  };
}
