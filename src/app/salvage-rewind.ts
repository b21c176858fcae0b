// Rewinding this node: the errant transactions of a salvage are undone and its GTIDs set back, with a journal that an interruption
// leaves behind. While it lasts the pair machine steers nothing here (`mending`).
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../core/error.ts';
import { lacking } from '../core/gtid/gtid.ts';
import type { SalvageIndex } from '../core/salvage/entry.ts';
import { isErrant, withoutErrant } from '../core/salvage/history.ts';
import { isUndone, type Rewind, resetHistory, seal, stopChannel, undoRows } from '../io/salvage/rewind.ts';
import type { SalvageStore } from '../io/salvage/store.ts';
import { openSalvageServer, type SalvageServer } from './salvage-servers.ts';
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
  const { self, peer, config } = world;
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
  world.mending(`${index.transactions.length} errant transactions are undone (salvage ${index.id})`);
  const server = await openSalvageServer(config, self, self).catch((error) => {
    world.mending(null);
    throw error;
  });
  try {
    const order = await prepare(world, index, server).catch((error) => {
      // Nothing was changed but that the channel stands still: the pair machine starts it again.
      world.mending(null);
      throw error;
    });
    return await carryOut(world, index, server, order);
  } finally {
    server.close();
  }
}

/** The writer writes `alone` within about a second of hearing that its standby is mended. */
const RELEASED_MS_MAX = 20_000;
const POLL_MS = 50;

/** A paired standby may hold the only other copy of what was acknowledged: nothing is changed before the record says `alone`. */
async function released(world: SalvageWorld): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const { operation, record } = world.state();
    if (operation === null && record.sync === 'alone') return;
    if (waitedMs >= RELEASED_MS_MAX)
      throw refusal(
        'salvage-not-released',
        `${world.peer.name} still counts on ${world.self.name} (the record says ${record.sync})`,
        'see `twinkeep status`, then try again',
      );
    await sleep(POLL_MS);
  }
}

/** Lets the pair go, stops the channel, and only then finds what is left when the errant transactions are gone. */
async function prepare(world: SalvageWorld, index: SalvageIndex, server: SalvageServer): Promise<Rewind> {
  const { self } = world;
  const order: Rewind = {
    family: server.family,
    connection: server.connection,
    schema: world.schema,
    id: index.id,
    target: '',
  };
  await released(world);
  await stopChannel(order);
  // Not before: the applier was at work until now, and what it has committed since must be in what is left.
  const settled = await find(world);
  if (settled === null || !sameErrant(settled.errant, index.errant))
    throw refusal(
      'salvage-changed',
      `what ${self.name} has beyond the writer has changed`,
      'look at `twinkeep salvage list` again',
    );
  return { ...order, target: withoutErrant(settled.own, settled.writers) ?? '' };
}

async function carryOut(
  world: SalvageWorld,
  index: SalvageIndex,
  server: SalvageServer,
  order: Rewind,
): Promise<SalvageIndex> {
  const { store } = world;
  try {
    await store.writeJournal({ id: index.id, phase: 'undo', target: order.target } satisfies Journal);
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
