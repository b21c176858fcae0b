// What the rest of the program knows of pair.yaml: every value resolved, every unit in the name. Plain data.
// Made by pair.ts (text -> values) and load.ts (paths made absolute); read by app/, cli/ and the lab.
import type { Cidr } from '../core/ip/address.ts';

/** One mistake or remark, at the place in the file that it is about. Lines and columns count from 1. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Machine-readable, kebab-case, stable: scripts may match it. */
  readonly code: string;
  /** What is wrong, and why it is. */
  readonly message: string;
  /** What would be right. */
  readonly hint: string;
}

export type Parsed =
  | { readonly ok: true; readonly config: PairConfig; readonly warnings: readonly Finding[] }
  | { readonly ok: false; readonly findings: readonly Finding[] };

export interface NodeConfig {
  readonly name: string;
  /** Canonical text. The address that the peers reach this host at; never a VIP. */
  readonly address: string;
  readonly interface: string;
  /** VRRP priority, 1..254. */
  readonly priority: number;
}

/** A further server that replicates from the pair: never promoted, never acknowledging. */
export interface ReplicaConfig extends NodeConfig {
  /** Whom it replicates from: the standby, the writer, or a node by its name, each only while that one is fit. */
  readonly source: string;
}

export interface VipsConfig {
  /** Follows the writer. At least one. */
  readonly write: readonly Cidr[];
  /** Prefers the standby. */
  readonly read: readonly Cidr[];
  /** Leads to the proxy. */
  readonly single: readonly Cidr[];
}

export interface ReadsConfig {
  /** `standby`, or the name of a node. */
  readonly prefer: string;
  readonly maxLagMs: number;
  /** Virtual router id of the read VIPs, 1..255. */
  readonly vrrpId: number;
}

export interface MysqlTls {
  readonly mode: 'preferred' | 'required' | 'verify';
  /** Given with `verify`. */
  readonly caFile: string | null;
}

export interface MysqlConfig {
  readonly port: number;
  /** Unix socket of the local server; null: the agent reaches it by TCP. */
  readonly socket: string | null;
  /** MariaDB's extra_port, for a server that is out of connections. */
  readonly extraPort: number | null;
  readonly replication: {
    readonly user: string;
    readonly passwordFile: string;
    readonly positioning: 'gtid' | 'binlog';
  };
  readonly admin: { readonly user: string; readonly passwordFile: string };
  /** null: `verify` reads with the admin account. */
  readonly verify: { readonly user: string; readonly passwordFile: string } | null;
  readonly durability: 'lossless' | 'async';
  readonly probe: { readonly intervalMs: number; readonly deadlineMs: number };
  readonly heartbeatIntervalMs: number;
  /** Command lines; null: systemctl. */
  /** Of connections over TCP; null: none. */
  readonly tls: MysqlTls | null;
  readonly service: { readonly stop: string | null; readonly start: string | null };
}

export type VrrpAuthentication =
  | { readonly type: 'none' }
  | { readonly type: 'pass' | 'ah'; readonly passwordFile: string };

export interface VrrpConfig {
  /** Virtual router id, 1..255. */
  readonly id: number;
  readonly version: 2 | 3;
  readonly advertIntervalMs: number;
  readonly preempt: boolean;
  readonly peers: 'multicast' | 'unicast';
  readonly authentication: VrrpAuthentication;
  /** Seconds that the kernel keeps a VIP which nobody renews. */
  readonly vipLeaseS: number;
}

export interface FailoverConfig {
  readonly partition: 'availability' | 'consistency';
  readonly promoteWithinMs: number;
  readonly aloneAfterMs: number;
  readonly gateway: string | null;
  readonly maxDrainMs: number;
  readonly holdAfterFailoverMs: number;
  /** How long a manager waits for a killed agent to come back. */
  readonly agentGraceMs: number;
}

export interface WitnessConfig {
  /** Client URLs, each with its port. */
  readonly etcd: readonly string[];
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly user: string | null;
  readonly passwordFile: string | null;
}

export interface ArchiveConfig {
  readonly host: string;
  readonly port: number;
  /** How long a promotion may take to fetch what it lacks. */
  readonly budgetMs: number;
}

export interface ProxyConfig {
  readonly port: number;
  readonly workers: number | 'auto';
  readonly causalReads: 'off' | 'session';
}

export interface NotifyConfig {
  readonly email: {
    readonly to: readonly string[];
    readonly from: string | null;
    readonly server: { readonly host: string; readonly port: number };
  } | null;
  readonly webhook: string | null;
  readonly scripts: {
    readonly writer: string | null;
    readonly standby: string | null;
    readonly fault: string | null;
  } | null;
}

export interface PairConfig {
  readonly pair: string;
  /** The file that this was read from, absolute after loadPair. */
  readonly file: string;
  /** Two, in the order of the file. */
  readonly nodes: readonly NodeConfig[];
  /** In the order of the file; seven at most. */
  readonly replicas: readonly ReplicaConfig[];
  readonly vips: VipsConfig;
  readonly reads: ReadsConfig;
  readonly mysql: MysqlConfig;
  readonly vrrp: VrrpConfig;
  readonly failover: FailoverConfig;
  readonly witness: WitnessConfig | null;
  readonly archive: ArchiveConfig | null;
  readonly proxy: ProxyConfig | null;
  readonly notify: NotifyConfig | null;
  readonly peer: { readonly port: number };
  /** What becomes of errant transactions once they are saved. */
  readonly salvage: 'ask' | 'discard' | 'replay';
  /** Where a node gives copies of its data. */
  readonly clone: { readonly port: number };
  readonly api: {
    readonly host: string;
    readonly port: number;
    readonly tokenFile: string;
    readonly openReads: boolean;
  };
  /** Holds the key that authenticates the peer channel. */
  readonly secretFile: string;
  /** Each node keeps its own state in `<stateDir>/<pair>.<node>`. */
  readonly stateDir: string;
}
