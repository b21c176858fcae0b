// One node: a host with its disk, the VIP in its kernel, and the three processes, each with its supervisor.

import type { step as realStep } from '../src/core/pair/machine.ts';
import type { PairSettings } from '../src/core/pair/settings.ts';
import type { Stored } from '../src/core/pair/stored.ts';
import { type Agent, type KernelVip, newAgent } from './agent.ts';
import { newDatabase, type ServerFlaws, type SimDatabase } from './database.ts';
import { type Disk, newDisk } from './disk.ts';
import { type Host, newHost } from './host.ts';
import { type Manager, newManager } from './manager.ts';
import type { Network } from './network.ts';
import type { Switchboard } from './peerchannel.ts';
import { newRandom, type Random } from './random.ts';
import type { Family } from './server.ts';
import type { Timeline } from './timeline.ts';
import type { WitnessDesk } from './witnessdesk.ts';

export type NodeName = 'a' | 'b';

export interface SimNode {
  readonly name: NodeName;
  readonly host: Host;
  readonly disk: Disk;
  readonly database: SimDatabase;
  readonly agent: Agent;
  readonly manager: Manager;
  readonly vip: KernelVip;
  readonly interfaceUp: boolean;
  setInterface(up: boolean): void;
  /** An operator's word that the agent shall not be started again by itself. */
  stopped: boolean;
  /** GTIDs that waited for an acknowledgement when the server was ended in an orderly way. */
  readonly endedWaiting: Set<string>;
  /** The epoch of the record on the disk when the server was last opened. */
  openedEpoch: number;
  startAgent(afterMs: number): void;
  killAgent(restartAfterMs: number): void;
  killServer(restartAfterMs: number): void;
  shutServer(restartAfterMs: number): void;
  powerOff(): void;
  powerOn(): void;
}

/** What is broken on purpose; nothing of it in an honest run. */
export interface Flaws {
  readonly step: typeof realStep;
  readonly server: ServerFlaws;
  /** Around the record's file. */
  readonly disk: (disk: Disk) => Disk;
  readonly database: (database: SimDatabase) => SimDatabase;
  readonly witness: (desk: WitnessDesk) => WitnessDesk;
}

export interface NodeWorld {
  readonly seed: number;
  readonly timeline: Timeline;
  readonly network: Network;
  readonly board: Switchboard;
  readonly witness: WitnessDesk | null;
  readonly flaws: Flaws;
  readonly driftMax: number;
  readonly family: Family;
  readonly vipLeaseMs: number;
  readonly advertIntervalMs: number;
  peer(): SimNode;
  touched(): void;
  announce(name: NodeName): void;
  cutClients(name: NodeName): void;
  persisted(name: NodeName, before: Stored | null, stored: Stored): void;
  opened(name: NodeName): void;
  thrownAway(name: NodeName, payloads: readonly string[]): void;
  atOrder(name: NodeName, order: string, operation: string | null, phase: 'before' | 'after'): void;
  say(name: NodeName, text: string): void;
}

function newKernelVip(host: Host): KernelVip {
  let untilMs = Number.NEGATIVE_INFINITY;
  let held = false;
  return {
    get held() {
      return held && host.on;
    },
    put(leaseMs) {
      held = true;
      untilMs = host.bootMs() + leaseMs;
      host.afterKernel(leaseMs, () => {
        if (host.bootMs() + 0.01 >= untilMs) held = false;
      });
    },
    remove() {
      held = false;
    },
  };
}

export function newNode(settings: PairSettings, world: NodeWorld): SimNode {
  const name = settings.self as NodeName;
  const { timeline, network, flaws } = world;
  const random: Random = newRandom(world.seed, `node ${name}`);
  const say = (text: string): void => world.say(name, text);
  const host = newHost(name, timeline, newRandom(world.seed, `clock ${name}`), world.driftMax);
  const vip = newKernelVip(host);
  const disk = flaws.disk(newDisk(newRandom(world.seed, `disk ${name}`)));
  let interfaceUp = true;
  const database = flaws.database(
    newDatabase(
      name,
      world.family,
      {
        timeline,
        network,
        host,
        random,
        touched: () => world.touched(),
        thrownAway: (transactions) =>
          world.thrownAway(
            name,
            transactions.map((each) => each.payload),
          ),
        say,
      },
      flaws.server,
    ),
  );

  const agent: Agent = newAgent(
    {
      self: name,
      peer: settings.peer as NodeName,
      priority: settings.preferred ? 100 : 90,
      advertIntervalMs: world.advertIntervalMs,
      vipLeaseMs: world.vipLeaseMs,
      agentGraceMs: settings.agentGraceMs,
      gatewayChecked: settings.gatewayChecked,
    },
    {
      host,
      network,
      random,
      vip,
      interfaceUp: () => interfaceUp,
      announce: () => world.announce(name),
      cutClients: () => world.cutClients(name),
      peerAgent: () => world.peer().agent,
      startManager: () => host.afterKernel(random.between(80, 500), startManager),
      manager: () => node.manager.process,
      killManager: () => node.manager.kill(),
      ended: () => node.startAgent(1000),
      say,
    },
  );

  function startManager(): void {
    if (node.manager.process.alive) return;
    say('the manager starts');
    node.manager.start();
  }

  const manager: Manager = newManager(settings, {
    host,
    network,
    random,
    board: world.board,
    agent,
    own: database,
    get peer() {
      return world.peer().database;
    },
    witness: world.witness,
    witnessFlaw: flaws.witness,
    performers: {
      random,
      disk: {
        ...disk,
        write(stored, synced) {
          const before = disk.read();
          disk.write(stored, synced);
          if (synced) world.persisted(name, before, stored);
        },
      },
      agent,
      own: database,
      get peer() {
        return world.peer().database;
      },
      opened() {
        node.openedEpoch = disk.read()?.record.epoch ?? 0;
        world.opened(name);
      },
      yieldWithoutAgent() {
        vip.remove();
        world.cutClients(name);
      },
    },
    step: flaws.step,
    atOrder: (order, operation, phase) => world.atOrder(name, order, operation, phase),
    say: (level, code, because) => say(`${level === 'info' ? ' ' : '!'} ${code}: ${because}`),
  });

  const node: SimNode = {
    name,
    host,
    disk,
    database,
    agent,
    manager,
    vip,
    get interfaceUp() {
      return interfaceUp;
    },
    setInterface(up) {
      if (interfaceUp === up) return;
      interfaceUp = up;
      network.attached(name, up && host.on);
      agent.linkChanged();
    },
    stopped: false,
    endedWaiting: new Set(),
    openedEpoch: 0,
    startAgent(afterMs) {
      host.afterKernel(afterMs, () => {
        if (agent.process.alive || node.stopped) return;
        say('the agent starts');
        agent.start();
      });
    },
    killAgent(restartAfterMs) {
      if (agent.process.alive) agent.kill();
      node.startAgent(restartAfterMs);
    },
    killServer(restartAfterMs) {
      database.kill();
      database.boot(restartAfterMs);
    },
    shutServer(restartAfterMs) {
      database.process.run(() => {
        const { model } = database;
        const committed = model.visible().length;
        database.shutdown();
        // An orderly end commits what waits for an acknowledgement (docs/MARIADB.md).
        for (const { gtid } of model.log().slice(committed)) node.endedWaiting.add(gtid);
      });
      database.boot(restartAfterMs);
    },
    powerOff() {
      if (!host.on) return;
      host.powerOff();
      network.attached(name, false);
      vip.remove();
      manager.kill();
      database.powerCut();
      disk.powerCut();
      world.cutClients(name);
      world.touched();
    },
    powerOn() {
      if (host.on) return;
      host.powerOn();
      network.attached(name, interfaceUp);
      database.boot(random.between(300, 4000));
      node.startAgent(random.between(200, 4000));
    },
  };
  return node;
}
