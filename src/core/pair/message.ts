// What two managers tell each other over the peer channel, and its decoder for untrusted bytes.

import { parseReasons, type Reason } from './reason.ts';
import { type PairRecord, parseRecord } from './record.ts';
import { type Maintenance, parseMaintenance } from './stored.ts';

export type Role = 'starting' | 'following' | 'promoting' | 'writing' | 'handing-over';
export type ServerHealth = 'unknown' | 'up' | 'down' | 'hung' | 'unwritable';

const ROLES: readonly Role[] = ['starting', 'following', 'promoting', 'writing', 'handing-over'];
const HEALTHS: readonly ServerHealth[] = ['unknown', 'up', 'down', 'hung', 'unwritable'];

/** A node's statement about itself; sent at every beat and at once when it changes. */
export interface PeerReport {
  readonly node: string;
  readonly role: Role;
  readonly record: PairRecord;
  readonly server: ServerHealth;
  readonly executedGtid: string;
  /** The same with who gave each, and how it names what was born at this node's server (see ServerStatus). */
  readonly history: string;
  readonly origin: string;
  /** Received from the peer's server, applied or not. */
  readonly receivedGtid: string;
  /** The receiver does not run, and was seen not to: what this node has received of its peer is all that it will get. */
  readonly receiverStopped: boolean;
  /** As the writer: it is pairing at this moment. */
  readonly pairing: boolean;
  /** As the writer: its server fell, and it must first know all that the standby holds of it. */
  readonly suspect: boolean;
  /** Receiver and applier run without error: this node acknowledges, or would. */
  readonly replicating: boolean;
  /** What this node receives it syncs to its disk and acknowledges, and it is not about to do less. */
  readonly semiSyncReplica: boolean;
  /** How far the standby is behind, by the heartbeat; null when unknown. Milliseconds. */
  readonly lagMs: number | null;
  /** Why this node may not become the writer now. Empty: eligible. */
  readonly ineligible: readonly Reason[];
  /** Why the role does not move by itself now; an operator's switchover may still move it. */
  readonly held: readonly Reason[];
  /** As the writer: how much longer the hold after the last failover lasts. Milliseconds. */
  readonly holdMs: number;
  readonly maintenance: Maintenance;
  /** True only of a writer in a paired epoch that is not about to go alone: refreshes the window for a promotion. */
  readonly vouches: boolean;
  /** This node holds the write VIP and its agent sends adverts. */
  readonly advertising: boolean;
  /** The last heartbeat that this node committed as the writer, and 0 on a standby. */
  readonly heartbeat: number;
  /** The node is leaving on an operator's order: its silence is not a failure. */
  readonly leaving: boolean;
}

export type PeerMessage =
  | {
      readonly kind: 'report';
      /** The sender's own clock. */
      readonly sentMs: number;
      /** The latest `sentMs` of the receiver that the sender had seen; null before the first. */
      readonly echoMs: number | null;
      /** The sender wants an answer now: it does not hear the receiver's adverts. */
      readonly asks: boolean;
      readonly report: PeerReport;
    }
  /** "I have stopped taking writes; take epoch `epoch`." With the GTIDs to reach, or null when the server cannot tell. */
  | {
      readonly kind: 'handover';
      readonly epoch: number;
      readonly finalGtid: string | null;
      /** On an operator's order, not because something failed. */
      readonly planned: boolean;
      readonly because: string;
    }
  /** "I offered epoch `epoch` before I was interrupted: refuse it, unless you are taking it already." */
  | { readonly kind: 'withdrawn'; readonly epoch: number; readonly because: string }
  /** "I do not take epoch `epoch` and never will." */
  | {
      readonly kind: 'refused';
      readonly epoch: number;
      /** What the sender's record says: of a later epoch when the offer is over. */
      readonly record: PairRecord;
      readonly because: string;
    };

const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= 65_536;
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function parseReport(value: unknown): PeerReport | null {
  if (typeof value !== 'object' || value === null) return null;
  const v = value as { [K in keyof PeerReport]?: unknown };
  const record = parseRecord(v.record);
  if (record === null || !isText(v.node) || !isText(v.executedGtid) || !isText(v.receivedGtid)) return null;
  if (!isText(v.history) || !isText(v.origin)) return null;
  if (!ROLES.includes(v.role as Role) || !HEALTHS.includes(v.server as ServerHealth)) return null;
  const ineligible = parseReasons(v.ineligible);
  const held = parseReasons(v.held);
  const maintenance = parseMaintenance(v.maintenance);
  if (ineligible === null || held === null || maintenance === null || !isTime(v.holdMs)) return null;
  if (!isTime(v.heartbeat) || !(v.lagMs === null || isTime(v.lagMs))) return null;
  for (const flag of [
    v.receiverStopped,
    v.suspect,
    v.pairing,
    v.replicating,
    v.semiSyncReplica,
    v.vouches,
    v.advertising,
    v.leaving,
  ]) {
    if (typeof flag !== 'boolean') return null;
  }
  return { ...(value as PeerReport), record, ineligible, held, maintenance };
}

/** Reads one decoded JSON value; null when it is no message of ours. */
export function parsePeerMessage(value: unknown): PeerMessage | null {
  if (typeof value !== 'object' || value === null) return null;
  const v = value as Record<string, unknown>;
  const epoch = v['epoch'];
  const isEpoch = typeof epoch === 'number' && Number.isSafeInteger(epoch) && epoch > 0;
  switch (v['kind']) {
    case 'report': {
      const report = parseReport(v['report']);
      const echoMs = v['echoMs'];
      if (report === null || !isTime(v['sentMs']) || !(echoMs === null || isTime(echoMs))) return null;
      if (typeof v['asks'] !== 'boolean') return null;
      return { kind: 'report', sentMs: v['sentMs'], echoMs, asks: v['asks'], report };
    }
    case 'handover': {
      const finalGtid = v['finalGtid'];
      if (!isEpoch || !isText(v['because']) || !(finalGtid === null || isText(finalGtid))) return null;
      if (typeof v['planned'] !== 'boolean') return null;
      return { kind: 'handover', epoch, finalGtid, planned: v['planned'], because: v['because'] };
    }
    case 'refused': {
      const record = parseRecord(v['record']);
      if (!isEpoch || !isText(v['because']) || record === null) return null;
      return { kind: 'refused', epoch, record, because: v['because'] };
    }
    case 'withdrawn':
      if (!isEpoch || !isText(v['because'])) return null;
      return { kind: 'withdrawn', epoch, because: v['because'] };
    default:
      return null;
  }
}
