import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmacMd5, hmacMd5Truncated96, md5 } from './md5.ts';

const ascii = (text: string) => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('MD5', () => {
  it.each([
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    ['abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
    [
      '12345678901234567890123456789012345678901234567890123456789012345678901234567890',
      '57edf4a22be3c955ac49da2e2107b67a',
    ],
  ])('hashes %j as RFC 1321 A.5 does', (message, digest) => {
    expect(hex(md5(ascii(message)))).toBe(digest);
  });

  it('agrees with OpenSSL for every length around the block boundaries', () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff);
      expect(hex(md5(bytes)), `${length} bytes`).toBe(createHash('md5').update(bytes).digest('hex'));
    }
  });
});

describe('HMAC-MD5', () => {
  it.each([
    [new Uint8Array(16).fill(0x0b), ascii('Hi There'), '9294727a3638bb1c13f48ef8158bfc9d'],
    [ascii('Jefe'), ascii('what do ya want for nothing?'), '750c783e6ab0b503eaa86e310a5db738'],
    [new Uint8Array(16).fill(0xaa), new Uint8Array(50).fill(0xdd), '56be34521d144c88dbb8c733f0e8b3f6'],
    [
      Uint8Array.from({ length: 25 }, (_, i) => i + 1),
      new Uint8Array(50).fill(0xcd),
      '697eaf0aca3a3aea3a75164746ffaa79',
    ],
    [new Uint8Array(16).fill(0x0c), ascii('Test With Truncation'), '56461ef2342edc00f9bab995690efd4c'],
    [
      new Uint8Array(80).fill(0xaa),
      ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      '6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd',
    ],
    [
      new Uint8Array(80).fill(0xaa),
      ascii('Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data'),
      '6f630fad67cda0ee1fb1f562db3aa53e',
    ],
  ])('gives the digest of RFC 2202 (case %#)', (key, message, digest) => {
    expect(hex(hmacMd5(key, message))).toBe(digest);
  });

  it('truncates to the first 96 bits, RFC 2202 case 5', () => {
    expect(hex(hmacMd5Truncated96(new Uint8Array(16).fill(0x0c), ascii('Test With Truncation')))).toBe(
      '56461ef2342edc00f9bab995',
    );
  });

  it('agrees with OpenSSL for arbitrary keys and messages', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), fc.uint8Array({ maxLength: 300 }), (key, message) => {
        expect(hex(hmacMd5(key, message))).toBe(createHmac('md5', key).update(message).digest('hex'));
      }),
      { numRuns: 200 },
    );
  });
});
