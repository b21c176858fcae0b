import { describe, expect, it } from 'vitest';
import { internetChecksum, pseudoHeaderSum } from '../vrrp/checksum.ts';
import {
  decodeNeighbourAdvertisement,
  encodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
  encodeUnsolicitedNeighbourAdvertisement,
  solicitedNodeGroup,
} from './neighbour.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

describe('the unsolicited neighbour advertisement', () => {
  // Captured with tcpdump from keepalived 2.2.7.
  it.each([
    [
      'fe80::99',
      '333300000001020000000001' +
        '86dd6000000000203afffe800000000000000000000000000099ff020000000000000000000000000001' +
        '8800566b20000000fe8000000000000000000000000000990201020000000001',
    ],
    [
      '2001:db8::100',
      '333300000001020000000001' +
        '86dd6000000000203aff20010db8000000000000000000000100ff020000000000000000000000000001' +
        '8800f72c2000000020010db80000000000000000000001000201020000000001',
    ],
  ])('of %s is the frame that keepalived sends', (address, frame) => {
    expect(hex(encodeUnsolicitedNeighbourAdvertisement(MAC, address))).toBe(frame);
  });

  it('sets the router flag only where asked, and mends the checksum', () => {
    const plain = encodeNeighbourAdvertisement(MAC, '2001:db8::100', 'fe80::1');
    const router = encodeNeighbourAdvertisement(MAC, '2001:db8::100', 'fe80::1', true);
    expect([plain[4], router[4]]).toEqual([0x20, 0xa0]);
    const source = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    const allNodes = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    for (const message of [plain, router]) {
      expect(internetChecksum(message, pseudoHeaderSum(source, allNodes, 58, 32))).toBe(0);
    }
  });

  it('asserts on an IPv4 address', () => {
    expect(() => encodeUnsolicitedNeighbourAdvertisement(MAC, '10.9.0.1')).toThrow(/no IPv6 address/);
  });
});

describe('asking who has an address', () => {
  it('names the target and the asker, and goes to the group of the last 24 bits', () => {
    const message = encodeNeighbourSolicitation(MAC, '2001:db8::12:3456');
    expect(hex(message)).toBe(`${'8700000000000000'}20010db80000000000000000001234560101020000000001`);
    expect(solicitedNodeGroup('2001:db8::12:3456')).toBe('ff02::1:ff12:3456');
  });

  it('reads an answer, and tells it from what was sent unasked', () => {
    const unasked = encodeNeighbourAdvertisement(MAC, '2001:db8::100', 'fe80::1');
    expect(decodeNeighbourAdvertisement(unasked)).toEqual({
      target: '2001:db8::100',
      mac: MAC,
      solicited: false,
    });
    const answer = unasked.slice();
    answer[4] = 0x60;
    expect(decodeNeighbourAdvertisement(answer)?.solicited).toBe(true);
  });

  it('passes over other options, and refuses every cut-off or malformed message', () => {
    const whole = encodeNeighbourAdvertisement(MAC, '2001:db8::100', 'fe80::1');
    const nonce = Uint8Array.of(14, 1, 0, 0, 0, 0, 0, 0);
    const longer = Uint8Array.of(...whole.subarray(0, 24), ...nonce, ...whole.subarray(24));
    expect(decodeNeighbourAdvertisement(longer)?.mac).toEqual(MAC);
    for (let length = 0; length < whole.length; length++)
      expect(decodeNeighbourAdvertisement(whole.subarray(0, length))).toBeNull();
    for (const [at, byte] of [
      [0, 135],
      [1, 1],
      [25, 0],
      [25, 2],
    ] as const) {
      const broken = whole.slice();
      broken[at] = byte;
      expect(decodeNeighbourAdvertisement(broken)).toBeNull();
    }
  });
});
