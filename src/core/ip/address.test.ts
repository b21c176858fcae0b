import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareIp, formatIp, parseCidr, parseIp, sameNetwork } from './address.ts';

const ip = (text: string): Uint8Array => parseIp(text) ?? expect.fail(`${text} does not parse`);

describe('addresses', () => {
  it('round-trips every IPv4 and IPv6 address through its text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ minLength: 4, maxLength: 4 }),
          fc.uint8Array({ minLength: 16, maxLength: 16 }),
          fc
            .array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 })
            .map((a) => Uint8Array.from(a)),
        ),
        (bytes) => {
          expect(parseIp(formatIp(bytes))).toEqual(bytes);
        },
      ),
    );
  });

  it('never throws on any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseIp(text);
        parseCidr(text);
      }),
    );
  });

  it('writes IPv6 as RFC 5952 asks', () => {
    expect(formatIp(ip('2001:DB8:0:0:1:0:0:1'))).toBe('2001:db8::1:0:0:1');
    expect(formatIp(ip('0:0:0:0:0:0:0:0'))).toBe('::');
    expect(formatIp(ip('fe80:0:0:0:0:0:0:1'))).toBe('fe80::1');
    expect(formatIp(ip('1:0:2:3:4:5:6:7'))).toBe('1:0:2:3:4:5:6:7');
    expect(formatIp(ip('::ffff:192.0.2.1'))).toBe('::ffff:c000:201');
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    ':::',
    '1::2::3',
    'g::1',
    '1:2:3:4:5:6:7',
    '1.2.3.4::',
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeNull();
  });

  it('reads prefixes and refuses those that do not fit', () => {
    expect(parseCidr('192.0.2.100/24')).toEqual({ address: '192.0.2.100', family: 4, prefix: 24 });
    expect(parseCidr('192.0.2.100')).toEqual({ address: '192.0.2.100', family: 4, prefix: 32 });
    expect(parseCidr('192.0.2.100/33')).toBeNull();
    expect(parseCidr('192.0.2.100/')).toBeNull();
  });

  it('compares as unsigned numbers and knows networks', () => {
    expect(compareIp(ip('10.0.0.9'), ip('10.0.0.10'))).toBe(-1);
    expect(compareIp(ip('200.0.0.1'), ip('10.0.0.10'))).toBe(1);
    expect(sameNetwork(ip('10.1.2.3'), ip('10.1.3.3'), 23)).toBe(true);
    expect(sameNetwork(ip('10.1.2.3'), ip('10.1.3.3'), 24)).toBe(false);
    expect(sameNetwork(ip('10.1.2.3'), ip('10.1.3.3'), 0)).toBe(true);
  });
});
