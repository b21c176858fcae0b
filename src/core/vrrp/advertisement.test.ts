import { describe, expect, it } from 'vitest';
import { type Advertisement, type Envelope, encodeAdvertisement } from './advertisement.ts';
import { internetChecksum } from './checksum.ts';
import { GOLDEN_PACKETS } from './golden-packets.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const ADVERTISEMENT: Advertisement = {
  version: 3,
  vrid: 51,
  priority: 150,
  advertIntervalMs: 1000,
  addresses: ['10.9.0.100'],
};
const ENVELOPE: Envelope = {
  source: '10.9.0.1',
  destination: '224.0.0.18',
  authentication: { kind: 'none' },
  identification: 1,
};

describe('encoding an advertisement', () => {
  it.each(GOLDEN_PACKETS)('gives the bytes that keepalived sends: $name', (golden) => {
    expect(hex(encodeAdvertisement(golden.advertisement, golden.envelope))).toBe(golden.hex);
  });

  it('leaves the pseudo-header out of the version 3 checksum when asked to', () => {
    const packet = encodeAdvertisement(ADVERTISEMENT, { ...ENVELOPE, v3ChecksumWithoutPseudoHeader: true });
    expect(internetChecksum(packet.subarray(20))).toBe(0);
    const usual = encodeAdvertisement(ADVERTISEMENT, ENVELOPE);
    expect(internetChecksum(usual.subarray(20))).not.toBe(0);
  });

  it('cuts a PASS password to 8 bytes, as keepalived does', () => {
    const v2 = { ...ADVERTISEMENT, version: 2 } as const;
    const pass = (password: string) =>
      hex(encodeAdvertisement(v2, { ...ENVELOPE, authentication: { kind: 'pass', password } }));
    expect(pass('12345678-and-more')).toBe(pass('12345678'));
    expect(pass('1234567')).not.toBe(pass('12345678'));
  });

  it('rounds a version 3 interval to centiseconds and refuses what 12 bits cannot hold', () => {
    const packet = encodeAdvertisement({ ...ADVERTISEMENT, advertIntervalMs: 104 }, ENVELOPE);
    expect(hex(packet.subarray(24, 26))).toBe('000a');
    const longest = encodeAdvertisement({ ...ADVERTISEMENT, advertIntervalMs: 40_950 }, ENVELOPE);
    expect(hex(longest.subarray(24, 26))).toBe('0fff');
    expect(() => encodeAdvertisement({ ...ADVERTISEMENT, advertIntervalMs: 40_960 }, ENVELOPE)).toThrow(
      /VRRPv3 interval/,
    );
  });

  it.each<[string, Partial<Advertisement>, Partial<Envelope>]>([
    ['a fraction of a second in version 2', { version: 2, advertIntervalMs: 500 }, {}],
    ['authentication in version 3', {}, { authentication: { kind: 'pass', password: 'x' } }],
    ['version 2 over IPv6', { version: 2, addresses: [] }, { source: 'fe80::1', destination: 'ff02::12' }],
    ['addresses of another family', { addresses: ['fe80::1'] }, {}],
    ['AH without a sequence number', { version: 2 }, { authentication: { kind: 'ah', password: 'x' } }],
    ['router 0', { vrid: 0 }, {}],
    ['an address that is none', { addresses: ['10.9.0'] }, {}],
  ])('asserts on %s', (_, advertisement, envelope) => {
    expect(() =>
      encodeAdvertisement({ ...ADVERTISEMENT, ...advertisement }, { ...ENVELOPE, ...envelope }),
    ).toThrow(/assertion failed/);
  });
});
