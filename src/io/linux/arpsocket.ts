// A packet socket on one interface: whole Ethernet frames out, ARP frames in. Gratuitous ARP after a take-over, probes
// of the gateway, and the answers; unsolicited neighbour advertisements as whole frames go out here just as well.
// core/arp knows what the frames mean.

import { ETHERTYPE_ARP } from '../../core/arp/ethernet.ts';
import { explained, noSuchInterface } from './explain.ts';
import { check, closeFd, errnoName, interfaceIndexOf, lastErrno, libc } from './libc.ts';
import { MessageReceiver } from './receiver.ts';
import {
  AF_PACKET,
  MSG_DONTWAIT,
  packetSockaddr,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from './sockaddr.ts';

const PACKET_OUTGOING = 4;
const ETHERNET_HEADER_BYTES = 14;
const FRAMES_PASSED_OVER_MAX = 64;

export interface ArpSocketOptions {
  readonly interfaceName: string;
  /**
   * False: for sending only. On a busy network every host's ARP wakes the thread that polls a receiving socket, so
   * it is worth opening a receiving one only for as long as an answer is awaited.
   */
  readonly receives: boolean;
}

export class ArpSocket {
  /** For the poll list, when it receives. */
  readonly fd: number;
  readonly interfaceIndex: number;
  readonly #receiver: MessageReceiver | null;
  readonly #destination: Uint8Array;

  constructor(fd: number, interfaceIndex: number, receives: boolean) {
    this.fd = fd;
    this.interfaceIndex = interfaceIndex;
    this.#receiver = receives ? new MessageReceiver() : null;
    this.#destination = packetSockaddr(ETHERTYPE_ARP, interfaceIndex);
  }

  /** Sends an Ethernet frame, header included. Null when the kernel took it, else the errno's name (ENETDOWN, ENOBUFS, ENXIO). */
  send(frame: Uint8Array): string | null {
    this.#destination[2] = frame[12] ?? 0;
    this.#destination[3] = frame[13] ?? 0;
    const sent = libc.sendto(
      this.fd,
      frame,
      frame.length,
      MSG_DONTWAIT,
      this.#destination,
      this.#destination.length,
    );
    return sent < 0 ? errnoName(lastErrno()) : null;
  }

  /** The next ARP frame of another host with its Ethernet header; null when there is none now. Overwritten by the next call. */
  receive(): Uint8Array | null {
    if (this.#receiver === null) return null;
    for (let i = 0; i < FRAMES_PASSED_OVER_MAX; i++) {
      const length = this.#receiver.receive(this.fd);
      if (length < 0) return null;
      const outgoing = this.#receiver.name[10] === PACKET_OUTGOING;
      if (!outgoing && length >= ETHERNET_HEADER_BYTES) return this.#receiver.data.subarray(0, length);
    }
    return null;
  }

  close(): void {
    closeFd(this.fd);
  }
}

/** Throws an OperatorError (missing-capability, no-such-interface, ...). */
export function openArpSocket(options: ArpSocketOptions): ArpSocket {
  const doing = `open the ARP socket on ${options.interfaceName}`;
  return explained({ doing, needs: 'CAP_NET_RAW', interfaceName: options.interfaceName }, () => {
    const interfaceIndex = interfaceIndexOf(options.interfaceName);
    if (interfaceIndex === null) throw noSuchInterface(doing, options.interfaceName);
    // Protocol 0 until bound: a packet socket made with a protocol hears all interfaces before bind() narrows it.
    const fd = check(libc.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 'socket(AF_PACKET)');
    try {
      const own = packetSockaddr(options.receives ? ETHERTYPE_ARP : 0, interfaceIndex);
      check(libc.bind(fd, own, own.length), 'bind(AF_PACKET)');
      return new ArpSocket(fd, interfaceIndex, options.receives);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  });
}
