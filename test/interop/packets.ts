// What the switch sees: tcpdump's capture, taken apart here and not by the code under test, so that a mistake there cannot hide itself.
// And what it says: forged and replayed packets, over a raw socket.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { formatIp } from '../../src/core/ip/address.ts';
import { openVrrpSocket } from '../../src/io/linux/rawsocket.ts';
import { within } from '../linux/namespaces.ts';
import type { HostName, Network } from './network.ts';

const GLOBAL_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** LINKTYPE_LINUX_SLL2: protocol, reserved, interface, ARPHRD, packet type, address length, address. */
const SLL2_BYTES = 20;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;

interface Frame {
  /** Wall clock of the kernel, milliseconds. */
  readonly atMs: number;
  /** The host at the other end of the port that it came in by, whatever source it names. */
  readonly from: HostName;
  readonly link: number;
}

export interface Advert extends Frame {
  readonly kind: 'advert';
  /** From the IP header on. */
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly ttl: number;
  readonly version: number;
  readonly vrid: number;
  readonly priority: number;
  readonly addresses: readonly string[];
  /** Behind the addresses: version 2's authentication data. */
  readonly trailer: Uint8Array;
  readonly checksumRight: boolean;
}

export interface Arp extends Frame {
  readonly kind: 'arp';
  readonly operation: number;
  readonly senderIp: string;
  readonly targetIp: string;
}

export type Seen = Advert | Arp;

function onesSum(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** The parts of an IP packet that carries VRRP; null when it is too short for one. */
function dismantle(packet: Uint8Array) {
  const isIpv4 = (packet[0] ?? 0) >> 4 === 4;
  const total = isIpv4
    ? ((packet[2] ?? 0) << 8) | (packet[3] ?? 0)
    : 40 + (((packet[4] ?? 0) << 8) | (packet[5] ?? 0));
  const bytes = packet.slice(0, total);
  const protocol = bytes[isIpv4 ? 9 : 6] ?? 0;
  const headerBytes = isIpv4 ? ((bytes[0] ?? 0) & 15) * 4 : 40;
  const message = bytes.subarray(headerBytes + (protocol === 51 ? 24 : 0));
  if ((protocol !== 112 && protocol !== 51) || message.length < 8) return null;
  const size = isIpv4 ? 4 : 16;
  const at = isIpv4 ? 12 : 8;
  return {
    bytes,
    protocol,
    message,
    size,
    source: bytes.subarray(at, at + size),
    destination: bytes.subarray(at + size, at + 2 * size),
    ttl: bytes[isIpv4 ? 8 : 7] ?? 0,
  };
}

function readAdvert(frame: Frame, packet: Uint8Array): Advert | null {
  const parts = dismantle(packet);
  if (parts === null) return null;
  const { message, size, source, destination, bytes, protocol, ttl } = parts;
  const version = (message[0] ?? 0) >> 4;
  const count = message[3] ?? 0;
  const pseudo = new Uint8Array([
    ...source,
    ...destination,
    0,
    112,
    message.length >> 8,
    message.length & 255,
  ]);
  return {
    kind: 'advert',
    ...frame,
    bytes,
    source: formatIp(source),
    destination: formatIp(destination),
    protocol,
    ttl,
    version,
    vrid: message[1] ?? 0,
    priority: message[2] ?? 0,
    addresses: Array.from({ length: count }, (_, i) =>
      formatIp(message.subarray(8 + size * i, 8 + size * (i + 1))),
    ),
    trailer: message.slice(8 + size * count),
    checksumRight: onesSum(message, version === 3 ? onesSum(pseudo) : 0) === 0xffff,
  };
}

function readArp(frame: Frame, packet: Uint8Array): Arp | null {
  if (packet.length < 28) return null;
  return {
    kind: 'arp',
    ...frame,
    operation: ((packet[6] ?? 0) << 8) | (packet[7] ?? 0),
    senderIp: formatIp(packet.subarray(14, 18)),
    targetIp: formatIp(packet.subarray(24, 28)),
  };
}

export interface Capture {
  /** In the order of the wire. */
  readonly seen: readonly Seen[];
  close(): void;
}

type Ports = Awaited<ReturnType<Network['ports']>>;

function readRecord(ports: Ports, atMs: number, record: Buffer): Seen | null {
  const port = ports.get(record.readUInt32BE(4));
  if (port === undefined) return null;
  const frame = { atMs, ...port };
  const packet = new Uint8Array(record.subarray(SLL2_BYTES));
  const protocol = record.readUInt16BE(0);
  if (protocol === ETHERTYPE_IPV4 || protocol === ETHERTYPE_IPV6) return readAdvert(frame, packet);
  return protocol === ETHERTYPE_ARP ? readArp(frame, packet) : null;
}

function collect(child: ChildProcess, ports: Ports, keep: (seen: Seen) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  child.stdout?.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (!started) {
      if (rest.length < GLOBAL_HEADER_BYTES) return;
      rest = rest.subarray(GLOBAL_HEADER_BYTES);
      started = true;
    }
    while (rest.length >= RECORD_HEADER_BYTES) {
      const length = rest.readUInt32LE(8);
      if (rest.length < RECORD_HEADER_BYTES + length) return;
      const atMs = rest.readUInt32LE(0) * 1000 + rest.readUInt32LE(4) / 1000;
      const record = readRecord(
        ports,
        atMs,
        rest.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + length),
      );
      if (record !== null) keep(record);
      rest = rest.subarray(RECORD_HEADER_BYTES + length);
    }
  });
}

/** VRRP, AH and ARP of all ports. Resolves when the kernel has begun to capture. `keep`: what to do with each, instead of keeping all. */
export async function capture(network: Network, keep?: (seen: Seen) => void): Promise<Capture> {
  const ports = await network.ports();
  const filter = 'ip proto 112 or ip proto 51 or ip6 proto 112 or arp';
  const words = [
    '-i',
    'any',
    '-y',
    'LINUX_SLL2',
    '-Q',
    'in',
    '-U',
    '-s',
    '512',
    '--immediate-mode',
    '-n',
    '-w',
    '-',
    filter,
  ];
  const child = spawn('ip', ['netns', 'exec', network.namespace('w'), 'tcpdump', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const seen: Seen[] = [];
  collect(child, ports, keep ?? ((each) => void seen.push(each)));
  let said = '';
  while (!said.includes('listening on')) {
    const [chunk] = (await Promise.race([
      once(child.stderr, 'data'),
      once(child, 'close').then(() => {
        throw new Error(`tcpdump ended: ${said}`);
      }),
    ])) as [Buffer];
    said += chunk.toString();
  }
  return { seen, close: () => void child.kill('SIGKILL') };
}

/** Puts these bytes (an IPv4 packet with its header) on the wire from w, whatever source they name. */
export function inject(network: Network, packet: Uint8Array, destination = '224.0.0.18'): void {
  const socket = within(network.namespace('w'), () =>
    openVrrpSocket({
      interfaceName: 'br0',
      family: 4,
      protocols: packet[9] === 51 ? [112, 51] : [112],
      sourceAddress: '10.9.0.9',
      destination: 'multicast',
    }),
  );
  try {
    const errno = socket.send(packet, destination);
    if (errno !== null) throw new Error(`the forged packet did not leave: ${errno}`);
  } finally {
    socket.close();
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
