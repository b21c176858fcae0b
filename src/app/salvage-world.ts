// What the parts of salvage share: the world they work in, what is errant at this node right now, and when that cannot be told.
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { LoggedTransaction } from '../core/binlog/logged.ts';
import { OperatorError } from '../core/error.ts';
import { lacking, originOf } from '../core/gtid/gtid.ts';
import { freshReport, type PairState } from '../core/pair/state.ts';
import type { SalvageIndex } from '../core/salvage/entry.ts';
import type { SalvageStore } from '../io/salvage/store.ts';
import type { Database } from '../runtime/ports.ts';

export const STATUS_MS_MAX = 2000;

export interface SalvageWorld {
  readonly config: PairConfig;
  readonly self: NodeConfig;
  readonly peer: NodeConfig;
  readonly store: SalvageStore;
  readonly own: Database;
  readonly peerServer: Database;
  /** The program's own schema. */
  readonly schema: string;
  readonly state: () => PairState;
  readonly mending: (because: string | null) => void;
  readonly say: (level: 'info' | 'warn' | 'error', code: string, because: string) => void;
}

/** This node's server has what the writer's, asked after it, lacks. */
export interface Found {
  readonly errant: readonly string[];
  readonly own: string;
  readonly writers: string;
  readonly origin: string;
}

export const refusal = (code: string, message: string, hint: string): OperatorError =>
  new OperatorError(code, message, hint);

/** Why this node's data cannot be compared with the writer's, or changed, just now; null: they can. */
export function unreadable({ state, self, peer }: SalvageWorld): OperatorError | null {
  const { role, own } = state();
  const report = freshReport(state());
  if (role !== 'following') {
    const hint =
      role === 'writing' ? 'nothing is to be undone at the writer' : 'wait until it follows the writer';
    return refusal('salvage-role', `${self.name} is no standby (it is ${role})`, hint);
  }
  if (own.health !== 'up' || own.status === null)
    return refusal(
      'salvage-server',
      `the server of ${self.name} is not up`,
      'start it; it comes up read-only',
    );
  if (report === null || report.role !== 'writing' || report.server !== 'up')
    return refusal(
      'salvage-writer',
      `the writer ${peer.name} is not heard`,
      'it is needed to compare with: see `twinkeep status`',
    );
  return null;
}

/** Null: this node lacks nothing of the writer's kind, or the two cannot be compared now. */
export async function find(world: SalvageWorld): Promise<Found | null> {
  if (unreadable(world) !== null) return null;
  // First our own, then the writer's: what we have of the writer by now it has as well.
  const own = await world.own.status(STATUS_MS_MAX);
  const writer = await world.peerServer.status(STATUS_MS_MAX);
  if (!own.readOnly || writer.readOnly || own.semiSync.waitingSessions > 0) return null;
  // What was born at the writer waits there for its acknowledgement.
  const errant = (lacking(own.history, writer.history) ?? []).filter(
    (gtid) => originOf(gtid) !== writer.origin,
  );
  if (errant.length === 0) return null;
  return { errant, own: own.history, writers: writer.history, origin: own.origin };
}

export const sameErrant = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

/** The saved transactions while `work` lasts, each by its number. */
export async function withSaved<T>(
  store: SalvageStore,
  index: SalvageIndex,
  work: (get: (number: number) => Promise<LoggedTransaction>) => Promise<T>,
): Promise<T> {
  const damaged = (what: string): OperatorError =>
    refusal(
      'salvage-damaged',
      `${what} of ${index.id} cannot be read`,
      `look into ${store.folderOf(index.id)}: the raw events are there as well`,
    );
  const saved = await store.transactions(index.id).catch((error: Error) => {
    throw damaged(`the list of transactions (${error.message})`);
  });
  try {
    return await work(async (number) => {
      const transaction = await saved.get(number);
      if (transaction === null) throw damaged(`transaction ${number}`);
      return transaction;
    });
  } finally {
    await saved.close();
  }
}
