// Whose binary log the archive copies: follows the writer over failovers, and starts a copy that ended again. Pure; the copy
// itself is io/archive/copy.ts.

export interface Source {
  readonly node: string;
  /** Of which it is the writer. */
  readonly epoch: number;
}

export interface ArchiveState {
  /** What the pair said last, of the highest epoch. */
  readonly writer: Source | null;
  /** Under way. */
  readonly copying: (Source & { readonly sinceMs: number }) | null;
  /** In a row, of the present source. */
  readonly failures: number;
  readonly retryAtMs: number;
}

export type ArchiveEvent = { readonly nowMs: number } & (
  | { readonly kind: 'pair'; readonly writer: Source }
  /** The copy has ended, by itself or because it was told to. */
  | { readonly kind: 'ended'; readonly because: string }
  | { readonly kind: 'tick' }
);

export type ArchiveAction =
  | { readonly kind: 'start'; readonly source: Source; readonly because: string }
  | { readonly kind: 'stop'; readonly because: string }
  | {
      readonly kind: 'say';
      readonly level: 'info' | 'warn';
      readonly code: string;
      readonly because: string;
    };

export const initialArchive: ArchiveState = {
  writer: null,
  copying: null,
  failures: 0,
  retryAtMs: Number.NEGATIVE_INFINITY,
};

const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 10_000;
/** A copy that ran for this long was no failure to start. */
const RAN_MS = 30_000;

const isSame = (a: Source | null, b: Source | null): boolean => a?.node === b?.node && a?.epoch === b?.epoch;

function decide(state: ArchiveState, nowMs: number): [ArchiveState, ArchiveAction[]] {
  const { writer, copying, failures } = state;
  if (writer === null) return [state, []];
  if (copying !== null) {
    if (isSame(writer, copying)) return [state, []];
    // Ended by the next `ended`, which starts the new one.
    const because = `${writer.node} is the writer of epoch ${writer.epoch}`;
    return [state, [{ kind: 'stop', because }]];
  }
  if (nowMs < state.retryAtMs) return [state, []];
  const because =
    failures === 0 ? `${writer.node} is the writer of epoch ${writer.epoch}` : `attempt ${failures + 1}`;
  const { node, epoch } = writer;
  return [
    { ...state, copying: { node, epoch, sinceMs: nowMs } },
    [{ kind: 'start', source: { node, epoch }, because }],
  ];
}

function take(state: ArchiveState, event: ArchiveEvent): [ArchiveState, ArchiveAction[]] {
  switch (event.kind) {
    case 'tick':
      return [state, []];
    case 'pair': {
      if (event.writer.epoch < (state.writer?.epoch ?? 0) || isSame(event.writer, state.writer))
        return [state, []];
      const { node, epoch } = event.writer;
      // A new source owes nothing for the failures of the last one.
      return [{ ...state, writer: { node, epoch }, failures: 0, retryAtMs: Number.NEGATIVE_INFINITY }, []];
    }
    case 'ended': {
      const { copying, writer } = state;
      if (copying === null) return [state, []];
      const wanted = isSame(copying, writer);
      const failures = !wanted || event.nowMs - copying.sinceMs >= RAN_MS ? 0 : state.failures + 1;
      const pauseMs = wanted ? Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures, 16)) : 0;
      const next = { ...state, copying: null, failures, retryAtMs: event.nowMs + pauseMs };
      const because = `the copy of ${copying.node}'s binary log ended: ${event.because}${wanted ? `; again in ${pauseMs} ms` : ''}`;
      return [next, [{ kind: 'say', level: wanted ? 'warn' : 'info', code: 'copy-ended', because }]];
    }
  }
}

export function step(
  state: ArchiveState,
  event: ArchiveEvent,
): readonly [ArchiveState, readonly ArchiveAction[]] {
  const [taken, said] = take(state, event);
  const [next, actions] = decide(taken, event.nowMs);
  return [next, [...said, ...actions]];
}
