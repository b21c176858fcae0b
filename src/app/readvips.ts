// The manager's part of the read VIPs: collects the evidence of how fresh this server's data are, has core/readvip
// decide, and renews the grant at the agent, whose wire thread holds the VIPs or not. The peer's manager is told, for
// hosts between which VRRP is blocked.

import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { PairEvent } from '../core/pair/event.ts';
import type { PairState } from '../core/pair/state.ts';
import { decide, note } from '../core/readvip/machine.ts';
import {
  type Evidence,
  type Grade,
  type Grant,
  initialState,
  type ReadSettings,
  type ReadSituation,
  type ReadStatement,
  rankOf,
} from '../core/readvip/state.ts';
import type { ReadsOnWire } from '../io/agentlink/link.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Level } from './log.ts';

/** How often it is decided anew, whatever happens. */
const TURN_MS = 100;
/** The agent is told again, and the peer, though nothing changed. */
const RENEW_MS = 250;
/** A statement of the peer that is older says nothing. */
const STATEMENT_MS_MAX = 1000;
/** A standby that was stale must be fresh for this long. */
const RETURN_AFTER_MS = 3000;
/** What a manager's word is worth: as long as the agent waits for a manager before it gives the write VIP up. */
const GRACE_MS = 2000;
/** For the writer, on top of failover.aloneAfter: going alone takes a moment. */
const ALONE_MARGIN_MS = 2000;
/**
 * A node past its limit waits so many advert intervals for the other one to take the VIPs, which needs up to four (RFC 9568
 * 6.1: three and a skew), and this long on top of them.
 */
const HANDOVER_ADVERTS = 5;
const HANDOVER_MARGIN_MS = 300;

export interface ReadNodeView {
  readonly name: string;
  /** Null: not known here. */
  readonly grade: Grade | null;
  readonly because: string;
  readonly holds: boolean;
}

/** The read VIPs as one node knows them. */
export interface ReadsView {
  readonly vips: readonly string[];
  readonly prefer: string;
  readonly maxLagMs: number;
  /** This node first. */
  readonly nodes: readonly ReadNodeView[];
}

type WithoutTime<E> = E extends PairEvent ? Omit<E, 'nowMs'> : never;

export interface ReadVipsOptions {
  readonly clock: Clock;
  readonly config: Pick<PairConfig, 'vips' | 'reads' | 'vrrp' | 'failover'>;
  readonly self: Pick<NodeConfig, 'name'>;
  readonly peer: Pick<NodeConfig, 'name'>;
  readonly state: () => PairState;
  readonly wire: () => ReadsOnWire | null;
  readonly grant: (grant: Grant) => void;
  readonly tell: (statement: ReadStatement) => void;
  readonly say: (level: Level, code: string, because: string) => void;
}

export interface ReadVips {
  /** Whatever the pair machine is told. */
  observe(event: WithoutTime<PairEvent>): void;
  /** The peer's statement. */
  heard(statement: ReadStatement): void;
  view(): ReadsView;
  stop(): void;
}

export function readSettings(
  { reads, vrrp, failover }: ReadVipsOptions['config'],
  self: Pick<NodeConfig, 'name'>,
  peer: Pick<NodeConfig, 'name'>,
): ReadSettings {
  return {
    self: self.name,
    peer: peer.name,
    prefer: reads.prefer,
    maxLagMs: reads.maxLagMs,
    writerLagMsMax: Math.max(reads.maxLagMs, failover.aloneAfterMs + ALONE_MARGIN_MS),
    returnAfterMs: RETURN_AFTER_MS,
    handoverMs: HANDOVER_ADVERTS * vrrp.advertIntervalMs + HANDOVER_MARGIN_MS,
    graceMs: GRACE_MS,
  };
}

/** Why a standby's data do not become newer now. A receiver that only looks for its source is none: the writer may be gone. */
function faultOf({ role, own }: PairState): string | null {
  if (role !== 'following' || own.status === null) return null;
  const { channel } = own.status;
  if (channel === null) return 'it has no replication channel';
  if (channel.applier === 'stopped')
    return `its applier is stopped${channel.applierError === null ? '' : ` (${channel.applierError})`}`;
  if (channel.receiver === 'stopped')
    return `its receiver is stopped${channel.receiverError === null ? '' : ` (${channel.receiverError})`}`;
  return null;
}

function evidenceOf(event: WithoutTime<PairEvent>, nowMs: number): Evidence | null {
  switch (event.kind) {
    case 'message': {
      const { message } = event;
      return message.kind === 'report' ? { kind: 'heard', heartbeat: message.report.heartbeat, nowMs } : null;
    }
    case 'lag':
      return { kind: 'lag', lagMs: event.lagMs, nowMs };
    case 'heartbeat':
      return { kind: 'committed', heartbeat: event.sequence, nowMs };
    default:
      return null;
  }
}

const serves = (grade: Grade): boolean => rankOf(grade) >= rankOf('willing');

/** Null: no read VIPs are configured. */
export function startReadVips(options: ReadVipsOptions): ReadVips | null {
  const { clock, config, self, peer } = options;
  if (config.vips.read.length === 0) return null;
  const vips = config.vips.read.map((vip) => `${vip.address}/${vip.prefix}`);
  let state = initialState(readSettings(config, self, peer));
  let statement: ReadStatement | null = null;
  let statementMs = Number.NEGATIVE_INFINITY;
  let renewMs = Number.NEGATIVE_INFINITY;
  let told: { readonly grade: Grade; readonly holds: boolean } | null = null;
  let said: boolean | null = null;

  /** What an agent said that is gone, or frozen, says nothing of now. */
  const wire = (): ReadsOnWire | null => (options.state().agent.link === 'up' ? options.wire() : null);
  const holds = (): boolean => wire()?.vips.some((vip) => vip.held) ?? false;
  const peerNow = (): ReadStatement | null => {
    const fresh = clock.bootMs() - statementMs <= STATEMENT_MS_MAX && options.state().peer.channelOpen;
    return fresh ? statement : null;
  };

  function situation(): ReadSituation {
    const pair = options.state();
    return {
      nowMs: clock.bootMs(),
      role: pair.role,
      health: pair.own.health,
      healthBecause: pair.own.because,
      fault: faultOf(pair),
      peer: peerNow(),
      wire: { holds: holds(), peerHeard: wire()?.peerHeard ?? false },
    };
  }

  /** Once a change: what this node may do with the read VIPs, and why. */
  function tellOfGrade(): void {
    const { grade, because } = state.grant;
    if (serves(grade) === said) return;
    const first = said === null;
    said = serves(grade);
    if (said) options.say('info', 'reads-fit', because);
    else options.say(first ? 'info' : 'warn', 'reads-unfit', because);
  }

  function turn(): void {
    const now = situation();
    state = decide(state, now);
    if (!state.settled) return;
    tellOfGrade();
    const news = { grade: state.grant.grade, holds: now.wire.holds };
    const changed = news.grade !== told?.grade || news.holds !== told.holds;
    if (!changed && now.nowMs < renewMs) return;
    told = news;
    renewMs = now.nowMs + RENEW_MS;
    options.grant(state.grant);
    options.tell({ kind: 'reads', ...news });
  }
  const timer = setInterval(turn, TURN_MS);

  return {
    observe(event) {
      const evidence = evidenceOf(event, clock.bootMs());
      if (evidence !== null) state = note(state, evidence);
      // A new agent knows of no grant.
      if (event.kind === 'agent') renewMs = Number.NEGATIVE_INFINITY;
      if (event.kind === 'agent' || event.kind === 'health' || event.kind === 'wire') turn();
    },
    heard(next) {
      statement = next;
      statementMs = clock.bootMs();
    },
    view() {
      const theirs = peerNow();
      const { grade, because } = state.grant;
      return {
        vips,
        prefer: config.reads.prefer,
        maxLagMs: config.reads.maxLagMs,
        nodes: [
          { name: self.name, grade, because, holds: holds() },
          theirs === null
            ? {
                name: peer.name,
                grade: null,
                because: 'its manager says nothing of the read VIPs',
                holds: wire()?.peerHeard ?? false,
              }
            : { name: peer.name, grade: theirs.grade, because: 'its manager says so', holds: theirs.holds },
        ],
      };
    },
    stop: () => clearInterval(timer),
  };
}
