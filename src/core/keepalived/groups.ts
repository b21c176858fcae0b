// vrrp_sync_group: instances that move together. What each member does when another one changes, as data.
// In the flow: the wire thread tells what its members are; these functions say who must follow, who may take over, who is held back.

import type { StateKind } from '../vrrp/state.ts';

export interface Member {
  readonly name: string;
  readonly state: StateKind;
  /** Faults of its own: those that it has for the group's sake do not count. */
  readonly faulty: boolean;
  /** Its master-down timer has run out, and it waits for the others. */
  readonly due: boolean;
}

/** The state of the group as keepalived names it: FAULT as soon as one member has a fault, MASTER when all are. */
export function groupState(members: readonly Pick<Member, 'state'>[]): StateKind {
  if (members.some(({ state }) => state === 'FAULT')) return 'FAULT';
  if (members.length > 0 && members.every(({ state }) => state === 'MASTER')) return 'MASTER';
  if (members.some(({ state }) => state !== 'INIT')) return 'BACKUP';
  return 'INIT';
}

/**
 * A member takes over only together with all others: adverts of one virtual router that get lost must not move the group. A member in
 * FAULT holds all back.
 */
export function mayTakeOver(members: readonly Member[]): boolean {
  return members.every(({ state, due }) => state === 'MASTER' || (state === 'BACKUP' && due));
}

/** The members that must be in FAULT because another one is. */
export function heldInFault(members: readonly Member[]): ReadonlySet<string> {
  const faulty = members.filter((each) => each.faulty);
  const held = members.filter(({ name }) => faulty.some((other) => other.name !== name));
  return new Set(held.map(({ name }) => name));
}
