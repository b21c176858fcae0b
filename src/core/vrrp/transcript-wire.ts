// For tests only: virtual routers on one simulated link, and a transcript of what they do, for people to read.
// Adverts travel as real packets: each is encoded by its sender and decoded by every receiver.

import { type Advertisement, encodeAdvertisement, VRRP_GROUP_IPV4 } from './advertisement.ts';
import { deadlineOf, step } from './machine.ts';
import { decodeAdvertisement, type ReceptionContext } from './reception.ts';
import {
  type Action,
  initialState,
  type RouterEvent,
  type RouterState,
  VIRTUAL_ROUTER_DEFAULTS,
  type VirtualRouterConfig,
} from './state.ts';

const LATENCY_MS = 0.25;

/** An event without its time. */
export type Stimulus = RouterEvent extends infer E
  ? E extends RouterEvent
    ? Omit<E, 'nowMs'>
    : never
  : never;

interface Host {
  readonly name: string;
  state: RouterState;
  timerAtMs: number | null;
  cable: 'plugged' | 'pulled';
  /** Routine adverts sent since the last line of the transcript. */
  routine: number;
}

interface Flight {
  readonly atMs: number;
  readonly from: string;
  readonly packet: Uint8Array;
}

export interface Wire {
  /** Gives `host` an event, now. */
  readonly tell: (host: string, stimulus: Stimulus) => void;
  /** Lets time pass to `atMs`. */
  readonly until: (atMs: number) => void;
  readonly cable: (host: string, state: Host['cable']) => void;
  /** A line of explanation. */
  readonly note: (text: string) => void;
  readonly stateOf: (host: string) => RouterState;
  readonly transcript: () => string;
}

export function routerConfig(
  fields: Partial<VirtualRouterConfig> & { readonly ownAddress: string },
): VirtualRouterConfig {
  return {
    ...VIRTUAL_ROUTER_DEFAULTS,
    version: 3,
    advertIntervalMs: 100,
    vrid: 51,
    addresses: ['192.0.2.100'],
    ...fields,
  };
}

function contextOf(config: VirtualRouterConfig): ReceptionContext {
  return {
    version: config.version,
    vrid: config.vrid,
    authentication: { kind: 'none' },
    advertIntervalMs: config.advertIntervalMs,
    ahSequenceLast: 0,
    unicastPeers: [],
    ownAddress: config.ownAddress,
    v3ChecksumWithoutPseudoHeader: false,
  };
}

const round = (ms: number) => String(Math.round(ms * 1000) / 1000);

function describeStimulus(event: Stimulus): string {
  if (event.kind === 'advertisement') {
    const { priority, advertIntervalMs } = event.advertisement;
    return `hears ${event.source}: priority ${priority}, every ${advertIntervalMs} ms`;
  }
  const { kind, ...rest } = event;
  const details = Object.values(rest)
    .filter((value) => typeof value !== 'object')
    .map(String);
  return [kind, ...details].join(' ');
}

function describeAction(action: Action): string {
  switch (action.kind) {
    case 'transition':
      return `${action.from} -> ${action.to}: ${action.because}`;
    case 'send':
      return `send priority ${action.advertisement.priority}`;
    case 'addAddresses':
    case 'removeAddresses':
      return `${action.kind} ${action.addresses.join(', ')}`;
    case 'announce':
      return `announce ${action.addresses.join(', ')} x ${action.count}`;
    case 'armTimer':
      return `timer at ${round(action.atMs)}`;
    case 'disarmTimer':
      return 'no timer';
    case 'masterDown':
      return `master down: ${action.because} (last heard: ${action.lastHeardAtMs === null ? 'never' : round(action.lastHeardAtMs)})`;
    case 'masterBack':
    case 'rival':
    case 'vridConflict':
    case 'addressMismatch':
    case 'addressRestored':
      return `${action.kind}: ${action.because}`;
    case 'lowerHeard':
      return `lowerHeard: ${action.source}, priority ${action.priority}`;
    case 'refused':
      return `refused ${action.event}: ${action.because}`;
  }
}

/** The advert a master sends by its clock, and the one a backup merely notes: not worth a line each. */
function isRoutine(
  stimulus: Stimulus,
  before: RouterState,
  after: RouterState,
  actions: readonly Action[],
): boolean {
  if (before.kind !== after.kind) return false;
  if (stimulus.kind === 'timer') return actions.map((each) => each.kind).join() === 'send,armTimer';
  if (stimulus.kind !== 'advertisement' || stimulus.advertisement.priority === 0) return false;
  if (before.kind === 'BACKUP' && after.kind === 'BACKUP') {
    return (
      before.master?.source === after.master?.source &&
      before.masterIntervalMs === after.masterIntervalMs &&
      before.preempting?.source === after.preempting?.source &&
      (before.preemptAtMs === null) === (after.preemptAtMs === null) &&
      actions.every((each) => each.kind === 'armTimer')
    );
  }
  return actions.length === 0;
}

export function newWire(configs: Readonly<Record<string, VirtualRouterConfig>>): Wire {
  const hosts = Object.entries(configs).map(
    ([name, config]): Host => ({
      name,
      state: initialState(config, 0),
      timerAtMs: null,
      cable: 'plugged',
      routine: 0,
    }),
  );
  const lines: string[] = [];
  let flights: Flight[] = [];
  let nowMs = 0;
  let identification = 0;

  function hostNamed(name: string): Host {
    const host = hosts.find((each) => each.name === name);
    if (host === undefined) throw new Error(`no host '${name}'`);
    return host;
  }

  function flushRoutine(): void {
    for (const host of hosts) {
      if (host.routine > 0) lines.push(`${' '.repeat(12)}(${host.name} advertised ${host.routine} times)`);
      host.routine = 0;
    }
  }

  function transmit(host: Host, advertisement: Advertisement): void {
    if (host.cable === 'pulled') return;
    identification += 1;
    const packet = encodeAdvertisement(advertisement, {
      source: host.state.router.config.ownAddress,
      destination: VRRP_GROUP_IPV4,
      authentication: { kind: 'none' },
      identification,
    });
    flights.push({ atMs: nowMs + LATENCY_MS, from: host.name, packet });
  }

  function perform(host: Host, action: Action): void {
    if (action.kind === 'send') transmit(host, action.advertisement);
    if (action.kind === 'armTimer') host.timerAtMs = action.atMs;
    if (action.kind === 'disarmTimer') host.timerAtMs = null;
  }

  function deliver(host: Host, stimulus: Stimulus): void {
    const before = host.state;
    const [after, actions] = step(before, { ...stimulus, nowMs } as RouterEvent);
    host.state = after;
    if (isRoutine(stimulus, before, after, actions)) {
      if (stimulus.kind === 'timer') host.routine += 1;
    } else {
      flushRoutine();
      lines.push(`${round(nowMs).padStart(10)}  ${host.name} ${describeStimulus(stimulus)}`);
      for (const action of actions) lines.push(`${' '.repeat(14)}${describeAction(action)}`);
    }
    for (const action of actions) perform(host, action);
    if (host.timerAtMs !== deadlineOf(after)) throw new Error('the armed timer is not the deadline');
  }

  function land(flight: Flight): void {
    for (const host of hosts) {
      if (host.name === flight.from || host.cable === 'pulled') continue;
      const result = decodeAdvertisement(flight.packet, contextOf(host.state.router.config));
      if (result.ok) {
        const { source, advertisement } = result;
        deliver(host, { kind: 'advertisement', source, advertisement });
      } else {
        deliver(host, { kind: 'dropped', reason: result.reason });
      }
    }
  }

  /** One thing at a time, in the order of time; packets before timers, as the runtime has it. */
  function next(limitMs: number): boolean {
    const flight = flights.reduce<Flight | null>((a, b) => (a === null || b.atMs < a.atMs ? b : a), null);
    const ringing = hosts
      .filter((host) => host.timerAtMs !== null)
      .reduce<Host | null>((a, b) => (a === null || (b.timerAtMs ?? 0) < (a.timerAtMs ?? 0) ? b : a), null);
    const timerAtMs = ringing?.timerAtMs ?? Number.POSITIVE_INFINITY;
    if (flight !== null && flight.atMs <= timerAtMs) {
      if (flight.atMs > limitMs) return false;
      nowMs = flight.atMs;
      flights = flights.filter((each) => each !== flight);
      land(flight);
      return true;
    }
    if (ringing === null || timerAtMs > limitMs) return false;
    nowMs = Math.max(nowMs, timerAtMs);
    ringing.timerAtMs = null;
    deliver(ringing, { kind: 'timer' });
    return true;
  }

  function note(text: string): void {
    flushRoutine();
    lines.push(`-- ${text}`);
  }

  return {
    tell: (name, stimulus) => deliver(hostNamed(name), stimulus),
    until: (atMs) => {
      while (next(atMs)) {
        // Everything happens in next().
      }
      nowMs = atMs;
    },
    cable: (name, cable) => {
      hostNamed(name).cable = cable;
      note(`${name}'s cable is ${cable}`);
    },
    note,
    stateOf: (name) => hostNamed(name).state,
    transcript: () => {
      flushRoutine();
      return `${lines.join('\n')}\n`;
    },
  };
}
