import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIp } from '../ip/address.ts';
import { type Advertisement, type Envelope, encodeAdvertisement, isMulticast } from './advertisement.ts';
import { internetChecksum, pseudoHeaderSum } from './checksum.ts';
import { GOLDEN_PACKETS, type GoldenPacket } from './golden-packets.ts';
import { DROP_REASONS, decodeAdvertisement, type ReceptionContext, readVrid } from './reception.ts';

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

/** The context of a router that should accept the packet. */
function contextFor(advertisement: Advertisement, envelope: Envelope): ReceptionContext {
  const isIpv4 = !envelope.source.includes(':');
  const unicast = !isMulticast(parseIp(envelope.destination) ?? new Uint8Array(4));
  return {
    version: advertisement.version,
    vrid: advertisement.vrid,
    authentication: envelope.authentication,
    advertIntervalMs: advertisement.advertIntervalMs,
    ahSequenceLast: 0,
    unicastPeers: unicast ? [envelope.source] : [],
    ownAddress: isIpv4 ? '10.9.0.9' : '2001:db8::9',
    v3ChecksumWithoutPseudoHeader: envelope.v3ChecksumWithoutPseudoHeader ?? false,
    ...(isIpv4
      ? {}
      : { ipv6: { source: envelope.source, destination: envelope.destination, hopLimit: 255 } }),
  };
}

function golden(name: string): GoldenPacket {
  const packet = GOLDEN_PACKETS.find((each) => each.name === name);
  if (packet === undefined) throw new Error(`no golden packet called '${name}'`);
  return packet;
}

/** Sets the byte at `offset` of the VRRP message of a plain IPv4 packet, and mends the checksum. */
function patched(packet: GoldenPacket, offset: number, value: number): Uint8Array {
  const bytes = bytesOf(packet.hex);
  bytes[20 + offset] = value;
  bytes.fill(0, 26, 28);
  const message = bytes.subarray(20);
  const initial =
    packet.advertisement.version === 2
      ? 0
      : pseudoHeaderSum(bytes.slice(12, 16), bytes.slice(16, 20), 112, message.length);
  const sum = internetChecksum(message, initial);
  bytes[26] = sum >> 8;
  bytes[27] = sum & 0xff;
  return bytes;
}

/** What becomes of `bytes` in the context of a golden packet, altered by `change`. */
function reasonFor(packet: GoldenPacket, bytes: Uint8Array, change: Partial<ReceptionContext> = {}) {
  const result = decodeAdvertisement(bytes, {
    ...contextFor(packet.advertisement, packet.envelope),
    ...change,
  });
  return result.ok ? 'accepted' : result.reason;
}

const V2 = golden('version 2 without authentication');
const PASS = golden('version 2 with a password');
const AH = golden('version 2 with AH');
const V3 = golden('version 3');
const V3_UNICAST = golden('version 3 to a unicast peer');
const V6 = golden('version 3 over IPv6');

describe('decoding an advertisement', () => {
  it.each(GOLDEN_PACKETS)('reads what keepalived sends: $name', (packet) => {
    const result = decodeAdvertisement(
      bytesOf(packet.hex),
      contextFor(packet.advertisement, packet.envelope),
    );
    expect(result).toEqual({
      ok: true,
      advertisement: packet.advertisement,
      source: packet.envelope.source,
      destination: packet.envelope.destination,
      ahSequence: packet.envelope.ahSequence ?? null,
    });
    expect(readVrid(bytesOf(packet.hex), packet.envelope.source.includes(':') ? 6 : 4)).toBe(
      packet.advertisement.vrid,
    );
  });

  it('allows for Ethernet padding behind the IP packet', () => {
    expect(reasonFor(V3, bytesOf(`${V3.hex}${'00'.repeat(14)}`))).toBe('accepted');
    expect(reasonFor(AH, bytesOf(`${AH.hex}0000`))).toBe('accepted');
  });

  it('reads the pseudo-header of the group in a unicast packet of an old keepalived', () => {
    const toGroup = bytesOf(V3.hex);
    const packet = bytesOf(V3_UNICAST.hex);
    packet.set(toGroup.subarray(26, 28), 26);
    expect(reasonFor(V3_UNICAST, packet)).toBe('accepted');
  });

  it('takes checksums without pseudo-header only where configured', () => {
    const envelope = { ...V3.envelope, v3ChecksumWithoutPseudoHeader: true };
    const packet = encodeAdvertisement(V3.advertisement, envelope);
    expect(reasonFor(V3, packet, { v3ChecksumWithoutPseudoHeader: true })).toBe('accepted');
    expect(reasonFor(V3, packet)).toBe('checksum');
    expect(reasonFor(V3, bytesOf(V3.hex), { v3ChecksumWithoutPseudoHeader: true })).toBe('checksum');
  });

  it.each<[string, string, string]>([
    ['too-short', 'nothing at all', ''],
    ['too-short', 'half a header', V3.hex.slice(0, 20)],
    ['too-short', 'an IP length beyond the bytes', V3.hex.slice(0, -2)],
    ['too-short', 'a version 6 header', `6${V3.hex.slice(1)}`],
    ['too-short', 'no room for the VRRP header', `45c0001a${V3.hex.slice(8, 52)}`],
    ['not-vrrp', 'UDP', `${V3.hex.slice(0, 18)}11${V3.hex.slice(20)}`],
    ['ttl', 'TTL 254', `${V3.hex.slice(0, 16)}fe${V3.hex.slice(18)}`],
    ['checksum', 'a flipped address bit', `${V3.hex.slice(0, -1)}5`],
    ['destination', 'a unicast packet', V3_UNICAST.hex],
  ])('drops as %s: %s', (reason, _, hex) => {
    expect(reasonFor(V3, bytesOf(hex))).toBe(reason);
  });

  it('drops another version, type, router, count or interval under its own name', () => {
    expect(reasonFor(V2, bytesOf(V3.hex))).toBe('version');
    expect(reasonFor(V3, patched(V3, 0, 0x32))).toBe('type');
    expect(reasonFor(V3, patched(V3, 1, 52))).toBe('vrid');
    expect(reasonFor(V3, patched(V3, 1, 0))).toBe('vrid');
    expect(reasonFor(V3, patched(V3, 3, 0))).toBe('address-count');
    expect(reasonFor(V3, patched(V3, 3, 2))).toBe('length');
    expect(reasonFor(V2, patched(V2, 3, 2))).toBe('length');
    expect(reasonFor(PASS, patched(PASS, 3, 2))).toBe('length');
    expect(reasonFor(V3, patched(V3, 5, 0))).toBe('interval');
    expect(reasonFor(V2, patched(V2, 5, 2))).toBe('interval');
  });

  it('drops a message that is longer than its addresses make it', () => {
    const addresses = ['10.9.0.100', '10.9.0.101'];
    const two = encodeAdvertisement({ ...V3.advertisement, addresses }, V3.envelope);
    const packet = { ...V3, hex: Buffer.from(two).toString('hex') };
    expect(reasonFor(V3, patched(packet, 3, 1))).toBe('length');
  });

  it('takes any version 3 interval, and only the configured one in version 2', () => {
    expect(reasonFor(V3, bytesOf(V3.hex), { advertIntervalMs: 100 })).toBe('accepted');
    expect(reasonFor(V2, bytesOf(V2.hex), { advertIntervalMs: 2000 })).toBe('interval');
  });

  it('ignores the TTL of unicast, as keepalived does, and demands a hop limit of 255 in IPv6 multicast', () => {
    const routed = bytesOf(V3_UNICAST.hex);
    routed[8] = 60;
    expect(reasonFor(V3_UNICAST, routed)).toBe('accepted');
    const ipv6 = { source: 'fe80::ff:fe00:1', destination: 'ff02::12', hopLimit: 254 };
    expect(reasonFor(V6, bytesOf(V6.hex), { ipv6 })).toBe('ttl');
  });

  it('checks where it comes from: a listed peer in unicast, never our own address', () => {
    expect(reasonFor(V3_UNICAST, bytesOf(V3_UNICAST.hex), { unicastPeers: ['10.9.0.7'] })).toBe('source');
    expect(reasonFor(V3, bytesOf(V3.hex), { ownAddress: '10.9.0.1' })).toBe('source');
    expect(reasonFor(V3, bytesOf(V3.hex), { unicastPeers: ['10.9.0.1'] })).toBe('destination');
  });

  it.each(['none', 'pass', 'ah'] as const)('a router with %s takes no other authentication type', (kind) => {
    const context = { authentication: { kind, password: '1111' } };
    const verdicts = [V2, PASS, AH].map((packet) => reasonFor(packet, bytesOf(packet.hex), context));
    const expected = ['none', 'pass', 'ah'].map((each) => (each === kind ? 'accepted' : 'auth-type'));
    expect(verdicts).toEqual(expected);
  });

  it('drops a packet whose authentication type and header contradict each other', () => {
    const ah = { authentication: { kind: 'ah', password: '1111' } } as const;
    expect(reasonFor(V2, patched(V2, 4, 2), ah)).toBe('auth-type');
    const untyped = bytesOf(AH.hex);
    untyped[20 + 24 + 4] = 0;
    expect(reasonFor(AH, untyped, { authentication: { kind: 'none' } })).toBe('auth-type');
  });

  it('compares all eight bytes of the password', () => {
    for (let at = 0; at < 8; at++) {
      const password = [...'abcdefgh'].map((letter, i) => (i === at ? 'X' : letter)).join('');
      const packet = encodeAdvertisement(V2.advertisement, {
        ...V2.envelope,
        authentication: { kind: 'pass', password },
      });
      const own = { authentication: { kind: 'pass', password: 'abcdefgh' } } as const;
      expect(reasonFor(V2, packet, own), password).toBe('auth-password');
    }
    const longer = { authentication: { kind: 'pass', password: '11111' } } as const;
    expect(reasonFor(PASS, bytesOf(PASS.hex), longer)).toBe('auth-password');
  });

  it('rejects an altered or repeated AH packet', () => {
    expect(reasonFor(AH, bytesOf(AH.hex), { authentication: { kind: 'ah', password: '1112' } })).toBe(
      'auth-digest',
    );
    const raised = bytesOf(AH.hex);
    raised[20 + 24 + 2] = 200;
    expect(reasonFor(AH, raised)).toBe('auth-digest');
    const otherSpi = bytesOf(AH.hex);
    otherSpi[27] = 2;
    expect(reasonFor(AH, otherSpi)).toBe('auth-digest');
    expect(reasonFor(AH, bytesOf(AH.hex), { ahSequenceLast: 1 })).toBe('auth-sequence');
    const tunnel = bytesOf(AH.hex);
    tunnel[20] = 6;
    expect(reasonFor(AH, tunnel)).toBe('not-vrrp');
  });

  it('ends every refusal in a sentence without secrets', () => {
    const result = decodeAdvertisement(
      bytesOf(PASS.hex),
      contextFor(PASS.advertisement, {
        ...PASS.envelope,
        authentication: { kind: 'pass', password: 'hush' },
      }),
    );
    expect(result).toEqual({
      ok: false,
      reason: 'auth-password',
      message: 'its password is not the configured one',
    });
  });
});

describe('decoding hostile bytes', () => {
  /** A view into a larger buffer: a read beyond its end would find 0xff there instead of stopping. */
  const guarded = (bytes: Uint8Array): Uint8Array => {
    const larger = new Uint8Array(bytes.length + 128).fill(0xff);
    larger.set(bytes, 64);
    return larger.subarray(64, 64 + bytes.length);
  };
  const contexts = GOLDEN_PACKETS.map((each) => contextFor(each.advertisement, each.envelope));

  it('never throws and always names a reason, for arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), fc.nat(contexts.length - 1), (bytes, at) => {
        const context = contexts[at];
        if (context === undefined) throw new Error('no context');
        const result = decodeAdvertisement(guarded(bytes), context);
        if (!result.ok) expect(DROP_REASONS).toContain(result.reason);
        readVrid(guarded(bytes), context.ipv6 === undefined ? 4 : 6);
      }),
      { numRuns: 3000 },
    );
  });

  it('never throws, and reads a mutated good packet as the same bytes alone would be read', () => {
    const mutation = fc.record({
      packet: fc.nat(GOLDEN_PACKETS.length - 1),
      flips: fc.array(fc.tuple(fc.nat(90), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
      cut: fc.nat(90),
    });
    fc.assert(
      fc.property(mutation, ({ packet, flips, cut }) => {
        const good = GOLDEN_PACKETS[packet];
        const context = contexts[packet];
        if (good === undefined || context === undefined) throw new Error('no packet');
        const bytes = bytesOf(good.hex).slice(
          0,
          Math.max(0, good.hex.length / 2 - (cut > 60 ? cut - 60 : 0)),
        );
        for (const [at, flip] of flips) if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ flip;
        const result = decodeAdvertisement(guarded(bytes), context);
        expect(result).toEqual(decodeAdvertisement(bytes.slice(), context));
        if (result.ok) {
          expect(result.advertisement.addresses.length).toBe(good.advertisement.addresses.length);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('takes no packet in which one bit of the VRRP message was flipped', () => {
    for (const [at, good] of GOLDEN_PACKETS.entries()) {
      const context = contexts[at];
      if (context === undefined) throw new Error('no context');
      const from = context.ipv6 === undefined ? 20 : 0;
      for (let bit = from * 8; bit < (good.hex.length / 2) * 8; bit++) {
        const bytes = bytesOf(good.hex);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(decodeAdvertisement(bytes, context).ok, `${good.name}, bit ${bit}`).toBe(false);
      }
    }
  });

  it('returns what was encoded, for every advertisement that can be', () => {
    const octets = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'));
    const advertisement = fc.record({
      version: fc.constantFrom(2, 3),
      vrid: fc.integer({ min: 1, max: 255 }),
      priority: fc.integer({ min: 0, max: 255 }),
      seconds: fc.integer({ min: 1, max: 40 }),
      addresses: fc.array(octets, { minLength: 1, maxLength: 20 }),
    });
    fc.assert(
      fc.property(
        advertisement,
        fc.constantFrom('none', 'pass', 'ah'),
        fc.boolean(),
        (fields, kind, unicast) => {
          const { seconds, ...rest } = fields;
          const sent: Advertisement = {
            ...rest,
            version: fields.version === 2 ? 2 : 3,
            advertIntervalMs: seconds * 1000,
          };
          const envelope: Envelope = {
            source: '10.9.0.1',
            destination: unicast ? '10.9.0.9' : '224.0.0.18',
            authentication:
              sent.version === 3 || kind === 'none' ? { kind: 'none' } : { kind, password: 'secret' },
            identification: 7,
            ahSequence: 9,
          };
          const result = decodeAdvertisement(
            encodeAdvertisement(sent, envelope),
            contextFor(sent, { ...envelope }),
          );
          expect(result).toMatchObject({ ok: true, advertisement: sent });
        },
      ),
      { numRuns: 300 },
    );
  });
});
