// What a role's decision can be: start a plan, change the role, or say something. Decisions are level-triggered:
// they look at what is known now, not at the event that brought it.

import type { PeerMessage, Role } from './message.ts';
import type { Plan } from './operation.ts';
import type { PairState } from './state.ts';

export type Decision =
  | { readonly kind: 'plan'; readonly plan: Plan; readonly change?: Partial<PairState> }
  | {
      readonly kind: 'become';
      readonly role: Role;
      readonly because: string;
      readonly change?: Partial<PairState>;
    }
  | {
      readonly kind: 'tell';
      readonly message: PeerMessage;
      readonly change: Partial<PairState>;
      readonly because: string;
    }
  | {
      readonly kind: 'say';
      readonly level: 'info' | 'warn' | 'error';
      readonly code: string;
      readonly because: string;
      readonly change: Partial<PairState>;
    }
  /** Only what this node remembers changes. */
  | { readonly kind: 'note'; readonly change: Partial<PairState> }
  | { readonly kind: 'exit'; readonly because: string };
