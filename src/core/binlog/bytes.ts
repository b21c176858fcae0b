// Reading the little- and big-endian fields of binary log events. Past the end it throws OutOfBytes, which the decoders
// of this folder turn into a reason: a torn or hostile event never reads beyond itself.

export class OutOfBytes extends Error {}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.position;
  }

  #advance(count: number): number {
    const at = this.position;
    if (count < 0 || count > this.left)
      throw new OutOfBytes(`${count} bytes at ${at} of ${this.#bytes.length}`);
    this.position += count;
    return at;
  }

  bytes(count: number): Uint8Array {
    const at = this.#advance(count);
    return this.#bytes.subarray(at, at + count);
  }

  skip(count: number): void {
    this.#advance(count);
  }

  /** Little-endian, 1 to 6 bytes, unsigned. */
  uint(count: number): number {
    const at = this.#advance(count);
    let value = 0;
    for (let i = count - 1; i >= 0; i--) value = value * 256 + (this.#bytes[at + i] ?? 0);
    return value;
  }

  /** Little-endian, 1 to 4 bytes, signed. */
  int(count: number): number {
    const value = this.uint(count);
    const limit = 256 ** count;
    return value >= limit / 2 ? value - limit : value;
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#advance(8), true);
  }

  float(): number {
    return this.#view.getFloat32(this.#advance(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  /** Big-endian, 0 to 6 bytes, unsigned. */
  bigEndian(count: number): number {
    let value = 0;
    for (const byte of this.bytes(count)) value = value * 256 + byte;
    return value;
  }

  /** The protocol's length-encoded integer. */
  length(): number {
    const first = this.uint(1);
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.uint(2);
    if (first === 0xfd) return this.uint(3);
    if (first === 0xfe) return Number(this.uint64());
    throw new OutOfBytes('no length-encoded integer');
  }
}

/** Bit `index` of a bitmap, lowest bit of the first byte first. */
export const bitOf = (bitmap: Uint8Array, index: number): boolean =>
  (((bitmap[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0').toUpperCase());

export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** Null for text that is no hexadecimal. */
export function bytesOfHex(hex: string): Uint8Array | null {
  if (hex.length % 2 !== 0 || !/^[0-9A-Fa-f]*$/.test(hex)) return null;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Null for bytes that are no UTF-8. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}

const looseUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** Names and statements: what is no UTF-8 shows as a replacement character. */
export const textOf = (bytes: Uint8Array): string => looseUtf8.decode(bytes);
