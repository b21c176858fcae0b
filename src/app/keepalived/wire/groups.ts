// vrrp_sync_group on the wire: tells members to follow, to wait for each other and to be in FAULT together. core/keepalived/groups.ts decides.

import { groupState, heldInFault, type Member, mayTakeOver } from '../../../core/keepalived/groups.ts';
import type { StateKind } from '../../../core/vrrp/state.ts';
import type { Say } from './environment.ts';
import type { Instance } from './instance.ts';
import type { WireGroup, WireReport } from './protocol.ts';

export interface Groups {
  configure(groups: readonly WireGroup[]): void;
  /** A member changed its state. */
  moved(instance: Instance, from: StateKind, to: StateKind): void;
  /** Looks at the faults of the group that this instance belongs to. */
  judge(instance: Instance): void;
  judgeAll(): void;
  /** Its timer is due, and it must wait for the other members. */
  holdsBack(instance: Instance, nowMs: number): boolean;
  /** Whose timers are to run now that this one's does. */
  actingWith(instance: Instance): readonly Instance[];
}

export function openGroups(
  find: (name: string) => Instance | null,
  report: (message: WireReport) => void,
  say: Say,
): Groups {
  let groups: readonly WireGroup[] = [];
  const groupOf = new Map<string, WireGroup>();
  const states = new Map<string, StateKind>();
  const following = new Set<string>();
  let judging = false;

  const membersOf = (group: WireGroup): Instance[] =>
    group.members.map(find).filter((instance) => instance !== null);

  function describe(instance: Instance, nowMs: number): Member {
    return {
      name: instance.name,
      state: instance.state().kind,
      faulty: instance.isFaulty(),
      due: instance.dueMs() <= nowMs,
    };
  }

  function judgeGroup(group: WireGroup): void {
    // Holding one in FAULT moves it, which comes back here.
    if (judging) return;
    judging = true;
    const members = membersOf(group);
    const held = heldInFault(members.map((each) => describe(each, Number.NEGATIVE_INFINITY)));
    for (const each of members) each.holdInFault(held.has(each.name));
    judging = false;
    tellState(group, members);
  }

  function tellState(group: WireGroup, members: readonly Instance[]): void {
    const state = groupState(members.map((each) => ({ state: each.state().kind })));
    const before = states.get(group.name) ?? 'INIT';
    if (state === before) return;
    states.set(group.name, state);
    report({ kind: 'group', group: group.name, to: state });
  }

  return {
    configure(fresh) {
      const former = [...groupOf.keys()];
      groups = fresh;
      groupOf.clear();
      for (const group of groups) for (const member of group.members) groupOf.set(member, group);
      for (const name of former) if (!groupOf.has(name)) find(name)?.holdInFault(false);
      for (const name of [...states.keys()])
        if (!groups.some((group) => group.name === name)) states.delete(name);
    },
    moved(instance, from, to) {
      const group = groupOf.get(instance.name);
      if (group === undefined || from !== 'MASTER' || to !== 'BACKUP' || following.has(group.name)) return;
      const others = membersOf(group).filter(
        (each) => each !== instance && each.state().kind === 'MASTER' && !each.isFaulty(),
      );
      if (others.length === 0) return;
      say('info', 'group', `VRRP_Group(${group.name}) Syncing instances to BACKUP state`);
      following.add(group.name);
      for (const each of others) each.follow(`${instance.name} of the group ${group.name} is BACKUP`);
      following.delete(group.name);
    },
    judge(instance) {
      const group = groupOf.get(instance.name);
      if (group !== undefined) judgeGroup(group);
    },
    judgeAll() {
      for (const group of groups) judgeGroup(group);
    },
    holdsBack(instance, nowMs) {
      const group = groupOf.get(instance.name);
      if (group === undefined || instance.state().kind !== 'BACKUP') return false;
      return !mayTakeOver(membersOf(group).map((each) => describe(each, nowMs)));
    },
    actingWith(instance) {
      const group = groupOf.get(instance.name);
      if (group === undefined || instance.state().kind !== 'BACKUP') return [instance];
      say('info', 'group', `VRRP_Group(${group.name}) Syncing instances to MASTER state`);
      return membersOf(group).filter((each) => each.state().kind === 'BACKUP');
    },
  };
}
