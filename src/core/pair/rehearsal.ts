// A stage for tests of the pair machine: one node, fed by hand; every order it gives is carried out at once.

import { assert } from '../error.ts';
import type { Order, PairAction, PairEvent } from './event.ts';
import { step } from './machine.ts';
import type { PeerReport } from './message.ts';
import type { PairRecord } from './record.ts';
import type { ChannelStatus, ServerStatus } from './server.ts';
import type { PairSettings } from './settings.ts';
import { initialState, type PairState } from './state.ts';
import { type Journal, NO_MAINTENANCE, NOTHING_STORED } from './stored.ts';

export const reason = (because: string) => ({ code: 'x', because, lift: 'y' });

export const SETTINGS: PairSettings = {
  self: 'a',
  peer: 'b',
  preferred: true,
  durability: 'lossless',
  tailMs: null,
  failback: false,
  partition: 'availability',
  promoteWithinMs: 2000,
  aloneAfterMs: 3000,
  peerSilenceMsMax: 100,
  agentGraceMs: 250,
  drainMsMax: 30_000,
  gatewayChecked: false,
  witness: false,
  holdAfterFailoverMs: 0,
  masterDownMs: 336,
};

export const CHANNEL: ChannelStatus = {
  sourceHost: 'b',
  sourcePort: 3306,
  receiver: 'running',
  applier: 'running',
  receiverError: null,
  applierError: null,
  receivedGtid: '0-1-100',
  appliedGtid: '0-1-100',
  drained: true,
  heartbeats: 1,
};

export const status = (patch: Partial<ServerStatus> = {}): ServerStatus => ({
  version: '10.11',
  serverId: 1,
  readOnly: true,
  executedGtid: '0-1-100',
  history: '0-1-100',
  origin: '1',
  channel: CHANNEL,
  semiSync: { source: false, replica: true, replicas: 0, waitingSessions: 0 },
  receivesDurably: true,
  uptimeS: 10,
  ...patch,
});

export const report = (patch: Partial<PeerReport> = {}): PeerReport => ({
  node: 'b',
  role: 'following',
  record: { epoch: 5, writer: 'a', sync: 'paired' },
  server: 'up',
  executedGtid: '0-1-100',
  history: '0-1-100',
  origin: '2',
  receivedGtid: '0-1-100',
  receiverStopped: false,
  suspect: false,
  pairing: false,
  replicating: true,
  semiSyncReplica: true,
  lagMs: 0,
  ineligible: [],
  held: [],
  holdMs: 0,
  maintenance: NO_MAINTENANCE,
  vouches: false,
  advertising: false,
  heartbeat: 0,
  leaving: false,
  ...patch,
});

const TICK_MS = 250;
/** Long enough to call somebody silent. */
const LISTENED_MS = 1200;

/** Feeds events, carries every order out at once (as `outcome` says), and remembers the orders. */
export class Rehearsal {
  state: PairState;
  readonly orders: Order[] = [];
  readonly told: PairAction[] = [];
  readonly said: string[] = [];
  nowMs = 10_000;
  revision = 100;
  fails: ((order: Order) => boolean) | null = null;

  constructor(record: PairRecord, settings: PairSettings = SETTINGS, journal: Journal | null = null) {
    this.state = initialState(settings, { ...NOTHING_STORED, record, journal }, this.nowMs - LISTENED_MS);
    this.feed({ kind: 'agent', link: 'up', because: 'up' });
    this.feed({
      kind: 'wire',
      wire: {
        claimedEpoch: null,
        interfaceUp: true,
        interfaceBecause: 'up',
        peerAdverts: 'heard',
        gateway: 'unknown',
      },
    });
    this.feed({ kind: 'peer-channel', open: true, because: 'open' });
  }

  /** One event; the time since the last one passes with its ticks. */
  feed(event: WithoutTime): void {
    const { nowMs } = this;
    for (this.nowMs = this.state.nowMs + TICK_MS; this.nowMs < nowMs; this.nowMs += TICK_MS) {
      this.take({ kind: 'tick' });
    }
    this.nowMs = nowMs;
    this.take(event);
  }

  /** The process did not run for so long. */
  freeze(forMs: number): void {
    this.nowMs += forMs;
    this.take({ kind: 'tick' });
  }

  private take(event: WithoutTime): void {
    const queue: WithoutTime[] = [event];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [state, actions] = step(this.state, { ...next, nowMs: this.nowMs } as PairEvent);
      this.state = state;
      for (const action of actions) {
        if (action.kind === 'say') this.said.push(`${action.code}: ${action.because}`);
        if (action.kind === 'tell' || action.kind === 'exit') this.told.push(action);
        if (action.kind !== 'order') continue;
        this.orders.push(action.order);
        const ok = this.fails?.(action.order) !== true;
        const outcome = ok
          ? ({ ok: true } as const)
          : ({ ok: false, code: 'down', because: 'as told' } as const);
        // As the edge does: what the witness shows comes before the result.
        if (ok && action.order.kind === 'witness') {
          this.revision += 1;
          const { record } = action.order;
          queue.push({ kind: 'witness', view: { kind: 'holds', record, revision: String(this.revision) } });
        }
        queue.push({ kind: 'result', id: action.id, outcome });
      }
    }
  }

  up(patch: Partial<ServerStatus> = {}): void {
    this.feed({ kind: 'status', status: status(patch) });
    this.feed({ kind: 'health', health: 'up', because: 'it answers' });
  }

  hear(patch: Partial<PeerReport> = {}): void {
    this.feed({
      kind: 'message',
      message: { kind: 'report', sentMs: 1, echoMs: this.nowMs, asks: false, report: report(patch) },
    });
  }

  /** The witness was read. */
  witness(record: PairRecord | null): void {
    this.revision += 1;
    const revision = String(this.revision);
    this.feed({
      kind: 'witness',
      view: record === null ? { kind: 'empty' } : { kind: 'holds', record, revision },
    });
  }

  /** Every path to the peer falls silent. */
  silence(): void {
    this.feed({ kind: 'peer-channel', open: false, because: 'closed' });
    this.feed({ kind: 'peer-sql', sql: 'silent' });
    this.feed({ kind: 'wire', wire: { ...this.state.wire, peerAdverts: 'silent' } });
    for (const waitMs of [60, 150]) {
      this.nowMs += waitMs;
      this.feed({ kind: 'tick' });
    }
  }

  kinds(): string[] {
    return this.orders.map((order) => order.kind);
  }
}
export type WithoutTime = PairEvent extends infer E
  ? E extends PairEvent
    ? Omit<E, 'nowMs'>
    : never
  : never;

export const PAIRED: PairRecord = { epoch: 5, writer: 'a', sync: 'paired' };
export const STANDBY: PairRecord = { epoch: 5, writer: 'b', sync: 'paired' };

const OPEN = {
  readOnly: false,
  semiSync: { source: true, replica: false, replicas: 1, waitingSessions: 0 },
};

export function writer(settings: PairSettings = SETTINGS): Rehearsal {
  const rehearsal = new Rehearsal(PAIRED, settings);
  if (settings.witness) rehearsal.witness(PAIRED);
  // Only its manager was restarted: the server is open, and the VIP is held.
  rehearsal.feed({ kind: 'wire', wire: { ...rehearsal.state.wire, claimedEpoch: PAIRED.epoch } });
  rehearsal.hear();
  rehearsal.up(OPEN);
  assert(rehearsal.state.role === 'writing', `it is ${rehearsal.state.role}`);
  rehearsal.orders.length = 0;
  return rehearsal;
}

export function standby(settings: PairSettings = SETTINGS): Rehearsal {
  const rehearsal = new Rehearsal(STANDBY, settings);
  if (settings.witness) rehearsal.witness(STANDBY);
  rehearsal.up();
  rehearsal.hear({ role: 'writing', record: STANDBY, vouches: true, advertising: true });
  assert(rehearsal.state.role === 'following', `it is ${rehearsal.state.role}`);
  rehearsal.orders.length = 0;
  return rehearsal;
}
