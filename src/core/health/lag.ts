// The true replication lag, without comparing clocks: the writer says over the peer channel which heartbeat it has
// committed; the standby notes when it heard so on its own clock, and sees when that row has arrived in its own table.

export interface LagState {
  /** Heartbeats heard of but not yet seen in our table, oldest first. */
  readonly pending: readonly { readonly sequence: number; readonly heardMs: number }[];
  readonly seen: number;
  readonly lagMs: number | null;
}

/** More than this is not kept: the oldest decides the lag anyway. */
const PENDING_MAX = 4096;

export const NO_LAG: LagState = { pending: [], seen: 0, lagMs: null };

/** The writer says that it has committed `sequence`. */
export function heardHeartbeat(state: LagState, sequence: number, nowMs: number): LagState {
  const newest = state.pending.at(-1)?.sequence ?? state.seen;
  if (sequence <= newest || state.pending.length >= PENDING_MAX) return state;
  return { ...state, pending: [...state.pending, { sequence, heardMs: nowMs }] };
}

/** Our own table shows `sequence`. The lag is the age of the oldest heartbeat that has not arrived; 0 when all have. */
export function sawHeartbeat(state: LagState, sequence: number, nowMs: number): LagState {
  const pending = state.pending.filter((beat) => beat.sequence > sequence);
  const oldest = pending[0];
  return { pending, seen: sequence, lagMs: oldest === undefined ? 0 : nowMs - oldest.heardMs };
}
