// Every prefix of every plan: each kind of plan is brought about once without a crash, and its orders counted; then once more
// for each of them, with the manager or the host of either node dying just before that order goes out.

import type { Fault } from './faults.ts';
import type { NodeName } from './node.ts';
import { type Plan, type Result, run } from './run.ts';
import type { SimConfig } from './simulation.ts';

export interface PlanKind {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly partition: SimConfig['partition'];
}

const AT = 500;
/** Until hosts have booted, servers are up, and the pair is paired again: crashes fall into all of that. */
const AFTERMATH_MS = 6500;

export const PLAN_KINDS: readonly PlanKind[] = [
  {
    name: 'switchover',
    partition: 'availability',
    faults: [{ kind: 'switchover', atMs: AT, forMs: 0 }],
  },
  {
    name: 'takeover of a dead server',
    partition: 'availability',
    faults: [{ kind: 'kill', node: 'a', part: 'server', atMs: AT, forMs: 1500 }],
  },
  {
    name: 'takeover of a dead host',
    partition: 'availability',
    faults: [{ kind: 'power', nodes: ['a'], atMs: AT, forMs: 3000 }],
  },
  {
    name: 'takeover of an unattended server',
    partition: 'availability',
    faults: [
      { kind: 'kill', node: 'a', part: 'agent', atMs: AT, forMs: 5000 },
      { kind: 'kill', node: 'a', part: 'manager', atMs: AT + 1, forMs: 5000 },
    ],
  },
  {
    name: 'going alone, and pairing again',
    partition: 'availability',
    faults: [{ kind: 'power', nodes: ['b'], atMs: AT, forMs: 4500 }],
  },
  {
    name: 'pairing again with a server that was away',
    partition: 'consistency',
    faults: [{ kind: 'kill', node: 'b', part: 'server', atMs: AT, forMs: 2500 }],
  },
  {
    name: 'standing down after a partition',
    partition: 'consistency',
    faults: [{ kind: 'partition', oneWay: false, from: 'a', atMs: AT, forMs: 2500 }],
  },
  {
    name: 'opening again after a refusal',
    partition: 'availability',
    faults: [
      { kind: 'switchover', atMs: AT, forMs: 0 },
      { kind: 'kill', node: 'b', part: 'server', atMs: AT + 2, forMs: 1500 },
    ],
  },
  {
    name: 'the end of the writer on order',
    partition: 'availability',
    faults: [{ kind: 'stop-agent', node: 'a', atMs: AT, forMs: 3000 }],
  },
  {
    name: 'the end of the standby on order',
    partition: 'availability',
    faults: [{ kind: 'stop-agent', node: 'b', atMs: AT, forMs: 3000 }],
  },
  {
    name: 'cold start of both',
    partition: 'availability',
    faults: [{ kind: 'power', nodes: ['a', 'b'], atMs: AT, forMs: 1500 }],
  },
];

function planOf(kind: PlanKind, witness: boolean, crash: readonly Fault[]): Plan {
  return {
    seed: 7,
    config: {
      witness,
      partition: kind.partition,
      holdAfterFailoverMs: 0,
      gatewayChecked: true,
      advertIntervalMs: 100,
      clients: 2,
      driftMax: 1e-3,
    },
    faults: [...crash, ...kind.faults],
    healAtMs: Math.max(...kind.faults.map((fault) => fault.atMs + fault.forMs)) + AFTERMATH_MS,
  };
}

/** More orders than any of these plans gives at one node. */
const ORDERS_MAX = 24;

export interface PrefixFailure {
  readonly crash: Fault;
  readonly result: Result;
}

const NODES: readonly NodeName[] = ['a', 'b'];

/** Every crash at every order of this kind of plan; returns how many there were, and those that something failed after. */
export function crashEverywhere(
  kind: PlanKind,
  witness: boolean,
): { readonly runs: number; readonly failures: readonly PrefixFailure[] } {
  const failures: PrefixFailure[] = [];
  let runs = 0;
  for (const node of NODES) {
    for (const part of ['manager', 'host'] as const) {
      for (const victim of NODES) {
        for (let nth = 1; nth <= ORDERS_MAX; nth++) {
          const crash: Fault = {
            kind: 'crash-at-order',
            node,
            nth,
            of: null,
            delayMs: 0,
            phase: 'before',
            part,
            victim,
            atMs: AT - 1,
            forMs: 8000,
          };
          const result = run(planOf(kind, witness, [crash]));
          if (!result.crashed) break;
          runs++;
          if (result.violations.length > 0) failures.push({ crash, result });
        }
      }
    }
  }
  return { runs, failures };
}
