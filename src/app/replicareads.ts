// A further replica's part in the read VIPs: how fresh its data are, by the same evidence and rules as a standby's
// (core/readvip), and the grant to its agent's wire thread, where VRRP elects. It comes after a fresh standby and before the
// writer. One that is errant never holds them.
import type { PairConfig, ReplicaConfig } from '../config/types.ts';
import { decide, note } from '../core/readvip/machine.ts';
import { type Grant, initialState, type ReadSituation } from '../core/readvip/state.ts';
import type { ReplicaState } from '../core/replica/state.ts';
import type { ReplicaReads } from '../core/replica/view.ts';
import type { ReadsOnWire } from '../io/agentlink/link.ts';
import type { Clock } from '../runtime/ports.ts';
import { readSettings } from './readvips.ts';

const TURN_MS = 100;
const RENEW_MS = 250;

export interface ReplicaReadsOptions {
  readonly clock: Clock;
  readonly config: PairConfig;
  readonly self: ReplicaConfig;
  readonly state: () => ReplicaState;
  readonly wire: () => ReadsOnWire | null;
  readonly grant: (grant: Grant) => void;
}

export interface ReplicaReadsPort {
  heard(heartbeat: number): void;
  lag(lagMs: number | null): void;
  view(): ReplicaReads;
  stop(): void;
}

function faultOf({ own }: ReplicaState): string | null {
  const channel = own.status?.channel;
  if (own.status === null) return null;
  if (channel == null) return 'it has no replication channel';
  if (channel.applier === 'stopped')
    return `its applier is stopped (${channel.applierError ?? 'by somebody'})`;
  if (channel.receiver === 'stopped')
    return `its receiver is stopped (${channel.receiverError ?? 'by somebody'})`;
  return null;
}

export function startReplicaReads(options: ReplicaReadsOptions): ReplicaReadsPort {
  const { clock, config, self } = options;
  // Whatever reads.prefer says of the nodes: its own place is its VRRP priority.
  let state = initialState({ ...readSettings(config, self, { name: '' }), prefer: 'standby' });
  let renewMs = Number.NEGATIVE_INFINITY;
  let told: Grant['grade'] | null = null;
  let granted: Grant = state.grant;
  const holds = (): boolean => options.wire()?.vips.some((vip) => vip.held) ?? false;

  function situation(): ReadSituation {
    const replica = options.state();
    return {
      nowMs: clock.bootMs(),
      role: 'following',
      health: replica.own.health,
      healthBecause: replica.own.because,
      fault: faultOf(replica),
      peer: null,
      wire: { holds: holds(), peerHeard: true },
    };
  }

  function turn(): void {
    const now = situation();
    state = decide(state, now);
    const { errant } = options.state();
    if (errant === null && !state.settled) return;
    granted = errant === null ? state.grant : { grade: 'none', untilMs: now.nowMs, because: errant.because };
    if (granted.grade === told && now.nowMs < renewMs) return;
    told = granted.grade;
    renewMs = now.nowMs + RENEW_MS;
    options.grant(granted);
  }
  const timer = setInterval(turn, TURN_MS);

  return {
    heard(heartbeat) {
      state = note(state, { kind: 'heard', heartbeat, nowMs: clock.bootMs() });
    },
    lag(lagMs) {
      state = note(state, { kind: 'lag', lagMs, nowMs: clock.bootMs() });
    },
    view: () => ({ grade: granted.grade, because: granted.because, holds: holds() }),
    stop: () => clearInterval(timer),
  };
}
