// A raw ICMPv6 socket on one interface, for neighbour discovery (RFC 4861): messages out with hop limit 255 and a
// chosen source address; neighbour advertisements in. The kernel computes the ICMPv6 checksum.

import { assert } from '../../core/error.ts';
import { parseIp } from '../../core/ip/address.ts';
import { explained, noSuchInterface } from './explain.ts';
import {
  addressOf,
  check,
  closeFd,
  errnoName,
  interfaceIndexOf,
  lastErrno,
  libc,
  setOption,
  setOptionBytes,
} from './libc.ts';
import { MessageReceiver, rememberingFormat } from './receiver.ts';
import {
  AF_INET6,
  ipSockaddr,
  MSG_DONTWAIT,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from './sockaddr.ts';

const IPPROTO_ICMPV6 = 58;
const ICMPV6_FILTER = 1;
const NEIGHBOUR_ADVERTISEMENT = 136;
const SOL_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_FREEBIND = 78;

const MSGHDR_BYTES = 56;
const CONTROL_BYTES = 40;
const CMSGHDR_BYTES = 16;
const IN6_PKTINFO_BYTES = 20;
// RFC 4861 7.1: a message that crossed a router is not to be believed.
const HOP_LIMIT = 255;

export interface NdSocketOptions {
  readonly interfaceName: string;
  /** Report neighbour advertisements (answers to solicitations). */
  readonly receives: boolean;
}

export interface NeighbourMessage {
  /** The ICMPv6 message, its type first. A view that the next receive() overwrites. */
  readonly bytes: Uint8Array;
  readonly source: string;
}

/** msghdr with one iovec and one IPV6_PKTINFO; the payload's and the destination's addresses are filled in for each send. */
class SourcedMessage {
  readonly header = new Uint8Array(new ArrayBuffer(MSGHDR_BYTES));
  readonly #iovec = new Uint8Array(new ArrayBuffer(16));
  readonly #name = new Uint8Array(new ArrayBuffer(28));
  readonly #control = new Uint8Array(new ArrayBuffer(CONTROL_BYTES));
  readonly #payload = new Uint8Array(new ArrayBuffer(1500));

  constructor() {
    const header = new DataView(this.header.buffer);
    header.setBigUint64(0, addressOf(this.#name.buffer), true);
    header.setUint32(8, this.#name.length, true);
    header.setBigUint64(16, addressOf(this.#iovec.buffer), true);
    header.setUint32(24, 1, true);
    header.setBigUint64(32, addressOf(this.#control.buffer), true);
    header.setUint32(40, CONTROL_BYTES, true);
    new DataView(this.#iovec.buffer).setBigUint64(0, addressOf(this.#payload.buffer), true);
    const control = new DataView(this.#control.buffer);
    control.setUint32(0, CMSGHDR_BYTES + IN6_PKTINFO_BYTES, true);
    control.setInt32(8, SOL_IPV6, true);
    control.setInt32(12, IPV6_PKTINFO, true);
  }

  fill(message: Uint8Array, source: string, destination: string, interfaceIndex: number): void {
    const sourceIp = parseIp(source);
    assert(sourceIp !== null && sourceIp.length === 16, `${source} is an IPv6 address`);
    assert(message.length <= this.#payload.length, 'a neighbour message fits into an Ethernet frame');
    this.#payload.set(message);
    new DataView(this.#iovec.buffer).setUint32(8, message.length, true);
    this.#name.set(ipSockaddr(destination, interfaceIndex));
    this.#control.set(sourceIp, CMSGHDR_BYTES);
    new DataView(this.#control.buffer).setUint32(CMSGHDR_BYTES + 16, interfaceIndex, true);
  }
}

export class NdSocket {
  readonly fd: number;
  readonly interfaceIndex: number;
  readonly #receiver: MessageReceiver | null;
  readonly #message = new SourcedMessage();
  readonly #formatSource = rememberingFormat(16);

  constructor(fd: number, interfaceIndex: number, receives: boolean) {
    this.fd = fd;
    this.interfaceIndex = interfaceIndex;
    this.#receiver = receives ? new MessageReceiver() : null;
  }

  /** Sends an ICMPv6 message (type first; its checksum is overwritten). Null when the kernel took it, else the errno's name. */
  send(message: Uint8Array, source: string, destination: string): string | null {
    this.#message.fill(message, source, destination, this.interfaceIndex);
    const sent = libc.sendmsg(this.fd, this.#message.header, MSG_DONTWAIT);
    return sent < 0 ? errnoName(lastErrno()) : null;
  }

  /** The next neighbour advertisement from this link, or null when there is none now. */
  receive(): NeighbourMessage | null {
    if (this.#receiver === null) return null;
    const length = this.#receiver.receive(this.fd);
    if (length < 0) return null;
    const hopLimit = this.#receiver.findControl(SOL_IPV6, IPV6_HOPLIMIT);
    if (hopLimit < 0 || this.#receiver.control.getInt32(hopLimit, true) !== HOP_LIMIT) return null;
    return {
      bytes: this.#receiver.data.subarray(0, length),
      source: this.#formatSource(this.#receiver.name, 8),
    };
  }

  close(): void {
    closeFd(this.fd);
  }
}

/** icmp6_filter: a set bit blocks its type. */
function filterOf(receives: boolean): Uint8Array {
  const blocked = new Uint32Array(8).fill(0xffff_ffff);
  if (receives) blocked[NEIGHBOUR_ADVERTISEMENT >> 5] = ~(1 << (NEIGHBOUR_ADVERTISEMENT & 31)) >>> 0;
  return new Uint8Array(blocked.buffer);
}

/** Throws an OperatorError (missing-capability, no-such-interface, address-family, ...). */
export function openNdSocket(options: NdSocketOptions): NdSocket {
  const doing = `open the neighbour discovery socket on ${options.interfaceName}`;
  return explained({ doing, needs: 'CAP_NET_RAW', interfaceName: options.interfaceName }, () => {
    const index = interfaceIndexOf(options.interfaceName);
    if (index === null) throw noSuchInterface(doing, options.interfaceName);
    const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const fd = check(libc.socket(AF_INET6, type, IPPROTO_ICMPV6), 'socket(ICMPv6)');
    try {
      setOptionBytes(
        fd,
        IPPROTO_ICMPV6,
        ICMPV6_FILTER,
        filterOf(options.receives),
        'setsockopt(ICMPV6_FILTER)',
      );
      const name = new TextEncoder().encode(`${options.interfaceName}\0`);
      setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, name, 'setsockopt(SO_BINDTODEVICE)');
      setOption(fd, SOL_IPV6, IPV6_MULTICAST_IF, index, 'setsockopt(IPV6_MULTICAST_IF)');
      setOption(fd, SOL_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT, 'setsockopt(IPV6_MULTICAST_HOPS)');
      setOption(fd, SOL_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT, 'setsockopt(IPV6_UNICAST_HOPS)');
      setOption(fd, SOL_IPV6, IPV6_MULTICAST_LOOP, 0, 'setsockopt(IPV6_MULTICAST_LOOP)');
      setOption(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1, 'setsockopt(IPV6_RECVHOPLIMIT)');
      // The VIP may be announced in the same millisecond in which it was added, before the kernel calls it usable.
      setOption(fd, SOL_IPV6, IPV6_FREEBIND, 1, 'setsockopt(IPV6_FREEBIND)');
      return new NdSocket(fd, index, options.receives);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  });
}
