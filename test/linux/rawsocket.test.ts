// The VRRP sockets over a wire between two namespaces: multicast and unicast, both families, and AH.

import { afterEach, expect, test } from 'vitest';
import { OperatorError } from '../../src/core/error.ts';
import { parseIp } from '../../src/core/ip/address.ts';
import { poll } from '../../src/io/linux/poll.ts';
import { openVrrpSocket, type VrrpSocket, type VrrpSocketOptions } from '../../src/io/linux/rawsocket.ts';
import { createPair, deleteNamespaces, shell, within } from './namespaces.ts';

const open: VrrpSocket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
  deleteNamespaces();
});

function openIn(namespace: string, options: Omit<VrrpSocketOptions, 'interfaceName'>): VrrpSocket {
  const socket = within(namespace, () => openVrrpSocket({ interfaceName: 'eth0', ...options }));
  open.push(socket);
  return socket;
}

/** An IPv4 packet with its header; the kernel computes the header's checksum. */
function packetV4(
  source: string,
  destination: string,
  protocol: number,
  ttl: number,
  payload: number[],
): Uint8Array {
  const bytes = new Uint8Array(20 + payload.length);
  bytes.set([0x45, 0xc0, 0, bytes.length, 0, 1, 0, 0, ttl, protocol]);
  bytes.set(parseIp(source) ?? [], 12);
  bytes.set(parseIp(destination) ?? [], 16);
  bytes.set(payload, 20);
  return bytes;
}

function next(socket: VrrpSocket, limitMs = 5000) {
  poll(socket.fds, limitMs);
  const packet = socket.receive();
  return packet === null ? null : { ...packet, bytes: [...packet.bytes] };
}

const A = '10.77.0.1';
const B = '10.77.0.2';

test('IPv4 multicast arrives with its IP header, TTL and addresses, and not at its sender', () => {
  const [a, b] = createPair([`${A}/24`], [`${B}/24`]);
  const left = openIn(a, { family: 4, protocols: [112], sourceAddress: A, destination: 'multicast' });
  const right = openIn(b, { family: 4, protocols: [112], sourceAddress: B, destination: 'multicast' });
  expect(left.send(packetV4(A, '224.0.0.18', 112, 255, [1, 2, 3]), '224.0.0.18')).toBeNull();
  const packet = next(right);
  expect(packet).toMatchObject({ source: A, destination: '224.0.0.18', hopLimit: 255 });
  expect(packet?.bytes.slice(20)).toEqual([1, 2, 3]);
  expect(packet?.bytes.slice(0, 2)).toEqual([0x45, 0xc0]);
  expect(next(left, 50)).toBeNull();
});

test('AH packets travel on the second socket and are told apart by their protocol', () => {
  const [a, b] = createPair([`${A}/24`], [`${B}/24`]);
  const left = openIn(a, { family: 4, protocols: [112, 51], sourceAddress: A, destination: 'multicast' });
  const right = openIn(b, { family: 4, protocols: [112, 51], sourceAddress: B, destination: 'multicast' });
  expect(right.fds).toHaveLength(2);
  left.send(packetV4(A, '224.0.0.18', 51, 255, [112, 4, 0, 0]), '224.0.0.18');
  expect(next(right)?.bytes[9]).toBe(51);
});

test('IPv4 unicast arrives without the group being joined, whatever its TTL', () => {
  const [a, b] = createPair([`${A}/24`], [`${B}/24`]);
  const left = openIn(a, { family: 4, protocols: [112], sourceAddress: A, destination: 'unicast' });
  const right = openIn(b, { family: 4, protocols: [112], sourceAddress: B, destination: 'unicast' });
  expect(shell(`ip -n ${b} maddr show dev eth0`)).not.toContain('224.0.0.18');
  left.send(packetV4(A, B, 112, 7, [9]), B);
  expect(next(right)).toMatchObject({ source: A, destination: B, hopLimit: 7 });
});

test('a packet that claims the own address is passed over, and the one behind it is not', () => {
  const [a, b] = createPair([`${A}/24`], [`${B}/24`]);
  const left = openIn(a, { family: 4, protocols: [112], sourceAddress: A, destination: 'multicast' });
  const right = openIn(b, { family: 4, protocols: [112], sourceAddress: B, destination: 'multicast' });
  left.send(packetV4(B, '224.0.0.18', 112, 255, [1]), '224.0.0.18');
  left.send(packetV4(A, '224.0.0.18', 112, 255, [2]), '224.0.0.18');
  expect(next(right)?.bytes[20]).toBe(2);
});

test('IPv6 multicast arrives from the chosen link-local address with its hop limit', () => {
  const [a, b] = createPair(['fe80::a/64'], ['fe80::b/64']);
  const left = openIn(a, { family: 6, protocols: [112], sourceAddress: 'fe80::a', destination: 'multicast' });
  const right = openIn(b, {
    family: 6,
    protocols: [112],
    sourceAddress: 'fe80::b',
    destination: 'multicast',
  });
  expect(left.send(new Uint8Array([0x31, 51, 100, 0]), 'ff02::12')).toBeNull();
  const packet = next(right);
  expect(packet).toEqual({
    bytes: [0x31, 51, 100, 0],
    source: 'fe80::a',
    destination: 'ff02::12',
    hopLimit: 255,
    interfaceIndex: right.interfaceIndex,
  });
  expect(next(left, 50)).toBeNull();
  left.send(new Uint8Array([7]), 'fe80::b');
  expect(next(right)).toMatchObject({ bytes: [7], destination: 'fe80::b', hopLimit: 255 });
});

test('sending while the interface is down names the error, and the socket works again after it came up', () => {
  const [a, b] = createPair([`${A}/24`], [`${B}/24`]);
  const left = openIn(a, { family: 4, protocols: [112], sourceAddress: A, destination: 'multicast' });
  const right = openIn(b, { family: 4, protocols: [112], sourceAddress: B, destination: 'multicast' });
  const advert = packetV4(A, '224.0.0.18', 112, 255, [1]);
  shell(`ip -n ${a} link set eth0 down`);
  expect(left.send(advert, '224.0.0.18')).toBeOneOf(['ENETDOWN', 'ENETUNREACH']);
  expect(left.receive()).toBeNull();
  shell(`ip -n ${a} link set eth0 up`);
  expect(left.send(advert, '224.0.0.18')).toBeNull();
  expect(next(right)?.bytes[20]).toBe(1);
  right.send(packetV4(B, '224.0.0.18', 112, 255, [2]), '224.0.0.18');
  expect(next(left)?.bytes[20]).toBe(2);
});

test('an interface that is not there is refused with the names of those that are', () => {
  const [a] = createPair([], []);
  const attempt = () =>
    within(a, () =>
      openVrrpSocket({
        interfaceName: 'eth7',
        family: 4,
        protocols: [112],
        sourceAddress: A,
        destination: 'multicast',
      }),
    );
  expect(attempt).toThrow(OperatorError);
  expect(attempt).toThrow(/cannot open the VRRP socket on eth7: there is no interface eth7/);
  try {
    attempt();
  } catch (error) {
    expect((error as OperatorError).hint).toMatch(/are: .*eth0/);
  }
});
