// One agent: the real VRRP machine (election by order) on a simulated wire, the VIP as a lease of the kernel's, and the
// watch over its manager. Restates src/app/agent.ts and src/app/wire/loop.ts as thinply as they can be.

import type { WireView } from '../src/core/pair/event.ts';
import { step } from '../src/core/vrrp/machine.ts';
import {
  type Action,
  initialState,
  type RouterEvent,
  type RouterState,
  VIRTUAL_ROUTER_DEFAULTS,
} from '../src/core/vrrp/state.ts';
import { type GatewayWatch, NOT_WATCHED, newGatewayWatch } from './gateway.ts';
import type { Host, Process } from './host.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';

export interface AgentSettings {
  readonly self: 'a' | 'b';
  readonly peer: 'a' | 'b';
  readonly priority: number;
  readonly advertIntervalMs: number;
  readonly vipLeaseMs: number;
  readonly agentGraceMs: number;
  readonly gatewayChecked: boolean;
}

/** What the agent says to its manager; the same words as the link's. */
export interface ManagerEnd {
  readonly process: Process;
  onUp(): void;
  onWire(wire: WireView): void;
  onStop(because: string): void;
  onGone(because: string): void;
}

/** The VIP as the kernel has it: it ends by itself, whatever happened to the agent. */
export interface KernelVip {
  readonly held: boolean;
  put(leaseMs: number): void;
  remove(): void;
}

export interface AgentWorld {
  readonly host: Host;
  readonly network: Network;
  readonly random: Random;
  readonly vip: KernelVip;
  /** The cable. */
  interfaceUp(): boolean;
  /** Gratuitous ARP. */
  announce(): void;
  /** Resets every client connection of this host. */
  cutClients(): void;
  peerAgent(): Agent;
  startManager(): void;
  manager(): Process;
  killManager(): void;
  /** It ended in an orderly way. */
  ended(): void;
  say(text: string): void;
}

export interface Agent {
  readonly process: Process;
  /** When it last ran, by its host's clock: its pulses to the manager. */
  aliveAtMs(): number;
  start(): void;
  kill(): void;
  stop(because: string): void;
  attach(manager: ManagerEnd): void;
  detach(manager: ManagerEnd): void;
  bye(): void;
  claim(epoch: number, onDone: (refusal: string | null) => void): void;
  yield(because: string, onDone: () => void): void;
  hear(event: Extract<RouterEvent, { kind: 'advertisement' }>['advertisement']): void;
  linkChanged(): void;
}

const LOOP_MS = 100;
const LATE_ADVERTS = 1.6;
const ADOPT_MS = 40;
const MANAGER_GRACE_MS = 2000;
const MANAGER_UNREAD_MS = 1000;
const MANAGER_MIN_LIFE_MS = 1000;
const STOP_MS_MAX = 40_000;
const ADDRESS = { a: '192.0.2.11', b: '192.0.2.12' } as const;
const LINK_FAULT = 'the link is down';

export function newAgent(settings: AgentSettings, world: AgentWorld): Agent {
  const { host, network, random, vip } = world;
  const process = host.newProcess('agent');
  const stallMs = settings.agentGraceMs * 0.8;
  const gateway: GatewayWatch = settings.gatewayChecked
    ? newGatewayWatch(settings.self, process, network, () => tell())
    : NOT_WATCHED;
  let router: RouterState = fresh();
  let timerMs = Number.POSITIVE_INFINITY;
  let claimedEpoch: number | null = null;
  let lastEpoch = 0;
  let peerAdverts: WireView['peerAdverts'] = 'unknown';
  let lateAtMs = Number.POSITIVE_INFINITY;
  let expectedMs = 0;
  let renewAtMs = Number.POSITIVE_INFINITY;
  let manager: ManagerEnd | null = null;
  let managerSinceMs = 0;
  let managerStartedMs = Number.NEGATIVE_INFINITY;
  let told = '';
  let deliveredMs = 0;
  let stopping: string | null = null;
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
        announce: { count: 1, repeatMs: 5000, refreshMs: 0 },
      },
      host.bootMs(),
    );
  }

  function tell(): void {
    if (manager === null) return;
    const wire: WireView = {
      claimedEpoch,
      interfaceUp: world.interfaceUp(),
      interfaceBecause: world.interfaceUp() ? 'the interface is up' : 'the interface has no carrier',
      peerAdverts,
      gateway: gateway.state(),
    };
    const digest = `${claimedEpoch} ${wire.interfaceUp} ${peerAdverts} ${wire.gateway}`;
    if (digest === told) return;
    told = digest;
    toManager((end) => end.onWire(wire));
  }

  /** Over the socket of the two: in order, and soon, unless the manager is frozen. */
  function toManager(act: (end: ManagerEnd) => void): void {
    const end = manager;
    if (end === null) return;
    deliveredMs = Math.max(deliveredMs, host.bootMs() + random.between(0.05, 0.6));
    end.process.after(deliveredMs - host.bootMs(), () => act(end));
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
    tell();
  }

  function loopForever(): void {
    loop(() => watchManager());
    process.after(LOOP_MS, loopForever);
  }

  function yieldRole(because: string): void {
    claimedEpoch = null;
    world.cutClients();
    ordered = true;
    feed({ kind: 'yield', nowMs: host.bootMs(), because });
    ordered = false;
    world.cutClients();
  }

  /** No manager, or one that says nothing: the node counts as unhealthy. */
  function watchManager(): void {
    const now = host.bootMs();
    if (stopping !== null) return;
    if (manager === null) {
      if (now - managerSinceMs < MANAGER_GRACE_MS) return;
      if (claimedEpoch !== null) {
        world.say('no manager: it gives the VIP up');
        yieldRole('no manager');
      }
      if (!world.manager().alive) world.startManager();
      return;
    }
    if (!manager.process.frozen) managerSinceMs = now;
    else if (now - managerSinceMs > MANAGER_GRACE_MS + MANAGER_UNREAD_MS) {
      world.say('the manager is frozen: it is ended');
      world.killManager();
    }
  }

  function managerGone(end: ManagerEnd, because: string): void {
    if (manager !== end) return;
    manager = null;
    managerSinceMs = host.bootMs();
    if (stopping !== null) {
      shutDown();
      return;
    }
    world.say(`the manager is gone (${because})`);
    const early = host.bootMs() - managerStartedMs < MANAGER_MIN_LIFE_MS;
    process.after(early ? MANAGER_MIN_LIFE_MS : 1, startManager);
  }

  function startManager(): void {
    if (world.manager().alive || stopping !== null) return;
    managerStartedMs = host.bootMs();
    world.startManager();
  }

  function shutDown(): void {
    if (claimedEpoch !== null) yieldRole('the agent is stopping');
    feed({ kind: 'stop', nowMs: host.bootMs() });
    world.say('the agent ended');
    agent.kill();
    world.ended();
  }

  const agent: Agent = {
    process,
    aliveAtMs: () => (process.alive && !process.frozen ? host.bootMs() : expectedMs - LOOP_MS),
    start() {
      process.start();
      router = fresh();
      claimedEpoch = null;
      lastEpoch = 0;
      peerAdverts = 'unknown';
      gateway.forget();
      manager = null;
      told = '';
      deliveredMs = 0;
      stopping = null;
      renewAtMs = Number.POSITIVE_INFINITY;
      expectedMs = host.bootMs() + LOOP_MS;
      managerSinceMs = host.bootMs();
      if (!world.interfaceUp()) feed({ kind: 'fault', nowMs: host.bootMs(), reason: LINK_FAULT });
      feed({ kind: 'start', nowMs: host.bootMs() });
      gateway.askNow();
      process.after(ADOPT_MS, startManager);
      process.after(settings.agentGraceMs + MANAGER_GRACE_MS / 4, () => {
        if (claimedEpoch === null && vip.held) vip.remove();
      });
      loopForever();
    },
    kill() {
      const end = manager;
      manager = null;
      process.kill();
      if (end !== null) end.process.after(random.between(0.1, 3), () => end.onGone('the agent ended'));
    },
    stop(because) {
      process.run(() => {
        if (stopping !== null) return;
        stopping = because;
        if (manager === null) {
          shutDown();
          return;
        }
        toManager((end) => end.onStop(because));
        process.after(STOP_MS_MAX, () => {
          world.killManager();
          shutDown();
        });
      });
    },
    attach(end) {
      process.run(() => {
        manager = end;
        managerSinceMs = host.bootMs();
        told = '';
        toManager((each) => each.onUp());
        tell();
      });
    },
    detach(end) {
      process.after(random.between(0.1, 3), () => managerGone(end, 'its end of the link closed'));
    },
    bye() {
      process.run(() => {
        if (stopping !== null) shutDown();
      });
    },
    claim(epoch, onDone) {
      process.run(() =>
        loop(() => {
          const done = (refusal: string | null): void => toManager(() => onDone(refusal));
          if (epoch < lastEpoch) {
            done(`epoch ${epoch} is over: epoch ${lastEpoch} was claimed here already`);
            return;
          }
          lastEpoch = epoch;
          feed({ kind: 'claim', nowMs: host.bootMs(), because: `the writer of epoch ${epoch}` });
          if (router.kind !== 'MASTER') {
            done(`the virtual router is in ${router.kind}`);
            return;
          }
          claimedEpoch = epoch;
          done(null);
        }),
      );
    },
    yield(because, onDone) {
      process.run(() =>
        loop(() => {
          yieldRole(because);
          toManager(() => onDone());
        }),
      );
    },
    hear(advertisement) {
      if (!world.interfaceUp()) return;
      process.run(() =>
        loop(() => {
          heard();
          feed({
            kind: 'advertisement',
            nowMs: host.bootMs(),
            source: ADDRESS[settings.peer],
            advertisement,
          });
        }),
      );
    },
    linkChanged() {
      process.run(() =>
        loop(() => {
          const nowMs = host.bootMs();
          if (world.interfaceUp()) feed({ kind: 'cleared', nowMs, reason: LINK_FAULT });
          else {
            feed({ kind: 'fault', nowMs, reason: LINK_FAULT });
            peerAdverts = 'unknown';
            vip.remove();
          }
        }),
      );
    },
  };
  return agent;
}
