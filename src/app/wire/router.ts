// One virtual router on the wire: the pure VRRP machine (core/vrrp) with its raw socket, its timer and the leases.

import { networkInterfaces } from 'node:os';
import { OperatorError } from '../../core/error.ts';
import {
  type Advertisement,
  encodeAdvertisement,
  VRRP_GROUP_IPV4,
  VRRP_GROUP_IPV6,
} from '../../core/vrrp/advertisement.ts';
import { step } from '../../core/vrrp/machine.ts';
import { decodeAdvertisement, type ReceptionContext, readVrid } from '../../core/vrrp/reception.ts';
import {
  type Action,
  initialState,
  type RouterEvent,
  VIRTUAL_ROUTER_DEFAULTS,
} from '../../core/vrrp/state.ts';
import { bootMs } from '../../io/linux/libc.ts';
import { openVrrpSocket } from '../../io/linux/rawsocket.ts';
import type { Leases } from './leases.ts';
import type { VipGroup, WireSettings } from './protocol.ts';

export interface RouterListener {
  say(level: 'info' | 'warn' | 'error', code: string, because: string): void;
  masterDown(because: string): void;
  masterBack(): void;
  /** An advert of the peer; priority 0 is its goodbye. */
  heard(priority: number): void;
  /** An advert of another host that may hold the read VIPs. */
  heardFurther?(priority: number): void;
  /** It ceased to be master without an order. */
  lostRole(because: string): void;
}

export interface VirtualRouter {
  readonly fds: readonly number[];
  start(): void;
  stop(): void;
  /** Reads every packet that waits. */
  receive(): void;
  /** Runs the timer if it is due. */
  tick(): void;
  dueMs(): number;
  link(up: boolean, because: string): void;
  stalled(forMs: number): void;
  addressLost(address: string): void;
  /** Null: it is master. Otherwise the reason why not. */
  claim(because: string): string | null;
  yield(because: string): void;
  /** The read group's: this node may hold the VIPs, with this priority; null: it may not. */
  allow(priority: number | null): void;
  stateName(): string;
  because(): string;
  counters(): { advertsSent: number; advertsReceived: number; dropped: Readonly<Record<string, number>> };
}

const LINK_FAULT = 'the link is down';
const NOT_ALLOWED = 'this node may not hold the VIPs now';
/**
 * A holder that cannot hear the other host does not see it take the read VIPs and give them up again; clients that heard
 * that would go on sending to it until their ARP entry ages.
 */
const READ_ANNOUNCE_MS = 5000;
/** So many kinds of dropped adverts are told of; what is made up on the network must not fill the log. */
const DROPS_TOLD_MAX = 16;

/** The address that adverts leave from. IPv6: the link-local one of the interface (RFC 9568 5.1.2.1). */
function sourceOf(settings: WireSettings, family: 4 | 6): string {
  if (family === 4) return settings.ownAddress;
  const addresses = networkInterfaces()[settings.interfaceName] ?? [];
  const linkLocal = addresses.find((each) => each.family === 'IPv6' && each.address.startsWith('fe80:'));
  if (linkLocal !== undefined) return linkLocal.address;
  throw new OperatorError(
    'no-link-local',
    `the interface ${settings.interfaceName} has no IPv6 link-local address, and VRRP for IPv6 VIPs is sent from it`,
    `enable IPv6 on it: sysctl net.ipv6.conf.${settings.interfaceName}.disable_ipv6=0`,
  );
}

export function openVirtualRouter(
  settings: WireSettings,
  group: VipGroup,
  family: 4 | 6,
  leases: Pick<Leases, 'add' | 'remove' | 'announce'>,
  listener: RouterListener,
): VirtualRouter {
  const source = sourceOf(settings, family);
  const addresses = group.vips.filter((vip) => vip.family === family).map((vip) => vip.address);
  const ah = settings.authentication.kind === 'ah';
  const socket = openVrrpSocket({
    interfaceName: settings.interfaceName,
    family,
    protocols: ah && family === 4 ? [51] : [112],
    sourceAddress: source,
    destination: settings.unicast ? 'unicast' : 'multicast',
  });
  const peers = [settings.peerAddress, ...(group.name === 'read' ? (settings.furtherAddresses ?? []) : [])];
  const destinations = settings.unicast ? peers : [family === 4 ? VRRP_GROUP_IPV4 : VRRP_GROUP_IPV6];
  const now = bootMs();
  let state: ReturnType<typeof step>[0] = initialState(
    {
      ...VIRTUAL_ROUTER_DEFAULTS,
      vrid: group.vrid,
      version: settings.version,
      priority: group.priority,
      advertIntervalMs: settings.advertIntervalMs,
      ownAddress: source,
      addresses,
      knownPeers: family === 4 ? peers : [],
      // The write VIPs of an agent that was killed are kept: it resumes them by its manager's order. Those of the read
      // group may be another host's by now.
      ...(group.name === 'write'
        ? { election: 'ordered', startup: { delayMs: 0, leftoverAddresses: 'keep' } }
        : {
            election: 'vrrp',
            startup: { delayMs: 0, leftoverAddresses: 'remove' },
            announce: { ...VIRTUAL_ROUTER_DEFAULTS.announce, refreshMs: READ_ANNOUNCE_MS },
          }),
    },
    now,
  );
  let timerMs = Number.POSITIVE_INFINITY;
  let identification = 0;
  let ahSequence = 0;
  let refusal: string | null = null;
  let ordered = false;
  const dropsTold = new Set<string>();
  const encoded = new Map<string, Uint8Array>();

  /** An advert is the same bytes every time but for the IP id and AH's sequence: IPv6 and plain IPv4 are encoded once. */
  function bytesOf(advertisement: Advertisement, destination: string): Uint8Array {
    if (ah) ahSequence++;
    const key = `${advertisement.priority} ${destination}`;
    const known = ah ? undefined : encoded.get(key);
    if (known !== undefined) return known;
    const bytes = encodeAdvertisement(advertisement, {
      source,
      destination,
      authentication: settings.authentication,
      identification: ++identification,
      ...(ah ? { ahSequence } : {}),
    });
    encoded.set(key, bytes);
    return bytes;
  }

  function perform(action: Action): void {
    switch (action.kind) {
      case 'send':
        for (const to of destinations) socket.send(bytesOf(action.advertisement, to), to);
        return;
      case 'addAddresses':
        leases.add(action.addresses);
        return;
      case 'removeAddresses':
        leases.remove(action.addresses);
        return;
      case 'announce':
        leases.announce(action.addresses, action.count);
        return;
      case 'armTimer':
        timerMs = action.atMs;
        return;
      case 'disarmTimer':
        timerMs = Number.POSITIVE_INFINITY;
        return;
      case 'transition':
        listener.say(
          'info',
          `vrrp-${group.name === 'read' ? 'read-' : ''}${action.to.toLowerCase()}`,
          `${action.from} to ${action.to}: ${action.because}`,
        );
        if (action.from === 'MASTER' && !ordered) listener.lostRole(action.because);
        return;
      case 'masterDown':
        listener.masterDown(action.because);
        return;
      case 'masterBack':
        listener.masterBack();
        return;
      case 'rival':
        listener.say('warn', 'vrrp-rival', action.because);
        return;
      case 'vridConflict':
        listener.say('error', 'vrid-in-use', `${action.because} (ours: ${group.vridKey} in pair.yaml)`);
        return;
      case 'addressMismatch':
        listener.say('warn', 'vip-mismatch', action.because);
        return;
      case 'addressRestored':
        listener.say('warn', 'vip-restored', action.because);
        return;
      // Of the read group's election: its next advert says it all.
      case 'lowerHeard':
        return;
      case 'refused':
        refusal = action.because;
    }
  }

  function feed(event: RouterEvent): void {
    const [next, actions] = step(state, event);
    state = next;
    for (const action of actions) perform(action);
  }

  const context = (packet: { source: string; destination: string; hopLimit: number }): ReceptionContext => ({
    version: settings.version,
    vrid: group.vrid,
    authentication: settings.authentication,
    advertIntervalMs: settings.advertIntervalMs,
    ahSequenceLast: ahSequence,
    unicastPeers: settings.unicast ? peers : [],
    ownAddress: source,
    v3ChecksumWithoutPseudoHeader: false,
    ...(family === 6
      ? { ipv6: { source: packet.source, destination: packet.destination, hopLimit: packet.hopLimit } }
      : {}),
  });

  /** Once a source and reason: the counters tell the rest. */
  function tellOfDrop(from: string, reason: string, message: string): void {
    const kind = `${from} ${reason}`;
    if (dropsTold.has(kind) || dropsTold.size >= DROPS_TOLD_MAX) return;
    dropsTold.add(kind);
    if (peers.includes(from) || family === 6) {
      const because = `an advert of ${from} is ignored: ${message}; is pair.yaml the same on both hosts?`;
      listener.say('warn', 'vrrp-dropped', because);
      return;
    }
    const because = `${from} uses virtual router id ${group.vrid} on this network, too: another group of routers (${message}); one of the two needs another id (ours: ${group.vridKey} in pair.yaml)`;
    listener.say('error', 'vrid-in-use', because);
  }

  function receive(): void {
    for (let packet = socket.receive(); packet !== null; packet = socket.receive()) {
      // Other virtual routers of this link: none of our business, and no error.
      if (readVrid(packet.bytes, family) !== group.vrid) continue;
      const reception = decodeAdvertisement(packet.bytes, context(packet));
      const nowMs = bootMs();
      if (!reception.ok) {
        feed({ kind: 'dropped', nowMs, reason: reception.reason });
        tellOfDrop(packet.source, reception.reason, reception.message);
        continue;
      }
      if (reception.ahSequence !== null) ahSequence = Math.max(ahSequence, reception.ahSequence);
      if (reception.source === settings.peerAddress || family === 6)
        listener.heard(reception.advertisement.priority);
      else if (peers.includes(reception.source)) listener.heardFurther?.(reception.advertisement.priority);
      feed({
        kind: 'advertisement',
        nowMs,
        source: reception.source,
        advertisement: reception.advertisement,
      });
    }
  }

  return {
    fds: socket.fds,
    start: () => feed({ kind: 'start', nowMs: bootMs() }),
    stop() {
      ordered = true;
      feed({ kind: 'stop', nowMs: bootMs() });
      socket.close();
    },
    receive,
    tick() {
      const nowMs = bootMs();
      if (nowMs < timerMs) return;
      timerMs = Number.POSITIVE_INFINITY;
      feed({ kind: 'timer', nowMs });
    },
    dueMs: () => timerMs,
    link(up, because) {
      const nowMs = bootMs();
      if (up) feed({ kind: 'cleared', nowMs, reason: LINK_FAULT });
      else feed({ kind: 'fault', nowMs, reason: LINK_FAULT });
      if (!up) listener.say('warn', 'vrrp-fault', because);
    },
    stalled: (forMs) => feed({ kind: 'stalled', nowMs: bootMs(), forMs }),
    addressLost: (address) => feed({ kind: 'addressLost', nowMs: bootMs(), address }),
    claim(because) {
      refusal = null;
      feed({ kind: 'claim', nowMs: bootMs(), because });
      return state.kind === 'MASTER' ? null : (refusal ?? `the virtual router is in ${state.kind}`);
    },
    yield(because) {
      ordered = true;
      feed({ kind: 'yield', nowMs: bootMs(), because });
      ordered = false;
    },
    allow(priority) {
      const nowMs = bootMs();
      const denied = state.router.faults.includes(NOT_ALLOWED);
      if (priority === null) {
        if (!denied) feed({ kind: 'fault', nowMs, reason: NOT_ALLOWED });
        return;
      }
      if (state.router.priority !== priority) feed({ kind: 'priority', nowMs, value: priority });
      if (denied) feed({ kind: 'cleared', nowMs, reason: NOT_ALLOWED });
    },
    stateName: () => state.kind,
    because: () => state.router.because,
    counters() {
      const { advertsSent, advertsReceived, dropped } = state.router.statistics;
      return { advertsSent, advertsReceived, dropped };
    },
  };
}
