// One vrrp_instance on the wire: the pure VRRP machine (core/vrrp) with its socket, its addresses and everything that is tracked for it.
// In the flow: loop.ts feeds packets, time, interface changes and contributions; what the machine orders is performed here.

import { interfaceContribution, standing } from '../../../core/keepalived/standing.ts';
import type { Link } from '../../../core/netlink/link.ts';
import { deadlineOf, step } from '../../../core/vrrp/machine.ts';
import {
  type Action,
  initialState,
  type RouterEvent,
  type RouterState,
  type StateKind,
} from '../../../core/vrrp/state.ts';
import { ownedAddresses } from '../../../core/vrrp/transitions.ts';
import type { ReceivedPacket } from '../../../io/linux/rawsocket.ts';
import { type Advertiser, openAdvertiser } from './advertiser.ts';
import type { Environment } from './environment.ts';
import { machineConfig } from './machine-config.ts';
import { openPossessions, type Possessions } from './possessions.ts';
import type { Contribution, InstanceView, WireInstance } from './protocol.ts';

export interface Instance {
  readonly name: string;
  settings(): WireInstance;
  state(): RouterState;
  /** When its timer is due; Infinity: not. */
  dueMs(): number;
  /** Called once; it begins when everything that it awaits has spoken. */
  start(): void;
  /** Says goodbye. `close` comes after it: a virtual MAC takes its time to go, and others wait to say theirs. */
  stop(keep: boolean): void;
  close(): void;
  timer(): void;
  follow(because: string): void;
  stalled(forMs: number): void;
  /** Something about the interfaces changed. */
  lookAtInterfaces(): void;
  tracked(tracker: string, contribution: Contribution | null): void;
  /** Another member of its group is in FAULT, or no longer. */
  holdInFault(held: boolean): void;
  /** Faults of its own, the group's left out. */
  isFaulty(): boolean;
  reload(settings: WireInstance): void;
  /** Somebody took a route or a rule of it away. */
  restore(): void;
  view(): InstanceView;
}

const GROUP_FAULT = 'another member of its sync group is in FAULT';

export function openInstance(first: WireInstance, environment: Environment): Instance {
  const { links, report, say, now } = environment;
  let settings = first;
  let begun = false;
  let started = false;
  let grouped = false;
  let link: Link | null = null;
  let source: string | null = null;
  let advertiser: Advertiser | null = null;
  let possessions: Possessions | null = null;
  const contributions = new Map<string, { fault: string | null; delta: number }>();
  const told = new Set<string>();
  let state: RouterState = initialState(config(), now());

  function config() {
    const { priority } = standing(settings.priority, contributions.values());
    return machineConfig(settings, source, priority, environment.startupDelayMs());
  }

  function transition(action: Extract<Action, { kind: 'transition' }>): void {
    const { from, to, because, priority } = action;
    say('info', 'because', `(${settings.name}) ${from} to ${to}: ${because}`);
    report({ kind: 'transition', instance: settings.name, from, to, priority, because });
  }

  function perform(action: Action): void {
    switch (action.kind) {
      case 'send':
        advertiser?.send(action.advertisement);
        return;
      case 'addAddresses':
        possessions?.add(action.addresses);
        return;
      case 'removeAddresses':
        possessions?.remove(action.addresses);
        return;
      case 'announce':
        possessions?.announce(action.addresses, action.count);
        return;
      case 'transition':
        transition(action);
        return;
      case 'lowerHeard': {
        const { source: from, priority } = action;
        const text = `(${settings.name}) Received advert from ${from} with lower priority ${priority}, ours ${state.router.priority}, forcing new election`;
        say('info', 'lower-heard', text);
        report({ kind: 'lower-heard', instance: settings.name, source: from, priority });
        return;
      }
      case 'vridConflict':
      case 'addressMismatch':
      case 'addressRestored':
        say('warn', action.kind, `(${settings.name}) ${action.because}`);
        return;
      case 'refused':
        say('error', 'refused', `(${settings.name}) ${action.because}`);
        return;
      case 'armTimer':
      case 'disarmTimer':
      case 'masterDown':
      case 'masterBack':
      case 'rival':
        return;
    }
  }

  function feed(event: RouterEvent): void {
    const before = state.kind;
    const [next, actions] = step(state, event);
    state = next;
    for (const action of actions) perform(action);
    environment.moved(instance, before, state.kind);
  }

  function hear(packet: ReceivedPacket): void {
    const reception = advertiser?.decode(packet);
    if (reception === undefined) return;
    if (!reception.ok) {
      feed({ kind: 'dropped', nowMs: now(), reason: reception.reason });
      const key = `${packet.source} ${reception.reason}`;
      if (told.has(key) || told.size >= environment.dropsToldMax) return;
      told.add(key);
      say(
        'warn',
        'dropped',
        `(${settings.name}) dropped an advert of ${packet.source}: ${reception.message}`,
      );
      return;
    }
    const { advertisement, source: from } = reception;
    if (state.kind === 'MASTER' && advertisement.priority > state.router.priority) {
      const text = `(${settings.name}) Master received advert from ${from} with higher priority ${advertisement.priority}, ours ${state.router.priority}`;
      say('info', 'higher-heard', text);
    }
    if (state.kind === 'BACKUP' && advertisement.priority === 0)
      say('detail', 'zero-heard', `(${settings.name}) Backup received priority 0 advertisement`);
    feed({ kind: 'advertisement', nowMs: now(), source: from, advertisement });
  }

  function closeWire(): void {
    advertiser?.close();
    possessions?.close();
    advertiser = null;
    possessions = null;
  }

  /** The interface, its address and the sockets on it; the reason why that is not to be had, or null. */
  function attach(): string | null {
    const { interfaceName, sourceAddress, family } = settings;
    const found = interfaceName === null ? links.holding(sourceAddress ?? '') : links.named(interfaceName);
    if (found === null) {
      const missing = interfaceName ?? `with the address ${sourceAddress}`;
      link = null;
      // Made again, it has another index, and sockets of the old one hear nothing.
      closeWire();
      return `there is no interface ${missing}`;
    }
    const from = sourceAddress ?? links.sourceOn(found, family, environment.virtualAddresses());
    const moved = link !== null && link.index !== found.index;
    link = found;
    if (settings.lacksPeer) return 'unicast_fault_no_peer is set, and no unicast peer is configured';
    if (settings.trackSource && sourceAddress !== null && links.holding(sourceAddress) === null)
      return `the source address ${sourceAddress} is not on this host`;
    if (from === null) {
      const what = family === 4 ? 'no IPv4 address' : 'no IPv6 link-local address';
      return `${found.name} has ${what} to advertise from`;
    }
    if (advertiser !== null && !moved && from === source) return null;
    try {
      reopen(found, from);
      return null;
    } catch (error) {
      closeWire();
      return (error as Error).message;
    }
  }

  function reopen(on: Link, from: string): void {
    closeWire();
    source = from;
    possessions = openPossessions(settings, on, environment, (address) =>
      feed({ kind: 'addressLost', nowMs: now(), address }),
    );
    advertiser = openAdvertiser(settings, on, possessions.sender, from, environment, hear);
    feed({ kind: 'configure', nowMs: now(), config: config() });
    // Its addresses went with the former sockets.
    if (state.kind === 'MASTER') {
      possessions.add(ownedAddresses(state.router));
      possessions.announce(ownedAddresses(state.router), settings.garp.masterRepeat);
    }
  }

  function judge(): void {
    const own = standing(settings.priority, contributions.values());
    const wanted = new Set(grouped ? [...own.faults, GROUP_FAULT] : own.faults);
    const nowMs = now();
    if (own.priority !== state.router.priority) {
      const from = state.router.priority;
      feed({ kind: 'priority', nowMs, value: own.priority });
      const to = state.router.priority;
      say('info', 'priority', `(${settings.name}) Changing effective priority from ${from} to ${to}`);
      report({ kind: 'priority', instance: settings.name, from, to, state: state.kind });
    }
    for (const reason of wanted)
      if (!state.router.faults.includes(reason)) feed({ kind: 'fault', nowMs, reason });
    for (const reason of [...state.router.faults])
      if (!wanted.has(reason)) feed({ kind: 'cleared', nowMs, reason });
    begin();
  }

  function begin(): void {
    if (!begun || started || settings.awaits.some((tracker) => !contributions.has(tracker))) return;
    started = true;
    feed({ kind: 'start', nowMs: now() });
  }

  function readInterfaces(): void {
    const missing = attach();
    const down = settings.trackPrimary && link !== null && !link.running;
    const fault = missing ?? (down ? `interface ${link?.name} is down` : null);
    contributions.set('its interface', { fault, delta: 0 });
    for (const tracked of settings.trackedInterfaces) {
      const up = links.named(tracked.name)?.running ?? false;
      contributions.set(`interface ${tracked.name}`, interfaceContribution(tracked, up));
    }
  }

  const instance: Instance = {
    name: first.name,
    settings: () => settings,
    state: () => state,
    dueMs: () => deadlineOf(state) ?? Number.POSITIVE_INFINITY,
    start() {
      begun = true;
      readInterfaces();
      judge();
    },
    stop(keep) {
      possessions?.keepOnRelease(keep);
      feed({ kind: 'stop', nowMs: now() });
    },
    close: closeWire,
    timer: () => feed({ kind: 'timer', nowMs: now() }),
    follow: (because) => feed({ kind: 'follow', nowMs: now(), because }),
    stalled: (forMs) => feed({ kind: 'stalled', nowMs: now(), forMs }),
    lookAtInterfaces() {
      readInterfaces();
      judge();
    },
    tracked(tracker, contribution) {
      if (contribution === null) {
        if (!contributions.delete(tracker)) return;
      } else contributions.set(tracker, contribution);
      judge();
    },
    holdInFault(held) {
      if (grouped === held) return;
      grouped = held;
      judge();
    },
    isFaulty: () => [...contributions.values()].some(({ fault }) => fault !== null),
    reload(fresh) {
      const gone = settings.trackedInterfaces.filter(
        ({ name }) => !fresh.trackedInterfaces.some((each) => each.name === name),
      );
      for (const { name } of gone) contributions.delete(`interface ${name}`);
      possessions?.reload(fresh, state.kind === 'MASTER');
      settings = fresh;
      advertiser?.reload(fresh);
      readInterfaces();
      feed({ kind: 'configure', nowMs: now(), config: config() });
      judge();
    },
    restore: () => possessions?.restore(),
    view() {
      const { router } = state;
      const master = state.kind === 'BACKUP' ? state.master : null;
      return {
        name: settings.name,
        state: state.kind as StateKind,
        because: router.because,
        sinceMs: router.sinceMs,
        priority: router.priority,
        faults: router.faults,
        statistics: router.statistics,
        master: master === null ? null : { source: master.source, priority: master.priority },
        masterIntervalMs: state.kind === 'BACKUP' ? state.masterIntervalMs : settings.advertIntervalMs,
        sourceAddress: source ?? '',
        interfaceName: link?.name ?? settings.interfaceName ?? '',
        held: possessions?.held() ?? [],
      };
    },
  };
  return instance;
}
