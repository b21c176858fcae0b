// The ports: what the decisions need from the world, as interfaces. `io/` makes them real, `sim/` makes them
// simulated. A port exists only where both kinds do, or will.
// Every remote action is idempotent; every wait is bounded by its caller.

import type { PairRecord } from '../core/pair/record.ts';
import type { ServerStatus } from '../core/pair/server.ts';
import type { WitnessExpectation, WitnessView } from '../core/pair/witness.ts';

/** Milliseconds on CLOCK_BOOTTIME: monotonic, counts suspend, comparable between processes of one host only. */
export interface Clock {
  bootMs(): number;
}

export type { ChannelStatus, ServerStatus } from '../core/pair/server.ts';

/** The row of the heartbeat table, as read on some server. */
export interface Heartbeat {
  readonly epoch: number;
  readonly sequence: number;
}

/**
 * One database server, steered over SQL. Two are held by each manager: its own server and its peer's.
 * Every method rejects with a DatabaseError when the server is away, refuses, or `deadlineMs` passes; none waits longer.
 */
export interface Database {
  /** Opens the held connections. Safe to call again. Resolves when the first statement was answered. */
  connect(deadlineMs: number): Promise<void>;
  /** Called once per loss of the held connections, at once when the socket closes. */
  onLost(listener: (because: string) => void): void;
  close(): void;

  status(deadlineMs: number): Promise<ServerStatus>;
  /** The cheapest round trip there is. */
  ping(deadlineMs: number): Promise<void>;

  /** Commits one row in the heartbeat table, through the binary log. Proves that the server can still write. */
  writeHeartbeat(beat: Heartbeat, deadlineMs: number): Promise<void>;
  readHeartbeat(deadlineMs: number): Promise<Heartbeat | null>;

  /** Read-write for clients. The scheduled events run at the writer only: turns the scheduler to what the configuration asks. */
  openWrites(deadlineMs: number): Promise<void>;
  /** Commits one row under a GTID some way above the last one, so that no GTID that a crash took back is given again. */
  skipSequence(deadlineMs: number): Promise<void>;
  /**
   * Read-only for everyone but replication, then closes every client session. Resolves with the executed GTIDs after the last
   * commit. Never releases a semi-sync wait: with sessions still waiting it rejects with code 'commits-in-doubt'.
   */
  closeWrites(deadlineMs: number): Promise<string>;
  /** Commits wait for an acknowledgement (true) or not (false). Never call with false while commits wait, unless the record says `alone`. */
  setSemiSyncSource(on: boolean, deadlineMs: number): Promise<void>;
  /** Whether what is received is synced to the disk at once (needed to acknowledge), or faster (to catch up). */
  setReceivesDurably(on: boolean, deadlineMs: number): Promise<void>;
  /** Whether this server acknowledges what it receives; restarts the receiver (never the applier) if that is needed to take effect. */
  setSemiSyncReplica(on: boolean, deadlineMs: number): Promise<void>;

  /**
   * Starts receiver and applier; what the relay log still holds is applied first (MariaDB throws it away when a thread starts
   * while both are stopped). With `discardReceived` it is thrown away: for the writer, whose relay log can only hold what
   * nobody was told is committed.
   */
  startChannel(deadlineMs: number, discardReceived?: boolean): Promise<void>;
  /** Stops the receiver only; what is received stays and goes on being applied. */
  stopReceiving(deadlineMs: number): Promise<void>;
  /** Waits until everything received is applied; rejects with code 'applier-stopped' and the error when it cannot be. */
  drain(deadlineMs: number): Promise<void>;
  /** Waits until the given GTIDs are executed here. */
  waitFor(gtid: string, deadlineMs: number): Promise<void>;
  /** Ends the server process at once (SIGKILL), so that crash recovery rolls back what no standby acknowledged. Local server only. */
  killServer(): Promise<void>;
}

export type SwapOutcome =
  | { readonly kind: 'swapped'; readonly revision: string }
  /** Something else is there; nothing was changed. */
  | { readonly kind: 'conflict'; readonly view: WitnessView }
  /** No answer in time: it may have been changed, or may be yet. */
  | { readonly kind: 'unknown'; readonly because: string };

/** The witness. Neither method rejects; answers come in the order of the calls. */
export interface Witness {
  /** One linearizable read. */
  read(deadlineMs: number): Promise<WitnessView>;
  /** Writes the record if the witness still holds what is expected (null: nothing). */
  swap(record: PairRecord, expected: WitnessExpectation | null, deadlineMs: number): Promise<SwapOutcome>;
  close(): void;
}

export type DatabaseErrorCode =
  /** Refused or reset: nobody serves there. */
  | 'down'
  /** No answer within the deadline. */
  | 'timeout'
  /** The account or its password is refused. */
  | 'access-denied'
  /** A privilege is missing. */
  | 'privilege'
  | 'too-many-connections'
  | 'commits-in-doubt'
  | 'applier-stopped'
  /** Disk full, read-only file system, crashed table: the server answers but cannot write. */
  | 'unwritable'
  | 'statement';

export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;
  constructor(code: DatabaseErrorCode, message: string) {
    super(message);
    this.name = 'DatabaseError';
    this.code = code;
  }
}
