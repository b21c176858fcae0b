// One netlink socket: request and answer in a single synchronous turn, and the reading of announcements. The kernel
// works a request off inside sendto, so its answer is there when sendto returns; nothing here waits.

import {
  decodeAnswer,
  decodeMessages,
  type NetlinkMessage,
  NLM_F_DUMP_INTERRUPTED,
  NLMSG_DONE,
} from '../../core/netlink/message.ts';
import { check, closeFd, errnoName, LinuxError, lastErrno, libc, setOption } from './libc.ts';
import {
  AF_NETLINK,
  MSG_TRUNC,
  netlinkSockaddr,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from './sockaddr.ts';

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;

const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

// A dump fills at most 32 KiB a read; larger single announcements (many virtual functions on one card) fit too.
const RECEIVE_BYTES = 128 * 1024;
const RECEIVE_QUEUE_BYTES = 1024 * 1024;
// A dump interrupted by changes is asked for again this often, then taken as it is.
const DUMP_TRIES_MAX = 3;
const READS_PER_DUMP_MAX = 100_000;
const EAGAIN = 11;
const ENOBUFS = 105;
const EBUSY = 16;
const EIO = 5;

// Shared by all netlink sockets of this thread: whatever is read is decoded before the next read.
const received = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));

export class NetlinkSocket {
  readonly fd: number;
  /** The kernel's name for this socket; announcements caused by its requests carry it. */
  readonly portId: number;
  #sequence = 1;

  /** `wantedPort`: a name that others must know beforehand; 0: the kernel gives one. */
  constructor(protocol: number, groups = 0, wantedPort = 0) {
    const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    this.fd = check(libc.socket(AF_NETLINK, type, protocol), 'socket(AF_NETLINK)');
    try {
      const queue = new Uint8Array(new Int32Array([RECEIVE_QUEUE_BYTES]).buffer);
      if (libc.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, queue, 4) < 0) {
        libc.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, queue, 4);
      }
      setOption(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1, 'setsockopt(NETLINK_CAP_ACK)');
      setOption(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1, 'setsockopt(NETLINK_EXT_ACK)');
      const own = netlinkSockaddr(groups, wantedPort);
      check(libc.bind(this.fd, own, own.length), 'bind(AF_NETLINK)');
      const length = new Uint8Array(new Uint32Array([own.length]).buffer);
      check(libc.getsockname(this.fd, own, length), 'getsockname(AF_NETLINK)');
      this.portId = new DataView(own.buffer, own.byteOffset).getUint32(4, true);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** A sequence number not used on this socket before. */
  nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0 || 1;
    return this.#sequence;
  }

  send(bytes: Uint8Array, name: string): void {
    check(libc.sendto(this.fd, bytes, bytes.length, 0, null, 0), name);
  }

  /**
   * Sends a request and reads its acknowledgement. Null, or the refusal: for callers to whom some refusals are no
   * failure. `visit` gets what the kernel sends before the acknowledgement, for requests that ask for one thing.
   */
  try(
    bytes: Uint8Array,
    sequence: number,
    name: string,
    visit: ((message: NetlinkMessage) => void) | null = null,
  ): LinuxError | null {
    this.send(bytes, name);
    for (;;) {
      const messages = this.read();
      if (messages === null) return new LinuxError(name, EIO, 'the kernel sent no answer');
      if (messages === 'overrun') continue;
      for (const message of messages) {
        if (message.sequence !== sequence) continue;
        const answer = decodeAnswer(message);
        if (answer === null) {
          visit?.(message);
          continue;
        }
        return answer.errno === 0 ? null : new LinuxError(name, answer.errno, answer.text);
      }
    }
  }

  /** Sends requests that ask for no acknowledgement; the refusals, by the sequence number of the request. */
  refusals(bytes: Uint8Array, name: string): ReadonlyMap<number, LinuxError> {
    this.send(bytes, name);
    const refused = new Map<number, LinuxError>();
    for (let messages = this.read(); messages !== null; messages = this.read()) {
      if (messages === 'overrun') continue;
      for (const message of messages) {
        const answer = decodeAnswer(message);
        if (answer !== null && answer.errno !== 0)
          refused.set(message.sequence, new LinuxError(name, answer.errno, answer.text));
      }
    }
    return refused;
  }

  /**
   * Sends a batch of nf_tables messages and reads every answer. Null when none was a refusal; else the first one,
   * and then nothing of the batch took effect.
   */
  tryBatch(bytes: Uint8Array, name: string): LinuxError | null {
    this.send(bytes, name);
    let refused: LinuxError | null = null;
    let answered = false;
    for (let messages = this.read(); messages !== null; messages = this.read()) {
      if (messages === 'overrun') continue;
      for (const message of messages) {
        const answer = decodeAnswer(message);
        if (answer === null) continue;
        answered = true;
        if (answer.errno !== 0) refused ??= new LinuxError(name, answer.errno, answer.text);
      }
    }
    return answered ? refused : new LinuxError(name, EIO, 'the kernel sent no answer');
  }

  /** Sends a request and reads its acknowledgement; a refusal is thrown. */
  request(bytes: Uint8Array, sequence: number, name: string): void {
    const refused = this.try(bytes, sequence, name);
    if (refused !== null) throw refused;
  }

  /**
   * Sends a dump request and hands each of its messages to `visit`, which must copy what it keeps. When the kernel
   * says that the table changed meanwhile, `restart` is called and the dump asked for again.
   */
  dump(
    write: (sequence: number) => Uint8Array,
    name: string,
    visit: (message: NetlinkMessage) => void,
    restart: () => void,
  ): void {
    for (let turn = 1; ; turn++) {
      const sequence = this.nextSequence();
      this.send(write(sequence), name);
      const interrupted = this.#readDump(sequence, name, visit);
      if (!interrupted || turn === DUMP_TRIES_MAX) return;
      restart();
    }
  }

  #readDump(sequence: number, name: string, visit: (message: NetlinkMessage) => void): boolean {
    let interrupted = false;
    for (let i = 0; i < READS_PER_DUMP_MAX; i++) {
      const messages = this.read();
      if (messages === null) throw new LinuxError(name, EIO, 'the kernel broke off the list');
      if (messages === 'overrun') {
        interrupted = true;
        continue;
      }
      for (const message of messages) {
        if (message.sequence !== sequence) continue;
        if (message.flags & NLM_F_DUMP_INTERRUPTED) interrupted = true;
        const answer = decodeAnswer(message);
        if (answer === null) visit(message);
        else if (answer.errno !== 0) throw new LinuxError(name, answer.errno, answer.text);
        else if (message.type === NLMSG_DONE) return interrupted;
      }
    }
    throw new LinuxError(name, EBUSY, 'the list does not end');
  }

  /**
   * The messages of the next datagram, valid until the next read on this thread; null when there is none; 'overrun'
   * when the kernel had to drop some.
   */
  read(): NetlinkMessage[] | 'overrun' | null {
    const length = libc.recv(this.fd, received, RECEIVE_BYTES, MSG_TRUNC);
    if (length < 0) {
      const errno = lastErrno();
      if (errno === ENOBUFS) return 'overrun';
      if (errno === EAGAIN) return null;
      throw new LinuxError(`recv(AF_NETLINK), ${errnoName(errno)}`, errno);
    }
    if (length > RECEIVE_BYTES) return 'overrun';
    return decodeMessages(received.subarray(0, length));
  }

  close(): void {
    closeFd(this.fd);
  }
}
