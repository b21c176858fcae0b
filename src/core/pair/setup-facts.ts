// What set-up has seen of two servers and was told, and what it refuses with.
import { executedPosition } from '../gtid/mariadb.ts';

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
}

export interface SeenServer {
  readonly version: string;
  readonly serverId: number;
  readonly logBin: boolean;
  /** Of SHOW GLOBAL VARIABLES, only those asked for. */
  readonly variables: Readonly<Record<string, string>>;
  /** SHOW STATUS LIKE 'Rpl_status': IDLE_SLAVE or ACTIVE_SLAVE with init_rpl_role=SLAVE, else AUTH_MASTER. */
  readonly rplStatus: string;
  readonly binlogPos: string;
  readonly binlogState: string;
  readonly slavePos: string;
  /** Where the oldest binary log that is kept begins. */
  readonly oldestPos: string;
  readonly channel: SeenChannel | null;
  readonly otherChannels: readonly string[];
  /** Statements that make or mend our accounts, schema and table; empty: they are right. */
  readonly accountStatements: readonly { readonly what: string; readonly sql: string }[];
  /** schema.table of the users' data. */
  readonly tables: readonly string[];
  /** Checksums of them by name, where they were read. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Accounts beside ours that may write to a read-only server. */
  readonly privileged: readonly string[];
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
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** What a server has executed, and by which servers it was born. */
export interface Positions {
  readonly executed: string;
  readonly history: string;
}

export const positionsOf = ({ seen }: SetupNode): Positions => ({
  executed: executedPosition(seen.slavePos, seen.binlogPos, seen.serverId),
  history: seen.binlogState,
});
