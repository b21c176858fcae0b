// What the replica's machine hears, and what it orders.
import type { ServerHealth } from '../pair/message.ts';
import type { ServerStatus } from '../pair/server.ts';
import type { Errant, NodeStatement, OrderOutcome, ReplicaOrder } from './state.ts';

/** CLOCK_BOOTTIME of this host, ms: when it happened. */
interface Timed {
  readonly nowMs: number;
}

export type ReplicaEvent = Timed &
  (
    | { readonly kind: 'tick' }
    | { readonly kind: 'health'; readonly health: ServerHealth; readonly because: string }
    /** `place`: the data folder that the server runs on; empty: not known. */
    | { readonly kind: 'status'; readonly status: ServerStatus; readonly place: string }
    | { readonly kind: 'lag'; readonly lagMs: number | null }
    /** What a node answered to the question of `askedMs`; without a statement: why it did not. */
    | {
        readonly kind: 'node';
        readonly name: string;
        readonly askedMs: number;
        readonly statement: NodeStatement | null;
        readonly because: string;
      }
    | { readonly kind: 'result'; readonly id: number; readonly outcome: OrderOutcome }
  );

export type ReplicaAction =
  | { readonly kind: 'order'; readonly id: number; readonly order: ReplicaOrder }
  /** Written to the disk: it must outlive this process. */
  | { readonly kind: 'keep'; readonly errant: Errant | null }
  | {
      readonly kind: 'say';
      readonly level: 'info' | 'warn' | 'error';
      readonly code: string;
      readonly because: string;
    };
