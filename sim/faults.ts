// The faults, each with its end, as data: what a schedule is made of, and how each is done to a simulation.

import type { OperationKind } from '../src/core/pair/state.ts';
import type { Path, Place } from './network.ts';
import type { NodeName } from './node.ts';
import type { Simulation } from './simulation.ts';

type Part = 'agent' | 'manager' | 'server' | 'host';

export type Fault = { readonly atMs: number; readonly forMs: number } & What;

/** A fault without its time. */
export type What =
  | { readonly kind: 'kill'; readonly node: NodeName; readonly part: 'agent' | 'manager' | 'server' }
  | { readonly kind: 'freeze'; readonly node: NodeName; readonly part: Part }
  /** A virtual machine that its hypervisor holds still, and whose clock knows nothing of it. Only with a witness. */
  | { readonly kind: 'pause'; readonly node: NodeName }
  | { readonly kind: 'power'; readonly nodes: readonly NodeName[] }
  | {
      readonly kind: 'cut';
      readonly path: Path | 'all';
      readonly from: Place | 'any';
      readonly to: Place | 'any';
      readonly both: boolean;
    }
  | { readonly kind: 'partition'; readonly oneWay: boolean; readonly from: NodeName }
  | { readonly kind: 'cable'; readonly node: NodeName }
  | {
      readonly kind: 'weather';
      readonly loss: number;
      readonly duplicates: number;
      readonly delayMsMax: number;
    }
  | { readonly kind: 'shutdown'; readonly node: NodeName }
  | { readonly kind: 'slow-applier'; readonly node: NodeName; readonly applyMsMax: number }
  | { readonly kind: 'slow-replication'; readonly replicationMsMax: number }
  | { readonly kind: 'witness-down' }
  | { readonly kind: 'witness-slow'; readonly slowMs: number }
  | { readonly kind: 'witness-wipe' }
  | { readonly kind: 'switchover' }
  | { readonly kind: 'stop-agent'; readonly node: NodeName }
  | { readonly kind: 'maintenance' }
  /** At the n-th order from then on, of a plan that matters: the crash falls just before it goes out, or just after its end. */
  | {
      readonly kind: 'crash-at-order';
      readonly node: NodeName;
      readonly nth: number;
      /** Only orders of this kind of plan count; null: of any but `reconcile`. */
      readonly of: OperationKind | null;
      /** How long after that. */
      readonly delayMs: number;
      readonly phase: 'before' | 'after';
      readonly part: 'agent' | 'manager' | 'server' | 'host';
      readonly victim: NodeName;
    };

export const describeFault = ({ atMs, forMs, kind, ...rest }: Fault): string =>
  `${kind} ${Object.values(rest).join(' ')} for ${Math.round(forMs)} ms`;

const LINKS: readonly Path[] = ['vrrp', 'peer', 'sql'];

function node(sim: Simulation, name: NodeName) {
  return name === 'a' ? sim.a : sim.b;
}

function crash(sim: Simulation, name: NodeName, part: Part, downMs: number): void {
  const it = node(sim, name);
  sim.say(name, `-- ${part === 'host' ? 'power off' : `the ${part} is killed`}`);
  if (part === 'agent') it.killAgent(downMs);
  else if (part === 'manager') it.manager.kill();
  else if (part === 'server') it.killServer(downMs);
  else {
    it.powerOff();
    sim.timeline.at(downMs, () => it.powerOn());
  }
}

function freeze(sim: Simulation, name: NodeName, part: Part, clockRuns: boolean, forMs: number): void {
  const it = node(sim, name);
  if (part === 'host') {
    it.host.suspend(clockRuns);
    sim.timeline.at(forMs, () => {
      it.host.resume();
      sim.say(name, '-- the host is thawed');
    });
    return;
  }
  const process = part === 'server' ? it.database.process : it[part].process;
  process.freeze();
  sim.timeline.at(forMs, () => {
    sim.say(name, `-- the ${part} is thawed`);
    process.thaw();
  });
}

function cut(sim: Simulation, fault: Extract<Fault, { kind: 'cut' }>): void {
  const { path, from, to, both, forMs } = fault;
  const { network } = sim;
  network.cut(path, from, to);
  if (both) network.cut(path, to, from);
  sim.timeline.at(forMs, () => {
    network.mend(path, from, to);
    if (both) network.mend(path, to, from);
    sim.say('-', `mended: ${path} ${from} ${to}`);
  });
}

function partition(sim: Simulation, from: NodeName, oneWay: boolean, forMs: number): void {
  const to = from === 'a' ? 'b' : 'a';
  const ways: [NodeName, NodeName][] = oneWay
    ? [[from, to]]
    : [
        [from, to],
        [to, from],
      ];
  for (const [x, y] of ways) for (const path of LINKS) sim.network.cut(path, x, y);
  sim.timeline.at(forMs, () => {
    for (const [x, y] of ways) for (const path of LINKS) sim.network.mend(path, x, y);
    sim.say('-', 'the partition is mended');
  });
}

function crashAtOrder(sim: Simulation, fault: Extract<Fault, { kind: 'crash-at-order' }>): void {
  let left = fault.nth;
  const former = sim.onOrder;
  const untilMs = sim.timeline.nowMs() + fault.forMs;
  sim.onOrder = (at, order, operation, phase) => {
    former(at, order, operation, phase);
    if (left <= 0 || sim.timeline.nowMs() > untilMs) return;
    if (at.name !== fault.node || phase !== fault.phase || operation === 'reconcile') return;
    if (fault.of !== null && operation !== fault.of) return;
    left--;
    if (left > 0) return;
    sim.crashed = true;
    sim.say('-', `crash ${phase} ${order} of ${operation} at ${at.name}`);
    const downMs = 1000 + fault.nth * 300;
    // At once, not a moment later: before the order goes out.
    if (fault.delayMs === 0) crash(sim, fault.victim, fault.part, downMs);
    else sim.timeline.at(fault.delayMs, () => crash(sim, fault.victim, fault.part, downMs));
  };
}

/** What was disturbed has no more consequences after this. */
const AFTERMATH_MS = 8000;

/** Does it, and arranges its end. */
export function inflict(sim: Simulation, fault: Fault): void {
  const { timeline, network, witness } = sim;
  const harmless = fault.kind === 'cut' && fault.path === 'vrrp';
  const untilMs = timeline.nowMs() + fault.forMs + AFTERMATH_MS;
  if (!harmless) sim.troubledUntilMs = Math.max(sim.troubledUntilMs, untilMs);
  sim.say('-', describeFault(fault));
  switch (fault.kind) {
    case 'kill':
      crash(sim, fault.node, fault.part, fault.forMs);
      return;
    case 'freeze':
      freeze(sim, fault.node, fault.part, true, fault.forMs);
      return;
    case 'pause':
      freeze(sim, fault.node, 'host', false, fault.forMs);
      return;
    case 'power':
      for (const name of fault.nodes) crash(sim, name, 'host', fault.forMs);
      return;
    case 'cut':
      cut(sim, fault);
      return;
    case 'partition':
      partition(sim, fault.from, fault.oneWay, fault.forMs);
      return;
    case 'cable': {
      const it = node(sim, fault.node);
      it.setInterface(false);
      timeline.at(fault.forMs, () => it.setInterface(true));
      return;
    }
    case 'weather': {
      const { loss, duplicates, delayMsMax } = fault;
      Object.assign(network.weather, { loss, duplicates, delayMsMax });
      timeline.at(fault.forMs, () => Object.assign(network.weather, FAIR));
      return;
    }
    case 'shutdown':
      node(sim, fault.node).shutServer(fault.forMs);
      return;
    case 'slow-applier': {
      const receiver = sim.receivers[fault.node === 'a' ? 0 : 1];
      receiver.applyMsMax = fault.applyMsMax;
      timeline.at(fault.forMs, () => {
        receiver.applyMsMax = 5;
      });
      return;
    }
    case 'slow-replication':
      network.weather.replicationMsMax = fault.replicationMsMax;
      timeline.at(fault.forMs, () => {
        network.weather.replicationMsMax = 0;
      });
      return;
    case 'witness-down':
      witness.up = false;
      timeline.at(fault.forMs, () => {
        witness.up = true;
      });
      return;
    case 'witness-slow':
      witness.slowMs = fault.slowMs;
      timeline.at(fault.forMs, () => {
        witness.slowMs = 0;
      });
      return;
    case 'witness-wipe':
      witness.wipe();
      return;
    case 'switchover':
      for (const it of sim.nodes)
        if (it.manager.state()?.role === 'writing')
          it.manager.dispatch({ kind: 'switchover', because: 'an operator asked for it' });
      return;
    case 'stop-agent': {
      const it = node(sim, fault.node);
      it.stopped = true;
      it.agent.stop('SIGTERM');
      timeline.at(fault.forMs, () => {
        it.stopped = false;
        it.startAgent(1);
      });
      return;
    }
    case 'maintenance':
      sim.a.manager.dispatch({ kind: 'maintenance', because: 'the operator works' });
      timeline.at(fault.forMs, () => sim.a.manager.dispatch({ kind: 'maintenance', because: null }));
      return;
    case 'crash-at-order':
      crashAtOrder(sim, fault);
  }
}

const FAIR = { loss: 0, duplicates: 0, delayMsMax: 2, replicationMsMax: 0 };

/** Everything is mended, thawed, switched on and started. */
export function heal(sim: Simulation): void {
  sim.troubledUntilMs = Number.POSITIVE_INFINITY;
  sim.say('-', 'everything is mended');
  sim.network.mendAll();
  Object.assign(sim.network.weather, FAIR);
  sim.witness.up = true;
  sim.witness.slowMs = 0;
  for (const receiver of sim.receivers) receiver.applyMsMax = 5;
  sim.onOrder = () => undefined;
  for (const it of sim.nodes) {
    it.stopped = false;
    it.host.resume();
    for (const process of it.host.processes) process.thaw();
    it.setInterface(true);
    it.powerOn();
    if (!it.database.process.alive) it.database.boot(500);
    it.startAgent(500);
    if (it.manager.state()?.maintenance.because != null)
      it.manager.dispatch({ kind: 'maintenance', because: null });
  }
}
