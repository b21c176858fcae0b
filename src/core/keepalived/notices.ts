// What has to be told when an instance or a group changes, and to whom: log, notify scripts, FIFOs, mail, with the words and in the
// order of keepalived 2.2.7. Fed by src/app/keepalived/notify.ts with the wire thread's reports; decides, and does nothing itself.

import type { StateKind } from '../vrrp/state.ts';
import { entering, groupSyncing } from './loglines.ts';

export type NotifyState = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP' | 'DELETED';

/** Which script of an instance or a group: `any` is `notify`, `lower` is notify_master_rx_lower_pri. */
export type Slot = 'any' | 'master' | 'backup' | 'fault' | 'stop' | 'deleted' | 'lower';

export interface Subject {
  readonly kind: 'INSTANCE' | 'GROUP';
  readonly name: string;
}

export type Notice =
  | { readonly kind: 'log'; readonly text: string }
  | { readonly kind: 'script'; readonly of: Subject; readonly slot: Slot; readonly words: readonly string[] }
  | { readonly kind: 'fifo'; readonly line: string }
  | { readonly kind: 'mail'; readonly subject: string; readonly body: string };

export interface InstanceNotices {
  readonly mail: boolean;
  /** notify_priority_changes: FIFOs hear of them. */
  readonly priorityChanges: boolean;
  /** notify_deleted stands there: DELETED is told instead of FAULT. */
  readonly tellsDeleted: boolean;
  /** It waits for scripts before it starts. */
  readonly awaits: boolean;
}

export interface GroupNotices {
  /** Without those that cannot run. */
  readonly members: ReadonlySet<string>;
  readonly mail: boolean;
}

export interface NoticeSettings {
  readonly instances: ReadonlyMap<string, InstanceNotices>;
  readonly groups: ReadonlyMap<string, GroupNotices>;
  /** no_email_faults. */
  readonly noFaultMail: boolean;
  /** fifo_write_vrrp_states_on_reload. */
  readonly statesOnReload: boolean;
}

/** The parts of the wire thread's reports that mean something here. */
export type Happening =
  | {
      readonly kind: 'transition';
      readonly instance: string;
      readonly from: StateKind;
      readonly to: StateKind;
      readonly priority: number;
    }
  | {
      readonly kind: 'priority';
      readonly instance: string;
      readonly to: number;
      readonly state: StateKind;
    }
  | { readonly kind: 'lower-heard'; readonly instance: string }
  | { readonly kind: 'deleted'; readonly instance: string }
  | { readonly kind: 'reloaded' };

interface Known {
  state: StateKind;
  priority: number;
  mailed: NotifyState | null;
}

interface KnownGroup {
  state: StateKind;
  mailed: NotifyState | null;
  /** The line about its members following into FAULT was written. */
  faultSaid: boolean;
}

const INSTANCE_MAIL: Readonly<Record<NotifyState, readonly [subject: string, body: string]>> = {
  MASTER: ['Entering MASTER state', '=> VRRP Instance is now owning VRRP VIPs <='],
  BACKUP: ['Entering BACKUP state', '=> VRRP Instance is no longer owning VRRP VIPs <='],
  FAULT: ['Entering FAULT state', '=> VRRP Instance is no longer owning VRRP VIPs <='],
  STOP: ['Stopping', '=> VRRP Instance stopping <='],
  DELETED: ['Deleted', '=> VRRP Deleted at reload <='],
};

const GROUP_MAIL: Readonly<Record<Exclude<NotifyState, 'DELETED'>, readonly [string, string]>> = {
  MASTER: ['Entering MASTER state', '=> All VRRP group instances are now in MASTER state <='],
  BACKUP: ['Entering BACKUP state', '=> All VRRP group instances are now in BACKUP state <='],
  FAULT: ['Entering FAULT state', '=> All VRRP group instances are now in FAULT state <='],
  STOP: ['Stopping', '=> All VRRP group instances are now stopping <='],
};

const SLOT: Readonly<Record<NotifyState, Slot>> = {
  MASTER: 'master',
  BACKUP: 'backup',
  FAULT: 'fault',
  STOP: 'stop',
  DELETED: 'deleted',
};

/** A group has no priority of its own. */
const GROUP_PRIORITY = 0;

const fifoLine = (of: Subject, word: string, priority: number): Notice => ({
  kind: 'fifo',
  line: `${of.kind} "${of.name}" ${word} ${priority}`,
});

function told(of: Subject, word: NotifyState, priority: number, slot: Slot | null): Notice[] {
  const own: Notice[] = slot === null ? [] : [{ kind: 'script', of, slot, words: [] }];
  const words = [of.kind, of.name, word, String(priority)];
  return [...own, { kind: 'script', of, slot: 'any', words }, fifoLine(of, word, priority)];
}

export class NoticeBook {
  #settings: NoticeSettings;
  /** A reload is under way: an instance that goes to INIT is being taken down for it, not stopped. */
  #reloading = false;
  readonly #instances = new Map<string, Known>();
  readonly #groups = new Map<string, KnownGroup>();
  /** Groups whose members have all ended, while other instances have not. */
  readonly #stopped: string[] = [];

  constructor(settings: NoticeSettings) {
    this.#settings = settings;
  }

  /** The daemon is about to reload; `reloaded` ends it. */
  reload(settings: NoticeSettings): void {
    // What an instance that goes had asked for still counts for its last notice.
    const gone = [...this.#settings.instances].filter(([name]) => !settings.instances.has(name));
    this.#settings = { ...settings, instances: new Map([...settings.instances, ...gone]) };
    this.#reloading = true;
  }

  hear(event: Happening): Notice[] {
    switch (event.kind) {
      case 'transition':
        return [
          ...this.#groupsThatBegin(event),
          ...this.#transition(event),
          ...this.#groupsOf(event.instance),
          ...this.#groupsThatStopped(),
        ];
      case 'priority':
        return this.#priority(event.instance, event.to, event.state);
      case 'lower-heard':
        return this.#lowerHeard(event.instance);
      case 'deleted':
        return this.#deleted(event.instance);
      case 'reloaded':
        return this.#reloaded();
    }
  }

  #transition(event: Extract<Happening, { kind: 'transition' }>): Notice[] {
    const { instance, from, to, priority } = event;
    const known = this.#instances.get(instance) ?? { state: from, priority, mailed: null };
    this.#instances.set(instance, { ...known, state: to, priority });
    const of: Subject = { kind: 'INSTANCE', name: instance };
    if (to === 'INIT') {
      if (this.#reloading || from === 'INIT') return [];
      return [...told(of, 'STOP', priority, 'stop'), ...this.#instanceMail(instance, 'STOP')];
    }
    const settings = this.#settings.instances.get(instance);
    const first = from === 'INIT' && to !== 'MASTER' && settings?.awaits !== true;
    return [
      ...(to === 'FAULT' ? this.#syncingToFault(instance) : []),
      { kind: 'log', text: entering(instance, to, first) },
      ...told(of, to, priority, SLOT[to]),
      ...this.#instanceMail(instance, to),
    ];
  }

  /** Said before the second member goes: the first one is why. */
  #syncingToFault(instance: string): Notice[] {
    for (const [name, { members }] of this.#settings.groups) {
      if (!members.has(instance)) continue;
      const group = this.#groupOf(name);
      const others = [...members].filter((member) => member !== instance);
      if (group.faultSaid || !others.some((member) => this.#instances.get(member)?.state === 'FAULT'))
        continue;
      group.faultSaid = true;
      return [{ kind: 'log', text: groupSyncing(name, 'FAULT') }];
    }
    return [];
  }

  #groupOf(name: string): KnownGroup {
    const group = this.#groups.get(name) ?? { state: 'INIT', mailed: null, faultSaid: false };
    this.#groups.set(name, group);
    return group;
  }

  /** When the daemon begins, the groups are told of before their members, unless these wait for scripts. */
  #groupsThatBegin({ instance, from, to }: Extract<Happening, { kind: 'transition' }>): Notice[] {
    if (from !== 'INIT' || to !== 'BACKUP' || this.#reloading) return [];
    const begins = (member: string) =>
      (this.#instances.get(member)?.state ?? 'INIT') === 'INIT' &&
      this.#settings.instances.get(member)?.awaits !== true;
    return [...this.#settings.groups]
      .filter(([, { members }]) => members.has(instance) && [...members].every(begins))
      .flatMap(([name]) => this.#groupGoes(name, 'BACKUP'));
  }

  /** A group is told of when the last of its members has got there. */
  #groupsOf(instance: string): Notice[] {
    return [...this.#settings.groups]
      .filter(([, { members }]) => members.has(instance))
      .flatMap(([name, { members }]) => {
        const [first, ...others] = [...members].map((each) => this.#instances.get(each)?.state ?? 'INIT');
        return first !== undefined && others.every((state) => state === first)
          ? this.#groupGoes(name, first)
          : [];
      });
  }

  #groupGoes(name: string, to: StateKind): Notice[] {
    const group = this.#groupOf(name);
    if (group.state === to) return [];
    group.state = to;
    if (to !== 'FAULT') group.faultSaid = false;
    const of: Subject = { kind: 'GROUP', name };
    if (to !== 'INIT') return [...told(of, to, GROUP_PRIORITY, SLOT[to]), ...this.#groupMail(name, to)];
    if (!this.#reloading) this.#stopped.push(name);
    return [];
  }

  /** When the daemon ends, the groups are told of after all instances. */
  #groupsThatStopped(): Notice[] {
    if ([...this.#instances.values()].some(({ state }) => state !== 'INIT')) return [];
    return this.#stopped.splice(0).flatMap((name) => {
      const of: Subject = { kind: 'GROUP', name };
      return [...told(of, 'STOP', GROUP_PRIORITY, 'stop'), ...this.#groupMail(name, 'STOP')];
    });
  }

  #priority(instance: string, to: number, state: StateKind): Notice[] {
    const known = this.#instances.get(instance);
    if (known !== undefined) known.priority = to;
    const asked = this.#settings.instances.get(instance)?.priorityChanges === true;
    if (!asked || (state !== 'MASTER' && state !== 'BACKUP')) return [];
    return [fifoLine({ kind: 'INSTANCE', name: instance }, `${state}_PRIORITY`, to)];
  }

  #lowerHeard(instance: string): Notice[] {
    const of: Subject = { kind: 'INSTANCE', name: instance };
    const priority = this.#instances.get(instance)?.priority ?? 0;
    return [{ kind: 'script', of, slot: 'lower', words: [] }, fifoLine(of, 'MASTER_RX_LOWER_PRI', priority)];
  }

  #deleted(instance: string): Notice[] {
    const of: Subject = { kind: 'INSTANCE', name: instance };
    const priority = this.#instances.get(instance)?.priority ?? 0;
    // Without notify_deleted `notify` and the FIFOs hear FAULT, and notify_fault is not run: as 2.2.7 does it.
    const tells = this.#settings.instances.get(instance)?.tellsDeleted === true;
    const notices = tells ? told(of, 'DELETED', priority, 'deleted') : told(of, 'FAULT', priority, null);
    const mail = this.#instanceMail(instance, tells ? 'DELETED' : 'FAULT');
    this.#instances.delete(instance);
    return [...notices, ...mail];
  }

  #reloaded(): Notice[] {
    this.#reloading = false;
    if (!this.#settings.statesOnReload) return [];
    const instances = [...this.#instances].map(([name, { state, priority }]) => ({ name, state, priority }));
    return [
      ...instances
        .filter(({ state }) => state !== 'INIT')
        .map(({ name, state, priority }) => fifoLine({ kind: 'INSTANCE', name }, state, priority)),
      ...[...this.#groups]
        .filter(([name, { state }]) => state !== 'INIT' && this.#settings.groups.has(name))
        .map(([name, { state }]) => fifoLine({ kind: 'GROUP', name }, state, GROUP_PRIORITY)),
    ];
  }

  #instanceMail(instance: string, state: NotifyState): Notice[] {
    const known = this.#instances.get(instance);
    if (this.#settings.instances.get(instance)?.mail !== true || !this.#mayMail(known, state)) return [];
    const [what, body] = INSTANCE_MAIL[state];
    return [{ kind: 'mail', subject: `VRRP Instance ${instance} - ${what}`, body }];
  }

  #groupMail(group: string, state: Exclude<NotifyState, 'DELETED'>): Notice[] {
    if (this.#settings.groups.get(group)?.mail !== true || !this.#mayMail(this.#groups.get(group), state))
      return [];
    const [what, body] = GROUP_MAIL[state];
    return [{ kind: 'mail', subject: `VRRP Group ${group} - ${what}`, body }];
  }

  /** The same state is not mailed twice in a row. */
  #mayMail(known: { mailed: NotifyState | null } | undefined, state: NotifyState): boolean {
    if (state === 'FAULT' && this.#settings.noFaultMail) return false;
    if (known === undefined || known.mailed === state) return false;
    known.mailed = state;
    return true;
  }
}
