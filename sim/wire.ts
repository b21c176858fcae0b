// The wire thread of an agent: the real VRRP machine (election by order) on a simulated wire, and the VIP as a lease of the
// kernel's. Restates src/app/wire/loop.ts.

import type { WireView } from '../src/core/pair/event.ts';
import type { Advertisement } from '../src/core/vrrp/advertisement.ts';
import { step } from '../src/core/vrrp/machine.ts';
import {
  type Action,
  initialState,
  type RouterEvent,
  type RouterState,
  VIRTUAL_ROUTER_DEFAULTS,
} from '../src/core/vrrp/state.ts';
import type { AgentSettings, AgentWorld } from './agent.ts';
import { type GatewayWatch, NOT_WATCHED, newGatewayWatch } from './gateway.ts';
import type { Process } from './host.ts';

export interface Wire {
  start(): void;
  stop(): void;
  view(): WireView;
  /** When it last ran, by its host's clock. */
  ranAtMs(): number;
  /** Runs something of the thread; first it sees whether it was frozen. */
  wake(act: () => void): void;
  /** Null: it holds the VIP now; otherwise the reason why not. */
  claim(epoch: number): string | null;
  yield(because: string): void;
  hear(advertisement: Advertisement): void;
  linkChanged(): void;
}

/** The loop looks around at least this often. */
const LOOP_MS = 100;
const LATE_ADVERTS = 1.6;
const ADDRESS = { a: '192.0.2.11', b: '192.0.2.12' } as const;
const LINK_FAULT = 'the link is down';

/** `onWake`: after whatever the thread did. */
export function newWire(
  settings: AgentSettings,
  process: Process,
  world: AgentWorld,
  onWake: () => void,
): Wire {
  const { host, network, vip } = world;
  const stallMs = settings.agentGraceMs * 0.8;
  const gateway: GatewayWatch = settings.gatewayChecked
    ? newGatewayWatch(settings.self, process, network, onWake)
    : NOT_WATCHED;
  let router: RouterState = fresh();
  let timerMs = Number.POSITIVE_INFINITY;
  let claimedEpoch: number | null = null;
  let lastEpoch = 0;
  let peerAdverts: WireView['peerAdverts'] = 'unknown';
  let lateAtMs = Number.POSITIVE_INFINITY;
  let expectedMs = 0;
  let renewAtMs = Number.POSITIVE_INFINITY;
  let ordered = false;

  function fresh(): RouterState {
    return initialState(
      {
        ...VIRTUAL_ROUTER_DEFAULTS,
        vrid: 51,
        version: 3,
        priority: settings.priority,
        advertIntervalMs: settings.advertIntervalMs,
        ownAddress: ADDRESS[settings.self],
        addresses: ['192.0.2.100'],
        knownPeers: [ADDRESS[settings.peer]],
        election: 'ordered',
        startup: { delayMs: 0, leftoverAddresses: 'keep' },
        announce: { ...VIRTUAL_ROUTER_DEFAULTS.announce, count: 1, rivalCount: 1 },
      },
      host.bootMs(),
    );
  }

  function perform(action: Action): void {
    switch (action.kind) {
      case 'send': {
        if (!world.interfaceUp()) return;
        const { advertisement } = action;
        network.datagram('vrrp', settings.self, settings.peer, () => world.peerAgent().hear(advertisement));
        return;
      }
      case 'addAddresses':
        vip.put(settings.vipLeaseMs);
        renewAtMs = host.bootMs() + settings.vipLeaseMs / 4;
        return;
      case 'removeAddresses':
        vip.remove();
        renewAtMs = Number.POSITIVE_INFINITY;
        return;
      case 'announce':
        world.announce();
        return;
      case 'armTimer':
        arm(action.atMs);
        return;
      case 'disarmTimer':
        timerMs = Number.POSITIVE_INFINITY;
        return;
      case 'transition':
        if (action.from === 'MASTER' && !ordered && claimedEpoch !== null) claimedEpoch = null;
        return;
      case 'masterDown':
        peerAdverts = 'silent';
        lateAtMs = Number.POSITIVE_INFINITY;
        gateway.askNow();
        return;
      case 'masterBack':
        heard();
        return;
      default:
        return;
    }
  }

  function arm(atMs: number): void {
    timerMs = atMs;
    // A little later, as poll(2) is: rounding must not wake it too early for ever.
    process.after(Math.max(0, atMs - host.bootMs()) + 0.01, () => {
      if (host.bootMs() + 0.001 < timerMs || timerMs !== atMs) return;
      timerMs = Number.POSITIVE_INFINITY;
      loop(() => feed({ kind: 'timer', nowMs: host.bootMs() }));
    });
  }

  function feed(event: RouterEvent): void {
    const [next, actions] = step(router, event);
    router = next;
    for (const action of actions) perform(action);
  }

  function heard(): void {
    peerAdverts = 'heard';
    lateAtMs = host.bootMs() + settings.advertIntervalMs * LATE_ADVERTS;
    process.after(settings.advertIntervalMs * LATE_ADVERTS, () => loop(checkLate));
  }

  function checkLate(): void {
    if (host.bootMs() + 0.001 < lateAtMs) return;
    lateAtMs = Number.POSITIVE_INFINITY;
    if (peerAdverts !== 'heard') return;
    peerAdverts = 'late';
    gateway.askNow();
  }

  /** Whatever wakes the thread: first it sees whether it was frozen. */
  function loop(act: () => void): void {
    const late = host.bootMs() - expectedMs;
    expectedMs = host.bootMs() + LOOP_MS;
    if (late > stallMs) {
      feed({ kind: 'stalled', nowMs: host.bootMs(), forMs: late });
      claimedEpoch = null;
    }
    act();
    if (host.bootMs() >= renewAtMs) {
      vip.put(settings.vipLeaseMs);
      renewAtMs = host.bootMs() + settings.vipLeaseMs / 4;
    }
    onWake();
  }

  function yieldRole(because: string): void {
    claimedEpoch = null;
    world.cutClients();
    ordered = true;
    feed({ kind: 'yield', nowMs: host.bootMs(), because });
    ordered = false;
    world.cutClients();
  }

  function beat(): void {
    loop(() => undefined);
    process.after(LOOP_MS, beat);
  }

  return {
    start() {
      router = fresh();
      claimedEpoch = null;
      lastEpoch = 0;
      peerAdverts = 'unknown';
      gateway.forget();
      renewAtMs = Number.POSITIVE_INFINITY;
      expectedMs = host.bootMs() + LOOP_MS;
      if (!world.interfaceUp()) feed({ kind: 'fault', nowMs: host.bootMs(), reason: LINK_FAULT });
      feed({ kind: 'start', nowMs: host.bootMs() });
      gateway.askNow();
      beat();
    },
    stop() {
      if (claimedEpoch !== null) yieldRole('the agent is stopping');
      feed({ kind: 'stop', nowMs: host.bootMs() });
    },
    view: () => ({
      claimedEpoch,
      interfaceUp: world.interfaceUp(),
      interfaceBecause: world.interfaceUp() ? 'the interface is up' : 'the interface has no carrier',
      peerAdverts,
      gateway: gateway.state(),
    }),
    ranAtMs: () => expectedMs - LOOP_MS,
    wake: loop,
    claim(epoch) {
      if (epoch < lastEpoch) return `epoch ${epoch} is over: epoch ${lastEpoch} was claimed here already`;
      lastEpoch = epoch;
      feed({ kind: 'claim', nowMs: host.bootMs(), because: `the writer of epoch ${epoch}` });
      if (router.kind !== 'MASTER') return `the virtual router is in ${router.kind}`;
      claimedEpoch = epoch;
      return null;
    },
    yield: yieldRole,
    hear(advertisement) {
      heard();
      const source = ADDRESS[settings.peer];
      feed({ kind: 'advertisement', nowMs: host.bootMs(), source, advertisement });
    },
    linkChanged() {
      const nowMs = host.bootMs();
      if (world.interfaceUp()) {
        feed({ kind: 'cleared', nowMs, reason: LINK_FAULT });
        return;
      }
      feed({ kind: 'fault', nowMs, reason: LINK_FAULT });
      peerAdverts = 'unknown';
      vip.remove();
    },
  };
}
