// DNS messages (RFC 1035): one question out, and as much of the answer as says whether the server serves the name.
import type { DnsType } from './target.ts';

const TYPE_NUMBERS: Readonly<Record<DnsType, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  MX: 15,
  TXT: 16,
  AAAA: 28,
};

const HEADER_BYTES = 12;
const LABEL_BYTES_MAX = 63;
const NAME_BYTES_MAX = 255;
const RECURSION_DESIRED = 0x0100;
const RESPONSE = 0x8000;
const CLASS_IN = 1;

/** `example.com` as labels, with the root at the end; null when a label is empty, too long, or not ASCII. */
export function encodeName(name: string): Uint8Array | null {
  const trimmed = name.replace(/\.$/, '');
  const labels = trimmed === '' ? [] : trimmed.split('.');
  const bytes: number[] = [];
  for (const label of labels) {
    if (label === '' || label.length > LABEL_BYTES_MAX || !/^[\x21-\x7e]+$/.test(label)) return null;
    bytes.push(label.length, ...Array.from(label, (c) => c.charCodeAt(0)));
  }
  bytes.push(0);
  return bytes.length > NAME_BYTES_MAX ? null : Uint8Array.from(bytes);
}

export function encodeQuestion(id: number, name: string, type: DnsType): Uint8Array | null {
  const encoded = encodeName(name);
  if (encoded === null) return null;
  const bytes = new Uint8Array(HEADER_BYTES + encoded.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, RECURSION_DESIRED);
  view.setUint16(4, 1);
  bytes.set(encoded, HEADER_BYTES);
  view.setUint16(HEADER_BYTES + encoded.length, TYPE_NUMBERS[type]);
  view.setUint16(HEADER_BYTES + encoded.length + 2, CLASS_IN);
  return bytes;
}

export type DnsAnswer =
  | { readonly kind: 'answer'; readonly rcode: number }
  /** Not to this question: to be ignored. */
  | { readonly kind: 'stranger'; readonly reason: string };

export function decodeAnswer(bytes: Uint8Array, id: number): DnsAnswer {
  if (bytes.length < HEADER_BYTES) return { kind: 'stranger', reason: 'shorter than a header' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== id) return { kind: 'stranger', reason: 'another id' };
  const flags = view.getUint16(2);
  if (!(flags & RESPONSE)) return { kind: 'stranger', reason: 'a question' };
  return { kind: 'answer', rcode: flags & 0x000f };
}
