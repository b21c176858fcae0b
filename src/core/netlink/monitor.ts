// What the kernel announces about interfaces and addresses, as events: a cable pulled, an address deleted by hand,
// a lease that ran out.

import { decodeAddress, type InterfaceAddress, RTM_DELADDR, RTM_NEWADDR } from './address.ts';
import { decodeLink, type Link, RTM_DELLINK, RTM_NEWLINK } from './link.ts';
import type { NetlinkMessage } from './message.ts';

/** Bits of the socket address's group mask. */
export const RTMGRP_LINK = 0x1;
export const RTMGRP_IPV4_IFADDR = 0x10;
export const RTMGRP_IPV6_IFADDR = 0x100;

export type LinkEvent =
  /** New or changed; the kernel may repeat itself without a difference. */
  { readonly kind: 'link'; readonly link: Link } | { readonly kind: 'link-removed'; readonly link: Link };

export type AddressEvent =
  /** New, renewed, or changed (e.g. duplicate address detection ended). */
  | { readonly kind: 'address-added'; readonly address: InterfaceAddress; readonly originPort: number }
  /** Deleted by someone, or its lifetime ended (then originPort is 0). */
  | { readonly kind: 'address-removed'; readonly address: InterfaceAddress; readonly originPort: number };

/** Announcements were lost: list links and addresses again. */
export interface OverrunEvent {
  readonly kind: 'overrun';
}

export type RouteEvent = LinkEvent | AddressEvent | OverrunEvent;

/** The event that a notice stands for; null for notices that are none of our business, and for malformed ones. */
export function decodeRouteEvent(message: NetlinkMessage): RouteEvent | null {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const decoded = decodeLink(message.body);
      if (!decoded.ok) return null;
      return { kind: message.type === RTM_NEWLINK ? 'link' : 'link-removed', link: decoded.link };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const decoded = decodeAddress(message.body);
      if (!decoded.ok) return null;
      const kind = message.type === RTM_NEWADDR ? 'address-added' : 'address-removed';
      return { kind, address: decoded.address, originPort: message.port };
    }
    default:
      return null;
  }
}
