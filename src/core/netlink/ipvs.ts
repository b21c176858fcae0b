// What the kernel's load balancer (IPVS) is told and tells: virtual services, their destinations, time-outs, and the daemons that
// copy connections to another host. ipvs-codec.ts turns it into messages.
import type { IpFamily } from '../ip/address.ts';

export const FLAG_PERSISTENT = 0x01;
export const FLAG_HASHED = 0x02;
export const FLAG_ONE_PACKET = 0x04;
export const FLAG_SCHEDULER_1 = 0x08;
export const FLAG_SCHEDULER_2 = 0x10;
export const FLAG_SCHEDULER_3 = 0x20;
export type IpvsProtocol = 'TCP' | 'UDP' | 'SCTP';

/** What the kernel tells services apart by. */
export type ServiceId =
  | {
      readonly kind: 'address';
      readonly protocol: IpvsProtocol;
      readonly address: string;
      /** 0: every port; such a service must be persistent. */
      readonly port: number;
    }
  | { readonly kind: 'mark'; readonly mark: number; readonly family: IpFamily };

export interface ServiceOptions {
  readonly scheduler: string;
  readonly flags: number;
  /** Seconds; counts with FLAG_PERSISTENT. */
  readonly persistenceTimeoutS: number;
  /** Clients of one such network count as one: 1..32, 1..128. */
  readonly persistencePrefix: number;
  /** Persistence engine: `sip`. */
  readonly engine: string | null;
}

export interface Service {
  readonly id: ServiceId;
  readonly options: ServiceOptions;
}

export type ForwardingMethod = 'NAT' | 'local' | 'TUN' | 'DR' | 'bypass';

export interface IpvsDestination {
  readonly address: string;
  readonly port: number;
  readonly method: ForwardingMethod;
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  readonly tunnel: {
    readonly kind: 'ipip' | 'gue' | 'gre';
    readonly port: number;
    readonly checksum: 'nocsum' | 'csum' | 'remcsum';
  } | null;
}

export interface ListedDestination extends IpvsDestination {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
}

export interface SyncDaemon {
  readonly state: 'master' | 'backup';
  readonly interfaceName: string;
  readonly syncId: number;
  /** null: the kernel's own choice, for these four. */
  readonly maxBytes: number | null;
  readonly port: number | null;
  readonly ttl: number | null;
  readonly group: string | null;
}

export interface Timeouts {
  /** Seconds; 0: as it is. */
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}

export const familyOfService = (id: ServiceId): IpFamily =>
  id.kind === 'mark' ? id.family : id.address.includes(':') ? 6 : 4;

/** A text that two ids have in common only when they name the same service. */
export const serviceKey = (id: ServiceId): string =>
  id.kind === 'mark' ? `mark ${id.mark} ${id.family}` : `${id.protocol} ${id.address} ${id.port}`;
