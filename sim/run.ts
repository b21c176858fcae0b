// One run: a new pair that has found its first writer, the faults, and then the time in which everything must be well again.

import { describeFault, type Fault, heal, inflict } from './faults.ts';
import type { Violation } from './invariants.ts';
import type { Flaws, SimNode } from './node.ts';
import { newRandom } from './random.ts';
import { drawConfig, drawFaults } from './schedule.ts';
import type { Family } from './server.ts';
import { HONEST, newSimulation, type SimConfig, type Simulation } from './simulation.ts';

export interface Plan {
  readonly seed: number;
  readonly config: SimConfig;
  readonly faults: readonly Fault[];
  /** Everything is mended this long after the pair was first paired. */
  readonly healAtMs: number;
}

export interface Result {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  /** What an operator has to do at the end, where the documents say so; null: nothing. */
  readonly operator: string | null;
  readonly split: boolean;
  /** A crash that was planned at an order took place. */
  readonly crashed: boolean;
  readonly virtualMs: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly transcript: readonly string[];
}

export interface RunOptions {
  readonly witness?: 'on' | 'off' | 'any';
  readonly family?: Family;
  readonly flaws?: Flaws;
  readonly tracing?: boolean;
  readonly wipes?: boolean;
}

const FIRST_PAIRING_MS_MAX = 15_000;
/** After everything is mended the pair is well within this. */
export const SETTLE_MS_MAX = 120_000;
/** And stays so. */
const STAYS_WELL_MS = 1500;
const LOOK_EVERY_MS = 250;
/** More than any run has: a loop without end. */
const EVENTS_MAX = 1_000_000;

export function drawPlan(seed: number, options: RunOptions = {}): Plan {
  const random = newRandom(seed, 'plan');
  const family = options.family ?? 'mariadb';
  const config = drawConfig(random, options.witness ?? 'any', family);
  const faults = drawFaults(random, config.witness, options.wipes ?? false, family);
  const lastMs = faults.at(-1)?.atMs ?? 0;
  return { seed, config, faults, healAtMs: lastMs + random.between(300, 8000) };
}

const isOpen = (node: SimNode): boolean =>
  node.host.on && node.database.process.alive && !node.database.model.status().readOnly;

/** Why the pair is not well; null: it is. */
export function illness(sim: Simulation, sinceMs: number): string | null {
  const open = sim.nodes.filter(isOpen);
  const [writer] = open;
  if (open.length > 1) return 'both servers take writes';
  if (writer === undefined) return 'neither server takes writes';
  const standby = writer === sim.a ? sim.b : sim.a;
  if (writer.manager.state()?.role !== 'writing')
    return `the manager of ${writer.name}, whose server is open, is ${writer.manager.state()?.role ?? 'not there'}`;
  if (!writer.vip.held) return `${writer.name} is open and does not hold the VIP`;
  if (standby.vip.held) return `${standby.name}, the standby, holds the VIP too`;
  const last = sim.judge.acknowledged.at(-1);
  if (last === undefined || last.atMs < Math.max(sinceMs, sim.timeline.nowMs() - 2000))
    return 'clients get no OK';
  if (last.node !== writer.name) return 'the clients are told OK by another node than the writer';
  const [mine, theirs] = [writer.disk.read()?.record, standby.disk.read()?.record];
  if (mine?.sync !== 'paired' || theirs?.sync !== 'paired' || mine.epoch !== theirs.epoch)
    return `not paired (${writer.name}: epoch ${mine?.epoch} ${mine?.sync}; ${standby.name}: epoch ${theirs?.epoch} ${theirs?.sync})`;
  if (
    sim.config.witness &&
    (sim.witness.record?.epoch !== mine.epoch || sim.witness.record.sync !== 'paired')
  )
    return 'the witness does not hold the record';
  return null;
}

/** GTIDs of what the standby has and the writer has not. */
function errant(sim: Simulation): { readonly node: SimNode; readonly gtids: readonly string[] } | null {
  const [writer, second] = sim.nodes.filter(isOpen);
  if (writer === undefined || second !== undefined) return null;
  const standby = writer === sim.a ? sim.b : sim.a;
  const held = new Map(writer.database.model.log().map((each) => [each.gtid, each.payload]));
  const log = standby.database.model.log().filter((each) => held.get(each.gtid) !== each.payload);
  return log.length === 0 ? null : { node: standby, gtids: log.map((each) => each.gtid) };
}

/** Conditions that the documents leave to an operator; the run must have brought them about. */
function forOperator(sim: Simulation, ill: string): string | null {
  if (!ill.startsWith('not paired')) return null;
  const found = errant(sim);
  if (found === null) return null;
  if (sim.config.family === 'mysql' && !sim.judge.split)
    return 'errant transactions that MySQL kept, though they waited when their writer fell';
  if (sim.judge.split) return 'errant transactions of the side that lost a full partition';
  if (found.gtids.every((gtid) => found.node.endedWaiting.has(gtid)))
    return 'errant transactions of a server that was shut down while commits waited';
  if (rolledBackAtWriter(sim, found.gtids))
    return 'what only the standby had received when the writer crashed, which went on alone without it';
  return null;
}

/** The writer's own, never acknowledged, and passed over by a gap in its GTIDs. */
function rolledBackAtWriter(sim: Simulation, gtids: readonly string[]): boolean {
  const writer = sim.nodes.find(isOpen);
  if (writer === undefined) return false;
  const { model } = writer.database;
  const gaps = model.log().some((each) => each.origin === model.serverId && each.payload.startsWith('gap '));
  return gaps && gtids.every((gtid) => Number(gtid.split('-')[1]) === model.serverId);
}

function checkKept(sim: Simulation): void {
  const [writer] = sim.nodes.filter(isOpen);
  if (writer === undefined) return;
  sim.judge.checkHistory(writer);
  const visible = new Set(writer.database.model.visible().map((each) => each.payload));
  const missing = sim.judge.missingFrom(visible);
  if (missing.length > 0) {
    const [first] = missing;
    sim.judge.violated({
      invariant: 'I5',
      because: `${missing.length} acknowledged writes are missing at ${writer.name}, the writer: ${first?.payload} of ${first?.node} in epoch ${first?.epoch} at ${Math.round(first?.atMs ?? 0)}`,
    });
  }
}

/** What the operator is asked for: the errant transactions are set aside and undone. The pair must then be well by itself. */
function salvage(sim: Simulation, operator: string, count: () => void): void {
  const found = errant(sim);
  if (found === null) return;
  const { node, gtids } = found;
  sim.say(node.name, `-- rewound: ${gtids.join(', ')}`);
  node.manager.dispatch({ kind: 'mending', because: 'its errant transactions are undone' });
  if (node.manager.state()?.record.sync !== 'alone') {
    sim.judge.violated({ invariant: 'I3', because: `${node.name} holds errant transactions and is paired` });
    return;
  }
  node.database.process.run(() => node.database.model.rewind(gtids));
  node.manager.dispatch({ kind: 'mending', because: null });
  const ill = settle(sim, sim.timeline.nowMs(), SETTLE_MS_MAX, count);
  if (ill === null || sim.judge.violations.length > 0) return;
  sim.judge.violated({ invariant: 'I5', because: `${operator}; undone, and after that: ${ill}` });
}

/** Runs until it is well for a while, or the time is over; returns what is ill then. */
function settle(sim: Simulation, fromMs: number, forMs: number, count: () => void): string | null {
  let wellSinceMs: number | null = null;
  for (let now = fromMs; now < fromMs + forMs; now += LOOK_EVERY_MS) {
    while (sim.advance(now + LOOK_EVERY_MS)) {
      count();
      if (sim.judge.violations.length > 0) return null;
    }
    if (illness(sim, fromMs) !== null) wellSinceMs = null;
    else {
      wellSinceMs ??= sim.timeline.nowMs();
      if (sim.timeline.nowMs() - wellSinceMs >= STAYS_WELL_MS) return null;
    }
  }
  return illness(sim, fromMs);
}

export function run(plan: Plan, options: RunOptions = {}): Result {
  const sim = newSimulation(plan.seed, plan.config, options.flaws ?? HONEST, options.tracing ?? false);
  let events = 0;
  const count = (): void => {
    if (++events === EVENTS_MAX)
      sim.judge.violated({ invariant: 'I5', because: `more than ${EVENTS_MAX} events: a loop without end` });
  };
  sim.say('-', JSON.stringify(plan.config));
  for (const fault of plan.faults) sim.say('-', `planned: ${Math.round(fault.atMs)} ${describeFault(fault)}`);
  let operator: string | null = null;
  const unpaired = settle(sim, 0, FIRST_PAIRING_MS_MAX, count);
  if (unpaired !== null) sim.judge.violated({ invariant: 'I5', because: `never paired: ${unpaired}` });
  const startMs = sim.timeline.nowMs();
  for (const fault of plan.faults) sim.timeline.at(fault.atMs, () => inflict(sim, fault));
  const endMs = startMs + plan.healAtMs;
  sim.troubledUntilMs = startMs;
  while (sim.judge.violations.length === 0 && sim.advance(endMs)) count();
  if (sim.judge.violations.length === 0) {
    heal(sim);
    const ill = settle(sim, sim.timeline.nowMs(), SETTLE_MS_MAX, count);
    if (ill !== null) {
      operator = forOperator(sim, ill);
      if (operator !== null) salvage(sim, operator, count);
      else
        sim.judge.violated({
          invariant: 'I5',
          because: `${SETTLE_MS_MAX / 1000} s after everything was mended: ${ill}`,
        });
    }
    if (sim.judge.violations.length === 0) checkKept(sim);
  }
  for (const { invariant, because } of sim.judge.violations) sim.say('!', `${invariant}: ${because}`);
  return {
    plan,
    violations: sim.judge.violations,
    operator,
    split: sim.judge.split,
    crashed: sim.crashed,
    virtualMs: sim.timeline.nowMs(),
    events,
    acknowledged: sim.judge.acknowledged.length,
    transcript: sim.transcript,
  };
}
