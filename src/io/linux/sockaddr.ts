// Socket addresses as the kernel lays them out: sockaddr_in, sockaddr_in6, sockaddr_ll, sockaddr_nl.

import { assert } from '../../core/error.ts';
import { parseIp } from '../../core/ip/address.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;

export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
export const SO_PRIORITY = 12;
export const SO_BINDTODEVICE = 25;
export const SO_RCVBUFFORCE = 33;

export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;

/** sockaddr_in or sockaddr_in6 with port 0. The scope is the interface's index; it matters to link-local addresses. */
export function ipSockaddr(address: string, scopeInterfaceIndex: number): Uint8Array {
  const ip = parseIp(address);
  assert(ip !== null, `${address} is an IP address`);
  const bytes = new Uint8Array(new ArrayBuffer(ip.length === 4 ? 16 : 28));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ip.length === 4 ? AF_INET : AF_INET6, true);
  bytes.set(ip, ip.length === 4 ? 4 : 8);
  if (ip.length === 16) view.setUint32(24, scopeInterfaceIndex, true);
  return bytes;
}

export function packetSockaddr(ethertype: number, interfaceIndex: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(20));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ethertype);
  view.setInt32(4, interfaceIndex, true);
  return bytes;
}

export function netlinkSockaddr(groups: number, port = 0): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(12));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(4, port, true);
  view.setUint32(8, groups, true);
  return bytes;
}
