// What a replica says of itself over its API: to the managers of the pair, to `status`, and to whoever asks.
import { parseReasons, type Reason } from '../pair/reason.ts';
import { type Grade, isGrade } from '../readvip/state.ts';
import { currentSource, sourceLives, wantedSource } from './fitness.ts';
import type { ReplicaState } from './state.ts';

export type ReplicaRole = 'starting' | 'following' | 'moving' | 'waiting' | 'errant';

export interface ReplicaReads {
  readonly grade: Grade;
  readonly because: string;
  readonly holds: boolean;
}

export interface ReplicaStatement {
  readonly name: string;
  readonly role: ReplicaRole;
  readonly because: string;
  /** The node that its channel leads to; null: none. */
  readonly source: string | null;
  readonly wantedSource: string | null;
  /** `up`, or what is wrong with it. */
  readonly server: string;
  readonly executedGtid: string;
  readonly replicating: boolean;
  /** By the heartbeat that the writer committed; null: not known. */
  readonly lagMs: number | null;
  /** True would be a fault: its agent switches it off. */
  readonly acknowledges: boolean;
  readonly readOnly: boolean;
  /** The writer lacks these. */
  readonly errant: readonly string[];
  readonly warnings: readonly Reason[];
  /** Its part in the read VIPs; null: none are configured. */
  readonly reads: ReplicaReads | null;
}

const CLONE_LIFT = (self: string, source: string): string =>
  `make ${self} a copy of ${source} anew (docs/REPLICAS.md, "A copy by hand"); what only ${self} holds is then gone, so look at it first`;

function warnings(state: ReplicaState): Reason[] {
  const { own, errant, failure, settings } = state;
  const found: Reason[] = [];
  const channel = own.status?.channel;
  const { self } = settings;
  if (own.health !== 'up' && own.health !== 'unknown')
    found.push({
      code: 'server',
      because: `the server of ${self} is ${own.health}: ${own.because}`,
      lift: 'start it, or mend what the sentence names',
    });
  if (errant !== null)
    found.push({
      code: 'errant',
      because: errant.because,
      lift: CLONE_LIFT(self, state.record.writer ?? 'NODE'),
    });
  if (own.status !== null && channel === null)
    found.push({
      code: 'no-channel',
      because: `${self} replicates from nobody`,
      lift: 'by itself, when a node of the pair is fit; an empty server: `twinkeep setup`',
    });
  if (channel?.applierError != null)
    found.push({
      code: 'applier-error',
      because: `the applier of ${self} has stopped: ${channel.applierError}`,
      lift: 'mend what the error names, then START SLAVE SQL_THREAD (START REPLICA SQL_THREAD); nothing is skipped by itself',
    });
  if (errant === null && channel?.receiverError != null && channel.receiver !== 'running')
    found.push({
      code: 'receiver-error',
      because: `the receiver of ${self}: ${channel.receiverError}`,
      lift: /purged|too old/i.test(channel.receiverError)
        ? CLONE_LIFT(self, state.record.writer ?? 'NODE')
        : 'by itself, when the source is reached or another one is fit; if the error stays: `twinkeep setup` checks the accounts',
    });
  if (own.status?.semiSync.replica)
    found.push({
      code: 'acknowledges',
      because: `${self} acknowledges what it receives: the writer may take that for the standby's word`,
      lift: 'by itself: its agent switches it off; see who or what switched it on',
    });
  if (failure !== null) found.push(failure);
  return found;
}

function roleOf(state: ReplicaState): ReplicaRole {
  if (state.errant !== null) return 'errant';
  if (state.own.status === null) return 'starting';
  if (state.move !== null) return 'moving';
  return sourceLives(state) ? 'following' : 'waiting';
}

export function statementOf(state: ReplicaState, reads: ReplicaReads | null = null): ReplicaStatement {
  const { own, errant, settings } = state;
  const { status } = own;
  return {
    name: settings.self,
    role: roleOf(state),
    because: state.because,
    source: currentSource(state),
    wantedSource: wantedSource(state),
    server: own.health === 'up' ? 'up' : `${own.health}: ${own.because}`,
    executedGtid: status?.executedGtid ?? '',
    replicating: own.health === 'up' && sourceLives(state) && status?.channel?.applier === 'running',
    lagMs: own.lagMs === null ? null : Math.round(own.lagMs),
    acknowledges: status?.semiSync.replica === true,
    readOnly: status?.readOnly === true,
    errant: errant?.gtids ?? [],
    warnings: warnings(state),
    reads,
  };
}

const ROLES: readonly unknown[] = ['starting', 'following', 'moving', 'waiting', 'errant'];
const TEXT_MAX = 65_536;
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= TEXT_MAX;
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const ERRANT_MAX = 1000;

function parseReads(value: unknown): ReplicaReads | null {
  if (typeof value !== 'object' || value === null) return null;
  const { grade, because, holds } = value as Record<string, unknown>;
  if (!isGrade(grade) || !isText(because) || typeof holds !== 'boolean') return null;
  return { grade, because, holds };
}

/** Reads what an agent answered; null when it is no statement of that replica. */
export function parseReplicaStatement(value: unknown, replica: string): ReplicaStatement | null {
  if (typeof value !== 'object' || value === null) return null;
  const given = value as Record<string, unknown>;
  const { name, role, because, source, server, executedGtid, replicating, lagMs } = given;
  const { wantedSource: wanted, acknowledges, readOnly, errant } = given;
  const reasons = parseReasons(given['warnings']);
  if (name !== replica || !ROLES.includes(role) || !isText(because) || !isText(server)) return null;
  if (!isTextOrNull(source) || !isTextOrNull(wanted) || !isText(executedGtid) || reasons === null)
    return null;
  if (typeof replicating !== 'boolean' || typeof acknowledges !== 'boolean') return null;
  if (typeof readOnly !== 'boolean' || !Array.isArray(errant) || errant.length > ERRANT_MAX) return null;
  if (!errant.every(isText) || !(lagMs === null || (typeof lagMs === 'number' && lagMs >= 0))) return null;
  return {
    name: replica,
    role: role as ReplicaRole,
    because,
    source,
    wantedSource: wanted,
    server,
    executedGtid,
    replicating,
    lagMs,
    acknowledges,
    readOnly,
    errant,
    warnings: reasons,
    reads: parseReads(given['reads']),
  };
}
