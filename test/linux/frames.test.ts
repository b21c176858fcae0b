// ARP and neighbour discovery over a wire between two namespaces, against the kernel's own neighbour tables.

import { afterEach, expect, test } from 'vitest';
import { decodeArp, encodeArpRequest, encodeGratuitousArp } from '../../src/core/arp/arp.ts';
import { parseMac } from '../../src/core/arp/ethernet.ts';
import {
  encodeNeighbourAdvertisement,
  encodeUnsolicitedNeighbourAdvertisement,
} from '../../src/core/arp/neighbour.ts';
import { openArpSocket } from '../../src/io/linux/arpsocket.ts';
import { openNdSocket } from '../../src/io/linux/ndsocket.ts';
import { openRouteSocket } from '../../src/io/linux/netlink.ts';
import { poll } from '../../src/io/linux/poll.ts';
import { createPair, deleteNamespaces, shell, within } from './namespaces.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
  deleteNamespaces();
});

function closing<T extends { close(): void }>(socket: T): T {
  closers.push(() => socket.close());
  return socket;
}

function macOf(namespace: string): Uint8Array {
  const route = within(namespace, openRouteSocket);
  const mac = parseMac(route.listLinks().find((link) => link.name === 'eth0')?.mac ?? '');
  route.close();
  if (mac === null) throw new Error('eth0 has no MAC');
  return mac;
}

const OTHER_MAC = '02:00:00:00:00:99';

test('a gratuitous ARP changes the neighbour entry of the host that hears it', () => {
  const [a, b] = createPair(['10.77.0.1/24'], ['10.77.0.2/24']);
  shell(`ip -n ${b} neigh replace 10.77.0.100 lladdr ${OTHER_MAC} dev eth0 nud stale`);
  const socket = closing(within(a, () => openArpSocket({ interfaceName: 'eth0', receives: false })));
  const mac = macOf(a);
  expect(socket.send(encodeGratuitousArp(mac, '10.77.0.100'))).toBeNull();
  const text = [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  expect(shell(`ip -n ${b} neigh show 10.77.0.100`)).toContain(text);
  expect(socket.receive()).toBeNull();
});

test('an ARP request is answered by the kernel at the other end, and the own request is not reported', () => {
  const [a] = createPair(['10.77.0.1/24'], ['10.77.0.2/24']);
  const socket = closing(within(a, () => openArpSocket({ interfaceName: 'eth0', receives: true })));
  socket.send(encodeArpRequest(macOf(a), '10.77.0.1', '10.77.0.2'));
  expect(poll([socket.fd], 5000)).toEqual([socket.fd]);
  const frame = socket.receive();
  expect(decodeArp(frame ?? new Uint8Array())).toMatchObject({
    ok: true,
    operation: 'reply',
    senderIp: '10.77.0.2',
    targetIp: '10.77.0.1',
  });
  expect(socket.receive()).toBeNull();
});

test('a socket for the frames of some senders, and for one host that asks for them, hears nobody else', () => {
  const [a, b] = createPair(['10.77.0.1/24'], ['10.77.0.2/24']);
  const senders = ['10.77.0.100', '10.77.0.101'];
  const asker = { address: '10.77.0.2', asksFor: senders };
  const ear = closing(
    within(a, () => openArpSocket({ interfaceName: 'eth0', receives: true, senders, asker })),
  );
  const plain = closing(within(a, () => openArpSocket({ interfaceName: 'eth0', receives: true, senders })));
  const mouth = closing(within(b, () => openArpSocket({ interfaceName: 'eth0', receives: false })));
  const mac = macOf(b);
  for (const sender of ['10.77.0.2', '10.77.0.99', '10.77.0.100', '10.77.0.101', '10.77.0.102'])
    for (const target of ['10.77.0.1', '10.77.0.100', '10.77.0.101', '10.77.0.102'])
      mouth.send(encodeArpRequest(mac, sender, target));
  const heardBy = (socket: typeof ear): string[] => {
    const heard: string[] = [];
    for (let frame = socket.receive(); frame !== null; frame = socket.receive()) {
      const arp = decodeArp(frame);
      if (arp.ok) heard.push(`${arp.senderIp.slice(8)} ${arp.targetIp.slice(8)}`);
    }
    return heard;
  };
  const ofSenders = ['100 1', '100 100', '100 101', '100 102', '101 1', '101 100', '101 101', '101 102'];
  expect(heardBy(plain)).toEqual(ofSenders);
  expect(heardBy(ear)).toEqual(['2 100', '2 101', ...ofSenders]);
});

test.each(['as an ICMPv6 message', 'as a whole frame'])(
  'an unsolicited neighbour advertisement, sent %s, changes the neighbour entry of who hears it',
  (how) => {
    const [a, b] = createPair(['fd77::1/64'], ['fd77::2/64']);
    shell(`ip -n ${b} neigh replace fd77::100 lladdr ${OTHER_MAC} dev eth0 nud stale`);
    const mac = macOf(a);
    if (how === 'as a whole frame') {
      const socket = closing(within(a, () => openArpSocket({ interfaceName: 'eth0', receives: false })));
      expect(socket.send(encodeUnsolicitedNeighbourAdvertisement(mac, 'fd77::100'))).toBeNull();
    } else {
      const socket = closing(within(a, () => openNdSocket({ interfaceName: 'eth0', receives: false })));
      // The address need not be on the interface: the VIP is announced in the moment in which it is added.
      const message = encodeNeighbourAdvertisement(mac, 'fd77::100', 'fd77::100');
      expect(socket.send(message, 'fd77::100', 'ff02::1')).toBeNull();
    }
    const text = [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
    expect(shell(`ip -n ${b} neigh show fd77::100`)).toContain(text);
  },
);

test('a neighbour solicitation is answered, and the answer is reported with its source', () => {
  const [a] = createPair(['fd77::1/64'], ['fd77::2/64']);
  const socket = closing(within(a, () => openNdSocket({ interfaceName: 'eth0', receives: true })));
  // Type 135, target fd77::2, option 1: the asker's MAC.
  const solicitation = new Uint8Array(32);
  solicitation[0] = 135;
  solicitation.set([0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], 8);
  solicitation.set([1, 1, ...macOf(a)], 24);
  expect(socket.send(solicitation, 'fd77::1', 'ff02::1:ff00:2')).toBeNull();
  expect(poll([socket.fd], 5000)).toEqual([socket.fd]);
  const answer = socket.receive();
  expect(answer?.source).toBe('fd77::2');
  expect(answer?.bytes[0]).toBe(136);
});
