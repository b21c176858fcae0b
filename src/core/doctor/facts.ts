// What the doctor knows: gathered by io/doctor, judged by rules*.ts. Whatever could not be looked at is null, and is said to be.

/** An account as SQL writes it: 'name'@'host'. */
export type AccountName = string;

export interface AccountFacts {
  /** Without a name: whoever comes from that host. */
  readonly anonymous: readonly AccountName[];
  readonly passwordless: readonly AccountName[];
  /** May write while the server is read-only; the administrator's and ours left out. */
  readonly writeReadOnly: readonly AccountName[];
}

export interface GrantFact {
  readonly statement: string;
  readonly because: string;
  /** What works without it; null: needed. */
  readonly optionalFor: string | null;
}

export interface ChannelFacts {
  readonly sourceHost: string;
  readonly receiver: string;
  readonly applier: string;
  readonly receiverError: string | null;
  readonly applierError: string | null;
  /** Filters as SHOW REPLICA STATUS has them: name -> list. */
  readonly filters: Readonly<Record<string, string>>;
}

export interface ServerFacts {
  readonly node: string;
  readonly version: string;
  readonly variables: Readonly<Record<string, string>>;
  /** The plugin is there, or built in. */
  readonly semiSync: boolean;
  readonly channel: ChannelFacts | null;
  readonly otherChannels: readonly string[];
  /** Of SHOW MASTER STATUS: what is, or is not, written to the binary log; null: not seen. */
  readonly binlogFilters: Readonly<Record<string, string>> | null;
  /** InnoDB tables without a primary key, nor a unique one that may stand in for it; null: not seen. */
  readonly keylessTables: readonly string[] | null;
  /** Tables of engines that cannot roll back, with their engine; null: not all can be seen. */
  readonly unsafeTables: readonly string[] | null;
  readonly accounts: AccountFacts | null;
  /** What the agent's account lacks; null: not seen. */
  readonly missingGrants: readonly GrantFact[] | null;
  /** Of the server's clock against this host's, and how far off that may be. */
  readonly clock: { readonly aheadMs: number; readonly errorMs: number } | null;
  readonly readOnly: boolean;
  /** What could not be looked at, and why. */
  readonly unseen: readonly string[];
}

export interface FileMode {
  readonly path: string;
  readonly what: string;
  /** Others than its owner and group may read or write it. */
  readonly open: boolean;
  /** Null: it is there. */
  readonly problem: string | null;
}

export interface DiskFacts {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface HostFacts {
  readonly node: string;
  readonly secrets: readonly FileMode[];
  readonly disks: readonly DiskFacts[];
  /** Null: not known. */
  readonly clockSynchronised: boolean | null;
  /** Null: none is configured, or it could not be asked. */
  readonly gatewayAnswers: boolean | null;
  /** VIPs of the pair that are on an interface here now. */
  readonly vipsHere: readonly string[];
  readonly interfaceExists: boolean;
  /** Other programs of this kind that run here. */
  readonly rivals: readonly string[];
  /** What of the capabilities CAP_NET_ADMIN and CAP_NET_RAW this process lacks; null: it is not the agent's user. */
  readonly lacksCapabilities: readonly string[];
  /** Rules of the packet filter that drop what the agents say; null: they cannot be read. */
  readonly droppedBy: readonly string[] | null;
  /** Values under /proc/sys/net/ipv4, by name. */
  readonly kernel: Readonly<Record<string, string>>;
  /** Of the server's process; null: not found. */
  readonly openFilesMax: number | null;
}

/** One node's agent, asked over its API. */
export interface AgentFacts {
  readonly node: string;
  /** Null: it does not answer, and why. */
  readonly answers: boolean;
  readonly because: string;
  readonly version: string | null;
  readonly holdsVip: boolean;
  readonly warnings: readonly { readonly code: string; readonly because: string; readonly lift: string }[];
}

/** What pair.yaml decides. */
export interface PairFacts {
  readonly durability: 'lossless' | 'async';
  readonly positioning: 'gtid' | 'binlog';
  readonly partition: 'availability' | 'consistency';
  readonly witness: boolean;
  readonly gateway: string | null;
  readonly vrrpId: number;
}

export interface Facts {
  readonly pair: PairFacts;
  readonly servers: readonly ServerFacts[];
  /** Servers that could not be asked. */
  readonly silentServers: readonly { readonly node: string; readonly because: string }[];
  readonly hosts: readonly HostFacts[];
  readonly agents: readonly AgentFacts[];
}
