// What a fault is to a drill: what is done to a pair under load, and what must be true afterwards. The faults themselves
// are beside this file, one file a kind; faults.ts lists them.

import type { HostName, LabOptions, NodeName } from '../plan.ts';
import type { PairView } from '../statuswatch.ts';

/** What a fault can do in its drill, and see of it. */
export interface Scene {
  readonly lab: LabOptions;
  /** The writer before the fault, and its peer. */
  readonly writer: NodeName;
  readonly standby: NodeName;
  /** Names a moment for the report; the moment, on CLOCK_MONOTONIC. */
  mark(what: string): number;
  /** What does not hold is a problem of this run. */
  mustHold(holds: boolean, problem: string): void;
  /** The hosts lose power at once: cables out, then everything killed. */
  crash(...hosts: readonly HostName[]): Promise<void>;
  boot(host: HostName): Promise<void>;
  /** Rows sent after this moment that were acknowledged so far, by this node or by any. */
  acknowledgedSince(sinceMs: number, by?: NodeName): number;
  /** Waits until rows sent from now on are acknowledged, by this node or by any; false when that takes longer than 20 s. */
  writesFlow(by?: NodeName): Promise<boolean>;
  /** Waits until both nodes say `paired`, in an answer from after now; false when that takes longer than two minutes. */
  whole(): Promise<boolean>;
  status(): PairView;
  /** One request to a node's API from the application host, without the start of a process: it leaves within a millisecond or two. */
  post(node: NodeName, path: string, body: unknown): Promise<ApiAnswer>;
}

export interface ApiAnswer {
  /** 0: no answer. */
  readonly status: number;
  readonly text: string;
}

export interface Fault {
  readonly name: string;
  /** What is done, for the report and the manual. */
  readonly about: string;
  /** Only in a lab with a witness, or with three members of one, or only in one without; absent: in either. */
  readonly witness?: 'with' | 'three' | 'without';
  /** Lines of pair.yaml that this fault is about. */
  readonly settings?: string;
  /** Who must be the writer afterwards: the node that was standby, the same node as before, or, where it depends, either. */
  readonly writerAfter: 'standby' | 'same' | 'either';
  /** The same in a lab with a witness, where it differs. */
  readonly writerAfterWithWitness?: Fault['writerAfter'];
  /** The role may move more than once. */
  readonly moves?: 'many';
  /**
   * `promised`: the documents say that without a witness both nodes may acknowledge for as long as this fault lasts. Rows are
   * counted, nothing acknowledged may vanish, but the servers may differ afterwards. With a witness it is never allowed.
   */
  readonly twoWriters?: 'promised';
  /** Clients on both database hosts as well, each writing to its own server: for faults after which the hosts see different worlds. */
  readonly sides?: true;
  /** The goal for the client-seen write outage; 0: clients notice nothing; null: none is promised. */
  readonly goalMs: number | null;
  readonly cause: (scene: Scene) => Promise<void>;
  readonly heal: (scene: Scene) => Promise<void>;
  /** Nobody can write before the healing: do not wait for it. */
  readonly silent?: true;
  /** How long to look on, once writes flow again, before healing. */
  readonly lookOnMs: number;
}
