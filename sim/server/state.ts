// The state of one simulated MariaDB server, and the words of the model. What lies on which storage decides what a fault
// leaves: `disk` outlives a power cut, the relay log's unsynced tail only a kill, everything else ends with the process.
// The facts that it follows are in docs/MARIADB.md; test/database/model.test.ts holds it to the real server.
import type { Gathered } from './mysql.ts';

/** One transaction in a binary log. The domain is 0 always. */
export interface Transaction {
  readonly gtid: string;
  /** server_id of the server that it was born at. */
  readonly origin: number;
  readonly sequence: number;
  /** What it writes; the model only carries it. */
  readonly payload: string;
}

export type Family = 'mariadb' | 'mysql';

export interface ServerOptions {
  readonly serverId: number;
  /** Default: mariadb. */
  readonly family?: Family;
  /** Where the channel leads; null: no channel is configured. Default: a source named "peer", port 3306. */
  readonly source?: { readonly host: string; readonly port: number } | null;
  /**
   * innodb_flush_log_at_trx_commit=3: the engine's commit is on disk before OK. With false (=1) it gets there with the next
   * prepare, and a crash before that takes the last acknowledged commits back.
   */
  readonly commitsDurably?: boolean;
}

/** A commit on its way: `session` is null for the applier's. */
export interface Commit {
  readonly session: string | null;
  readonly payload: string;
  /** Given by the applier, or when the commit comes to the binary log. */
  transaction: Transaction | null;
  /** The client was told that it must wait: its outcome is reported later. */
  waits: boolean;
  /** Its connection has ended; the commit goes on all the same. */
  gone: boolean;
  /** KILL of the session: the wait for the acknowledgement is broken off as soon as it is its turn. */
  killed: boolean;
}

/** Commits that were written to the binary log together and wait for one acknowledgement. */
export interface Group {
  readonly commits: readonly Commit[];
  /** Length of the binary log behind it. */
  readonly end: number;
}

/** What the receiver wrote: a transaction, or only the position of one of this server's own, which is passed over. */
export interface Received {
  readonly transaction: Transaction;
  readonly own: boolean;
}

export type Outcome = 'ok' | 'connection-lost';

/** What became of a commit whose client was told to wait. */
export interface Released {
  readonly session: string;
  readonly payload: string;
  /** Null: it never came to the binary log. */
  readonly gtid: string | null;
  readonly outcome: Outcome;
}

export interface ServerState {
  readonly serverId: number;
  readonly family: Family;
  readonly source: { readonly host: string; readonly port: number } | null;
  readonly commitsDurably: boolean;
  up: boolean;
  /** On disk at once (sync_binlog=1), before any of it is sent. */
  log: Transaction[];
  /** How many of the log's transactions the engine has committed: these can be read. The rest is prepared. */
  committed: number;
  /** gtid_slave_pos; its row is written within the engine's commit. */
  slavePos: string;
  /** The same two, as a crash leaves them. */
  readonly disk: { committed: number; slavePos: string };
  /** Received and not yet applied; what is applied is taken out. */
  relay: Received[];
  /** How many of `relay` outlive a power cut. */
  relaySynced: number;

  readOnly: boolean;
  sourceOn: boolean;
  replicaOn: boolean;
  receivesDurably: boolean;
  receiver: 'stopped' | 'connecting' | 'running';
  applier: 'stopped' | 'running';
  receiverError: string | null;
  applierError: string | null;
  /** Counts the receiver's starts: a connection made under an older number is gone. */
  connection: number;
  /** The present connection acknowledges, and accepts this server's own transactions that its log lacks. */
  acknowledging: boolean;
  /** Gtid_IO_Pos: where the receiver resumes; null until it is started. */
  receivedPos: string | null;
  heartbeats: number;
  /** Replicas connected to this server, and whether they acknowledge. */
  readonly replicas: Map<string, boolean>;

  /** In the log, not committed. The first waits for its acknowledgement; the second stands behind it and holds the log. */
  groups: Group[];
  /** Prepared, not in the log yet: they stand behind two groups. */
  queue: Commit[];
  /** What the standby has acknowledged, as a length of the log. */
  acknowledged: number;
  /** SET GLOBAL read_only=1 is under way: new writes stand behind it. */
  closing: boolean;
  blocked: Commit[];
  /** The heartbeat that had to wait. */
  beat: string | null;
  /** The applier's commit under way: the first of `relay`. */
  applying: boolean;
  /** The greatest sequence number seen: this server's next transaction gets the one above. */
  counter: number;
  /** MySQL: what is in the log, what the receiver took since the start, and gtid_executed as it was last written out. */
  logged: Set<string>;
  retrieved: Gathered;
  readonly executed: { upTo: number; set: Gathered; text: string };
  released: Released[];
}

export function initialServer(options: ServerOptions): ServerState {
  return {
    serverId: options.serverId,
    family: options.family ?? 'mariadb',
    source: options.source === undefined ? { host: 'peer', port: 3306 } : options.source,
    commitsDurably: options.commitsDurably ?? true,
    up: true,
    log: [],
    committed: 0,
    slavePos: '',
    disk: { committed: 0, slavePos: '' },
    relay: [],
    relaySynced: 0,
    ...booted(),
    replicas: new Map(),
    counter: 0,
    logged: new Set(),
    retrieved: new Map(),
    executed: { upTo: 0, set: new Map(), text: '' },
    released: [],
  };
}

/** What every start of the process begins with: the settings of `config render my.cnf`, both threads stopped. */
export const booted = () =>
  ({
    readOnly: true,
    sourceOn: true,
    replicaOn: true,
    receivesDurably: true,
    receiver: 'stopped',
    applier: 'stopped',
    receiverError: null,
    applierError: null,
    connection: 0,
    acknowledging: false,
    receivedPos: null,
    heartbeats: 0,
    groups: [],
    queue: [],
    acknowledged: 0,
    closing: false,
    blocked: [],
    beat: null,
    applying: false,
  }) satisfies Partial<ServerState> as Pick<
    ServerState,
    | 'readOnly'
    | 'sourceOn'
    | 'replicaOn'
    | 'receivesDurably'
    | 'receiver'
    | 'applier'
    | 'receiverError'
    | 'applierError'
    | 'receivedPos'
    | 'connection'
    | 'acknowledging'
    | 'heartbeats'
    | 'groups'
    | 'queue'
    | 'acknowledged'
    | 'closing'
    | 'blocked'
    | 'beat'
    | 'applying'
  >;

export const lastOf = (log: readonly Transaction[]): Transaction | undefined => log.at(-1);
/** gtid_binlog_pos: the last in the log, also while it waits. */
export const binlogPos = (state: ServerState): string => lastOf(state.log)?.gtid ?? '';
