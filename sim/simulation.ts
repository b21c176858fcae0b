// One simulated pair: two nodes, the network, the witness, replication, clients, and the judge who looks at everything.
// Everything comes from the seed and the configuration; the faults are done to it from outside (faults.ts, run.ts).

import { step } from '../src/core/pair/machine.ts';
import type { PairSettings } from '../src/core/pair/settings.ts';
import { type Clients, newClients } from './clients.ts';
import { type Judge, newJudge } from './invariants.ts';
import { type Network, newNetwork } from './network.ts';
import { type Flaws, type NodeName, newNode, type SimNode } from './node.ts';
import type { Switchboard } from './peerchannel.ts';
import { newRandom } from './random.ts';
import { newReceiver, type Receiver } from './replication.ts';
import type { Family } from './server.ts';
import { newTimeline, type Timeline } from './timeline.ts';
import { newWitness, type WitnessModel } from './witness.ts';
import type { WitnessDesk } from './witnessdesk.ts';

export interface SimConfig {
  readonly witness: boolean;
  readonly partition: 'availability' | 'consistency';
  readonly holdAfterFailoverMs: number;
  readonly gatewayChecked: boolean;
  readonly advertIntervalMs: number;
  readonly clients: number;
  readonly driftMax: number;
  /** Of both servers; default: mariadb. */
  readonly family?: Family;
}

export const HONEST: Flaws = {
  step,
  server: { commitsDurably: true, acknowledgesUnsynced: false },
  disk: (disk) => disk,
  database: (database) => database,
  witness: (desk) => desk,
};

export interface Simulation {
  readonly seed: number;
  readonly config: SimConfig;
  readonly timeline: Timeline;
  readonly network: Network;
  readonly witness: WitnessModel;
  readonly a: SimNode;
  readonly b: SimNode;
  readonly nodes: readonly [SimNode, SimNode];
  readonly receivers: readonly [Receiver, Receiver];
  readonly clients: Clients;
  readonly judge: Judge;
  readonly transcript: string[];
  /** Runs what is next; false: nothing before `endMs`. */
  advance(endMs: number): boolean;
  say(who: string, text: string): void;
  /** Until then something may still happen because of what was disturbed. */
  troubledUntilMs: number;
  /** A crash that was planned at an order took place. */
  crashed: boolean;
  /** Called before and after each order; see faults.ts. */
  onOrder: (node: SimNode, order: string, operation: string | null, phase: 'before' | 'after') => void;
}

/** What was cut a moment ago still delays what was sent then. */
const PARTITION_MEMORY_MS = 3000;

function settingsOf(self: NodeName, config: SimConfig): PairSettings {
  return {
    self,
    peer: self === 'a' ? 'b' : 'a',
    preferred: self === 'a',
    durability: 'lossless',
    tailMs: null,
    failback: false,
    partition: config.partition,
    promoteWithinMs: 2000,
    aloneAfterMs: 3000,
    peerSilenceMsMax: 120,
    agentGraceMs: 1000,
    drainMsMax: 30_000,
    gatewayChecked: config.gatewayChecked,
    witness: config.witness,
    holdAfterFailoverMs: config.holdAfterFailoverMs,
    masterDownMs: config.advertIntervalMs * 3,
  };
}

function deskOf(witness: WitnessModel, name: NodeName): WitnessDesk {
  return {
    read: (_deadlineMs, onView) => witness.read(name, onView),
    swap(record, expected, _deadlineMs, onOutcome) {
      witness.swap(name, record, expected, (answer) => {
        if (answer.kind === 'swapped') {
          onOutcome({ ok: true }, { kind: 'holds', record, revision: answer.revision });
        } else {
          const because = 'the witness holds something else';
          onOutcome({ ok: false, code: 'witness-conflict', because }, answer.view);
        }
      });
    },
  };
}

export function newSimulation(
  seed: number,
  config: SimConfig,
  flaws: Flaws = HONEST,
  tracing = false,
): Simulation {
  const timeline = newTimeline();
  const network = newNetwork(timeline, newRandom(seed, 'network'));
  const witness = newWitness(timeline, network, newRandom(seed, 'witness'));
  const board: Switchboard = { plugged: {} };
  const transcript: string[] = [];
  let partitionedAtMs = Number.NEGATIVE_INFINITY;

  const say = (who: string, text: string): void => {
    if (tracing) transcript.push(`${timeline.nowMs().toFixed(1).padStart(9)} ${who} ${text}`);
  };
  const peerOf = (node: SimNode): SimNode => (node === a ? b : a);

  function cutOff(from: NodeName, to: NodeName): boolean {
    return (
      !network.open('vrrp', from, to) && !network.both('peer', 'a', 'b') && !network.both('sql', 'a', 'b')
    );
  }
  function lookForPartition(): void {
    if (a.host.on && b.host.on && (cutOff('a', 'b') || cutOff('b', 'a'))) partitionedAtMs = timeline.nowMs();
  }

  const judge = newJudge({
    nowMs: () => timeline.nowMs(),
    peerOf,
    witness: config.witness,
    partition: config.partition,
    quiet: () => timeline.nowMs() > simulation.troubledUntilMs,
    partitioned() {
      lookForPartition();
      return timeline.nowMs() - partitionedAtMs <= PARTITION_MEMORY_MS;
    },
  });

  let touching = false;
  /** Replication and clients take up what changed; what that changes is taken up in the next round. */
  function touched(): void {
    if (touching) return;
    touching = true;
    for (const receiver of receivers) receiver.touched();
    for (const node of nodes) clients.collect(node);
    touching = false;
  }

  const nodeOf = (name: NodeName): SimNode =>
    newNode(settingsOf(name, config), {
      seed,
      timeline,
      network,
      board,
      witness: config.witness ? deskOf(witness, name) : null,
      flaws,
      driftMax: config.driftMax,
      family: config.family ?? 'mariadb',
      vipLeaseMs: 2000,
      advertIntervalMs: config.advertIntervalMs,
      peer: () => (name === 'a' ? b : a),
      touched,
      announce: (who) => network.datagram('clients', who, 'clients', () => clients.announced(who)),
      cutClients: (who) => clients.cut(who),
      persisted(who, before, stored) {
        const node = who === 'a' ? a : b;
        say(who, `  disk: ${describe(stored.record)}`);
        judge.wasPersisted(node, before, stored);
      },
      opened(who) {
        const node = who === 'a' ? a : b;
        say(who, `  the server is open, epoch ${node.openedEpoch}`);
        judge.wasOpened(node);
      },
      thrownAway: (who, payloads) => judge.wasThrownAway(who === 'a' ? a : b, payloads),
      atOrder: (who, order, operation, phase) =>
        simulation.onOrder(who === 'a' ? a : b, order, operation, phase),
      say,
    });
  const a: SimNode = nodeOf('a');
  const b: SimNode = nodeOf('b');
  const nodes = [a, b] as const;
  const receivers = [
    newReceiver(a.database, b.database, timeline, network, newRandom(seed, 'receiver a'), touched),
    newReceiver(b.database, a.database, timeline, network, newRandom(seed, 'receiver b'), touched),
  ] as const;
  const clients = newClients(
    config.clients,
    nodes,
    timeline,
    network,
    newRandom(seed, 'clients'),
    (node, payload) => {
      judge.wasAcknowledged(node, payload);
      say(node.name, `  OK ${payload}`);
    },
    touched,
  );
  let before = witness.record;
  witness.onSwapped = (from, record) => {
    say('w', `witness: ${describe(record)} (by ${from})`);
    judge.wasWitnessed(from === 'a' ? a : b, before, record);
    before = record;
  };

  const beat = (): void => {
    for (const receiver of receivers) receiver.beat();
    timeline.at(1000, beat);
  };
  beat();
  for (const node of nodes) {
    node.database.boot(1);
    node.startAgent(5);
  }
  clients.start();

  const simulation: Simulation = {
    seed,
    config,
    timeline,
    network,
    witness,
    a,
    b,
    nodes,
    receivers,
    clients,
    judge,
    transcript,
    advance(endMs) {
      const more = timeline.advance(endMs);
      lookForPartition();
      return more;
    },
    say,
    troubledUntilMs: Number.POSITIVE_INFINITY,
    crashed: false,
    onOrder: () => undefined,
  };
  return simulation;
}

const describe = (record: { epoch: number; writer: string | null; sync: string }): string =>
  `epoch ${record.epoch}, writer ${record.writer}, ${record.sync}`;
