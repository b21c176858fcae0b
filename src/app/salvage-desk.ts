// What is done with transactions that the writer's history lacks: find, save, rewind, replay, discard. One thing at a time; the
// watch (salvage-watch.ts) and the operator (salvage-api.ts) give the orders.
import type { NodeConfig, PairConfig } from '../config/types.ts';
import type { LoggedTransaction } from '../core/binlog/logged.ts';
import { OperatorError } from '../core/error.ts';
import { contains, lacking, originOf } from '../core/gtid/gtid.ts';
import { freshReport, type PairState } from '../core/pair/state.ts';
import {
  type Outcome,
  openTransactions,
  type SalvageIndex,
  type TransactionSummary,
} from '../core/salvage/entry.ts';
import { isErrant, positionOf, withoutErrant } from '../core/salvage/history.ts';
import type { FetchFrom } from '../io/binlog/tool.ts';
import { prepareReplay, type Replayed, replayTransaction, type Writer } from '../io/salvage/replay.ts';
import { isUndone, type Rewind, resetHistory, stopChannel, undoRows } from '../io/salvage/rewind.ts';
import type { SalvageStore } from '../io/salvage/store.ts';
import { type LogSource, takeSalvage } from '../io/salvage/take.ts';
import { type Database, DatabaseError } from '../runtime/ports.ts';
import { binaryLogs, openSalvageServer, type SalvageServer } from './salvage-servers.ts';

const STATUS_MS_MAX = 2000;
/** Copying and reading the errant part of a log. */
const TAKE_MS_MAX = 30 * 60_000;

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

interface Journal {
  readonly id: string;
  readonly phase: 'undo' | 'reset';
  readonly target: string;
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

/** Where in a running server's log the transactions start. */
async function startsFrom(
  server: SalvageServer,
  behind: string,
): Promise<{ from: FetchFrom[]; onlyFile: boolean }> {
  if (server.family === 'mariadb') return { from: [{ behind }], onlyFile: false };
  const files = await binaryLogs(server);
  return { from: files.map((file) => ({ file })), onlyFile: true };
}

/** Outcomes of the same transactions in earlier salvages, by GTID. */
function knownOutcomes(
  world: SalvageWorld,
  node: string,
): Map<string, Pick<TransactionSummary, 'outcome' | 'because'>> {
  const known = new Map<string, Pick<TransactionSummary, 'outcome' | 'because'>>();
  for (const index of world.store.list()) {
    if (index.node !== node) continue;
    for (const { gtid, outcome, because } of index.transactions)
      if (outcome !== null && gtid !== '') known.set(gtid, { outcome, because });
  }
  return known;
}

export interface Wish {
  readonly node: NodeConfig;
  /** Whose server is asked for definitions, and whose log is read unless files are given. */
  readonly at: NodeConfig;
  readonly why: SalvageIndex['why'];
  readonly found: Found;
  readonly wanted: (gtid: string) => boolean;
  /** MariaDB: the position to start behind. */
  readonly behind: string;
  readonly files: readonly string[] | null;
}

export async function save(world: SalvageWorld, wish: Wish): Promise<SalvageIndex | null> {
  const { config, self, store, state } = world;
  const { record } = state();
  const server = await openSalvageServer(config, self, wish.at);
  try {
    const source: LogSource =
      wish.files === null
        ? { kind: 'server', endpoint: server.logEndpoint, ...(await startsFrom(server, wish.behind)) }
        : { kind: 'files', paths: wish.files };
    const known = knownOutcomes(world, wish.node.name);
    const { errant, own, writers, origin } = wish.found;
    const index = await takeSalvage({
      store,
      family: server.family,
      source,
      wanted: wish.wanted,
      about: {
        pair: config.pair,
        node: wish.node.name,
        origin,
        writer: record.writer ?? '',
        epoch: record.epoch,
        why: wish.why,
        errant,
        own,
        writers,
      },
      definitions: server.definitions,
      obstacles: server.obstacles,
      schema: world.schema,
      deadlineMs: TAKE_MS_MAX,
    });
    if (index === null) return null;
    const transactions = index.transactions.map((each) => ({ ...each, ...known.get(each.gtid) }));
    const saved = { ...index, transactions };
    store.write(saved);
    for (const older of store.list())
      if (
        older.id !== saved.id &&
        older.node === saved.node &&
        older.state === 'saved' &&
        saved.why === 'errant'
      )
        store.write({ ...older, state: 'superseded' });
    return saved;
  } finally {
    server.close();
  }
}

/** Saves what this standby has beyond the writer, unless that is done. */
export async function saveOwn(world: SalvageWorld, found: Found): Promise<SalvageIndex | null> {
  const { store, self } = world;
  const before = store
    .list()
    .findLast(
      (each) => each.node === self.name && each.state === 'saved' && sameErrant(each.errant, found.errant),
    );
  if (before !== undefined) return before;
  const common = withoutErrant(found.own, found.writers);
  return await save(world, {
    node: self,
    at: self,
    why: 'errant',
    found,
    wanted: (gtid) => isErrant(gtid, found.writers),
    behind: positionOf(common ?? '') ?? '',
    files: null,
  });
}

const mustClone = (world: SalvageWorld, index: SalvageIndex): OperatorError =>
  refusal(
    'salvage-must-clone',
    `${world.self.name} cannot be rewound: ${index.unrewindable.slice(0, 2).join('; ')}`,
    `everything is saved as ${index.id}: run \`twinkeep clone --from ${world.peer.name}\` on ${world.self.name}, then replay or discard it`,
  );

/** Undoes a saved salvage at this node, and sets its GTIDs back. Safe to call again after any interruption. */
export async function rewind(world: SalvageWorld, index: SalvageIndex): Promise<SalvageIndex> {
  const { store, self, peer, config } = world;
  if (index.state !== 'saved') return index;
  const against = unreadable(world);
  if (against !== null) throw against;
  if (index.unrewindable.length > 0) throw mustClone(world, index);
  const found = await find(world);
  if (found === null || !sameErrant(found.errant, index.errant))
    throw refusal(
      'salvage-changed',
      `what ${self.name} has beyond the writer has changed`,
      'look at `twinkeep salvage list` again',
    );
  const status = await world.own.status(STATUS_MS_MAX);
  const writer = await world.peerServer.status(STATUS_MS_MAX);
  if (status.channel !== null && !contains(writer.executedGtid, status.channel.receivedGtid)) {
    const message = `${self.name} has received ${status.channel.receivedGtid}, which ${peer.name} does not have`;
    throw refusal(
      'salvage-relay-log',
      message,
      'nothing of a relay log is thrown away: wait until it is applied',
    );
  }
  const target = withoutErrant(found.own, found.writers) ?? '';
  world.mending(`${index.transactions.length} errant transactions are undone (salvage ${index.id})`);
  const server = await openSalvageServer(config, self, self);
  const order: Rewind = {
    family: server.family,
    connection: server.connection,
    schema: world.schema,
    id: index.id,
    target,
  };
  try {
    const journal: Journal = { id: index.id, phase: 'undo', target };
    store.writeJournal(journal);
    await stopChannel(order);
    await undoRows(
      order,
      index.transactions.length,
      (number) => savedTransaction(store, index, number),
      server.definitions,
    );
    return await finishRewind(world, order, index);
  } catch (error) {
    if (error instanceof OperatorError) {
      // Nothing was undone.
      store.write({ ...index, unrewindable: [...index.unrewindable, error.message] });
      store.clearJournal();
      world.mending(null);
    }
    throw error;
  } finally {
    server.close();
  }
}

async function finishRewind(world: SalvageWorld, order: Rewind, index: SalvageIndex): Promise<SalvageIndex> {
  const { store, self } = world;
  const journal: Journal = { id: index.id, phase: 'reset', target: order.target };
  store.writeJournal(journal);
  await resetHistory(order);
  const done: SalvageIndex = { ...index, state: 'undone' };
  store.write(done);
  store.clearJournal();
  world.mending(null);
  world.say(
    'info',
    'rewound',
    `${self.name} was rewound: ${index.transactions.length} transactions were undone (kept as salvage ${index.id}); its binary log starts anew at ${order.target}`,
  );
  return done;
}

/** What an interruption left: null when no rewind was under way. */
export function interruptedRewind(store: SalvageStore): Journal | null {
  const journal = store.readJournal() as Partial<Journal> | null;
  if (typeof journal?.id !== 'string' || typeof journal.target !== 'string') return null;
  return { id: journal.id, target: journal.target, phase: journal.phase === 'reset' ? 'reset' : 'undo' };
}

/** Finishes it, or finds that nothing was undone yet. */
export async function resumeRewind(world: SalvageWorld, journal: Journal): Promise<void> {
  const { store, self, config, schema } = world;
  const index = store.read(journal.id);
  const server = await openSalvageServer(config, self, self);
  try {
    const order: Rewind = { family: server.family, connection: server.connection, schema, ...journal };
    const undone = await isUndone(order);
    if (undone && index !== null) {
      await stopChannel(order);
      await finishRewind(world, order, index);
      return;
    }
    // Before the rows: nothing was done. After the marker was taken away: all was.
    if (journal.phase === 'reset' && index !== null) store.write({ ...index, state: 'undone' });
    store.clearJournal();
    world.mending(null);
  } finally {
    server.close();
  }
}

export function savedTransaction(
  store: SalvageStore,
  index: SalvageIndex,
  number: number,
): LoggedTransaction {
  const transaction = store.transaction(index.id, number);
  if (transaction !== null) return transaction;
  throw refusal(
    'salvage-damaged',
    `transaction ${number} of ${index.id} cannot be read`,
    `look into ${store.folderOf(index.id)}: the raw events are there as well`,
  );
}

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
  world: SalvageWorld,
  writer: Writer,
  index: SalvageIndex,
  each: TransactionSummary,
  force: boolean,
): Promise<Replayed> {
  const transaction = savedTransaction(world.store, index, each.number);
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
    for (const each of chosen) {
      const result = await replayOne(world, writer, done, each, force);
      done = updated(done, each.number, result.outcome, 'because' in result ? result.because : null);
    }
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
    world.store.write(done);
  }
  return done;
}

export function discard(
  world: SalvageWorld,
  index: SalvageIndex,
  numbers: readonly number[] | null,
): SalvageIndex {
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
  world.store.write(done);
  return done;
}
