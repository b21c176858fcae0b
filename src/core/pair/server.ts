// What a database server says about itself: the facts that the pair machine decides on.

/** One replication channel of a server, as the server itself reports it. GTID texts are the family's own. */
export interface ChannelStatus {
  readonly sourceHost: string;
  readonly sourcePort: number;
  /** Receiver (IO) thread. */
  readonly receiver: 'running' | 'connecting' | 'stopped';
  /** Applier (SQL) thread. */
  readonly applier: 'running' | 'stopped';
  readonly receiverError: string | null;
  readonly applierError: string | null;
  /** What to do about each, where it is known (core/replication). */
  readonly receiverLift?: string;
  readonly applierLift?: string;
  /** What the receiver has written to the relay log. */
  readonly receivedGtid: string;
  /** What the applier has committed. */
  readonly appliedGtid: string;
  /** Everything received is applied, as far as the server knows. */
  readonly drained: boolean;
  /** Heartbeats received from the source since the channel was started; grows while the connection lives. */
  readonly heartbeats: number;
}

export interface ServerStatus {
  readonly version: string;
  readonly serverId: number;
  readonly readOnly: boolean;
  /** Everything this server has executed, its own transactions and replicated ones. */
  readonly executedGtid: string;
  /**
   * The same with who gave each: MariaDB's gtid_binlog_state, MySQL's gtid_executed. Tells histories apart that went different
   * ways (`lacking` in core/gtid).
   */
  readonly history: string;
  /** How `history` names what was born at this server: MariaDB's server_id, MySQL's server_uuid. */
  readonly origin: string;
  /** Null when no channel is configured. */
  readonly channel: ChannelStatus | null;
  readonly semiSync: {
    /** The source side is on: commits wait for an acknowledgement. */
    readonly source: boolean;
    /** The replica side is on: this server acknowledges. */
    readonly replica: boolean;
    /** Replicas connected that acknowledge. */
    readonly replicas: number;
    /** Sessions that wait for an acknowledgement right now. */
    readonly waitingSessions: number;
  };
  /** What is received is synced to the disk before it is acknowledged; off while a standby catches up. */
  readonly receivesDurably: boolean;
  /** What this server cannot hold to, by its family or its settings; shown as warnings. */
  readonly limits?: readonly { readonly because: string; readonly lift: string }[];
  /** Seconds since the server started; a smaller value than before means a restart. */
  readonly uptimeS: number;
}
