// A packet socket on one interface: whole Ethernet frames out, ARP frames in. Gratuitous ARP after a take-over, probes
// of the gateway, and the answers; unsolicited neighbour advertisements as whole frames go out here just as well.
// core/arp knows what the frames mean.

import { ETHERTYPE_ARP } from '../../core/arp/ethernet.ts';
import { assert } from '../../core/error.ts';
import { parseIp } from '../../core/ip/address.ts';
import {
  assemble,
  attachFilter,
  DROP,
  type Instruction,
  JUMP_EQUAL,
  KEEP,
  LOAD_HALF,
  LOAD_WORD,
} from './bpf.ts';
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
  /** Only replies from this IPv4 address are received; the kernel drops the rest, so that nothing else wakes the poller. */
  readonly repliesFrom?: string;
  /** Only frames whose sender is one of these IPv4 addresses, requests and replies, are received. */
  readonly senders?: readonly string[];
  /** With `senders`: also this host's frames that are about one of these addresses. */
  readonly asker?: { readonly address: string; readonly asksFor: readonly string[] };
}

const OPERATION_AT = ETHERNET_HEADER_BYTES + 6;
const SENDER_AT = ETHERNET_HEADER_BYTES + 14;
const TARGET_AT = ETHERNET_HEADER_BYTES + 24;
const REPLY = 2;
/** A jump's offset is one byte. */
const ADDRESSES_MAX = 250;

function operandOf(text: string): number {
  const address = parseIp(text);
  assert(address !== null && address.length === 4, `${text} is an IPv4 address`);
  return new DataView(address.buffer, address.byteOffset, 4).getUint32(0);
}

/** Tests the word loaded last against each address: on a match to the end of the program, which keeps the frame. */
function keepAnyOf(addresses: readonly string[], instructionsAfter: number): Instruction[] {
  return addresses.map((text, i) => [
    JUMP_EQUAL,
    addresses.length - 1 - i + instructionsAfter,
    0,
    operandOf(text),
  ]);
}

/** Both programs end in "drop", "keep": a jump over one instruction more is a "keep". */
function replyFilter(from: string): Uint8Array<ArrayBuffer> {
  return assemble([
    [LOAD_HALF, 0, 0, OPERATION_AT],
    [JUMP_EQUAL, 0, 2, REPLY],
    [LOAD_WORD, 0, 0, SENDER_AT],
    ...keepAnyOf([from], 1),
    DROP,
    KEEP,
  ]);
}

function senderFilter(senders: readonly string[], asker: ArpSocketOptions['asker']): Uint8Array<ArrayBuffer> {
  const asksFor = asker?.asksFor ?? [];
  assert(senders.length + asksFor.length <= ADDRESSES_MAX, 'the jumps of an ARP filter are one byte long');
  const about: Instruction[] =
    asker === undefined
      ? []
      : [
          [JUMP_EQUAL, 0, asksFor.length + 1, operandOf(asker.address)],
          [LOAD_WORD, 0, 0, TARGET_AT],
          ...keepAnyOf(asksFor, 1),
        ];
  return assemble([
    [LOAD_WORD, 0, 0, SENDER_AT],
    ...keepAnyOf(senders, about.length + 1),
    ...about,
    DROP,
    KEEP,
  ]);
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
      const { repliesFrom, senders, asker } = options;
      if (repliesFrom !== undefined) attachFilter(fd, replyFilter(repliesFrom));
      else if (senders !== undefined) attachFilter(fd, senderFilter(senders, asker));
      const own = packetSockaddr(options.receives ? ETHERTYPE_ARP : 0, interfaceIndex);
      check(libc.bind(fd, own, own.length), 'bind(AF_PACKET)');
      return new ArpSocket(fd, interfaceIndex, options.receives);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  });
}
