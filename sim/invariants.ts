// What must hold after every event (I1 to I4; and P2 of the pair's SPEC), and when all is mended (I5). I6 is that, with a witness, none of this depends
// on what is cut, lost or restarted; without one a full partition is the one excuse, in one mode, for one kind of loss.

import type { PairRecord } from '../src/core/pair/record.ts';
import type { Stored } from '../src/core/pair/stored.ts';
import type { NodeName, SimNode } from './node.ts';

export interface Violation {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'P2' | 'P12';
  readonly because: string;
}

interface Acknowledged {
  readonly payload: string;
  readonly node: NodeName;
  readonly epoch: number;
  readonly atMs: number;
  /** Acknowledged by the side that was to lose, during a full partition without a witness: the one loss that is announced. */
  readonly excused: boolean;
}

export interface Judge {
  readonly violations: readonly Violation[];
  readonly acknowledged: readonly Acknowledged[];
  /** A full partition let both nodes acknowledge, as `partition: availability` says. */
  readonly split: boolean;
  wasAcknowledged(node: SimNode, payload: string): void;
  /** A record came to be on a node's disk. */
  wasPersisted(node: SimNode, before: Stored | null, stored: Stored): void;
  /** A record came to be at the witness. */
  wasWitnessed(node: SimNode, before: PairRecord | null, record: PairRecord): void;
  wasOpened(node: SimNode): void;
  wasThrownAway(node: SimNode, payloads: readonly string[]): void;
  violated(violation: Violation): void;
  /** At the end: nothing that was born elsewhere came to the writer since it opened. */
  checkHistory(node: SimNode): void;
  /** Acknowledged writes that nobody was excused from keeping, and that are not among these. */
  missingFrom(payloads: ReadonlySet<string>): readonly Acknowledged[];
}

export interface JudgeWorld {
  nowMs(): number;
  peerOf(node: SimNode): SimNode;
  readonly witness: boolean;
  readonly partition: 'availability' | 'consistency';
  /** A full partition is there, or was a moment ago. */
  partitioned(): boolean;
  /** For some seconds nothing was disturbed but VRRP. */
  quiet(): boolean;
}

/** Everything that a server holds: in its binary log, or received and to be applied. */
export function heldBy(node: SimNode): Set<string> {
  const held = new Set(node.database.model.log().map((each) => each.payload));
  for (const { transaction } of node.database.model.relayLog().received) held.add(transaction.payload);
  return held;
}

const listed = (writes: readonly Acknowledged[]): string =>
  `${writes.length} acknowledged ${writes.length === 1 ? 'write' : 'writes'} (${writes
    .slice(0, 3)
    .map((each) => `${each.payload} of ${each.node} in epoch ${each.epoch} at ${Math.round(each.atMs)}`)
    .join(', ')})`;

export function newJudge(world: JudgeWorld): Judge {
  const violations: Violation[] = [];
  const acknowledged: Acknowledged[] = [];
  const writerOf = new Map<number, NodeName>();
  let latestEpoch = 0;
  let latestNode: NodeName | null = null;
  /** Epochs above this were claimed in a full partition: what an earlier one acknowledges after that is excused. */
  let excusedBelow = 0;
  let claimedEpoch = 0;
  let split = false;
  /** How long the log of each was when it last opened. */
  const openedWith = new Map<NodeName, number>();

  const violated = (invariant: Violation['invariant'], because: string): void =>
    void violations.push({ invariant, because });
  const missingFrom = (held: ReadonlySet<string>): Acknowledged[] =>
    acknowledged.filter((each) => !each.excused && !held.has(each.payload));

  const mayExcuse = (): boolean =>
    !world.witness && world.partition === 'availability' && world.partitioned();

  function checkEpoch(node: SimNode, payload: string, epoch: number, excused: boolean): void {
    const before = writerOf.get(epoch);
    if (before !== undefined && before !== node.name) {
      violated('I1', `${payload}: ${node.name} acknowledges in epoch ${epoch}, and so did ${before}`);
    }
    writerOf.set(epoch, node.name);
    if (latestNode !== null && latestNode !== node.name && epoch < latestEpoch && !excused) {
      violated(
        'I1',
        `${payload}: ${node.name} acknowledges in epoch ${epoch} after ${latestNode} acknowledged in epoch ${latestEpoch}`,
      );
    }
    if (epoch >= latestEpoch) {
      latestEpoch = epoch;
      latestNode = node.name;
    }
  }

  function checkBothDisks(node: SimNode, payload: string): void {
    const record = node.disk.read()?.record;
    if (record?.sync !== 'paired' || record.writer !== node.name) return;
    const { model } = world.peerOf(node).database;
    const { received, synced } = model.relayLog();
    for (let i = synced - 1; i >= 0; i--) if (received[i]?.transaction.payload === payload) return;
    if (model.log().some((each) => each.payload === payload)) return;
    violated(
      'I2',
      `${payload}: ${node.name} acknowledges while paired what ${world.peerOf(node).name} has not on its disk`,
    );
  }

  function checkClaim(node: SimNode, record: PairRecord, where: string): void {
    const alone = mayExcuse();
    const missing = missingFrom(heldBy(node));
    if (world.quiet())
      violated('P2', `${node.name} claims epoch ${record.epoch}, and nothing but VRRP was disturbed`);
    if (missing.length > 0) {
      violated('I3', `${node.name} claims epoch ${record.epoch} (${where}) and lacks ${listed(missing)}`);
    }
    claimedEpoch = Math.max(claimedEpoch, record.epoch);
    split ||= alone;
    if (alone) excusedBelow = Math.max(excusedBelow, record.epoch);
  }

  const claims = (node: SimNode, before: PairRecord | null | undefined, record: PairRecord): boolean =>
    record.writer === node.name && record.epoch > (before?.epoch ?? 0) && record.epoch > 1;

  return {
    violations,
    acknowledged,
    get split() {
      return split;
    },
    wasAcknowledged(node, payload) {
      const epoch = node.openedEpoch;
      // The later epoch may have been claimed before the partition began; this side cannot have heard of it.
      if (epoch < claimedEpoch && mayExcuse()) excusedBelow = claimedEpoch;
      const excused = epoch < excusedBelow;
      split ||= excused;
      acknowledged.push({ payload, node: node.name, epoch, atMs: world.nowMs(), excused });
      checkEpoch(node, payload, epoch, excused);
      checkBothDisks(node, payload);
    },
    wasPersisted(node, before, stored) {
      if (claims(node, before?.record, stored.record)) checkClaim(node, stored.record, 'on its disk');
    },
    wasWitnessed(node, before, record) {
      if (claims(node, before, record)) checkClaim(node, record, 'at the witness');
    },
    wasOpened(node) {
      openedWith.set(node.name, node.database.model.log().length);
      // An order that was on its way when the node stood down: it opens in vain, and is closed again.
      if (node.disk.read()?.record.writer !== node.name) return;
      // One that is late opens in vain, as long as it acknowledges nothing: I1 looks at that.
      if (node.openedEpoch < claimedEpoch) return;
      const visible = new Set(node.database.model.visible().map((each) => each.payload));
      const missing = missingFrom(visible);
      if (missing.length > 0) {
        violated(
          'I3',
          `${node.name} opens for epoch ${node.openedEpoch} without having applied ${listed(missing)}`,
        );
      }
    },
    wasThrownAway(node, payloads) {
      const elsewhere = heldBy(world.peerOf(node));
      const gone = new Set(payloads.filter((payload) => !elsewhere.has(payload)));
      const lost = acknowledged.filter((each) => !each.excused && gone.has(each.payload));
      if (lost.length > 0) {
        violated('I4', `${node.name} throws a relay log away that held ${listed(lost)}`);
      }
    },
    checkHistory(node) {
      const { model } = node.database;
      const strangers = model
        .log()
        .slice(openedWith.get(node.name) ?? 0)
        .filter(({ origin }) => origin !== model.serverId);
      if (strangers.length === 0) return;
      const gtids = strangers.map(({ gtid }) => gtid).join(', ');
      violated('P12', `${node.name} is the writer and fetched what its standby alone had: ${gtids}`);
    },
    violated: ({ invariant, because }) => violated(invariant, because),
    missingFrom,
  };
}
