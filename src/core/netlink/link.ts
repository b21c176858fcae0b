// rtnetlink interfaces (rtnetlink(7), include/uapi/linux/if_link.h): listing them, and the notices of their changes.

import {
  attributeText,
  attributeU8,
  attributeU32,
  decodeAttributes,
  type MessageWriter,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  viewOf,
} from './message.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

const IFINFOMSG_BYTES = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_CARRIER = 33;
const IFLA_EXT_MASK = 29;
// No statistics in the answer: a host with hundreds of interfaces lists faster.
const RTEXT_FILTER_SKIP_STATS = 8;

const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const AF_UNSPEC = 0;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Lower-case, colon-separated; null for an interface without one (tunnels). */
  readonly mac: string | null;
  readonly mtu: number;
  /** Set up by the administrator. */
  readonly up: boolean;
  /** A cable with something at its other end. */
  readonly carrier: boolean;
  /** IFF_RUNNING: up, with carrier, and able to pass packets. */
  readonly running: boolean;
}

export type DecodedLink =
  | { readonly ok: true; readonly link: Link }
  | { readonly ok: false; readonly reason: string };

/** Asks for all interfaces. */
export function encodeDumpLinks(writer: MessageWriter, sequence: number): void {
  writer.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(AF_UNSPEC).u8(0).u16(0).u32(0).u32(0).u32(0);
  writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS).end();
}

function textOfMac(bytes: Uint8Array | undefined): string | null {
  if (bytes === undefined || bytes.length !== 6) return null;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The body of an RTM_NEWLINK or RTM_DELLINK. */
export function decodeLink(body: Uint8Array): DecodedLink {
  if (body.length < IFINFOMSG_BYTES) return { ok: false, reason: 'the link message is cut short' };
  // Bridges announce their ports' states under AF_BRIDGE; those are not changes of the interface.
  if (body[0] !== AF_UNSPEC) return { ok: false, reason: `link message of family ${body[0]}` };
  const attributes = decodeAttributes(body, IFINFOMSG_BYTES);
  const name = attributeText(attributes.get(IFLA_IFNAME));
  if (name === null) return { ok: false, reason: 'the link message holds no name' };
  const view = viewOf(body);
  const flags = view.getUint32(8, true);
  const running = (flags & IFF_RUNNING) !== 0;
  const carrier = attributeU8(attributes.get(IFLA_CARRIER));
  return {
    ok: true,
    link: {
      index: view.getInt32(4, true),
      name,
      mac: textOfMac(attributes.get(IFLA_ADDRESS)),
      mtu: attributeU32(attributes.get(IFLA_MTU)) ?? 0,
      up: (flags & IFF_UP) !== 0,
      carrier: carrier === null ? running : carrier === 1,
      running,
    },
  };
}
