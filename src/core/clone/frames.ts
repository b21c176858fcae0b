// What passes between the node that gives a copy and the node that takes it: words (small JSON texts) and data, in one stream.
// A frame is one byte of kind, four of length (big endian), and the payload. Read and written by io/clone/channel.ts.

export type Frame =
  | { readonly kind: 'word'; readonly text: string }
  /** A piece of a data frame: pieces are passed on as they arrive. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array };

export type Read =
  | { readonly ok: true; readonly frames: readonly Frame[] }
  | { readonly ok: false; readonly reason: string };

const WORD = 1;
const DATA = 2;
const HEAD_BYTES = 5;
const WORD_BYTES_MAX = 64 * 1024;
const DATA_BYTES_MAX = 16 * 1024 * 1024;

function frame(kind: number, payload: Uint8Array): Uint8Array {
  const whole = new Uint8Array(HEAD_BYTES + payload.length);
  whole.set(dataHead(payload.length));
  whole[0] = kind;
  whole.set(payload, HEAD_BYTES);
  return whole;
}

export const encodeWord = (word: unknown): Uint8Array =>
  frame(WORD, new TextEncoder().encode(JSON.stringify(word)));

/** What goes before so many bytes of data. */
export function dataHead(length: number): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  head[0] = DATA;
  new DataView(head.buffer).setUint32(1, length);
  return head;
}

export interface FrameReader {
  push(chunk: Uint8Array): Read;
  /** Whether the stream may end here: not inside a frame. */
  between(): boolean;
}

export function frameReader(): FrameReader {
  let pending: Uint8Array = new Uint8Array(0);
  /** What is left of the data frame that is being read. */
  let dataLeft = 0;

  function next(rest: Uint8Array): { frame: Frame | null; rest: Uint8Array } | string | null {
    if (dataLeft > 0) {
      if (rest.length === 0) return null;
      const bytes = rest.subarray(0, Math.min(dataLeft, rest.length));
      dataLeft -= bytes.length;
      return { frame: { kind: 'data', bytes }, rest: rest.subarray(bytes.length) };
    }
    if (rest.length < HEAD_BYTES) return null;
    const kind = rest[0];
    const length = new DataView(rest.buffer, rest.byteOffset, rest.byteLength).getUint32(1);
    if (kind === DATA) {
      if (length > DATA_BYTES_MAX) return `a data frame of ${length} bytes`;
      dataLeft = length;
      return { frame: null, rest: rest.subarray(HEAD_BYTES) };
    }
    if (kind !== WORD) return `a frame of kind ${kind}`;
    if (length > WORD_BYTES_MAX) return `a word of ${length} bytes`;
    if (rest.length < HEAD_BYTES + length) return null;
    const text = new TextDecoder().decode(rest.subarray(HEAD_BYTES, HEAD_BYTES + length));
    return { frame: { kind: 'word', text }, rest: rest.subarray(HEAD_BYTES + length) };
  }

  return {
    push(chunk) {
      let rest = chunk;
      if (pending.length > 0) {
        rest = new Uint8Array(pending.length + chunk.length);
        rest.set(pending);
        rest.set(chunk, pending.length);
      }
      const frames: Frame[] = [];
      for (;;) {
        const found = next(rest);
        if (found === null) break;
        if (typeof found === 'string') return { ok: false, reason: found };
        if (found.frame !== null) frames.push(found.frame);
        rest = found.rest;
      }
      // A copy: the chunk's memory is the socket's.
      pending = rest.slice();
      return { ok: true, frames };
    },
    between: () => pending.length === 0 && dataLeft === 0,
  };
}
