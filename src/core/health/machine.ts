// What "healthy" means for our own database server. Takes the results of probes in and says up, down, hung or
// unwritable, each with its reason. The prober (app/prober.ts) asks; this decides.

import type { ServerHealth } from '../pair/message.ts';

export interface HealthState {
  readonly health: ServerHealth;
  readonly because: string;
  /** Writes in a row that failed for a reason that may pass (a lock, a deadline). */
  readonly failedWrites: number;
}

export type HealthEvent =
  /** A probe was answered. */
  | { readonly kind: 'answered' }
  /** A probe had no answer within its deadline. */
  | { readonly kind: 'timeout'; readonly deadlineMs: number }
  /** The held connection closed. Nothing is known yet: a connection attempt follows at once. */
  | { readonly kind: 'lost'; readonly because: string }
  /** A connection attempt was refused, or the account was. */
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'wrote' }
  | {
      readonly kind: 'write-failed';
      /** The server said that it cannot write: disk full, read-only file system. No second opinion is needed. */
      readonly certain: boolean;
      readonly because: string;
    };

/** So many writes in a row must fail without a certain reason before the server counts as unwritable. */
export const FAILED_WRITES_MAX = 2;

export const UNKNOWN_HEALTH: HealthState = { health: 'unknown', because: 'not probed yet', failedWrites: 0 };

/** The next verdict. The same object comes back when nothing changed. */
export function stepHealth(state: HealthState, event: HealthEvent): HealthState {
  switch (event.kind) {
    case 'answered':
      // An answer says nothing about writing: a full disk still answers.
      if (state.health === 'up' || state.health === 'unwritable') return state;
      return { health: 'up', because: 'it answers', failedWrites: 0 };
    case 'timeout':
      return state.health === 'hung' || state.health === 'down'
        ? state
        : { ...state, health: 'hung', because: `no answer to a probe within ${event.deadlineMs} ms` };
    case 'lost':
      return state;
    case 'refused':
      return state.health === 'down' && state.because === event.because
        ? state
        : { health: 'down', because: event.because, failedWrites: 0 };
    case 'wrote':
      return state.failedWrites === 0 && state.health === 'up'
        ? state
        : { health: 'up', because: 'it answers and writes', failedWrites: 0 };
    case 'write-failed': {
      const failedWrites = state.failedWrites + 1;
      const certain = event.certain || failedWrites >= FAILED_WRITES_MAX;
      const mayJudge = state.health === 'up' || state.health === 'unwritable';
      if (!certain || !mayJudge) return { ...state, failedWrites };
      return { health: 'unwritable', because: event.because, failedWrites };
    }
  }
}
