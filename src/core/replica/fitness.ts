// Whom a replica may replicate from, and whom it wants: what each node says of itself, and whether the channel lives.
import type { KnownNode, ReplicaState } from './state.ts';

/** A statement counts for so long after it was heard. */
const STATEMENT_MS_MAX = 3000;
/** A source that sent nothing for so long is silent: its heartbeats come five times a second, and are looked at every second. */
const SOURCE_SILENT_MS = 2200;
/** A channel that was just started gets this long to connect. */
const CONNECT_MS_MAX = 5000;
/** A source that is gone is left after this; one that says it is not fit, though it still sends, after the longer time. */
const LEAVE_AFTER_MS = 1000;
const LEAVE_UNFIT_AFTER_MS = 3000;
/** The preferred source is gone back to once it was fit for so long. */
const RETURN_AFTER_MS = 10_000;

export const isFresh = (state: ReplicaState, node: KnownNode): boolean =>
  node.statement !== null && node.silentBecause === null && state.nowMs - node.heardMs <= STATEMENT_MS_MAX;

/** Why a node is not fit to be replicated from, as it says itself or does not say; null: it is. */
export function unfitBecause(state: ReplicaState, name: string): string | null {
  const node = state.nodes[name];
  if (node === undefined) return `there is no node ${name}`;
  const { statement } = node;
  if (statement === null || !isFresh(state, node))
    return `its API does not answer (${node.silentBecause ?? 'no answer of late'})`;
  if (statement.record.epoch < state.record.epoch)
    return `it knows of epoch ${statement.record.epoch} only, and the pair is in ${state.record.epoch}`;
  if (statement.server !== 'up') return `its server is ${statement.server}`;
  if (statement.role === 'writing') return null;
  if (statement.role !== 'following') return `it is ${statement.role}`;
  if (!statement.replicating) return 'it does not replicate from the writer';
  // Alone: it is catching up, and behind for as long.
  if (statement.record.sync !== 'paired') return 'it is not paired with the writer';
  return null;
}

/** The node that the channel leads to; null: none, or some other host. */
export function currentSource(state: ReplicaState): string | null {
  const channel = state.own.status?.channel;
  if (channel == null) return null;
  const { nodes, port } = state.settings;
  const node = nodes.find(({ address }) => address === channel.sourceHost && channel.sourcePort === port);
  return node?.name ?? null;
}

/** The source has sent something of late. */
export function sourceLives(state: ReplicaState): boolean {
  const channel = state.own.status?.channel;
  if (channel?.receiver !== 'running') return false;
  return state.nowMs - state.own.sourceSpokeMs < SOURCE_SILENT_MS;
}

/** Why the present source should be left, and after how long; null: it should not. */
function faultOf(state: ReplicaState, name: string): { because: string; afterMs: number } | null {
  const channel = state.own.status?.channel;
  const said = unfitBecause(state, name);
  const known = state.nodes[name];
  if (sourceLives(state)) {
    // An agent that is silent says nothing of its server, which still sends.
    const silent = known === undefined || !isFresh(state, known);
    return said === null || silent ? null : { because: said, afterMs: LEAVE_UNFIT_AFTER_MS };
  }
  if (state.nowMs - state.startedAtMs < CONNECT_MS_MAX && said === null) return null;
  const because = channel?.receiverError ?? 'it sends nothing';
  return said === null
    ? { because, afterMs: LEAVE_UNFIT_AFTER_MS }
    : { because: `${said}, and ${because}`, afterMs: LEAVE_AFTER_MS };
}

/** The node that is wanted by its role or name; null: the pair's roles are not known yet. */
export function wantedSource({ settings, record }: ReplicaState): string | null {
  const { prefer, nodes } = settings;
  if (prefer !== 'standby' && prefer !== 'writer') return prefer;
  if (record.writer === null) return null;
  return prefer === 'writer'
    ? record.writer
    : (nodes.find(({ name }) => name !== record.writer)?.name ?? null);
}

/** Keeps count of how long each node has been fit, and the present source has not. */
export function noteFitness(state: ReplicaState): ReplicaState {
  const nodes = Object.fromEntries(
    Object.entries(state.nodes).map(([name, node]) => {
      const fit = unfitBecause(state, name) === null && state.nowMs >= node.shunnedUntilMs;
      return [name, { ...node, fitSinceMs: fit ? (node.fitSinceMs ?? state.nowMs) : null }];
    }),
  );
  const source = currentSource(state);
  const faulty = source !== null && state.own.status !== null && faultOf(state, source) !== null;
  return { ...state, nodes, unfitSinceMs: faulty ? (state.unfitSinceMs ?? state.nowMs) : null };
}

export interface Choice {
  /** Null: nobody is fit. */
  readonly node: string | null;
  readonly because: string;
}

/** Whom to replicate from now. */
export function chooseSource(state: ReplicaState): Choice {
  const { nodes, settings } = state;
  const wanted = wantedSource(state);
  const others = settings.nodes.map(({ name }) => name).filter((name) => name !== wanted);
  const isFit = (name: string): boolean => nodes[name]?.fitSinceMs != null;
  const current = currentSource(state);
  const asks = settings.prefer === wanted ? 'pair.yaml names it' : `it is the ${settings.prefer}`;
  if (current === null) {
    if (wanted !== null && isFit(wanted)) return { node: wanted, because: asks };
    const other = others.find(isFit);
    if (other !== undefined)
      return {
        node: other,
        because: `${wanted ?? 'the preferred source'} is not fit: ${because(state, wanted)}`,
      };
    return { node: null, because: 'no node of the pair is fit to be replicated from' };
  }
  const fault = faultOf(state, current);
  const left = fault !== null && state.nowMs - (state.unfitSinceMs ?? state.nowMs) >= fault.afterMs;
  if (current !== wanted && wanted !== null && isFit(wanted)) {
    const fitForMs = state.nowMs - (nodes[wanted]?.fitSinceMs ?? state.nowMs);
    if (left) return { node: wanted, because: `${current} is not fit: ${fault.because}` };
    if (fitForMs >= RETURN_AFTER_MS || settings.prefer === 'writer') return { node: wanted, because: asks };
    return {
      node: current,
      because: `${wanted} is preferred once it was fit for ${RETURN_AFTER_MS / 1000} s`,
    };
  }
  if (!left)
    return {
      node: current,
      because: current === wanted ? asks : `${wanted ?? 'the other'} is not fit: ${because(state, wanted)}`,
    };
  const other = settings.nodes.map(({ name }) => name).find((name) => name !== current && isFit(name));
  if (other !== undefined) return { node: other, because: `${current} is not fit: ${fault.because}` };
  return { node: current, because: `${current} is not fit (${fault.because}), and the other is not either` };
}

const because = (state: ReplicaState, name: string | null): string =>
  name === null
    ? 'the roles are not known'
    : (unfitBecause(state, name) ?? 'its channel failed a moment ago');
