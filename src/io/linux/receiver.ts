// recvmsg(2) over buffers that are allocated once: the payload, the sender's address and the control messages
// (hop limit, destination, arrival interface) of one datagram at a time.

import { formatIp } from '../../core/ip/address.ts';
import { addressOf, lastErrno, libc } from './libc.ts';

const NAME_BYTES = 128;
const CONTROL_BYTES = 256;
const MSGHDR_BYTES = 56;
const IOVEC_BYTES = 16;
const CMSGHDR_BYTES = 16;

// Longer than any VRRP packet (255 IPv6 addresses take 4,088 bytes) and than a jumbo frame.
const DATA_BYTES = 9216;

export class MessageReceiver {
  /** The datagram; the first `receive()` bytes count. Overwritten by the next call. */
  readonly data = new Uint8Array(new ArrayBuffer(DATA_BYTES));
  /** The sender's sockaddr. */
  readonly name = new Uint8Array(new ArrayBuffer(NAME_BYTES));
  readonly nameView = new DataView(this.name.buffer);
  readonly #control = new Uint8Array(new ArrayBuffer(CONTROL_BYTES));
  readonly #controlView = new DataView(this.#control.buffer);
  readonly #header = new Uint8Array(new ArrayBuffer(MSGHDR_BYTES));
  readonly #headerView = new DataView(this.#header.buffer);
  readonly #iovec = new Uint8Array(new ArrayBuffer(IOVEC_BYTES));

  constructor() {
    const iovec = new DataView(this.#iovec.buffer);
    iovec.setBigUint64(0, addressOf(this.data.buffer), true);
    iovec.setUint32(8, DATA_BYTES, true);
    this.#headerView.setBigUint64(0, addressOf(this.name.buffer), true);
    this.#headerView.setBigUint64(16, addressOf(this.#iovec.buffer), true);
    this.#headerView.setUint32(24, 1, true);
    this.#headerView.setBigUint64(32, addressOf(this.#control.buffer), true);
  }

  /** The datagram's length, or the errno as a negative number. */
  receive(fd: number): number {
    this.#headerView.setUint32(8, NAME_BYTES, true);
    this.#headerView.setUint32(40, CONTROL_BYTES, true);
    const length = libc.recvmsg(fd, this.#header, 0);
    return length < 0 ? -lastErrno() : length;
  }

  /** The data of the last datagram's control message of that kind, as an offset into `control`; -1 when there is none. */
  findControl(level: number, type: number): number {
    const end = Math.min(this.#headerView.getUint32(40, true), CONTROL_BYTES);
    let at = 0;
    while (at + CMSGHDR_BYTES <= end) {
      const length = this.#controlView.getUint32(at, true);
      if (length < CMSGHDR_BYTES || at + length > end) return -1;
      if (
        this.#controlView.getInt32(at + 8, true) === level &&
        this.#controlView.getInt32(at + 12, true) === type
      ) {
        return at + CMSGHDR_BYTES;
      }
      at += (length + 7) & ~7;
    }
    return -1;
  }

  get control(): DataView {
    return this.#controlView;
  }
}

/**
 * formatIp that remembers its last answer: on a pair's network nearly every packet comes from the same peer, and
 * the text of its address need not be made again for each.
 */
export function rememberingFormat(length: 4 | 16): (bytes: Uint8Array, offset: number) => string {
  const last = new Uint8Array(length);
  let text = '';
  return (bytes, offset) => {
    let same = text !== '';
    for (let i = 0; same && i < length; i++) same = bytes[offset + i] === last[i];
    if (!same) {
      for (let i = 0; i < length; i++) last[i] = bytes[offset + i] ?? 0;
      text = formatIp(last);
    }
    return text;
  };
}
