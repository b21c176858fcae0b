// One further replica as a pure machine: step(state, event) -> [state, actions]. An event is taken in as knowledge, then one
// order at most is decided on all that is known; its result comes back as an event. SPEC.md states the rules.
import { contains, lacking } from '../gtid/gtid.ts';
import type { Reason } from '../pair/reason.ts';
import type { ServerStatus } from '../pair/server.ts';
import { noteErrant } from './errant.ts';
import type { ReplicaAction, ReplicaEvent } from './event.ts';
import { chooseSource, currentSource, isFresh, noteFitness, unfitBecause } from './fitness.ts';
import type { KnownNode, Move, OrderOutcome, ReplicaOrder, ReplicaState } from './state.ts';

/** After a failed order, before it is tried again. */
const REST_MS = 2000;
/** How long a frozen replica waits for the new source to have what it has, before it goes on as it was. */
const CONTAIN_MS_MAX = 10_000;
/** A node whose channel failed is not tried again for so long, while there is another. */
const SHUN_MS = 30_000;
/** A stopped receiver with an error is started again this often. */
const RESTART_MS = 5000;

type Step = readonly [ReplicaState, readonly ReplicaAction[]];

function noteStatus(state: ReplicaState, status: ServerStatus, place: string): ReplicaState {
  const before = state.own.status?.channel;
  const { channel } = status;
  const spoke =
    channel?.receiver === 'running' &&
    (before == null ||
      before.sourceHost !== channel.sourceHost ||
      before.heartbeats !== channel.heartbeats ||
      before.receivedGtid !== channel.receivedGtid);
  const sourceSpokeMs = spoke ? state.nowMs : state.own.sourceSpokeMs;
  return { ...state, own: { ...state.own, status, statusAtMs: state.nowMs, place, sourceSpokeMs } };
}

function noteNode(state: ReplicaState, event: Extract<ReplicaEvent, { kind: 'node' }>): ReplicaState {
  const known = state.nodes[event.name];
  // An answer that was overtaken by a later one.
  if (known === undefined || event.askedMs < known.askedMs) return state;
  const { statement, askedMs, because } = event;
  const next: KnownNode =
    statement === null
      ? { ...known, askedMs, silentBecause: because }
      : { ...known, statement, askedMs, heardMs: state.nowMs, silentBecause: null };
  const newer =
    statement !== null && statement.record.epoch >= state.record.epoch && isNewer(statement.record, state);
  return {
    ...state,
    nodes: { ...state.nodes, [event.name]: next },
    record: newer && statement !== null ? statement.record : state.record,
  };
}

/** Within one epoch only `sync` differs, and the writer's own word counts. */
const isNewer = (record: ReplicaState['record'], state: ReplicaState): boolean =>
  record.epoch > state.record.epoch || record.sync !== state.record.sync;

const FAILURES: Readonly<Record<ReplicaOrder['kind'], Pick<Reason, 'code' | 'lift'>>> = {
  'close-writes': { code: 'not-read-only', lift: 'end the sessions that hold it up (SHOW PROCESSLIST)' },
  'stop-acknowledging': {
    code: 'acknowledges',
    lift: 'SET GLOBAL rpl_semi_sync_slave_enabled = OFF (rpl_semi_sync_replica_enabled), and restart the receiver',
  },
  start: { code: 'does-not-start', lift: 'mend what the error names; nothing is skipped by itself' },
  freeze: { code: 'not-applied', lift: 'mend what the error names; nothing is skipped by itself' },
  'stop-receiving': { code: 'still-receives', lift: 'STOP SLAVE IO_THREAD (STOP REPLICA IO_THREAD)' },
  point: { code: 'not-pointed', lift: 'by itself, when the server takes it: tried again' },
};

function noteResult(state: ReplicaState, id: number, outcome: OrderOutcome): ReplicaState {
  if (state.order?.id !== id) return state;
  const { order } = state.order;
  const { nowMs, move } = state;
  const done = { ...state, order: null };
  if (!outcome.ok) {
    const failure = { ...FAILURES[order.kind], because: outcome.because };
    const over = order.kind === 'freeze' || order.kind === 'point';
    return { ...done, failure, restUntilMs: nowMs + REST_MS, move: over ? null : move };
  }
  const seen = outcome.status === null ? done : noteStatus(done, outcome.status, done.own.place);
  const well = { ...seen, failure: null };
  switch (order.kind) {
    case 'freeze':
      return { ...well, move: move && { ...move, frozenAtMs: nowMs } };
    case 'point':
    case 'start':
      return {
        ...well,
        move: null,
        startedAtMs: nowMs,
        unfitSinceMs: null,
        own: { ...well.own, sourceSpokeMs: nowMs },
      };
    case 'close-writes':
    case 'stop-acknowledging':
    case 'stop-receiving':
      return well;
  }
}

function note(state: ReplicaState, event: ReplicaEvent): ReplicaState {
  switch (event.kind) {
    case 'tick':
      return state;
    case 'health': {
      const { health, because } = event;
      // What was said of a server that fell is no knowledge of the one that comes up.
      const status = health === 'down' ? null : state.own.status;
      const move = health === 'down' ? null : state.move;
      return { ...state, move, own: { ...state.own, health, because, status } };
    }
    case 'status':
      return noteStatus(state, event.status, event.place);
    case 'lag':
      return { ...state, own: { ...state.own, lagMs: event.lagMs } };
    case 'node':
      return noteNode(state, event);
    case 'result':
      return noteResult(state, event.id, event.outcome);
  }
}

function give(state: ReplicaState, order: ReplicaOrder, because: string): Step {
  const id = state.nextId;
  return [{ ...state, order: { id, order }, nextId: id + 1, because }, [{ kind: 'order', id, order }]];
}

const rest = (state: ReplicaState, because: string): Step => [{ ...state, because }, []];

/** Says it once, until something else is to be said of the same matter. */
function say(step: Step, level: 'info' | 'warn' | 'error', code: string, because: string): Step {
  const [state, actions] = step;
  if (state.said[code] === because) return step;
  return [
    { ...state, said: { ...state.said, [code]: because } },
    [...actions, { kind: 'say', level, code, because }],
  ];
}

/** The server as it must be whatever it replicates from; null: it is so. */
function discipline(state: ReplicaState, status: ServerStatus): Step | null {
  const { self } = state.settings;
  if (status.semiSync.replica || status.semiSync.source) {
    const because = status.semiSync.replica
      ? `${self} acknowledges what it receives, which only the standby may: switching that off`
      : `${self} waits for acknowledgements, which nobody gives it: switching that off`;
    return say(give(state, { kind: 'stop-acknowledging' }, because), 'warn', 'acknowledges', because);
  }
  if (!status.readOnly) {
    const because = `the server of ${self} takes writes: making it read-only`;
    return say(give(state, { kind: 'close-writes' }, because), 'warn', 'not-read-only', because);
  }
  return null;
}

/** Whether the new source has all that we have; its statement may be older than we think, never newer. */
function holdsOurs(state: ReplicaState, status: ServerStatus, to: string): boolean {
  const known = state.nodes[to];
  if (known?.statement == null || !isFresh(state, known)) return false;
  const { history, executedGtid } = known.statement;
  return contains(executedGtid, status.executedGtid) && lacking(status.history, history)?.length === 0;
}

function goOn(state: ReplicaState, status: ServerStatus, move: Move): Step {
  const { to, frozenAtMs } = move;
  if (frozenAtMs === null) return give(state, { kind: 'freeze' }, move.because);
  if (holdsOurs(state, status, to)) {
    const host = state.settings.nodes.find(({ name }) => name === to)?.address ?? '';
    return give(state, { kind: 'point', node: to, host }, move.because);
  }
  if (state.nowMs - frozenAtMs < CONTAIN_MS_MAX)
    return rest(state, `waiting until ${to} has all that ${state.settings.self} has: ${move.because}`);
  const because = `${to} does not have all that ${state.settings.self} has: it stays with its source`;
  const left = shun({ ...state, move: null }, to);
  if (status.channel === null) return say(rest(left, because), 'warn', 'move-given-up', because);
  return say(give(left, { kind: 'start' }, because), 'warn', 'move-given-up', because);
}

const shun = (state: ReplicaState, name: string): ReplicaState => {
  const known = state.nodes[name];
  if (known === undefined) return state;
  const shunnedUntilMs = state.nowMs + SHUN_MS;
  return { ...state, nodes: { ...state.nodes, [name]: { ...known, shunnedUntilMs, fitSinceMs: null } } };
};

function keepRunning(
  state: ReplicaState,
  channel: NonNullable<ServerStatus['channel']>,
  because: string,
): Step {
  const { receiver, applier, applierError, receiverError } = channel;
  const source = currentSource(state) ?? channel.sourceHost;
  if (applier === 'stopped' && applierError !== null)
    return say(rest(state, `the applier has stopped: ${applierError}`), 'error', 'applier', applierError);
  if (receiver !== 'stopped' && applier === 'running') {
    const how = receiver === 'running' ? 'replicates from' : 'connects to';
    return rest(state, `${state.settings.self} ${how} ${source}: ${because}`);
  }
  if (receiverError !== null && state.nowMs - state.startedAtMs < RESTART_MS)
    return say(rest(state, `the receiver has stopped: ${receiverError}`), 'error', 'receiver', receiverError);
  return give(state, { kind: 'start' }, `the channel from ${source} is stopped: starting it`);
}

function follow(state: ReplicaState, status: ServerStatus): Step {
  const { move } = state;
  const { self } = state.settings;
  // Whether the pair's binary logs hold all of its data only set-up can tell.
  if (status.channel === null && status.executedGtid === '')
    return rest(
      { ...state, move: null },
      `${self} is empty and replicates from nobody: \`twinkeep setup\` joins it`,
    );
  if (move !== null && unfitBecause(state, move.to) === null) return goOn(state, status, move);
  const chosen = chooseSource(state);
  const current = currentSource(state);
  if (chosen.node === null || chosen.node === current) {
    if (status.channel !== null) return keepRunning({ ...state, move: null }, status.channel, chosen.because);
    return rest({ ...state, move: null }, chosen.because);
  }
  // What cannot be applied is not thrown away.
  if (status.channel?.applier === 'stopped' && status.channel.applierError !== null)
    return keepRunning(state, status.channel, chosen.because);
  const from = current === null ? '' : ` instead of ${current}`;
  const because = `${state.settings.self} is to replicate from ${chosen.node}${from}: ${chosen.because}`;
  const begun: Move = { to: chosen.node, because, sinceMs: state.nowMs, frozenAtMs: null };
  return say(goOn({ ...state, move: begun }, status, begun), 'info', 'move', because);
}

function decide(state: ReplicaState): Step {
  const { own, errant, order } = state;
  if (order !== null) return [state, []];
  if (own.health !== 'up' && own.health !== 'unwritable')
    return rest(state, `the server is ${own.health}: ${own.because}`);
  if (own.status === null) return rest(state, 'the server has not said how it is');
  if (state.nowMs < state.restUntilMs) return [state, []];
  const orderly = discipline(state, own.status);
  if (orderly !== null) return orderly;
  if (errant === null) return follow(state, own.status);
  const receives = own.status.channel !== null && own.status.channel.receiver !== 'stopped';
  return receives ? give(state, { kind: 'stop-receiving' }, errant.because) : rest(state, errant.because);
}

/** What a result tells of a finished order. */
function tell([state, actions]: Step, before: ReplicaState, event: ReplicaEvent): Step {
  if (event.kind !== 'result' || before.order?.id !== event.id) return [state, actions];
  const { order } = before.order;
  const { outcome } = event;
  if (!outcome.ok) return say([state, actions], 'warn', `${order.kind}-failed`, outcome.because);
  if (order.kind !== 'point') return [state, actions];
  const tookMs = Math.round(state.nowMs - (before.move?.sinceMs ?? state.nowMs));
  const because = `${state.settings.self} replicates from ${order.node} now (${order.host}); the move took ${tookMs} ms`;
  const [next, more] = say([state, actions], 'info', 'pointed', because);
  // The same move may be told again later.
  return [{ ...next, said: {} }, more];
}

export function step(state: ReplicaState, event: ReplicaEvent): [ReplicaState, readonly ReplicaAction[]] {
  const noted = noteFitness(note({ ...state, nowMs: event.nowMs }, event));
  const [known, found] = noteErrant(noted);
  const [told, words] = tell([known, found], state, event);
  const [decided, orders] = decide(told);
  return [decided, [...words, ...orders]];
}
