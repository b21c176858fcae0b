// Carries the pair machine's orders out: at the record file, the servers, the agent. One promise an order; its end
// goes back to the machine as the order's result.

import type { Order, Outcome } from '../core/pair/event.ts';
import { describeRecord } from '../core/pair/record.ts';
import type { Stored } from '../core/pair/stored.ts';
import type { WitnessView } from '../core/pair/witness.ts';
import { type Database, DatabaseError, type Witness } from '../runtime/ports.ts';

/** The agent as the manager uses it; rejects when it is gone, refuses, or does not answer in time. */
export interface AgentPort {
  claim(epoch: number, deadlineMs: number): Promise<void>;
  yield(because: string, deadlineMs: number): Promise<void>;
}

export interface Performers {
  readonly own: Database;
  readonly peer: Database;
  readonly agent: AgentPort;
  readonly persist: (stored: Stored) => void;
  /** Null: none is configured. */
  readonly witness: Witness | null;
  /** What a compare-and-swap showed; told before its result. */
  readonly onWitness: (view: WitnessView) => void;
  /** Cuts clients off and removes the VIPs without the agent: it is gone, or frozen. */
  readonly yieldWithoutAgent: () => Promise<void>;
  /** Never rejects: what could not be had is said. */
  readonly takeTail: (epoch: number, deadlineMs: number) => Promise<void>;
  /** Commits a heartbeat and waits for it. */
  readonly proveCommit: (deadlineMs: number) => Promise<void>;
}

async function yieldVip(with_: Performers, because: string, deadlineMs: number): Promise<void> {
  try {
    await with_.agent.yield(because, deadlineMs);
  } catch {
    await with_.yieldWithoutAgent();
  }
}

class SwapError extends Error {
  readonly code: 'witness-conflict' | 'witness-unknown';
  constructor(code: 'witness-conflict' | 'witness-unknown', message: string) {
    super(message);
    this.code = code;
  }
}

async function swap(order: Extract<Order, { kind: 'witness' }>, with_: Performers): Promise<void> {
  const { witness, onWitness } = with_;
  if (witness === null) throw new SwapError('witness-unknown', 'no witness is configured');
  const { record, expected, deadlineMs } = order;
  const outcome = await witness.swap(record, expected, deadlineMs);
  switch (outcome.kind) {
    case 'swapped':
      onWitness({ kind: 'holds', record, revision: outcome.revision });
      return;
    case 'conflict': {
      onWitness(outcome.view);
      const what = outcome.view.kind === 'holds' ? describeRecord(outcome.view.record) : outcome.view.kind;
      throw new SwapError('witness-conflict', `the witness holds something else by now: ${what}`);
    }
    case 'unknown':
      throw new SwapError('witness-unknown', `no answer of the witness: ${outcome.because}`);
  }
}

async function carryOut(order: Order, with_: Performers): Promise<string | undefined> {
  const { own, peer } = with_;
  const { deadlineMs } = order;
  switch (order.kind) {
    case 'persist': {
      const { record, journal, maintenance } = order;
      with_.persist({ record, journal, maintenance });
      return undefined;
    }
    case 'witness':
      await swap(order, with_);
      return undefined;
    case 'skip-sequence':
      await own.skipSequence(deadlineMs);
      return undefined;
    case 'yield-vip':
      await yieldVip(with_, order.because, deadlineMs);
      return undefined;
    case 'claim-vip':
      await with_.agent.claim(order.epoch, deadlineMs);
      return undefined;
    case 'open-writes':
      await own.openWrites(deadlineMs);
      return undefined;
    case 'close-writes':
      return own.closeWrites(deadlineMs);
    case 'semi-sync-source':
      await own.setSemiSyncSource(order.on, deadlineMs);
      return undefined;
    case 'semi-sync-replica':
      await own.setSemiSyncReplica(order.on, deadlineMs);
      return undefined;
    case 'receive-durably':
      await own.setReceivesDurably(order.on, deadlineMs);
      return undefined;
    case 'start-channel':
      await own.startChannel(deadlineMs, order.discard);
      return undefined;
    case 'stop-receiving':
      await own.stopReceiving(deadlineMs);
      return undefined;
    case 'drain':
      await own.drain(deadlineMs);
      return undefined;
    case 'take-tail':
      await with_.takeTail(order.epoch, deadlineMs);
      return undefined;
    case 'wait-for':
      await own.waitFor(order.gtid, deadlineMs);
      return undefined;
    case 'prove-commit':
      await with_.proveCommit(deadlineMs);
      return undefined;
    case 'fence-peer': {
      const gtid = await peer.closeWrites(deadlineMs);
      // Left on, the next commit that is replicated into that server would wait for an acknowledgement of nobody.
      await peer.setSemiSyncSource(false, deadlineMs).catch(() => undefined);
      return gtid;
    }
    case 'kill-server':
      await own.killServer();
      return undefined;
  }
}

/** Never rejects: a failure is an outcome. A failure that is no operating error is a defect, and is thrown. */
export async function perform(order: Order, with_: Performers): Promise<Outcome> {
  try {
    const gtid = await carryOut(order, with_);
    return gtid === undefined ? { ok: true } : { ok: true, gtid };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = error instanceof DatabaseError || error instanceof SwapError ? error.code : 'failed';
    return { ok: false, code, because: error.message };
  }
}
