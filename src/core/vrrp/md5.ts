// MD5 (RFC 1321), HMAC-MD5 (RFC 2104) and HMAC-MD5-96 (RFC 2403), for VRRPv2's AH authentication only: it is what
// keepalived speaks. Nothing new may rest on it. Written here because core imports no node:crypto; a packet is 100 bytes.

const BLOCK_BYTES = 64;

/** RFC 1321 3.4: T[i] = floor(2^32 * abs(sin(i + 1))). */
const SINES = Uint32Array.from({ length: 64 }, (_, i) => Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1))));
/** Left rotations, four to a round. */
const ROTATIONS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const;

function pad(message: Uint8Array): DataView {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, message.length * 8, true);
  view.setUint32(padded.length - 4, Math.floor(message.length / 2 ** 29), true);
  return view;
}

function mix(round: number, b: number, c: number, d: number): number {
  if (round === 0) return (b & c) | (~b & d);
  if (round === 1) return (b & d) | (c & ~d);
  if (round === 2) return b ^ c ^ d;
  return c ^ (b | ~d);
}

/** Which of the block's 16 words step `i` reads. */
function wordIndex(round: number, i: number): number {
  if (round === 0) return i;
  if (round === 1) return (5 * i + 1) % 16;
  if (round === 2) return (3 * i + 5) % 16;
  return (7 * i) % 16;
}

function compress(digest: Uint32Array, block: DataView, offset: number): void {
  let [a = 0, b = 0, c = 0, d = 0] = digest;
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const word = block.getUint32(offset + 4 * wordIndex(round, i), true);
    const sum = (a + mix(round, b, c, d) + (SINES[i] ?? 0) + word) | 0;
    const rotation = ROTATIONS[round as 0 | 1 | 2 | 3][(i & 3) as 0 | 1 | 2 | 3];
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << rotation) | (sum >>> (32 - rotation)))) | 0;
  }
  digest[0] = (digest[0] ?? 0) + a;
  digest[1] = (digest[1] ?? 0) + b;
  digest[2] = (digest[2] ?? 0) + c;
  digest[3] = (digest[3] ?? 0) + d;
}

/** MD5 of `message`, 16 bytes. */
export function md5(message: Uint8Array): Uint8Array {
  const digest = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const blocks = pad(message);
  for (let offset = 0; offset < blocks.byteLength; offset += BLOCK_BYTES) compress(digest, blocks, offset);
  const result = new Uint8Array(16);
  const view = new DataView(result.buffer);
  for (const [i, word] of digest.entries()) view.setUint32(4 * i, word, true);
  return result;
}

/** HMAC-MD5 (RFC 2104), 16 bytes. Keys longer than a block are hashed first. */
export function hmacMd5(key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(key.length > BLOCK_BYTES ? md5(key) : key);
  const inner = new Uint8Array(BLOCK_BYTES + message.length);
  inner.set(block.map((byte) => byte ^ 0x36));
  inner.set(message, BLOCK_BYTES);
  const outer = new Uint8Array(BLOCK_BYTES + 16);
  outer.set(block.map((byte) => byte ^ 0x5c));
  outer.set(md5(inner), BLOCK_BYTES);
  return md5(outer);
}

/** The first 96 bits of HMAC-MD5, RFC 2403: 12 bytes. */
export function hmacMd5Truncated96(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmacMd5(key, message).slice(0, 12);
}
