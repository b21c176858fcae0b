// Replaying saved transactions at the writer, or giving them up.
import type { LoggedTransaction } from '../core/binlog/logged.ts';
import { OperatorError } from '../core/error.ts';
import { freshReport } from '../core/pair/state.ts';
import {
  type Outcome,
  openTransactions,
  type SalvageIndex,
  type TransactionSummary,
} from '../core/salvage/entry.ts';
import { prepareReplay, type Replayed, replayTransaction, type Writer } from '../io/salvage/replay.ts';
import { DatabaseError } from '../runtime/ports.ts';
import { openSalvageServer } from './salvage-servers.ts';
import { refusal, type SalvageWorld, withSaved } from './salvage-world.ts';

/** Replayed transactions between two updates of the index, for those who look meanwhile; the writer remembers each. */
const KEPT_EVERY = 100;

/** The node whose server takes writes, with a connection for rows. */
export async function openWriter(world: SalvageWorld): Promise<Writer & { close(): void }> {
  const { config, self, peer, state, schema } = world;
  const writer = state().role === 'writing' ? self : peer;
  if (writer === peer && freshReport(state())?.role !== 'writing')
    throw refusal('salvage-writer', `the writer ${peer.name} is not heard`, 'see `twinkeep status`');
  const server = await openSalvageServer(config, self, writer);
  return {
    connection: server.connection,
    definitions: server.definitions,
    schema,
    close: () => server.close(),
  };
}

function updated(
  index: SalvageIndex,
  number: number,
  outcome: Outcome,
  because: string | null,
): SalvageIndex {
  const transactions = index.transactions.map((each) =>
    each.number === number ? { ...each, outcome, because } : each,
  );
  return { ...index, transactions };
}

async function replayOne(
  writer: Writer,
  index: SalvageIndex,
  each: TransactionSummary,
  transaction: LoggedTransaction,
  force: boolean,
): Promise<Replayed> {
  const readable = transaction.statements.length === 0 && transaction.unreadable.length === 0;
  const [obstacle] = each.obstacles;
  if (obstacle !== undefined && !(force && readable)) return { outcome: 'failed', because: obstacle };
  try {
    return await replayTransaction(writer, index.id, each.number, transaction, force);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { outcome: 'failed', because: error.message };
  }
}

/** Replays the open transactions (or the numbered ones) in their order; what is in conflict is left, unless forced. */
export async function replay(
  world: SalvageWorld,
  index: SalvageIndex,
  numbers: readonly number[] | null,
  force: boolean,
): Promise<SalvageIndex> {
  if (index.state === 'saved')
    throw refusal(
      'salvage-not-undone',
      `${index.node} still has these transactions: what is replayed would meet them there`,
      'rewind or clone it first: `twinkeep salvage rewind`',
    );
  const chosen = openTransactions(index).filter((each) => numbers === null || numbers.includes(each.number));
  if (chosen.length === 0) return index;
  const writer = await openWriter(world);
  let done = index;
  try {
    await prepareReplay(writer);
    await withSaved(world.store, index, async (get) => {
      for (const each of chosen) {
        const result = await replayOne(writer, done, each, await get(each.number), force);
        done = updated(done, each.number, result.outcome, 'because' in result ? result.because : null);
        if (each.number % KEPT_EVERY === 0) await world.store.write(done);
      }
    });
  } catch (error) {
    if (error instanceof DatabaseError)
      throw refusal(
        'salvage-replay',
        `replaying was broken off: ${error.message}`,
        'order it again: what was replayed is remembered',
      );
    throw error;
  } finally {
    writer.close();
    await world.store.write(done);
  }
  return done;
}

export async function discard(
  world: SalvageWorld,
  index: SalvageIndex,
  numbers: readonly number[] | null,
): Promise<SalvageIndex> {
  const chosen = new Set(
    openTransactions(index).flatMap(({ number }) =>
      numbers === null || numbers.includes(number) ? [number] : [],
    ),
  );
  const transactions = index.transactions.map(
    (each): TransactionSummary =>
      chosen.has(each.number) ? { ...each, outcome: 'discarded', because: null } : each,
  );
  const done = { ...index, transactions };
  await world.store.write(done);
  return done;
}
