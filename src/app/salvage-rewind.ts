// Rewinding this node: the errant transactions of a salvage are undone and its GTIDs set back, with a journal that an interruption
// leaves behind. While it lasts the pair machine steers nothing here (`mending`).
import { OperatorError } from '../core/error.ts';
import { lacking } from '../core/gtid/gtid.ts';
import type { SalvageIndex } from '../core/salvage/entry.ts';
import { isErrant, withoutErrant } from '../core/salvage/history.ts';
import { isUndone, type Rewind, resetHistory, seal, stopChannel, undoRows } from '../io/salvage/rewind.ts';
import type { SalvageStore } from '../io/salvage/store.ts';
import { openSalvageServer } from './salvage-servers.ts';
import {
  find,
  refusal,
  type SalvageWorld,
  STATUS_MS_MAX,
  sameErrant,
  unreadable,
  withSaved,
} from './salvage-world.ts';

interface Journal {
  readonly id: string;
  readonly phase: 'undo' | 'reset';
  readonly target: string;
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
  // MariaDB counts a receiver's starting point as received: what is executed here counts no more.
  const received = lacking(status.channel?.receivedGtid ?? '', status.history) ?? [];
  const alien = received.filter((gtid) => isErrant(gtid, writer.history));
  if (alien.length > 0) {
    const message = `${self.name} has received ${alien.join(', ')}, which ${peer.name} does not have`;
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
    await store.writeJournal(journal);
    await stopChannel(order);
    await withSaved(store, index, (get) =>
      undoRows(order, index.transactions.length, get, server.definitions),
    );
    return await finishRewind(world, order, index);
  } catch (error) {
    if (error instanceof OperatorError) {
      // Nothing was undone.
      await store.write({ ...index, unrewindable: [...index.unrewindable, error.message] });
      await store.clearJournal();
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
  await store.writeJournal(journal);
  await resetHistory(order);
  const done: SalvageIndex = { ...index, state: 'undone' };
  await store.write(done);
  await store.clearJournal();
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
  const journal = store.journal as Partial<Journal> | null;
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
    await seal(order);
    // Before the rows: nothing was done. After the marker was taken away: all was.
    if (journal.phase === 'reset' && index !== null) await store.write({ ...index, state: 'undone' });
    await store.clearJournal();
    world.mending(null);
  } finally {
    server.close();
  }
}
