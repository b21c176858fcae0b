// What can happen to a node of the pair, and what it can ask for. Actions are data; their results come back as
// `result` events; time arrives in every event as `nowMs` (CLOCK_BOOTTIME, milliseconds).

import type { PeerMessage, PeerReport, ServerHealth } from './message.ts';
import type { PairRecord } from './record.ts';
import type { ServerStatus } from './server.ts';
import type { Journal, Maintenance, Stored } from './stored.ts';
import type { WitnessExpectation, WitnessView } from './witness.ts';

export type PairEvent = { readonly nowMs: number } & (
  | { readonly kind: 'tick' }
  /** The health machine's verdict on our own server. */
  | { readonly kind: 'health'; readonly health: ServerHealth; readonly because: string }
  /** A fresh status of our own server. */
  | { readonly kind: 'status'; readonly status: ServerStatus }
  /** Our heartbeat row was committed by our own server. */
  | { readonly kind: 'heartbeat'; readonly sequence: number }
  /** How far our replica is behind, by the heartbeat. */
  | { readonly kind: 'lag'; readonly lagMs: number | null }
  | { readonly kind: 'message'; readonly message: PeerMessage }
  | { readonly kind: 'peer-channel'; readonly open: boolean; readonly because: string }
  /** What our SQL connection to the peer's server shows: when it changes, and every answer while the peer does not answer us. */
  | { readonly kind: 'peer-sql'; readonly sql: PathState }
  | { readonly kind: 'agent'; readonly link: 'up' | 'lost'; readonly because: string }
  /** What the agent's VRRP and addresses are. */
  | { readonly kind: 'wire'; readonly wire: WireView }
  | { readonly kind: 'result'; readonly id: number; readonly outcome: Outcome }
  /** What a read, or a compare-and-swap, showed of the witness. Answers arrive in the order in which it gave them. */
  | { readonly kind: 'witness'; readonly view: WitnessView }
  | { readonly kind: 'switchover'; readonly because: string }
  /** An operator's `promote --force`: this node shall be the writer, whatever may be lost. */
  | { readonly kind: 'promote'; readonly because: string }
  /** An operator's order that nothing moves by itself; null ends it. */
  | { readonly kind: 'maintenance'; readonly because: string | null }
  /**
   * This node's data are being mended (a clone, a rewind of errant transactions): until it ends (null) the server is not steered,
   * and this node is not eligible. Passed over by a writer. Whoever mends waits, before anything is changed, until no operation is
   * in progress and the record says `alone`: the writer, told of it, writes that within about a second. A paired standby may
   * hold the only other copy of what was acknowledged.
   */
  | { readonly kind: 'mending'; readonly because: string | null }
  /** The agent is asked to end (SIGTERM), or the manager is. */
  | { readonly kind: 'stop'; readonly because: string }
);

export type PathState = 'unknown' | 'answers' | 'silent' | 'refused';

export interface WireView {
  /** The epoch for which this agent holds the write VIP; null when it does not. */
  readonly claimedEpoch: number | null;
  readonly interfaceUp: boolean;
  readonly interfaceBecause: string;
  /** `late`: an advert is missing, the master-down timer still runs: the other paths are asked already. */
  readonly peerAdverts: 'unknown' | 'heard' | 'late' | 'silent';
  readonly gateway: 'unknown' | 'answers' | 'silent';
}

export type Outcome =
  | { readonly ok: true; readonly gtid?: string }
  | { readonly ok: false; readonly code: string; readonly because: string };

/** One remote action with a result. Each is idempotent and bounded by `deadlineMs`. */
export type Order = {
  readonly deadlineMs: number;
} /** Write and fsync what this node keeps, as one file. */ & (
  | {
      readonly kind: 'persist';
      readonly record: PairRecord;
      readonly journal: Journal | null;
      readonly maintenance: Maintenance;
    }
  /** Compare-and-swap at the witness; null: nothing may be there. Its answer arrives as an event `witness` before the result. */
  | {
      readonly kind: 'witness';
      readonly record: PairRecord;
      readonly expected: WitnessExpectation | null;
    }
  /** Stop admitting clients: answer newcomers with a reset, reset the others, release the VIP. */
  | { readonly kind: 'yield-vip'; readonly because: string }
  | { readonly kind: 'claim-vip'; readonly epoch: number }
  | { readonly kind: 'open-writes' }
  /**
   * Leaves a gap in this server's GTIDs: crash recovery may have rolled back transactions that the other node has, and no later
   * one may be given their GTIDs.
   */
  | { readonly kind: 'skip-sequence' }
  | { readonly kind: 'close-writes' }
  | { readonly kind: 'semi-sync-source'; readonly on: boolean }
  | { readonly kind: 'semi-sync-replica'; readonly on: boolean }
  /** `discard`: what was received and not applied is not wanted: this is the writer, nothing of it was acknowledged. */
  | { readonly kind: 'receive-durably'; readonly on: boolean }
  | { readonly kind: 'start-channel'; readonly discard: boolean }
  | { readonly kind: 'stop-receiving' }
  | { readonly kind: 'drain' }
  /**
   * Asynchronous: what the fallen writer had committed and this node not received is fetched, from the writer's files or the binlog
   * archive, and applied here under its own GTIDs. Ends well also when nothing was to be had in time.
   */
  | { readonly kind: 'take-tail'; readonly epoch: number }
  | { readonly kind: 'wait-for'; readonly gtid: string }
  /** Commit one row and wait until the standby acknowledged it. */
  | { readonly kind: 'prove-commit' }
  /** Over SQL at the peer's server: read-only, clients closed; the result carries its GTIDs. */
  | { readonly kind: 'fence-peer' }
  | { readonly kind: 'kill-server'; readonly because: string }
);

export type PairAction =
  | { readonly kind: 'order'; readonly id: number; readonly order: Order }
  /** Send our report to the peer, now. */
  | { readonly kind: 'report'; readonly report: PeerReport; readonly asks: boolean }
  | { readonly kind: 'tell'; readonly message: PeerMessage }
  | {
      readonly kind: 'say';
      readonly level: 'info' | 'warn' | 'error';
      readonly code: string;
      readonly because: string;
    }
  /** Write what this node keeps, as `persist` does; nobody waits for it. */
  | { readonly kind: 'keep'; readonly stored: Stored }
  /** This manager's work is done: end the process. */
  | { readonly kind: 'exit'; readonly because: string };
