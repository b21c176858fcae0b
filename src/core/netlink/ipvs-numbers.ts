// The numbers of IPVS messages (include/uapi/linux/ip_vs.h), for ipvs-encode.ts and ipvs-decode.ts.
import {
  FLAG_ONE_PACKET,
  FLAG_PERSISTENT,
  FLAG_SCHEDULER_1,
  FLAG_SCHEDULER_2,
  FLAG_SCHEDULER_3,
  type ForwardingMethod,
  type IpvsProtocol,
} from './ipvs.ts';

export const IPVS_FAMILY_NAME = 'IPVS';
export const IPVS_VERSION = 1;

export const COMMAND = {
  'new-service': 1,
  'set-service': 2,
  'remove-service': 3,
  'list-services': 4,
  'new-destination': 5,
  'set-destination': 6,
  'remove-destination': 7,
  'list-destinations': 8,
  'new-daemon': 9,
  'remove-daemon': 10,
  'set-timeouts': 12,
  'get-timeouts': 13,
  flush: 17,
} as const;

export const ATTR = { service: 1, destination: 2, daemon: 3, tcp: 4, tcpFin: 5, udp: 6 } as const;
export const SERVICE = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  mark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
  engine: 11,
} as const;
export const DESTINATION = {
  address: 1,
  port: 2,
  method: 3,
  weight: 4,
  upper: 5,
  lower: 6,
  activeConnections: 7,
  inactiveConnections: 8,
  persistentConnections: 9,
  family: 11,
  tunnel: 13,
  tunnelPort: 14,
  tunnelFlags: 15,
} as const;
export const DAEMON = {
  state: 1,
  interface: 2,
  syncId: 3,
  maxBytes: 4,
  group: 5,
  group6: 6,
  port: 7,
  ttl: 8,
} as const;

export const AF_INET = 2;
export const AF_INET6 = 10;
export const PROTOCOL: Readonly<Record<IpvsProtocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };
export const METHOD_MASK = 7;
export const METHODS: readonly ForwardingMethod[] = ['NAT', 'local', 'TUN', 'DR', 'bypass'];
export const TUNNELS = ['ipip', 'gue', 'gre'] as const;
export const CHECKSUMS = ['nocsum', 'csum', 'remcsum'] as const;

/** The kernel sets HASHED by itself; the others are ours. */
export const FLAGS_OF_OURS =
  FLAG_PERSISTENT | FLAG_ONE_PACKET | FLAG_SCHEDULER_1 | FLAG_SCHEDULER_2 | FLAG_SCHEDULER_3;
