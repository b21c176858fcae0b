import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeArp, encodeArpProbe, encodeArpRequest, encodeGratuitousArp } from './arp.ts';
import { formatMac, parseMac } from './ethernet.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** Captured with tcpdump: keepalived 2.2.7's announcement, and Linux asking and answering. */
const KEEPALIVED_GRATUITOUS =
  'ffffffffffff020000000001080600010800060400010200000000010a090065ffffffffffff0a090065';
const LINUX_REQUEST = 'ffffffffffff020000000001080600010800060400010200000000010a0900010000000000000a090009';
const LINUX_REPLY = '020000000001020000000009080600010800060400020200000000090a0900090200000000010a090001';

describe('encoding ARP', () => {
  it('announces an address with the bytes that keepalived sends', () => {
    expect(hex(encodeGratuitousArp(MAC, '10.9.0.101'))).toBe(KEEPALIVED_GRATUITOUS);
  });

  it('announces by reply where asked, differing in the operation alone', () => {
    const reply = encodeGratuitousArp(MAC, '10.9.0.101', 'reply');
    expect(reply[21]).toBe(2);
    reply[21] = 1;
    expect(hex(reply)).toBe(KEEPALIVED_GRATUITOUS);
  });

  it('asks for an address with the bytes that Linux sends', () => {
    expect(hex(encodeArpRequest(MAC, '10.9.0.1', '10.9.0.9'))).toBe(LINUX_REQUEST);
  });

  it('asks one known host alone when its MAC is given', () => {
    const frame = encodeArpRequest(MAC, '10.9.0.1', '10.9.0.9', Uint8Array.of(2, 0, 0, 0, 0, 9));
    expect(hex(frame)).toBe(`020000000009${LINUX_REQUEST.slice(12)}`);
  });

  it('probes without claiming: sender 0.0.0.0 (RFC 5227 2.1.1)', () => {
    expect(hex(encodeArpProbe(MAC, '10.9.0.100'))).toBe(
      'ffffffffffff0200000000010806000108000604000102000000000100000000' + '0000000000000a090064',
    );
  });

  it('asserts on an IPv6 address', () => {
    expect(() => encodeGratuitousArp(MAC, 'fe80::1')).toThrow(/no IPv4 address/);
  });
});

describe('decoding ARP', () => {
  it('reads a reply', () => {
    expect(decodeArp(bytesOf(LINUX_REPLY))).toEqual({
      ok: true,
      operation: 'reply',
      senderMac: Uint8Array.of(2, 0, 0, 0, 0, 9),
      senderIp: '10.9.0.9',
      targetMac: MAC,
      targetIp: '10.9.0.1',
    });
  });

  it('reads a padded request', () => {
    expect(decodeArp(bytesOf(LINUX_REQUEST + '00'.repeat(18)))).toMatchObject({
      ok: true,
      operation: 'request',
      senderIp: '10.9.0.1',
      targetIp: '10.9.0.9',
    });
  });

  it.each<[string, string, number, string]>([
    ['too-short', 'a cut frame', -1, ''],
    ['not-arp', 'another Ethernet type', 12, '0800'],
    ['not-ipv4', 'another hardware', 14, '0006'],
    ['not-ipv4', 'another protocol', 16, '86dd'],
    ['not-ipv4', 'a hardware length of 8', 18, '08'],
    ['not-ipv4', 'a protocol length of 16', 19, '10'],
    ['operation', 'operation 3 (reverse ARP)', 20, '0003'],
    ['sender', 'a sender that is a group', 22, '01'],
  ])('refuses as %s: %s', (reason, _, at, replacement) => {
    const text =
      at < 0
        ? LINUX_REPLY.slice(0, -2)
        : LINUX_REPLY.slice(0, 2 * at) + replacement + LINUX_REPLY.slice(2 * at + replacement.length);
    expect(decodeArp(bytesOf(text))).toEqual({ ok: false, reason });
  });

  it('never throws, and reads what it accepts within the frame', () => {
    const larger = new Uint8Array(200).fill(0xff);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (tail, plausible) => {
        const start = plausible ? bytesOf(LINUX_REPLY.slice(0, 40)) : new Uint8Array(0);
        const frame = Uint8Array.of(...start, ...tail);
        larger.set(frame, 64);
        const view = larger.subarray(64, 64 + frame.length);
        expect(decodeArp(view)).toEqual(decodeArp(frame));
        if (frame.length < 42) expect(decodeArp(view)).toEqual({ ok: false, reason: 'too-short' });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('MAC addresses', () => {
  it('are read and written as pairs of hex digits', () => {
    expect(parseMac('02:00:5E:00:01:fF')).toEqual(Uint8Array.of(2, 0, 0x5e, 0, 1, 0xff));
    expect(formatMac(Uint8Array.of(2, 0, 0x5e, 0, 1, 0xff))).toBe('02:00:5e:00:01:ff');
  });

  it.each(['', '02:00:5e:00:01', '02:00:5e:00:01:ff:00', '02-00-5e-00-01-ff', '02:00:5e:00:01:fg'])(
    'are refused when malformed: %j',
    (text) => {
      expect(parseMac(text)).toBeNull();
    },
  );
});
