// The raw sockets that carry VRRP: protocol 112, and 51 when adverts are authenticated with AH (RFC 2338).
// Bytes in, bytes out; core/vrrp knows what they mean. One VrrpSocket serves all virtual routers of an interface
// and family: a raw socket hears every packet of its protocol, so the caller sorts them by VRID.

import { assert } from '../../core/error.ts';
import { formatIp, type IpFamily, parseIp } from '../../core/ip/address.ts';
import { explained, noSuchInterface } from './explain.ts';
import {
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
  AF_INET,
  AF_INET6,
  ipSockaddr,
  MSG_DONTWAIT,
  SO_BINDTODEVICE,
  SO_PRIORITY,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from './sockaddr.ts';

const SOL_IP = 0;
const IP_HDRINCL = 3;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_MULTICAST_ALL = 49;

const SOL_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_MULTICAST_ALL = 29;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;
const IPV6_FREEBIND = 78;

// RFC 9568 section 5.1.1.2 and 5.1.2.2.
const VRRP_GROUP_V4 = '224.0.0.18';
const VRRP_GROUP_V6 = 'ff02::12';

// Internetwork control: the precedence keepalived gives its adverts too.
const TRAFFIC_CLASS = 0xc0;
const TC_PRIO_CONTROL = 7;
const RECEIVE_BUFFER_BYTES = 256 * 1024;
// How many looped-back packets one receive() passes over before it lets the caller breathe.
const OWN_PACKETS_MAX = 64;
const IPV4_HEADER_BYTES = 20;

export type VrrpProtocol = 112 | 51;

export interface VrrpSocketOptions {
  readonly interfaceName: string;
  readonly family: IpFamily;
  /** 51 (AH) is IPv4 only, as in VRRPv2. */
  readonly protocols: readonly VrrpProtocol[];
  /** This node's own address on the interface; packets from it are never reported. IPv6: link-local (RFC 9568 5.1.2.1). */
  readonly sourceAddress: string;
  /** `multicast` joins the group. `unicast` does not. */
  readonly destination: 'multicast' | 'unicast';
  /** Another group than VRRP's own (keepalived's mcast_dst_ip). */
  readonly group?: string;
}

export interface ReceivedPacket {
  /** IPv4: the whole packet with its IP header. IPv6: the payload. A view that the next receive() overwrites. */
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly destination: string;
  /** TTL (IPv4) or hop limit (IPv6). */
  readonly hopLimit: number;
  readonly interfaceIndex: number;
}

export class VrrpSocket {
  /** For the poll list: one descriptor a protocol. */
  readonly fds: readonly number[];
  readonly interfaceIndex: number;
  readonly #family: IpFamily;
  readonly #protocols: readonly VrrpProtocol[];
  readonly #own: string;
  readonly #receiver = new MessageReceiver();
  readonly #formatSource: (bytes: Uint8Array, offset: number) => string;
  readonly #formatDestination: (bytes: Uint8Array, offset: number) => string;
  #destination = '';
  #destinationSockaddr = new Uint8Array();

  constructor(options: VrrpSocketOptions, fds: readonly number[], interfaceIndex: number, own: string) {
    this.fds = fds;
    this.interfaceIndex = interfaceIndex;
    this.#family = options.family;
    this.#protocols = options.protocols;
    this.#own = own;
    this.#formatSource = rememberingFormat(options.family === 4 ? 4 : 16);
    this.#formatDestination = rememberingFormat(options.family === 4 ? 4 : 16);
  }

  /**
   * Sends one packet: IPv4 with its IP header (the kernel fills in the header checksum), IPv6 the payload with its
   * checksum. Never blocks. Null when the kernel took it, else the errno's name: ENETDOWN and ENETUNREACH while the
   * interface is down, EPERM when a firewall drops it, ENODEV when the interface was deleted.
   */
  send(bytes: Uint8Array, destinationAddress: string): string | null {
    if (destinationAddress !== this.#destination) {
      this.#destinationSockaddr = ipSockaddr(
        destinationAddress,
        this.interfaceIndex,
      ) as Uint8Array<ArrayBuffer>;
      this.#destination = destinationAddress;
    }
    const index = this.#protocols.indexOf(this.#family === 4 && bytes[9] === 51 ? 51 : 112);
    const fd = this.fds[Math.max(0, index)] ?? -1;
    const name = this.#destinationSockaddr;
    const sent = libc.sendto(fd, bytes, bytes.length, MSG_DONTWAIT, name, name.length);
    return sent < 0 ? errnoName(lastErrno()) : null;
  }

  /** The next packet of another host, or null when there is none now. Never blocks, never throws. */
  receive(): ReceivedPacket | null {
    for (const fd of this.fds) {
      for (let i = 0; i < OWN_PACKETS_MAX; i++) {
        // A failed read (EAGAIN; ENETDOWN once after the interface went down) clears the socket's error.
        const length = this.#receiver.receive(fd);
        if (length < 0) break;
        const packet = this.#family === 4 ? this.#packetV4(length) : this.#packetV6(length);
        if (packet !== null && packet.source !== this.#own) return packet;
      }
    }
    return null;
  }

  #packetV4(length: number): ReceivedPacket | null {
    if (length < IPV4_HEADER_BYTES) return null;
    const data = this.#receiver.data;
    return {
      bytes: data.subarray(0, length),
      source: this.#formatSource(data, 12),
      destination: this.#formatDestination(data, 16),
      hopLimit: data[8] ?? 0,
      interfaceIndex: this.interfaceIndex,
    };
  }

  #packetV6(length: number): ReceivedPacket | null {
    const control = this.#receiver.control;
    const pktinfo = this.#receiver.findControl(SOL_IPV6, IPV6_PKTINFO);
    const hopLimit = this.#receiver.findControl(SOL_IPV6, IPV6_HOPLIMIT);
    if (pktinfo < 0 || hopLimit < 0) return null;
    return {
      bytes: this.#receiver.data.subarray(0, length),
      source: this.#formatSource(this.#receiver.name, 8),
      destination: this.#formatDestination(new Uint8Array(control.buffer), pktinfo),
      hopLimit: control.getInt32(hopLimit, true),
      interfaceIndex: control.getUint32(pktinfo + 16, true),
    };
  }

  close(): void {
    for (const fd of this.fds) closeFd(fd);
  }
}

function bindToDevice(fd: number, interfaceName: string): void {
  const name = new TextEncoder().encode(`${interfaceName}\0`);
  setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, name, 'setsockopt(SO_BINDTODEVICE)');
}

function tuneBuffers(fd: number): void {
  const value = new Uint8Array(new Int32Array([RECEIVE_BUFFER_BYTES]).buffer);
  // Without CAP_NET_ADMIN the ordinary option is capped by net.core.rmem_max, which is still better than nothing.
  if (libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, value, 4) < 0) {
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, 4);
  }
  const priority = new Uint8Array(new Int32Array([TC_PRIO_CONTROL]).buffer);
  // Only a queueing preference on the way out: an advert that lacks it still goes.
  libc.setsockopt(fd, SOL_SOCKET, SO_PRIORITY, priority, 4);
}

/** ip_mreqn: group, local address (any), interface. */
function membershipV4(group: string, interfaceIndex: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(12));
  bytes.set(parseIp(group) ?? []);
  new DataView(bytes.buffer).setInt32(8, interfaceIndex, true);
  return bytes;
}

/** ipv6_mreq: group, interface. */
function membershipV6(group: string, interfaceIndex: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(20));
  bytes.set(parseIp(group) ?? []);
  new DataView(bytes.buffer).setUint32(16, interfaceIndex, true);
  return bytes;
}

function configureV4(fd: number, options: VrrpSocketOptions, interfaceIndex: number): void {
  const group = membershipV4(options.group ?? VRRP_GROUP_V4, interfaceIndex);
  setOption(fd, SOL_IP, IP_HDRINCL, 1, 'setsockopt(IP_HDRINCL)');
  setOptionBytes(fd, SOL_IP, IP_MULTICAST_IF, group, 'setsockopt(IP_MULTICAST_IF)');
  setOption(fd, SOL_IP, IP_MULTICAST_LOOP, 0, 'setsockopt(IP_MULTICAST_LOOP)');
  setOption(fd, SOL_IP, IP_MULTICAST_ALL, 0, 'setsockopt(IP_MULTICAST_ALL)');
  if (options.destination === 'multicast') {
    setOptionBytes(fd, SOL_IP, IP_ADD_MEMBERSHIP, group, 'setsockopt(IP_ADD_MEMBERSHIP)');
  }
}

function configureV6(fd: number, options: VrrpSocketOptions, interfaceIndex: number): void {
  // IPV6_CHECKSUM stays off (the default for every protocol but ICMPv6): core/vrrp has put the checksum in.
  setOption(fd, SOL_IPV6, IPV6_MULTICAST_HOPS, 255, 'setsockopt(IPV6_MULTICAST_HOPS)');
  setOption(fd, SOL_IPV6, IPV6_UNICAST_HOPS, 255, 'setsockopt(IPV6_UNICAST_HOPS)');
  setOption(fd, SOL_IPV6, IPV6_MULTICAST_IF, interfaceIndex, 'setsockopt(IPV6_MULTICAST_IF)');
  setOption(fd, SOL_IPV6, IPV6_MULTICAST_LOOP, 0, 'setsockopt(IPV6_MULTICAST_LOOP)');
  setOption(fd, SOL_IPV6, IPV6_TCLASS, TRAFFIC_CLASS, 'setsockopt(IPV6_TCLASS)');
  setOption(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1, 'setsockopt(IPV6_RECVPKTINFO)');
  setOption(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1, 'setsockopt(IPV6_RECVHOPLIMIT)');
  // Linux 4.20 and later. Older kernels report other sockets' groups too, which the codec's checks drop.
  libc.setsockopt(fd, SOL_IPV6, IPV6_MULTICAST_ALL, new Uint8Array(4), 4);
  // At boot the link-local address is still tentative (duplicate address detection takes a second): bind regardless.
  setOption(fd, SOL_IPV6, IPV6_FREEBIND, 1, 'setsockopt(IPV6_FREEBIND)');
  if (options.destination === 'multicast') {
    const group = membershipV6(options.group ?? VRRP_GROUP_V6, interfaceIndex);
    setOptionBytes(fd, SOL_IPV6, IPV6_ADD_MEMBERSHIP, group, 'setsockopt(IPV6_ADD_MEMBERSHIP)');
  }
  // Binding chooses the source address of what is sent; multicast is received all the same.
  const own = ipSockaddr(options.sourceAddress, interfaceIndex);
  check(libc.bind(fd, own, own.length), 'bind');
}

function openOne(options: VrrpSocketOptions, protocol: VrrpProtocol, interfaceIndex: number): number {
  const domain = options.family === 4 ? AF_INET : AF_INET6;
  const fd = check(libc.socket(domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), 'socket');
  try {
    bindToDevice(fd, options.interfaceName);
    tuneBuffers(fd);
    if (options.family === 4) configureV4(fd, options, interfaceIndex);
    else configureV6(fd, options, interfaceIndex);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * Opens the sockets on one interface. Throws an OperatorError (missing-capability, no-such-interface, ...).
 * The interface may be down. If it is deleted and made again, it has a new index: close and open again (the route
 * monitor reports both).
 */
export function openVrrpSocket(options: VrrpSocketOptions): VrrpSocket {
  const own = parseIp(options.sourceAddress);
  assert(own !== null && own.length === (options.family === 4 ? 4 : 16), 'source address is of the family');
  assert(options.protocols.length > 0, 'a VRRP socket needs a protocol');
  assert(options.family === 4 || !options.protocols.includes(51), 'AH is VRRPv2, IPv4 only');
  const doing = `open the VRRP socket on ${options.interfaceName}`;
  return explained({ doing, needs: 'CAP_NET_RAW', interfaceName: options.interfaceName }, () => {
    const interfaceIndex = interfaceIndexOf(options.interfaceName);
    if (interfaceIndex === null) throw noSuchInterface(doing, options.interfaceName);
    const fds: number[] = [];
    try {
      for (const protocol of options.protocols) fds.push(openOne(options, protocol, interfaceIndex));
      return new VrrpSocket(options, fds, interfaceIndex, formatIp(own));
    } catch (error) {
      fds.forEach(closeFd);
      throw error;
    }
  });
}
