// What the API shows of a pair: this node's own state, and what it knows of the other. The CLI and the console render
// this and decide nothing.

import { type Forecast, forecast } from '../core/pair/forecast.ts';
import { witnessFaults } from '../core/pair/keeping.ts';
import type { PeerReport, Role } from '../core/pair/message.ts';
import type { Reason } from '../core/pair/reason.ts';
import { describeRecord, type PairRecord } from '../core/pair/record.ts';
import { reportOf } from '../core/pair/report.ts';
import { freshReport, type PairState } from '../core/pair/state.ts';
import type { WireDetail } from '../io/agentlink/link.ts';
import type { LogEvent } from '../io/http/events.ts';
import { reignBegan } from './eventlog.ts';
import type { ReadsView } from './readvips.ts';
import type { ReplicaView } from './replicawatch.ts';
import type { VipLeadView } from './viptruth.ts';
import { warningsOf } from './warnings.ts';

export type { Reason } from '../core/pair/reason.ts';

export interface NodeView {
  readonly name: string;
  readonly self: boolean;
  readonly address: string;
  /** `unreachable`: the asked node does not hear it. */
  readonly role: Role | 'unreachable';
  readonly because: string;
  readonly server: string;
  readonly executedGtid: string;
  /** The same with who gave each, and what it calls transactions of its own server: see ServerStatus. */
  readonly history: string;
  readonly origin: string;
  /** As the writer: the last heartbeat that it committed; 0 on a standby. */
  readonly heartbeat: number;
  readonly replicating: boolean;
  readonly lagMs: number | null;
  readonly holdsWriteVip: boolean;
  /** Empty: this node may become the writer now. */
  readonly ineligible: readonly Reason[];
  /** Why the role does not move to it by itself, though an operator may move it. */
  readonly held: readonly Reason[];
}

export interface PairView {
  readonly pair: string;
  readonly askedNode: string;
  readonly record: PairRecord;
  /** One sentence: what would happen if the writer failed now. */
  readonly ifWriterFails: string;
  readonly forecast: Forecast;
  /** Null: not under maintenance. */
  readonly maintenance: string | null;
  /** One sentence on the witness; null: none is configured. */
  readonly witness: string | null;
  readonly warnings: readonly Reason[];
  readonly vips: readonly string[];
  readonly nodes: readonly NodeView[];
  readonly operation: { readonly kind: string; readonly because: string; readonly forMs: number } | null;
  readonly wire: WireDetail | null;
  /** Null: no read VIPs are configured. */
  readonly reads: ReadsView | null;
  /** Further replicas, as this node hears of them. */
  readonly replicas: readonly ReplicaView[];
}

function ownNode(state: PairState, address: string): NodeView {
  const report = reportOf(state);
  const { own, wire, because } = state;
  return {
    name: report.node,
    self: true,
    address,
    role: report.role,
    because,
    server: own.health === 'up' ? 'up' : `${own.health}: ${own.because}`,
    executedGtid: report.executedGtid,
    history: report.history,
    origin: report.origin,
    heartbeat: report.heartbeat,
    replicating: report.replicating,
    lagMs: report.role === 'following' ? report.lagMs : null,
    holdsWriteVip: wire.claimedEpoch !== null,
    ineligible: report.ineligible,
    held: report.held,
  };
}

function peerNode(state: PairState, address: string): NodeView {
  const report: PeerReport | null = freshReport(state);
  const name = state.settings.peer;
  if (report === null) {
    const because =
      state.peer.report === null ? 'not heard since this manager started' : 'silent on the peer channel';
    return {
      name,
      self: false,
      address,
      role: 'unreachable',
      because,
      server: `unknown (over SQL: ${state.peer.sql})`,
      executedGtid: state.peer.report?.executedGtid ?? '',
      history: state.peer.report?.history ?? '',
      origin: state.peer.report?.origin ?? '',
      heartbeat: 0,
      replicating: false,
      lagMs: null,
      holdsWriteVip: false,
      ineligible: [
        {
          code: 'unreachable',
          because: `${name} is ${because}`,
          lift: `by itself, when the agent of ${name} runs and is reached`,
        },
      ],
      held: [],
    };
  }
  return {
    name,
    self: false,
    address,
    role: report.role,
    because: `it says so (epoch ${report.record.epoch})`,
    server: report.server,
    executedGtid: report.executedGtid,
    history: report.history,
    origin: report.origin,
    heartbeat: report.heartbeat,
    replicating: report.replicating,
    lagMs: report.role === 'following' ? report.lagMs : null,
    holdsWriteVip: report.advertising,
    ineligible: report.ineligible,
    held: report.held,
  };
}

/** One sentence on the witness; null when none is configured. */
function witnessView(state: PairState): string | null {
  if (!state.settings.witness) return null;
  const [fault] = witnessFaults(state);
  if (fault !== undefined) return fault.because;
  const { holds } = state.witness;
  return holds === null ? 'it holds no record yet' : `it holds ${describeRecord(holds.record)}`;
}

/** GET /api/v1/why: what the pair does, would do and may not do now, and since when. */
export interface WhyView extends PairView {
  /** This node's clock now, ISO 8601. */
  readonly time: string;
  /** When this node first knew of the writer of this epoch, and what it said then; null: longer ago than events are kept. */
  readonly reign: { readonly time: string; readonly because: string } | null;
  /** Events before this are not kept any more; null: all are. */
  readonly eventsFrom: string | null;
}

export function viewOf(
  state: PairState,
  pair: string,
  addresses: { readonly self: string; readonly peer: string },
  vips: readonly string[],
  wire: WireDetail | null,
  leads: readonly VipLeadView[] = [],
  reads: ReadsView | null = null,
  replicas: readonly ReplicaView[] = [],
): PairView {
  const nodes = [ownNode(state, addresses.self), peerNode(state, addresses.peer)];
  const { operation } = state;
  const expected = forecast(state);
  return {
    pair,
    askedNode: state.settings.self,
    record: state.record,
    ifWriterFails: expected.because,
    forecast: expected,
    maintenance: state.maintenance.because,
    witness: witnessView(state),
    warnings: warningsOf(state, wire, leads),
    vips,
    nodes: nodes.sort((a, b) => a.name.localeCompare(b.name)),
    operation:
      operation === null
        ? null
        : {
            kind: operation.kind,
            because: operation.because,
            forMs: Math.round(state.nowMs - operation.startedMs),
          },
    wire,
    reads,
    replicas,
  };
}

export function whyOf(view: PairView, events: readonly LogEvent[], time: string): WhyView {
  const began = view.record.writer === null ? null : reignBegan(events, view.record.epoch);
  const [oldest] = events;
  return {
    ...view,
    time,
    reign: began === null ? null : { time: began.time, because: began.because },
    eventsFrom: oldest === undefined || oldest.sequence === 1 ? null : oldest.time,
  };
}
