// Is the VIP where it should be? Performs core/viptruth on the wire thread: asks the segment by ARP (IPv4) or neighbour
// solicitation (IPv6), feeds the answers and what VRRP says of the peer, and has the leases announce the VIP again.

import { networkInterfaces } from 'node:os';
import { type Arp, decodeArp, encodeArpRequest } from '../../core/arp/arp.ts';
import { formatMac } from '../../core/arp/ethernet.ts';
import {
  decodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
  solicitedNodeGroup,
} from '../../core/arp/neighbour.ts';
import { step } from '../../core/viptruth/machine.ts';
import {
  dueMs,
  initialState,
  VIP_TRUTH_TIMES,
  type VipTruthEvent,
  type VipTruthState,
  type VipTruthTimes,
} from '../../core/viptruth/state.ts';
import type { VipTruthView } from '../../io/agentlink/link.ts';
import { openArpSocket } from '../../io/linux/arpsocket.ts';
import { bootMs } from '../../io/linux/libc.ts';
import { openNdSocket } from '../../io/linux/ndsocket.ts';
import type { Leases } from './leases.ts';
import type { VipGroup, WireSettings } from './protocol.ts';

/** Frames read in one turn of the loop: a flood must not keep VRRP waiting. */
const FRAMES_A_TURN_MAX = 64;
/** The peer claims the VIP no longer after so many intervals without an advert (RFC 9568 6.1: Active_Down_Interval). */
const ADVERTS_MISSED_MAX = 3;
const ANNOUNCEMENTS = 3;

export type TruthSettings = Pick<
  WireSettings,
  'interfaceName' | 'ownAddress' | 'peerAddress' | 'groups' | 'advertIntervalMs'
>;
type Say = (level: 'info' | 'warn' | 'error', code: string, because: string) => void;
type WithoutTime<E> = E extends VipTruthEvent ? Omit<E, 'nowMs'> : never;
type Event = WithoutTime<VipTruthEvent>;

export interface TruthWatch {
  readonly fds: readonly number[];
  receive(): void;
  /** Wakes nobody for itself: the loop turns often enough, and each turn that is spared is CPU of an idle agent. */
  tick(): void;
  link(up: boolean): void;
  /** The loop did not run for a while. */
  stalled(): void;
  /** An advert of the peer for this group; priority 0 is its goodbye. */
  peerAdvert(group: VipGroup['name'], priority: number): void;
  /**
   * The same of a further host that may hold this group's VIPs. Its MAC is not known here: while it claims them, nobody is
   * asked who answers for them.
   */
  furtherAdvert(group: VipGroup['name'], priority: number): void;
  /** The same array until something changed. */
  view(): readonly VipTruthView[];
  close(): void;
}

/** One family's way to ask, and to hear. */
interface Segment {
  readonly fd: number;
  ask(vip: string): void;
  /** Reads the next frame; false when there is none now. */
  receive(): boolean;
  close(): void;
}

interface Ear {
  onVip(vip: string, event: Event): void;
  onPeer(mac: string, asksFor: string | null): void;
}

function meaningOf(arp: Arp): 'answer' | 'announcement' | 'use' {
  if (arp.targetIp === arp.senderIp) return 'announcement';
  return arp.operation === 'reply' ? 'answer' : 'use';
}

function openIpv4Segment(
  settings: TruthSettings,
  mac: Uint8Array,
  vips: readonly string[],
  ear: Ear,
): Segment {
  const peer = settings.peerAddress;
  const socket = openArpSocket({
    interfaceName: settings.interfaceName,
    receives: true,
    senders: vips,
    ...(peer.includes(':') ? {} : { asker: { address: peer, asksFor: vips } }),
  });
  // An ARP question needs an IPv4 sender. One of 0.0.0.0 (RFC 5227's probe) touches no cache, and is answered, too.
  const asker = settings.ownAddress.includes(':') ? '0.0.0.0' : settings.ownAddress;
  return {
    fd: socket.fd,
    ask: (vip) => void socket.send(encodeArpRequest(mac, asker, vip)),
    receive() {
      const frame = socket.receive();
      if (frame === null) return false;
      const arp = decodeArp(frame);
      if (!arp.ok) return true;
      const sender = formatMac(arp.senderMac);
      if (arp.senderIp === peer) ear.onPeer(sender, arp.operation === 'request' ? arp.targetIp : null);
      else ear.onVip(arp.senderIp, { kind: 'vip-frame', mac: sender, as: meaningOf(arp) });
      return true;
    },
    close: () => socket.close(),
  };
}

function openIpv6Segment(settings: TruthSettings, mac: Uint8Array, ear: Ear): Segment {
  const socket = openNdSocket({ interfaceName: settings.interfaceName, receives: true });
  const linkLocal = (networkInterfaces()[settings.interfaceName] ?? []).find(
    (each) => each.family === 'IPv6' && each.address.startsWith('fe80:'),
  );
  return {
    fd: socket.fd,
    ask(vip) {
      if (linkLocal !== undefined)
        socket.send(encodeNeighbourSolicitation(mac, vip), linkLocal.address, solicitedNodeGroup(vip));
    },
    receive() {
      const message = socket.receive();
      if (message === null) return false;
      const advertisement = decodeNeighbourAdvertisement(message.bytes);
      if (advertisement === null) return true;
      const { target, solicited } = advertisement;
      ear.onVip(target, {
        kind: 'vip-frame',
        mac: formatMac(advertisement.mac),
        as: solicited ? 'answer' : 'announcement',
      });
      return true;
    },
    close: () => socket.close(),
  };
}

export function openTruthWatch(
  settings: TruthSettings,
  leases: Pick<Leases, 'mac' | 'held' | 'announce'>,
  say: Say,
  times: VipTruthTimes = VIP_TRUTH_TIMES,
): TruthWatch {
  const ownMac = formatMac(leases.mac);
  const states = new Map<string, VipTruthState>();
  const vips = settings.groups.flatMap((group) => group.vips);
  for (const { address } of vips) {
    states.set(address, initialState({ vip: address, ownMac, times }, bootMs()));
  }
  const missedMs = settings.advertIntervalMs * ADVERTS_MISSED_MAX;
  const claims = settings.groups.map((group) => ({
    name: group.name,
    vips: group.vips.map((vip) => vip.address),
    peerHolds: false,
    advertMs: 0,
    furtherHolds: false,
    furtherMs: 0,
  }));

  let linkUp = false;
  const heldElsewhere = (vip: string): boolean =>
    claims.some((claim) => claim.furtherHolds && claim.vips.includes(vip));
  const look = (): readonly VipTruthView[] =>
    [...states].map(([vip, { standing }]) => ({
      vip,
      verdict: standing.verdict,
      because: linkUp && heldElsewhere(vip) ? 'the host of a further replica holds it' : standing.because,
      atMs: Math.round(standing.sinceMs),
    }));
  let view = look();

  function feed(vip: string, event: Event): void {
    const state = states.get(vip);
    if (state === undefined) return;
    const [next, actions] = step(state, { ...event, nowMs: bootMs() } as VipTruthEvent);
    states.set(vip, next);
    const { verdict, because } = next.standing;
    if (verdict !== state.standing.verdict || because !== state.standing.because) view = look();
    for (const action of actions) {
      if (action.kind === 'ask') segments.get(vip.includes(':') ? 6 : 4)?.ask(vip);
      else if (action.kind === 'announce') leases.announce([vip], ANNOUNCEMENTS);
      else say(action.level, action.code, action.because);
    }
  }
  const feedAll = (event: Event): void => {
    for (const vip of states.keys()) feed(vip, event);
  };

  const ear: Ear = {
    onVip: feed,
    onPeer(mac, asksFor) {
      for (const vip of states.keys()) feed(vip, { kind: 'peer-frame', mac, asksForVip: vip === asksFor });
    },
  };
  const ipv4 = vips.filter((vip) => vip.family === 4).map((vip) => vip.address);
  const segments = new Map<4 | 6, Segment>();
  if (ipv4.length > 0) segments.set(4, openIpv4Segment(settings, leases.mac, ipv4, ear));
  if (ipv4.length < vips.length) segments.set(6, openIpv6Segment(settings, leases.mac, ear));

  /** Before anything heard is acted on: the VIP may have left a moment ago, and is not to be announced then. */
  const syncHeld = (): void => {
    const held = leases.held();
    for (const [vip, state] of states)
      if (state.held !== held.has(vip)) feed(vip, { kind: 'held', held: held.has(vip) });
  };
  const receive = (): void => {
    syncHeld();
    for (const segment of segments.values()) for (let i = 0; i < FRAMES_A_TURN_MAX && segment.receive(); i++);
  };
  const setPeerHolds = (claim: (typeof claims)[number], holds: boolean): void => {
    if (holds === claim.peerHolds) return;
    claim.peerHolds = holds;
    for (const vip of claim.vips) feed(vip, { kind: 'peer-holds', holds });
  };

  /** As if the link were down, for these VIPs. */
  const setFurtherHolds = (claim: (typeof claims)[number], holds: boolean): void => {
    if (holds === claim.furtherHolds) return;
    claim.furtherHolds = holds;
    for (const vip of claim.vips) feed(vip, { kind: 'link', up: linkUp && !holds });
    view = look();
  };

  return {
    fds: [...segments.values()].map((segment) => segment.fd),
    receive,
    tick() {
      const now = bootMs();
      syncHeld();
      for (const claim of claims) {
        if (claim.peerHolds && now - claim.advertMs > missedMs) setPeerHolds(claim, false);
        if (claim.furtherHolds && now - claim.furtherMs > missedMs) setFurtherHolds(claim, false);
      }
      for (const [vip, state] of states) {
        if (now < dueMs(state)) continue;
        // After a freeze the answers may lie there unread: they count before the question closes.
        receive();
        feed(vip, { kind: 'timer' });
      }
    },
    link(up) {
      syncHeld();
      linkUp = up;
      for (const vip of states.keys()) feed(vip, { kind: 'link', up: up && !heldElsewhere(vip) });
    },
    stalled() {
      syncHeld();
      feedAll({ kind: 'stalled' });
    },
    peerAdvert(group, priority) {
      syncHeld();
      for (const claim of claims) {
        if (claim.name !== group) continue;
        claim.advertMs = bootMs();
        setPeerHolds(claim, priority > 0);
      }
    },
    furtherAdvert(group, priority) {
      syncHeld();
      for (const claim of claims) {
        if (claim.name !== group) continue;
        claim.furtherMs = bootMs();
        setFurtherHolds(claim, priority > 0);
      }
    },
    view: () => view,
    close() {
      for (const segment of segments.values()) segment.close();
    },
  };
}
