// Packets that keepalived 2.2.7 (Debian 12) put on the wire, captured with tcpdump in network namespaces, each with
// what it says. For tests only: the encoder must give these bytes, the decoder this meaning.

import type { Advertisement, Envelope } from './advertisement.ts';

export interface GoldenPacket {
  readonly name: string;
  readonly advertisement: Advertisement;
  readonly envelope: Envelope;
  /** IPv4: from the IP header on. IPv6: the VRRP message. */
  readonly hex: string;
}

const NONE = { kind: 'none' } as const;

function ipv4(
  name: string,
  advertisement: Partial<Advertisement>,
  envelope: Partial<Envelope>,
  ...hex: readonly string[]
): GoldenPacket {
  return {
    name,
    advertisement: {
      version: 2,
      vrid: 51,
      priority: 150,
      advertIntervalMs: 1000,
      addresses: ['10.9.0.100'],
      ...advertisement,
    },
    envelope: {
      source: '10.9.0.1',
      destination: '224.0.0.18',
      authentication: NONE,
      identification: 1,
      ...envelope,
    },
    hex: hex.join(''),
  };
}

export const GOLDEN_PACKETS: readonly GoldenPacket[] = [
  ipv4(
    'version 2 without authentication',
    {},
    {},
    '45c0002800010000ff70d0880a090001e0000012',
    '2133960100013e5d0a0900640000000000000000',
  ),
  ipv4(
    'version 2 with a password',
    {},
    { authentication: { kind: 'pass', password: '1111' } },
    '45c0002800010000ff70d0880a090001e0000012',
    '213396010101dafa0a0900643131313100000000',
  ),
  ipv4(
    'version 2 with AH',
    {},
    { authentication: { kind: 'ah', password: '1111' }, ahSequence: 1 },
    '45c0004000010000ff33d0ad0a090001e0000012',
    '700400000a09000100000001eac37638cbd76bc16eddffbe',
    '2133960102013c5d0a0900640000000000000000',
  ),
  ipv4(
    'version 2 with AH, two addresses, an 8-byte password, the second packet',
    { vrid: 12, addresses: ['10.9.0.102', '10.9.0.103'] },
    { authentication: { kind: 'ah', password: 'secret99' }, ahSequence: 2, identification: 2 },
    '45c0004400020000ff33d0a80a090001e0000012',
    '700400000a0900010000000262a4fc3f5854f94e71b0603d',
    '210c9602020132110a0900660a0900670000000000000000',
  ),
  ipv4(
    'version 2 with AH to a unicast peer',
    { vrid: 11, addresses: ['10.9.0.101'] },
    { destination: '10.9.0.9', authentication: { kind: 'ah', password: '1111' }, ahSequence: 1 },
    '45c0004000010000ff33a6ae0a0900010a090009',
    '700400000a090001000000010fe53b6dc60ab474128b9dbc',
    '210b960102013c840a0900650000000000000000',
  ),
  ipv4(
    'version 2 with AH to a unicast peer, saying goodbye',
    { vrid: 11, priority: 0, addresses: ['10.9.0.101'] },
    {
      destination: '10.9.0.9',
      authentication: { kind: 'ah', password: '1111' },
      ahSequence: 6,
      identification: 6,
    },
    '45c0004000060000ff33a6a90a0900010a090009',
    '700400000a0900010000000655d16fd8ffd396b2befa9627',
    '210b00010201d2840a0900650000000000000000',
  ),
  ipv4(
    'version 3',
    { version: 3 },
    {},
    '45c0002000010000ff70d0900a090001e0000012',
    '31339601006443610a090064',
  ),
  ipv4(
    'version 3 to a unicast peer',
    { version: 3 },
    { destination: '10.9.0.9' },
    '45c0002000010000ff70a6910a0900010a090009',
    '31339601006419620a090064',
  ),
  ipv4(
    'version 3 of the owner, every 100 ms',
    { version: 3, vrid: 16, priority: 255, advertIntervalMs: 100, addresses: ['10.9.0.106'] },
    {},
    '45c0002000010000ff70d0900a090001e0000012',
    '3110ff01000adad70a09006a',
  ),
  {
    name: 'version 3 over IPv6',
    advertisement: {
      version: 3,
      vrid: 13,
      priority: 200,
      advertIntervalMs: 500,
      addresses: ['fe80::99', '2001:db8::100'],
    },
    envelope: {
      source: 'fe80::ff:fe00:1',
      destination: 'ff02::12',
      authentication: NONE,
      identification: 0,
    },
    hex: '310dc8020032dbbbfe80000000000000000000000000009920010db8000000000000000000000100',
  },
  {
    name: 'version 3 over IPv6 to a unicast peer',
    advertisement: {
      version: 3,
      vrid: 14,
      priority: 200,
      advertIntervalMs: 500,
      addresses: ['2001:db8::101'],
    },
    envelope: {
      source: '2001:db8::1',
      destination: '2001:db8::9',
      authentication: NONE,
      identification: 0,
    },
    hex: '310ec80100327bff20010db8000000000000000000000101',
  },
];
