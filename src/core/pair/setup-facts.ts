// What set-up has seen of two servers and was told, and what it refuses with.
import type { ServerFamily } from '../family.ts';
import type { OwnLogPlaces } from './setup-places.ts';

/** One line of the rendered my.cnf. */
export interface RequiredSetting {
  readonly name: string;
  readonly value: string;
}

export interface SeenChannel {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly usingGtid: boolean;
  readonly heartbeatS: number;
  readonly connectRetryS: number;
  readonly running: boolean;
  /** The source's log that it read last, e.g. `mysql-bin.000007`; absent before the first. */
  readonly readsFile?: string;
}

export interface SeenServer {
  readonly family: ServerFamily;
  readonly version: string;
  readonly serverId: number;
  /** MySQL's own name for the server, from auto.cnf; empty where the family has none. */
  readonly uuid: string;
  readonly logBin: boolean;
  /** Names of the binary logs that are kept. */
  readonly logFiles?: readonly string[];
  /** Of SHOW GLOBAL VARIABLES, only those asked for. */
  readonly variables: Readonly<Record<string, string>>;
  /** MariaDB's SHOW STATUS LIKE 'Rpl_status': IDLE_SLAVE or ACTIVE_SLAVE with init_rpl_role=SLAVE, else AUTH_MASTER. */
  readonly rplStatus: string;
  /** All that the server has executed, and the same with who gave each; texts of core/gtid. */
  readonly executed: string;
  readonly history: string;
  /** Where a channel would begin to fetch, in a family that keeps it apart from `executed` (gtid_slave_pos); else null. */
  readonly fetchFrom: string | null;
  /** What the binary logs that are kept no longer hold: who has executed this much can fetch the rest. */
  readonly purged: string;
  /** Of a server without GTIDs: its own binary log, in whose places the histories are told. */
  readonly places?: OwnLogPlaces;
  readonly channel: SeenChannel | null;
  readonly otherChannels: readonly string[];
  /** Statements that make or mend our accounts, schema and table; empty: they are right. */
  readonly accountStatements: readonly AccountStatement[];
  /** schema.table of the users' data. */
  readonly tables: readonly string[];
  /** Checksums of them by name, where they were read. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Accounts beside ours that may write to a read-only server. */
  readonly privileged: readonly string[];
}

export interface AccountStatement {
  readonly what: string;
  readonly sql: string;
  /** It changes the password with which the other node's channel logs in here. */
  readonly newReplicationPassword?: boolean;
}

export interface SetupNode {
  readonly name: string;
  readonly address: string;
  readonly required: readonly RequiredSetting[];
  readonly seen: SeenServer;
}

export interface SetupInput {
  readonly nodes: readonly [SetupNode, SetupNode];
  readonly writer: string;
  readonly port: number;
  readonly replicationUser: string;
  readonly heartbeatS: number;
  /** binlog: a channel by file and position is right as it is, also where there are GTIDs. */
  readonly positioning: 'gtid' | 'binlog';
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}
