// Transactions that the replica has and the writer lacks. The writer sends under AFTER_SYNC before its standby has acknowledged:
// a replica of the writer may hold what a failover takes back. Found by holding histories against each other.
import { lacking, namesWaiting, originOf } from '../gtid/gtid.ts';
import type { ReplicaAction } from './event.ts';
import { isFresh } from './fitness.ts';
import type { Errant, KnownNode, ReplicaState } from './state.ts';

/** A node's statement may be this much older than the question: its manager reads its server's status every second. */
const STATEMENT_AGE_MS_MAX = 2000;
/**
 * A writer of MySQL's does not name its own commits that wait for the standby, and has sent them to its replicas: they are in
 * doubt, not errant, for as long as such a wait may take.
 */
const IN_DOUBT_MS_MAX = 60_000;

/** The writer of the newest epoch, if it says so itself. */
function writer(state: ReplicaState): KnownNode | null {
  const { record } = state;
  const node = record.writer === null ? undefined : state.nodes[record.writer];
  if (node?.statement == null || !isFresh(state, node)) return null;
  const { statement } = node;
  const reigns = statement.role === 'writing' && statement.record.epoch === record.epoch;
  return reigns && statement.server === 'up' ? node : null;
}

/** What MariaDB and MySQL say to a replica that is ahead of its source, or went another way. */
const REFUSED =
  /not in the master's binlog|slave has diverged|replica has diverged|has more GTIDs than the (master|source)/i;

function byReceiver(state: ReplicaState, from: KnownNode): string | null {
  const { status } = state.own;
  const channel = status?.channel;
  if (channel == null || channel.receiver === 'running' || channel.receiverError === null) return null;
  const address = state.settings.nodes.find(({ name }) => name === state.record.writer)?.address;
  const told = channel.sourceHost === address && REFUSED.test(channel.receiverError);
  // Said while it was the writer: the error may be older than its reign.
  return told && from.askedMs > state.startedAtMs ? channel.receiverError : null;
}

/** A transaction that we have and the writer does not name, though it was asked after we had it. */
function byHistory(state: ReplicaState, from: KnownNode): [ReplicaState, readonly string[]] {
  const { own, suspicion } = state;
  const history = from.statement?.history ?? '';
  if (own.status === null || history === '') return [state, []];
  if (lacking(own.status.history, history)?.length === 0) return [{ ...state, suspicion: null }, []];
  const anew = { history: own.status.history, atMs: own.statusAtMs };
  if (suspicion === null) return [{ ...state, suspicion: anew }, []];
  if (from.askedMs < suspicion.atMs + STATEMENT_AGE_MS_MAX) return [state, []];
  const errant = lacking(suspicion.history, history) ?? [];
  const waits = !namesWaiting(history) && errant.every((gtid) => originOf(gtid) === from.statement?.origin);
  if (waits && state.nowMs - suspicion.atMs < IN_DOUBT_MS_MAX) return [state, []];
  // What was newer than the answer has arrived there meanwhile: what is newer still is looked at next.
  return errant.length === 0 ? [{ ...state, suspicion: anew }, []] : [state, errant];
}

/** Our server is another one, or holds them no more: a copy was made anew. */
function isOver(state: ReplicaState, errant: Errant): boolean {
  const { status, place } = state.own;
  if (status === null) return false;
  if (errant.place !== '' && place !== '' && errant.place !== place) return true;
  const gone = errant.gtids.length === 0 ? [] : lacking(errant.gtids.join(','), status.history);
  return errant.gtids.length > 0 && gone?.length === errant.gtids.length;
}

export function noteErrant(state: ReplicaState): [ReplicaState, ReplicaAction[]] {
  const { errant, own, settings } = state;
  if (errant !== null) {
    if (!isOver(state, errant)) return [state, []];
    const over = `${settings.self} holds the errant transactions no more: it replicates again`;
    return [
      { ...state, errant: null, suspicion: null },
      [
        { kind: 'keep', errant: null },
        { kind: 'say', level: 'info', code: 'errant-over', because: over },
      ],
    ];
  }
  const from = writer(state);
  if (from === null || own.status === null || own.health !== 'up') return [state, []];
  const [next, gtids] = byHistory(state, from);
  const refused = gtids.length > 0 ? null : byReceiver(next, from);
  if (gtids.length === 0 && refused === null) return [next, []];
  const { self } = settings;
  const because =
    refused === null
      ? `${self} holds transactions that the writer ${state.record.writer} never had (errant): ${gtids.join(', ')}`
      : `the history of ${self} went another way than that of the writer ${state.record.writer} (errant), which says: ${refused}`;
  const found: Errant = { gtids, because, place: own.place };
  return [
    { ...next, errant: found, suspicion: null, move: null },
    [
      { kind: 'keep', errant: found },
      { kind: 'say', level: 'error', code: 'errant', because },
    ],
  ];
}
