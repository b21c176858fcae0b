// Saving what is errant, from a running server's log or from files, before anything is changed.
import type { NodeConfig } from '../config/types.ts';
import type { SalvageIndex, TransactionSummary } from '../core/salvage/entry.ts';
import { isErrant, positionOf, withoutErrant } from '../core/salvage/history.ts';
import type { FetchFrom } from '../io/binlog/tool.ts';
import { type LogSource, takeSalvage } from '../io/salvage/take.ts';
import { binaryLogsWith, openSalvageServer, type SalvageServer } from './salvage-servers.ts';
import { type Found, type SalvageWorld, sameErrant } from './salvage-world.ts';

/** Copying and reading the errant part of a log. */
const TAKE_MS_MAX = 30 * 60_000;

/** Where in a running server's log the transactions start. */
async function startsFrom(
  server: SalvageServer,
  wish: Wish,
): Promise<{ from: FetchFrom[]; onlyFile: boolean }> {
  if (server.family === 'mariadb') return { from: [{ behind: wish.behind }], onlyFile: false };
  const files = await binaryLogsWith(server, wish.found.errant);
  return { from: files.map((file) => ({ file })), onlyFile: true };
}

/** A rewound MariaDB server gives the GTIDs that it lost to others. */
const identity = ({ gtid, at, rows, tables }: TransactionSummary): string =>
  [gtid, at, rows, ...tables].join(' ');

/** Outcomes of the same transactions in earlier salvages. */
function knownOutcomes(
  world: SalvageWorld,
  node: string,
): Map<string, Pick<TransactionSummary, 'outcome' | 'because'>> {
  const known = new Map<string, Pick<TransactionSummary, 'outcome' | 'because'>>();
  for (const index of world.store.list()) {
    if (index.node !== node) continue;
    for (const each of index.transactions)
      if (each.outcome !== null && each.gtid !== '')
        known.set(identity(each), { outcome: each.outcome, because: each.because });
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
        ? { kind: 'server', endpoint: server.logEndpoint, ...(await startsFrom(server, wish)) }
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
    const transactions = index.transactions.map((each) => ({ ...each, ...known.get(identity(each)) }));
    const saved = { ...index, transactions };
    await store.write(saved);
    for (const older of store.list())
      if (
        older.id !== saved.id &&
        older.node === saved.node &&
        older.state === 'saved' &&
        saved.why === 'errant'
      )
        await store.write({ ...older, state: 'superseded' });
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
