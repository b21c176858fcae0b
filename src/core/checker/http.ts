// The answer of a web server (RFC 9112), taken in as it arrives: the status, and the body without its framing. Bounded: a server
// that sends without end is told as a failure.

const HEAD_BYTES_MAX = 64 * 1024;
const CHUNK_LINE_BYTES_MAX = 1024;

type Framing =
  | { readonly kind: 'length'; readonly left: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'chunk-line' }
  | { readonly kind: 'chunk'; readonly left: number }
  | { readonly kind: 'chunk-end' }
  | { readonly kind: 'trailers' };

const HEAD_END = [13, 10, 13, 10];

const latin1 = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

function indexOf(bytes: Uint8Array, wanted: readonly number[], from: number): number {
  for (let at = from; at + wanted.length <= bytes.length; at++)
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  return -1;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

export type HttpProgress =
  | { readonly kind: 'more' }
  | { readonly kind: 'done' }
  | { readonly kind: 'malformed'; readonly reason: string };

export class HttpAnswer {
  /** 0 until the head is complete. */
  status = 0;
  readonly body: Uint8Array[] = [];
  bodyBytes = 0;
  readonly #bodyBytesMax: number;
  #pending: Uint8Array = new Uint8Array(0);
  #framing: Framing | null = null;

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Whoever hands in a buffer must not use it again. */
  take(bytes: Uint8Array): HttpProgress {
    this.#pending = join(this.#pending, bytes);
    if (this.#framing === null) {
      const head = this.#takeHead();
      if (head !== null) return head;
    }
    for (;;) {
      const progress = this.#takeBody();
      if (progress !== 'again') return progress;
    }
  }

  /** The server closed the connection. */
  close(): HttpProgress {
    if (this.#framing === null) {
      const reason = this.#pending.length === 0 ? 'no answer' : 'the head of the answer is cut short';
      return { kind: 'malformed', reason };
    }
    if (this.#framing.kind === 'close') return { kind: 'done' };
    return { kind: 'malformed', reason: 'the body is shorter than announced' };
  }

  /** null: the head is complete, go on with the body. */
  #takeHead(): HttpProgress | null {
    const end = indexOf(this.#pending, HEAD_END, 0);
    if (end < 0) {
      return this.#pending.length > HEAD_BYTES_MAX
        ? { kind: 'malformed', reason: 'the head of the answer does not end' }
        : { kind: 'more' };
    }
    const [first = '', ...lines] = latin1(this.#pending.subarray(0, end)).split('\r\n');
    this.#pending = this.#pending.subarray(end + 4);
    const status = /^HTTP\/[0-9.]+ ([0-9]{3})(?: |$)/.exec(first);
    if (status === null) return { kind: 'malformed', reason: 'that is no HTTP' };
    this.status = Number(status[1]);
    if (this.status >= 100 && this.status < 200 && this.status !== 101) return this.#takeHead();
    this.#framing = this.#framingOf(lines);
    return null;
  }

  #framingOf(lines: readonly string[]): Framing {
    const header = (name: string): string | undefined =>
      lines
        .find((line) => line.slice(0, line.indexOf(':')).trim().toLowerCase() === name)
        ?.replace(/^[^:]*:/, '')
        .trim();
    if (this.status === 204 || this.status === 304) return { kind: 'length', left: 0 };
    if (header('transfer-encoding')?.toLowerCase().endsWith('chunked')) return { kind: 'chunk-line' };
    const length = header('content-length');
    if (length !== undefined && /^[0-9]{1,15}$/.test(length)) return { kind: 'length', left: Number(length) };
    return { kind: 'close' };
  }

  #keep(length: number): HttpProgress | null {
    this.bodyBytes += length;
    if (this.bodyBytes > this.#bodyBytesMax)
      return { kind: 'malformed', reason: `the body is larger than ${this.#bodyBytesMax} bytes` };
    if (length > 0) this.body.push(this.#pending.subarray(0, length));
    this.#pending = this.#pending.subarray(length);
    return null;
  }

  #takeBody(): HttpProgress | 'again' {
    const framing = this.#framing;
    if (framing === null) return { kind: 'more' };
    switch (framing.kind) {
      case 'close':
        return this.#keep(this.#pending.length) ?? { kind: 'more' };
      case 'length':
      case 'chunk': {
        const taken = Math.min(framing.left, this.#pending.length);
        const refused = this.#keep(taken);
        if (refused !== null) return refused;
        const left = framing.left - taken;
        this.#framing = { kind: framing.kind, left };
        if (left > 0) return { kind: 'more' };
        if (framing.kind === 'length') return { kind: 'done' };
        this.#framing = { kind: 'chunk-end' };
        return 'again';
      }
      case 'chunk-line':
      case 'chunk-end':
      case 'trailers':
        return this.#takeLine(framing.kind);
    }
  }

  #takeLine(kind: 'chunk-line' | 'chunk-end' | 'trailers'): HttpProgress | 'again' {
    const end = indexOf(this.#pending, [13, 10], 0);
    if (end < 0)
      return this.#pending.length > CHUNK_LINE_BYTES_MAX
        ? { kind: 'malformed', reason: 'a chunk has no length' }
        : { kind: 'more' };
    const line = latin1(this.#pending.subarray(0, end));
    this.#pending = this.#pending.subarray(end + 2);
    if (kind === 'trailers') return line === '' ? { kind: 'done' } : 'again';
    if (kind === 'chunk-end') {
      if (line !== '') return { kind: 'malformed', reason: 'a chunk is longer than announced' };
      this.#framing = { kind: 'chunk-line' };
      return 'again';
    }
    const length = /^([0-9a-fA-F]{1,8})(?:[ \t;]|$)/.exec(line);
    if (length === null) return { kind: 'malformed', reason: 'a chunk has no length' };
    const left = Number.parseInt(length[1] ?? '', 16);
    this.#framing = left === 0 ? { kind: 'trailers' } : { kind: 'chunk', left };
    return 'again';
  }
}

/** As the C daemon asks, with its user agent. */
export function httpRequest(version: '1.0' | '1.0C' | '1.1', path: string, host: string): string {
  const close = version === '1.0' ? '' : 'Connection: close\r\n';
  const number = version === '1.1' ? '1.1' : '1.0';
  return `GET ${path} HTTP/${number}\r\nUser-Agent: KeepAliveClient\r\n${close}Host: ${host}\r\n\r\n`;
}

export const statusAllowed = (
  status: number,
  ranges: readonly (readonly [from: number, to: number])[],
): boolean => ranges.some(([from, to]) => status >= from && status <= to);
