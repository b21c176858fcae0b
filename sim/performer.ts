// Carries a manager's orders out, as src/app/performer.ts does: each ends with an outcome within its deadline, whatever
// becomes of it in the world.

import type { Order, Outcome } from '../src/core/pair/event.ts';
import type { WitnessView } from '../src/core/pair/witness.ts';
import type { Agent } from './agent.ts';
import type { SimDatabase } from './database.ts';
import type { Disk } from './disk.ts';
import type { Process } from './host.ts';
import type { Prober } from './prober.ts';
import type { Random } from './random.ts';
import type { WitnessDesk } from './witnessdesk.ts';

export interface Performers {
  readonly process: Process;
  readonly random: Random;
  readonly disk: Disk;
  readonly agent: Agent;
  readonly own: SimDatabase;
  readonly peer: SimDatabase;
  readonly prober: Prober;
  readonly witness: WitnessDesk;
  /** The server opens in this very moment. */
  opened(): void;
  /** Cuts clients off and removes the VIP without the agent. */
  yieldWithoutAgent(): void;
  onWitness(view: WitnessView): void;
}

const FSYNC_MS_MAX = 20;
const failure = (because: string): Outcome => ({ ok: false, code: 'failed', because });

export function perform(order: Order, with_: Performers, onEnd: (outcome: Outcome) => void): void {
  const { process, own, peer, agent, random } = with_;
  const { deadlineMs } = order;
  switch (order.kind) {
    case 'persist': {
      const { record, journal, maintenance } = order;
      process.after(random.skewed(0.5, FSYNC_MS_MAX), () => {
        with_.disk.write({ record, journal, maintenance }, true);
        onEnd({ ok: true });
      });
      return;
    }
    case 'witness':
      with_.witness.swap(order.record, order.expected, deadlineMs, (outcome, view) => {
        with_.onWitness(view);
        onEnd(outcome);
      });
      return;
    case 'yield-vip': {
      const once = onlyOnce(onEnd);
      agent.yield(order.because, () => process.run(() => once({ ok: true })));
      process.after(deadlineMs, () => {
        if (once.done()) return;
        with_.yieldWithoutAgent();
        once({ ok: true });
      });
      return;
    }
    case 'claim-vip': {
      const once = onlyOnce(onEnd);
      if (!agent.process.alive) {
        once(failure('the agent is gone'));
        return;
      }
      agent.claim(order.epoch, (refusal) =>
        process.run(() => once(refusal === null ? { ok: true } : failure(refusal))),
      );
      process.after(deadlineMs, () => once(failure('the agent did not carry the order out in time')));
      return;
    }
    case 'open-writes':
      own.order(
        process,
        deadlineMs,
        () => {
          const answer = own.model.openWrites();
          if (answer.kind === 'done') with_.opened();
          return answer;
        },
        onEnd,
      );
      return;
    case 'close-writes':
      own.closeWrites(process, false, deadlineMs, onEnd);
      return;
    case 'semi-sync-source':
      own.order(process, deadlineMs, () => own.model.setSemiSyncSource(order.on), onEnd);
      return;
    case 'semi-sync-replica':
      own.order(process, deadlineMs, () => own.model.setSemiSyncReplica(order.on), onEnd);
      return;
    case 'receive-durably':
      own.order(process, deadlineMs, () => own.model.setReceivesDurably(order.on), onEnd);
      return;
    case 'start-channel':
      own.order(process, deadlineMs, () => own.model.startChannel(order.discard), onEnd);
      return;
    case 'stop-receiving':
      own.order(
        process,
        deadlineMs,
        () => own.model.stopReceiving(),
        (outcome) => {
          // A source that is silent is told first, in vain.
          const hangs = random.chance(0.3) ? random.between(20, 1000) : 0;
          process.after(hangs, () => onEnd(outcome));
        },
      );
      return;
    case 'take-tail':
      process.after(1, () => onEnd({ ok: true }));
      return;
    case 'drain':
      own.order(process, deadlineMs, () => own.model.drain(), onEnd);
      return;
    case 'wait-for':
      own.order(process, deadlineMs, () => own.model.waitFor(order.gtid), onEnd);
      return;
    case 'prove-commit':
      with_.prober.prove(deadlineMs, (because) =>
        onEnd(because === null ? { ok: true } : { ok: false, code: 'timeout', because }),
      );
      return;
    case 'fence-peer':
      peer.closeWrites(process, true, deadlineMs, (outcome) => {
        if (!outcome.ok) {
          onEnd(outcome);
          return;
        }
        peer.askFromPeer(
          process,
          deadlineMs,
          () => peer.model.setSemiSyncSource(false),
          () => onEnd(outcome),
        );
      });
      return;
    case 'skip-sequence':
      own.order(process, deadlineMs, () => own.model.skipSequence(), onEnd);
      return;
    case 'kill-server':
      process.after(random.skewed(0.5, 20), () => {
        own.kill();
        // Its supervisor starts it again.
        own.boot(random.between(300, 3000));
        onEnd({ ok: true });
      });
  }
}

function onlyOnce(onEnd: (outcome: Outcome) => void) {
  let done = false;
  const once = (outcome: Outcome): void => {
    if (done) return;
    done = true;
    onEnd(outcome);
  };
  return Object.assign(once, { done: () => done });
}
