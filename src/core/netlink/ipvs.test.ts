// The IPVS codec against bytes laid out by hand from linux/ip_vs.h, there and back, and hostile bytes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFamily, encodeGetFamily } from './generic.ts';
import { FLAG_PERSISTENT, type IpvsDestination, type Service } from './ipvs.ts';
import { decodeDestination, decodeService } from './ipvs-decode.ts';
import { encodeDaemon, encodeDestination, encodeService, encodeTimeouts } from './ipvs-encode.ts';
import { decodeMessages, MessageWriter } from './message.ts';

const FAMILY = 0x1d;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const encoded = (write: (writer: MessageWriter) => void): Uint8Array => {
  const writer = new MessageWriter();
  write(writer.clear());
  return writer.bytes().slice();
};

const SERVICE: Service = {
  id: { kind: 'address', protocol: 'TCP', address: '10.0.0.1', port: 3306 },
  options: {
    scheduler: 'rr',
    flags: FLAG_PERSISTENT,
    persistenceTimeoutS: 50,
    persistencePrefix: 24,
    engine: null,
  },
};
const NAT: IpvsDestination = {
  address: '10.1.0.2',
  port: 3306,
  method: 'NAT',
  weight: 3,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnel: null,
};

describe('messages to the kernel', () => {
  test('a family is asked for by name, and its number read', () => {
    const asked = encoded((w) => encodeGetFamily(w, 7, 'IPVS'));
    expect(hex(asked)).toBe(
      '20000000100005000700000000000000' + '03010000' + '09000200' + '4950565300000000',
    );
    const answer = Buffer.from('01020000' + '09000200' + '4950565300000000' + '06000100' + '1d000000', 'hex');
    expect(decodeFamily(answer, 'IPVS')).toBe(0x1d);
    expect(decodeFamily(answer, 'other')).toBeNull();
    expect(decodeFamily(answer.subarray(0, 3), 'IPVS')).toBeNull();
  });

  test('a new service, byte for byte', () => {
    const bytes = encoded((w) => encodeService(w, FAMILY, 1, 'new-service', SERVICE));
    expect(hex(bytes)).toBe(
      [
        '680000001d0005000100000000000000',
        '01010000', // NEW_SERVICE, version 1
        '54000180', // nested: the service
        '0600010002000000', // AF_INET
        '0600020006000000', // TCP
        '140003000a000001000000000000000000000000',
        '060004000cea0000', // 3306, network order
        '0700060072720000', // "rr"
        '0c00070001000000ffffffff',
        '0800080032000000',
        '08000900ffffff00',
      ].join(''),
    );
  });

  test('a destination names its service and its own family', () => {
    const bytes = encoded((w) => encodeDestination(w, FAMILY, 1, 'remove-destination', SERVICE.id, NAT));
    expect(hex(bytes).slice(32)).toBe(
      [
        '07010000',
        '30000180',
        '0600010002000000',
        '0600020006000000',
        '140003000a000001000000000000000000000000',
        '060004000cea0000',
        '28000280',
        '140001000a010002000000000000000000000000',
        '060002000cea0000',
        '06000b0002000000',
      ].join(''),
    );
  });

  test('time-outs and a daemon', () => {
    const timeouts = encoded((w) => encodeTimeouts(w, FAMILY, 1, { tcp: 900, tcpFin: 0, udp: 5 }));
    expect(hex(timeouts).slice(32)).toBe(
      '0c010000' + '0800040084030000' + '0800050000000000' + '0800060005000000',
    );
    const daemon = {
      state: 'backup',
      interfaceName: 'eth0',
      syncId: 51,
      maxBytes: null,
      port: null,
      ttl: 1,
      group: '224.0.0.81',
    } as const;
    const bytes = encoded((w) => encodeDaemon(w, FAMILY, 1, 'new-daemon', daemon));
    expect(hex(bytes).slice(32)).toBe(
      '09010000' +
        '30000380' +
        '0800010002000000' +
        '09000200' +
        '6574683000000000' +
        '0800030033000000' +
        '0500080001000000' +
        '08000500e0000051',
    );
  });
});

const anyAddress = fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::1', '::1', 'fe80::1:2'));
const anyService: fc.Arbitrary<Service> = fc
  .record({
    address: anyAddress,
    port: fc.integer({ min: 0, max: 65_535 }),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const),
    mark: fc.option(fc.integer({ min: 1, max: 4_294_967_295 })),
    scheduler: fc.constantFrom('rr', 'wlc', 'mh'),
    bits: fc.integer({ min: 0, max: 7 }),
    seconds: fc.integer({ min: 1, max: 10_000 }),
    prefix: fc.integer({ min: 1, max: 32 }),
  })
  .map(({ address, port, protocol, mark, scheduler, bits, seconds, prefix }) => ({
    id:
      mark === null
        ? { kind: 'address', protocol, address, port }
        : { kind: 'mark', mark, family: address.includes(':') ? 6 : 4 },
    options: {
      scheduler,
      flags: FLAG_PERSISTENT | (bits << 2),
      persistenceTimeoutS: seconds,
      persistencePrefix: prefix,
      engine: bits === 7 ? 'sip' : null,
    },
  }));
const anyDestination: fc.Arbitrary<IpvsDestination> = fc.record({
  address: anyAddress,
  port: fc.integer({ min: 0, max: 65_535 }),
  method: fc.constantFrom('NAT' as const, 'DR' as const),
  weight: fc.integer({ min: 0, max: 2_147_483_647 }),
  upperThreshold: fc.nat(),
  lowerThreshold: fc.nat(),
  tunnel: fc.constant(null),
});

describe('what goes out comes back', () => {
  test('services', () => {
    fc.assert(
      fc.property(anyService, (service) => {
        const [message] = decodeMessages(encoded((w) => encodeService(w, FAMILY, 1, 'new-service', service)));
        expect(decodeService(message?.body ?? new Uint8Array())).toEqual(service);
      }),
    );
  });

  test('destinations, with their tunnels', () => {
    const tunnelled = fc
      .tuple(
        anyDestination,
        fc.constantFrom('ipip' as const, 'gue' as const, 'gre' as const),
        fc.constantFrom('nocsum' as const, 'csum' as const),
      )
      .map(
        ([d, kind, checksum]): IpvsDestination => ({
          ...d,
          method: 'TUN',
          tunnel: { kind, port: kind === 'gue' ? 6080 : 0, checksum },
        }),
      );
    fc.assert(
      fc.property(fc.oneof(anyDestination, tunnelled), (destination) => {
        const write = (w: MessageWriter) =>
          encodeDestination(w, FAMILY, 1, 'set-destination', SERVICE.id, destination);
        const [message] = decodeMessages(encoded(write));
        expect(decodeDestination(message?.body ?? new Uint8Array(), 4)).toMatchObject(destination);
      }),
    );
  });

  test('hostile bytes are no service and no destination, and do not throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeService(bytes);
        decodeDestination(bytes, 6);
        expect(decodeService(bytes.subarray(0, 3))).toBeNull();
      }),
    );
  });
});
