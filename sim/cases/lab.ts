// What a scripted case may do with a pair of servers, simulated or real, and what it may see. The two drivers:
// model.ts beside this, and test/database/real.ts.
import type { ServerStatus } from '../../src/runtime/ports.ts';

export type Fate = 'pending' | 'ok' | 'lost' | 'refused';

export interface LabCommit {
  /** As its client sees it. */
  fate(): Fate;
}

export type LabOrder =
  | 'openWrites'
  | 'closeWrites'
  | 'stopReceiving'
  | 'drain'
  | 'skipSequence'
  | { readonly semiSyncSource: boolean }
  | { readonly semiSyncReplica: boolean }
  | { readonly startChannel: 'keep' | 'discard' }
  | { readonly waitFor: string };

export interface LabNode {
  /** A client of its own inserts the row `id`; resolves when the statement is on its way. */
  write(id: number): Promise<LabCommit>;
  /** The same by an administrator, whom read_only does not stop. */
  writePrivileged(id: number): Promise<LabCommit>;
  killSession(commit: LabCommit, what: 'query' | 'connection'): Promise<void>;
  /** Carries an order out; 'done', or the code with which it was refused. */
  order(order: LabOrder): Promise<string>;
  /** START SLAVE and STOP SLAVE, bare. */
  stopThreads(which: 'both' | 'receiver' | 'applier'): Promise<void>;
  startThreads(which: 'both' | 'receiver' | 'applier'): Promise<void>;
  kill(): Promise<void>;
  shutdown(): Promise<void>;
  boot(): Promise<void>;

  /** The rows that a client reads, "1,2,3". */
  rows(): Promise<string>;
  status(): Promise<ServerStatus>;
  /** gtid_binlog_pos and gtid_slave_pos. */
  positions(): Promise<{ readonly binlog: string; readonly slave: string }>;
}

export interface Lab {
  /** The writer at the start of each case. */
  readonly a: LabNode;
  readonly b: LabNode;
  /** Lets happen what will: before a look at what must not have happened. */
  rest(): Promise<void>;
  /** Waits until it holds; fails when it does not come. */
  until(condition: () => Promise<boolean> | boolean): Promise<void>;
}

export type Observations = Readonly<Record<string, string>>;

/**
 * A case starts with a pair: a is open and waits for b, which acknowledges; both channels run; one heartbeat (0-1-1) is
 * committed. Numbers go on from 0-1-2.
 */
export interface Case {
  /** A sentence about what MariaDB does. */
  readonly name: string;
  run(lab: Lab): Promise<Observations>;
  /** What is seen at both, the real servers and the model. */
  readonly seen: Observations;
}
