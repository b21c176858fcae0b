// Requests to IPVS over generic netlink, of the words in ipvs.ts. io/linux/ipvs.ts sends them.
import { parseIp } from '../ip/address.ts';
import { beginGeneric } from './generic.ts';
import {
  FLAG_PERSISTENT,
  familyOfService,
  type IpvsDestination,
  type Service,
  type ServiceId,
  type SyncDaemon,
  type Timeouts,
} from './ipvs.ts';
import {
  AF_INET,
  AF_INET6,
  ATTR,
  CHECKSUMS,
  COMMAND,
  DAEMON,
  DESTINATION,
  FLAGS_OF_OURS,
  IPVS_VERSION,
  METHODS,
  PROTOCOL,
  SERVICE,
  TUNNELS,
} from './ipvs-numbers.ts';
import { type MessageWriter, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, viewOf } from './message.ts';

const REQUEST = NLM_F_REQUEST | NLM_F_ACK;

const u16 = (writer: MessageWriter, type: number, value: number): void => {
  writer.attribute(type, Uint8Array.of(value & 0xff, value >> 8));
};
const u16be = (writer: MessageWriter, type: number, value: number): void => {
  writer.attribute(type, Uint8Array.of(value >> 8, value & 0xff));
};
/** nf_inet_addr: 16 bytes for both families. */
const address = (writer: MessageWriter, type: number, text: string): void => {
  const bytes = new Uint8Array(16);
  bytes.set(parseIp(text) ?? []);
  writer.attribute(type, bytes);
};

const maskOf = (prefix: number): number => (prefix === 0 ? 0 : (0xffff_ffff << (32 - prefix)) >>> 0);

function writeServiceId(writer: MessageWriter, id: ServiceId): void {
  u16(writer, SERVICE.family, familyOfService(id) === 4 ? AF_INET : AF_INET6);
  if (id.kind === 'mark') {
    writer.attributeU32(SERVICE.mark, id.mark);
    return;
  }
  u16(writer, SERVICE.protocol, PROTOCOL[id.protocol]);
  address(writer, SERVICE.address, id.address);
  u16be(writer, SERVICE.port, id.port);
}

function writeServiceOptions(writer: MessageWriter, { id, options }: Service): void {
  writer.attributeText(SERVICE.scheduler, options.scheduler);
  if (options.engine !== null) writer.attributeText(SERVICE.engine, options.engine);
  // ip_vs_flags: the flags, and which of them count. HASHED is the kernel's own.
  const flags = new Uint8Array(8);
  viewOf(flags).setUint32(0, options.flags & FLAGS_OF_OURS, true);
  viewOf(flags).setUint32(4, 0xffff_ffff, true);
  writer.attribute(SERVICE.flags, flags);
  writer.attributeU32(SERVICE.timeout, options.flags & FLAG_PERSISTENT ? options.persistenceTimeoutS : 0);
  // A mask in network order for IPv4, a length for IPv6.
  if (familyOfService(id) === 6) writer.attributeU32(SERVICE.netmask, options.persistencePrefix);
  else writer.attributeU32be(SERVICE.netmask, maskOf(options.persistencePrefix));
}

function writeDestination(writer: MessageWriter, destination: IpvsDestination, whole: boolean): void {
  address(writer, DESTINATION.address, destination.address);
  u16be(writer, DESTINATION.port, destination.port);
  u16(writer, DESTINATION.family, destination.address.includes(':') ? AF_INET6 : AF_INET);
  if (!whole) return;
  writer.attributeU32(DESTINATION.method, METHODS.indexOf(destination.method));
  writer.attributeU32(DESTINATION.weight, destination.weight);
  writer.attributeU32(DESTINATION.upper, destination.upperThreshold);
  writer.attributeU32(DESTINATION.lower, destination.lowerThreshold);
  const { tunnel } = destination;
  if (tunnel === null) return;
  writer.attributeU8(DESTINATION.tunnel, TUNNELS.indexOf(tunnel.kind));
  u16be(writer, DESTINATION.tunnelPort, tunnel.port);
  u16(writer, DESTINATION.tunnelFlags, CHECKSUMS.indexOf(tunnel.checksum));
}

function begin(
  writer: MessageWriter,
  family: number,
  command: keyof typeof COMMAND,
  sequence: number,
  flags: number = REQUEST,
): void {
  beginGeneric(writer, family, COMMAND[command], IPVS_VERSION, flags, sequence);
}

export function encodeService(
  writer: MessageWriter,
  family: number,
  sequence: number,
  command: 'new-service' | 'set-service' | 'remove-service',
  service: Service,
): void {
  begin(writer, family, command, sequence);
  writer.nest(ATTR.service, (nested) => {
    writeServiceId(nested, service.id);
    if (command !== 'remove-service') writeServiceOptions(nested, service);
  });
  writer.end();
}

export function encodeDestination(
  writer: MessageWriter,
  family: number,
  sequence: number,
  command: 'new-destination' | 'set-destination' | 'remove-destination',
  service: ServiceId,
  destination: IpvsDestination,
): void {
  begin(writer, family, command, sequence);
  writer.nest(ATTR.service, (nested) => writeServiceId(nested, service));
  const whole = command !== 'remove-destination';
  writer.nest(ATTR.destination, (nested) => writeDestination(nested, destination, whole));
  writer.end();
}

export function encodeListServices(writer: MessageWriter, family: number, sequence: number): void {
  begin(writer, family, 'list-services', sequence, NLM_F_REQUEST | NLM_F_DUMP);
  writer.end();
}

export function encodeListDestinations(
  writer: MessageWriter,
  family: number,
  sequence: number,
  service: ServiceId,
): void {
  begin(writer, family, 'list-destinations', sequence, NLM_F_REQUEST | NLM_F_DUMP);
  writer.nest(ATTR.service, (nested) => writeServiceId(nested, service));
  writer.end();
}

export function encodeFlush(writer: MessageWriter, family: number, sequence: number): void {
  begin(writer, family, 'flush', sequence);
  writer.end();
}

export function encodeTimeouts(
  writer: MessageWriter,
  family: number,
  sequence: number,
  timeouts: Timeouts,
): void {
  begin(writer, family, 'set-timeouts', sequence);
  writer.attributeU32(ATTR.tcp, timeouts.tcp);
  writer.attributeU32(ATTR.tcpFin, timeouts.tcpFin);
  writer.attributeU32(ATTR.udp, timeouts.udp);
  writer.end();
}

export function encodeDaemon(
  writer: MessageWriter,
  family: number,
  sequence: number,
  command: 'new-daemon' | 'remove-daemon',
  daemon: SyncDaemon,
): void {
  begin(writer, family, command, sequence);
  writer.nest(ATTR.daemon, (nested) => {
    nested.attributeU32(DAEMON.state, daemon.state === 'master' ? 1 : 2);
    nested.attributeText(DAEMON.interface, daemon.interfaceName);
    nested.attributeU32(DAEMON.syncId, daemon.syncId);
    if (command === 'remove-daemon') return;
    if (daemon.maxBytes !== null) u16(nested, DAEMON.maxBytes, daemon.maxBytes);
    if (daemon.port !== null) u16(nested, DAEMON.port, daemon.port);
    if (daemon.ttl !== null) nested.attributeU8(DAEMON.ttl, daemon.ttl);
    const group = daemon.group === null ? null : parseIp(daemon.group);
    if (group !== null) nested.attribute(group.length === 4 ? DAEMON.group : DAEMON.group6, group);
  });
  writer.end();
}
