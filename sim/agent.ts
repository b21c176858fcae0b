// One agent: its wire thread, the link to its manager, and the watch over it. Restates src/app/agent.ts.

import type { WireView } from '../src/core/pair/event.ts';
import type { Advertisement } from '../src/core/vrrp/advertisement.ts';
import type { Host, Process } from './host.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import { newWire, type Wire } from './wire.ts';

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
  hear(advertisement: Advertisement): void;
  linkChanged(): void;
}

const ADOPT_MS = 40;
const MANAGER_GRACE_MS = 2000;
const MANAGER_UNREAD_MS = 1000;
const MANAGER_MIN_LIFE_MS = 1000;
const STOP_MS_MAX = 40_000;

export function newAgent(settings: AgentSettings, world: AgentWorld): Agent {
  const { host, random, vip } = world;
  const process = host.newProcess('agent');
  const wire: Wire = newWire(settings, process, world, () => {
    watchManager();
    tell();
  });
  let manager: ManagerEnd | null = null;
  let managerSinceMs = 0;
  let managerStartedMs = Number.NEGATIVE_INFINITY;
  let told = '';
  let deliveredMs = 0;
  let stopping: string | null = null;

  function tell(): void {
    if (manager === null) return;
    const view = wire.view();
    const digest = `${view.claimedEpoch} ${view.interfaceUp} ${view.peerAdverts} ${view.gateway}`;
    if (digest === told) return;
    told = digest;
    toManager((end) => end.onWire(view));
  }

  /** Over the socket of the two: in order, and soon, unless the manager is frozen. */
  function toManager(act: (end: ManagerEnd) => void): void {
    const end = manager;
    if (end === null) return;
    deliveredMs = Math.max(deliveredMs, host.bootMs() + random.between(0.05, 0.6));
    end.process.after(deliveredMs - host.bootMs(), () => act(end));
  }

  /** No manager, or one that says nothing: the node counts as unhealthy. */
  function watchManager(): void {
    const now = host.bootMs();
    if (stopping !== null) return;
    if (manager === null) {
      if (now - managerSinceMs < MANAGER_GRACE_MS) return;
      if (wire.view().claimedEpoch !== null) {
        world.say('no manager: it gives the VIP up');
        wire.yield('no manager');
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
    wire.stop();
    world.say('the agent ended');
    agent.kill();
    world.ended();
  }

  const agent: Agent = {
    process,
    aliveAtMs: () => (process.alive && !process.frozen ? host.bootMs() : wire.ranAtMs()),
    start() {
      process.start();
      manager = null;
      told = '';
      deliveredMs = 0;
      stopping = null;
      managerSinceMs = host.bootMs();
      wire.start();
      process.after(ADOPT_MS, startManager);
      process.after(settings.agentGraceMs + MANAGER_GRACE_MS / 4, () => {
        if (wire.view().claimedEpoch === null && vip.held) vip.remove();
      });
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
        wire.wake(() => {
          const refusal = wire.claim(epoch);
          toManager(() => onDone(refusal));
        }),
      );
    },
    yield(because, onDone) {
      process.run(() =>
        wire.wake(() => {
          wire.yield(because);
          toManager(() => onDone());
        }),
      );
    },
    hear(advertisement) {
      if (world.interfaceUp()) process.run(() => wire.wake(() => wire.hear(advertisement)));
    },
    linkChanged: () => process.run(() => wire.wake(() => wire.linkChanged())),
  };
  return agent;
}
