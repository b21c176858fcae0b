import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeAddress,
  encodeAddAddress,
  encodeDumpAddresses,
  encodeRemoveAddress,
  OUR_ADDRESS_PROTOCOL,
} from './address.ts';
import { decodeLink, encodeDumpLinks } from './link.ts';
import {
  decodeAnswer,
  decodeAttributes,
  decodeMessages,
  MessageWriter,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts';
import { decodeRouteEvent } from './monitor.ts';
import { encodeAcceptAddresses, encodeCreateRejectTable, encodeRejectAddresses } from './rejecttable.ts';
import { decodeTcpSocket, encodeDestroyTcp, encodeDumpTcp } from './sockdiag.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));

/** The one message of a datagram. */
function only(bytes: Uint8Array) {
  const [message, ...more] = decodeMessages(bytes);
  if (message === undefined || more.length > 0) throw new Error('not exactly one message');
  return message;
}

/** Bytes in the middle of a larger buffer: a decoder that reads past the end reads 0xee. */
function guarded(bytes: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 64).fill(0xee);
  buffer.set(bytes, 32);
  return buffer.subarray(32, 32 + bytes.length);
}

describe('adding an address', () => {
  it('asks for the lifetime, the mark of this program and, again, for a renewal', () => {
    const writer = new MessageWriter();
    const wanted = {
      interfaceIndex: 7,
      address: '192.0.2.100',
      prefix: 24,
      validLifetimeS: 3,
      label: 'eth0:v',
    };
    expect(encodeAddAddress(writer, 9, wanted)).toBe(true);
    expect(hex(writer.bytes())).toBe(
      [
        '58000000 1400 0505 09000000 00000000', // RTM_NEWADDR, REQUEST|ACK|REPLACE|CREATE
        '02 18 00 00 07000000', // IPv4, /24, interface 7
        '0800 0200 c0000264',
        '0800 0100 c0000264',
        '0b00 0300 657468303a7600 00', // eth0:v
        '1400 0600 03000000 03000000 00000000 00000000',
        '0800 0800 00000000',
        '0500 0b00 54 000000',
      ]
        .join('')
        .replace(/\s/g, ''),
    );
  });

  it('makes an IPv6 address deprecated, without detection of duplicates and without a prefix route', () => {
    const writer = new MessageWriter();
    encodeAddAddress(writer, 9, { interfaceIndex: 7, address: 'fd77::1', prefix: 64, validLifetimeS: 3 });
    const attributes = decodeAttributes(only(writer.bytes()).body, 8);
    expect(hex(attributes.get(6) ?? new Uint8Array())).toBe('00000000030000000000000000000000');
    expect(hex(attributes.get(8) ?? new Uint8Array())).toBe('02020000');
  });

  it('refuses what is no address', () => {
    const writer = new MessageWriter();
    const key = { interfaceIndex: 7, address: '192.0.2.300', prefix: 24 };
    expect(encodeAddAddress(writer, 1, { ...key, validLifetimeS: 3 })).toBe(false);
    expect(encodeRemoveAddress(writer, 1, key)).toBe(false);
  });

  it('reads back what it wrote, for any address, lifetime and interface', () => {
    const lifetimes = fc.option(fc.integer({ min: 1, max: 0xffff_fffe }), { nil: null });
    const anyAddress = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => !text.includes('.')),
    );
    fc.assert(
      fc.property(
        anyAddress,
        fc.nat(),
        fc.nat(32),
        lifetimes,
        (address, interfaceIndex, prefix, validLifetimeS) => {
          const writer = new MessageWriter();
          fc.pre(encodeAddAddress(writer, 1, { interfaceIndex, address, prefix, validLifetimeS }));
          const decoded = decodeAddress(only(writer.bytes()).body);
          expect(decoded).toMatchObject({
            ok: true,
            address: { interfaceIndex, prefix, validLifetimeS, protocol: OUR_ADDRESS_PROTOCOL },
          });
        },
      ),
    );
  });
});

describe('answers', () => {
  const answer = (text: string) => decodeAnswer(only(bytesOf(text)));

  it('an error of number 0 is an acknowledgement', () => {
    expect(
      answer('24000000 0200 0001 02000000 d1570000 00000000 4c000000 1400 0505 02000000 00000000'),
    ).toEqual({
      errno: 0,
      text: null,
    });
  });

  it("carries the kernel's own words where it sent some", () => {
    // Linux 6.18 on an RTM_NEWADDR with a lifetime of 0.
    const captured =
      '48000000 0200 0003 02000000 d1570000 eaffffff 4c000000 1400 0505 02000000 00000000 2300 0100' +
      '697076343a2061646472657373206c69666574696d6520696e76616c696400 00';
    expect(answer(captured)).toEqual({ errno: 22, text: 'ipv4: address lifetime invalid' });
  });

  it('the end of a dump reports the error that ended it', () => {
    expect(answer('14000000 0300 0200 02000000 00000000 fcffffff')).toEqual({ errno: 4, text: null });
    expect(answer('14000000 0300 0200 02000000 00000000 00000000')).toEqual({ errno: 0, text: null });
  });

  it('another message is no answer', () => {
    expect(answer('10000000 1400 0000 00000000 00000000')).toBeNull();
  });
});

describe('sockets', () => {
  // inet_diag_msg of a v4-mapped socket: [::ffff:10.0.0.1]:3306 from [::ffff:10.0.0.2]:40000.
  const mapped =
    '0a 01 00 00 0cea 9c40 00000000000000000000ffff0a000001 00000000000000000000ffff0a000002' +
    '00000000 0100000000000000 00000000 00000000 00000000 00000000 00000000';

  it('an IPv4 client of a dual-stack listener is known by its IPv4 address', () => {
    expect(decodeTcpSocket(bytesOf(mapped))).toMatchObject({
      ok: true,
      socket: {
        family: 6,
        localAddress: '10.0.0.1',
        localPort: 3306,
        remoteAddress: '10.0.0.2',
        remotePort: 40000,
      },
    });
  });

  it('is destroyed by the very id that the kernel listed, in its own family', () => {
    const decoded = decodeTcpSocket(bytesOf(mapped));
    if (!decoded.ok) throw new Error(decoded.reason);
    const writer = new MessageWriter();
    encodeDestroyTcp(writer, 1, decoded.socket);
    const { type, flags, body } = only(writer.bytes());
    expect([type, flags, body[0], body[1]]).toEqual([21, NLM_F_REQUEST | NLM_F_ACK, 10, 6]);
    expect(hex(body.subarray(8))).toBe(hex(bytesOf(mapped).subarray(4, 52)));
  });

  it('asks the kernel for one port only, and for no listening socket', () => {
    const writer = new MessageWriter();
    encodeDumpTcp(writer, 1, 4, 3306);
    const { body } = only(writer.bytes());
    const states = new DataView(body.buffer, body.byteOffset).getUint32(4, true);
    expect(states & (1 << 10)).toBe(0);
    expect(states & (1 << 1)).not.toBe(0);
    expect(hex(decodeAttributes(body, 56).get(1) ?? new Uint8Array())).toBe(
      '020814000000ea0c03080c000000ea0c',
    );
  });
});

describe('nf_tables batches', () => {
  const table = { name: 'twinkeep', port: 3306 };

  it('begin and end with a mark, and hold only whole messages', () => {
    const writer = new MessageWriter();
    encodeCreateRejectTable(writer, table, true);
    const types = decodeMessages(writer.bytes()).map((message) => message.type);
    expect(types).toEqual([0x10, 0xa00, 0xa02, 0xa00, 0xa09, 0xa09, 0xa03, 0xa06, 0xa06, 0x11]);
    const lengths = decodeMessages(writer.bytes()).map((message) => 16 + message.body.length);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(writer.bytes().length);
  });

  it('put each address into the set of its family, with its timeout', () => {
    const writer = new MessageWriter();
    encodeRejectAddresses(writer, table, ['192.0.2.1', 'fd77::1'], 2000, []);
    const added = decodeMessages(writer.bytes()).filter((message) => message.type === 0xa0c);
    const sets = added.map(({ body }) => Buffer.from(decodeAttributes(body, 4).get(2) ?? []).toString());
    expect(sets).toEqual(['v4\0', 'v6\0']);
    for (const { body } of added) expect(hex(body)).toContain('00000000000007d0');
  });

  it('take out first what is in already', () => {
    const writer = new MessageWriter();
    encodeRejectAddresses(writer, table, ['192.0.2.1', '192.0.2.2'], 2000, ['192.0.2.1']);
    expect(decodeMessages(writer.bytes()).map((message) => message.type)).toEqual([0x10, 0xa0e, 0xa0c, 0x11]);
    encodeAcceptAddresses(writer, table, ['192.0.2.1']);
    expect(decodeMessages(writer.bytes()).map((message) => message.type)).toEqual([0x10, 0xa0e, 0x11]);
  });
});

describe('the writer', () => {
  it('grows beyond its first buffer without losing what was written', () => {
    const writer = new MessageWriter();
    writer.begin(1, 0, 1);
    for (let i = 0; i < 1000; i++) writer.attributeU32(i & 0xff, i);
    writer.end();
    expect(decodeAttributes(only(writer.bytes()).body, 0).get(999 & 0xff)).toEqual(
      Uint8Array.of(0xe7, 3, 0, 0),
    );
  });
});

describe('hostile bytes', () => {
  const header = (type: number, flags: number) => (body: Uint8Array) => ({
    type,
    flags,
    sequence: 1,
    port: 0,
    body,
  });
  const body = fc.uint8Array({ maxLength: 200 });
  // Plausible families in front, so that the decoders get beyond their first check.
  const plausible = fc
    .tuple(fc.constantFrom(0, 2, 10), fc.uint8Array({ minLength: 7, maxLength: 300 }))
    .map(([family, rest]) => Uint8Array.of(family, ...rest));
  /** Runs of small attribute headers, whose lengths lie. */
  const attributes = fc
    .array(fc.tuple(fc.nat(40), fc.nat(20), fc.uint8Array({ maxLength: 24 })), { maxLength: 12 })
    .map((list) => Uint8Array.from(list.flatMap(([length, type, rest]) => [length, 0, type, 0, ...rest])));
  const any = fc.oneof(
    body,
    plausible,
    fc.tuple(plausible, attributes).map(([a, b]) => Uint8Array.of(...a, ...b)),
  );

  it('no decoder throws, and none is influenced by what lies around its input', () => {
    const decoders: ((bytes: Uint8Array) => unknown)[] = [
      (bytes) => decodeMessages(bytes).map((message) => ({ ...message, body: hex(message.body) })),
      (bytes) => [...decodeAttributes(bytes, 0)].map(([type, payload]) => [type, hex(payload)]),
      decodeAddress,
      decodeLink,
      decodeTcpSocket,
      (bytes) => [16, 17, 20, 21, 99].map((type) => decodeRouteEvent(header(type, 0)(bytes))),
      (bytes) =>
        [0, 0x100, 0x200, 0x300].flatMap((flags) =>
          [NLMSG_ERROR, NLMSG_DONE].map((type) => decodeAnswer(header(type, flags)(bytes))),
        ),
    ];
    fc.assert(
      fc.property(any, (bytes) => {
        for (const decode of decoders) expect(decode(guarded(bytes))).toEqual(decode(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('the messages of any datagram lie inside it, one behind the other', () => {
    const message = fc
      .tuple(fc.nat(64), fc.uint8Array({ minLength: 12, maxLength: 60 }))
      .map(([length, rest]) => [length, 0, 0, 0, ...rest]);
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }).map((list) => Uint8Array.from(list.flat())),
        (bytes) => {
          let end = 0;
          for (const { body: part } of decodeMessages(bytes)) {
            expect(part.byteOffset).toBeGreaterThanOrEqual(end + 16);
            end = part.byteOffset + part.length;
            expect(end).toBeLessThanOrEqual(bytes.length);
          }
        },
      ),
    );
  });

  it('a message cut short anywhere is refused or read as far as it goes', () => {
    const writer = new MessageWriter();
    encodeAddAddress(writer, 1, { interfaceIndex: 7, address: '192.0.2.1', prefix: 24, validLifetimeS: 3 });
    const whole = writer.bytes().slice();
    for (let length = 0; length < whole.length - 3; length++) {
      expect(decodeMessages(whole.subarray(0, length))).toEqual([]);
    }
    for (let length = 0; length < 8; length++) {
      expect(decodeAddress(whole.subarray(16, 16 + length))).toEqual({
        ok: false,
        reason: 'the address message is cut short',
      });
    }
  });

  it('a dump request is one message', () => {
    const writer = new MessageWriter();
    encodeDumpAddresses(writer, 1);
    expect(only(writer.bytes())).toMatchObject({ type: 22, flags: 0x301 });
    encodeDumpLinks(writer.clear(), 2);
    expect(only(writer.bytes())).toMatchObject({ type: 18, flags: 0x301, sequence: 2 });
  });
});
