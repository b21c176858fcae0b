// Netlink framing (RFC 3549; include/uapi/linux/netlink.h): messages in a datagram, attributes in a message, the
// kernel's answers. Below every other codec of this folder. Numbers are in host order, little-endian on all
// machines supported, unless a comment says otherwise.

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTERRUPTED = 0x10;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** NLM_F_ROOT | NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

// Flags of an NLMSG_ERROR: the request's payload was left out; attributes follow.
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
// NLA_F_NESTED and NLA_F_NET_BYTEORDER.
const ATTRIBUTE_TYPE_MASK = 0x3fff;
const NLA_F_NESTED = 0x8000;

// Not by `& ~3`: lengths from the wire reach 2^32, where JavaScript's bit operations turn negative.
const align4 = (length: number): number => Math.ceil(length / 4) * 4;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The port id of the socket whose request caused it; 0 when the kernel acted by itself. */
  readonly port: number;
  /** What follows the header: a view into the datagram. */
  readonly body: Uint8Array;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The messages of a datagram, up to the first that is cut short or malformed. */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const view = viewOf(bytes);
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > bytes.length - at) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      body: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** The attributes of a message from `offset` on, by type; the last one of a type wins, a malformed one ends the list. */
export function decodeAttributes(bytes: Uint8Array, offset: number): Map<number, Uint8Array> {
  const view = viewOf(bytes);
  const attributes = new Map<number, Uint8Array>();
  let at = offset;
  while (at + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || length > bytes.length - at) break;
    const type = view.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK;
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += align4(length);
  }
  return attributes;
}

export function attributeU8(payload: Uint8Array | undefined): number | null {
  return payload?.[0] ?? null;
}

export function attributeU32(payload: Uint8Array | undefined): number | null {
  return payload === undefined || payload.length < 4 ? null : viewOf(payload).getUint32(0, true);
}

/** A zero-terminated string; bytes outside ASCII (the kernel has none in these) come out as Latin-1. */
export function attributeText(payload: Uint8Array | undefined): string | null {
  if (payload === undefined) return null;
  let text = '';
  for (const byte of payload) {
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** The answer to one request. */
export interface NetlinkAnswer {
  /** 0: done. Else a positive errno. */
  readonly errno: number;
  /** The kernel's own words (NETLINK_EXT_ACK), when it had any. */
  readonly text: string | null;
}

/** The errno and text of an NLMSG_ERROR or NLMSG_DONE; null when the message is neither, or too short. */
export function decodeAnswer(message: NetlinkMessage): NetlinkAnswer | null {
  const { type, body, flags } = message;
  if (type === NLMSG_DONE) {
    // A dump that fails half-way says so in its DONE.
    const errno = body.length >= 4 ? -viewOf(body).getInt32(0, true) : 0;
    return { errno: Math.max(0, errno), text: null };
  }
  if (type !== NLMSG_ERROR || body.length < 4 + HEADER_BYTES) return null;
  const view = viewOf(body);
  const errno = Math.max(0, -view.getInt32(0, true));
  if (!(flags & NLM_F_ACK_TLVS)) return { errno, text: null };
  const requestBytes = flags & NLM_F_CAPPED ? HEADER_BYTES : align4(view.getUint32(4, true));
  const text = attributeText(decodeAttributes(body, 4 + requestBytes).get(NLMSGERR_ATTR_MSG));
  return { errno, text: text === '' ? null : text };
}

/** Builds one datagram of one or more messages in a buffer that is kept for the next. */
export class MessageWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(1024));
  #view = new DataView(this.#bytes.buffer);
  #end = 0;
  #messageStart = 0;

  /** Starts a datagram anew. */
  clear(): this {
    this.#end = 0;
    return this;
  }

  begin(type: number, flags: number, sequence: number): this {
    this.#messageStart = this.#end;
    this.u32(0).u16(type).u16(flags).u32(sequence).u32(0);
    return this;
  }

  /** Closes the message begun last. */
  end(): this {
    this.#view.setUint32(this.#messageStart, this.#end - this.#messageStart, true);
    this.#pad();
    return this;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#view.setUint8(this.#end, value);
    this.#end += 1;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#view.setUint16(this.#end, value, true);
    this.#end += 2;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#end, value, true);
    this.#end += 4;
    return this;
  }

  /** In network order, as port numbers and all of nf_tables are. */
  u16be(value: number): this {
    this.#reserve(2);
    this.#view.setUint16(this.#end, value);
    this.#end += 2;
    return this;
  }

  u32be(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#end, value);
    this.#end += 4;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
    return this;
  }

  attribute(type: number, payload: Uint8Array): this {
    this.u16(ATTRIBUTE_HEADER_BYTES + payload.length)
      .u16(type)
      .raw(payload);
    this.#pad();
    return this;
  }

  attributeU8(type: number, value: number): this {
    this.u16(ATTRIBUTE_HEADER_BYTES + 1)
      .u16(type)
      .u8(value);
    this.#pad();
    return this;
  }

  attributeU32(type: number, value: number): this {
    return this.u16(ATTRIBUTE_HEADER_BYTES + 4)
      .u16(type)
      .u32(value);
  }

  attributeU32be(type: number, value: number): this {
    return this.u16(ATTRIBUTE_HEADER_BYTES + 4)
      .u16(type)
      .u32be(value);
  }

  /** ASCII text with its terminating zero. */
  attributeText(type: number, text: string): this {
    this.u16(ATTRIBUTE_HEADER_BYTES + text.length + 1).u16(type);
    for (let i = 0; i < text.length; i++) this.u8(text.charCodeAt(i));
    this.u8(0);
    this.#pad();
    return this;
  }

  /** An attribute that holds the attributes which `write` appends. */
  nest(type: number, write: (writer: MessageWriter) => void): this {
    const start = this.#end;
    this.u16(0).u16(type | NLA_F_NESTED);
    write(this);
    this.#view.setUint16(start, this.#end - start, true);
    return this;
  }

  /** The datagram so far: a view that the next use of this writer overwrites. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  #pad(): void {
    while (this.#end & 3) this.u8(0);
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return;
    const larger = new Uint8Array(new ArrayBuffer(2 * (this.#bytes.length + more)));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
