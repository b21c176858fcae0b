// A standby that took writes of its own, on two real servers: what it has is saved, undone without a trace, and replayed at the
// writer; also when the server is killed between two steps.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SalvageIndex } from '../../src/core/salvage/entry.ts';
import { isErrant, positionOf, withoutErrant } from '../../src/core/salvage/history.ts';
import { definitionsOf, rowObstacles } from '../../src/io/binlog/definitions.ts';
import { HeldConnection } from '../../src/io/database/connection.ts';
import { checkTransactions, prepareReplay, replayTransaction } from '../../src/io/salvage/replay.ts';
import { isUndone, type Rewind, resetHistory, stopChannel, undoRows } from '../../src/io/salvage/rewind.ts';
import { ROW_SESSION } from '../../src/io/salvage/rowsql.ts';
import { openSalvageStore, type SalvageStore } from '../../src/io/salvage/store.ts';
import { takeSalvage } from '../../src/io/salvage/take.ts';
import { type Node, PASSWORD, type Pair, pairUp, SECOND, startPair, until } from '../database/pair.ts';

let pair: Pair;
let folder: string;
let store: SalvageStore;
const held = new Map<Node, HeldConnection>();

const endpoint = (node: Node, user: string) => ({
  host: '127.0.0.1',
  port: node.server.port,
  user,
  password: PASSWORD,
});
function rows(node: Node): HeldConnection {
  const known =
    held.get(node) ??
    new HeldConnection({ endpoint: endpoint(node, 'twinkeep'), onTimeout: 'discard', session: ROW_SESSION });
  held.set(node, known);
  return known;
}
const definitions = (node: Node) => definitionsOf(rows(node), 5 * SECOND);

const CONTENT = `SELECT CONCAT((SELECT GROUP_CONCAT(id, ':', v ORDER BY id) FROM shop.t), ' ',
  (SELECT COALESCE(GROUP_CONCAT(a, ':', COALESCE(s, 'NULL') ORDER BY a, s), '') FROM shop.bare)) AS content`;
const content = async (node: Node) => (await node.query(CONTENT))?.['content'];
async function history(node: Node): Promise<string> {
  return (await node.db.status(SECOND)).history;
}

/** b stops receiving and is opened, as by an operator's mistake. */
async function strayWrites(statements: readonly string[]): Promise<void> {
  const root = await pair.b.server.root();
  await root.query('STOP SLAVE');
  const [aside] = (await root.query('SHOW SLAVE STATUS')) as unknown as [{ Slave_IO_Running: string }[]];
  expect(aside[0]?.Slave_IO_Running).toBe('No');
  for (const statement of statements) await root.query(statement);
  root.destroy();
}

async function save(): Promise<SalvageIndex> {
  const [own, writers] = [await history(pair.b), await history(pair.a)];
  const index = await takeSalvage({
    store,
    family: 'mariadb',
    source: {
      kind: 'server',
      endpoint: endpoint(pair.b, 'repl'),
      from: [{ behind: positionOf(withoutErrant(own, writers) ?? '') ?? '' }],
      onlyFile: false,
    },
    wanted: (gtid) => isErrant(gtid, writers),
    about: {
      pair: 'p',
      node: 'b',
      origin: '2',
      writer: 'a',
      epoch: 1,
      why: 'errant',
      errant: [],
      own,
      writers,
    },
    definitions: definitions(pair.b),
    obstacles: (schema, table) => rowObstacles(rows(pair.b), schema, table, 5 * SECOND),
    schema: 'twinkeep',
    deadlineMs: 30 * SECOND,
  });
  if (index === null) throw new Error('nothing was errant');
  return index;
}

async function rewindOf(index: SalvageIndex): Promise<Rewind> {
  const target = withoutErrant(await history(pair.b), await history(pair.a)) ?? '';
  return { family: 'mariadb', connection: rows(pair.b), schema: 'twinkeep', id: index.id, target };
}

async function saved(index: SalvageIndex, number: number) {
  const transactions = await store.transactions(index.id);
  const transaction = await transactions.get(number);
  await transactions.close();
  if (transaction === null) throw new Error(`no transaction ${number}`);
  return transaction;
}
const undo = (order: Rewind, index: SalvageIndex) =>
  undoRows(order, index.transactions.length, (number) => saved(index, number), definitions(pair.b));

async function caughtUp(): Promise<void> {
  await pair.b.db.startChannel(10 * SECOND);
  await pair.b.db.waitFor((await pair.a.db.status(SECOND)).executedGtid, 10 * SECOND);
}

const ERRANT = [
  'INSERT INTO shop.t VALUES (100, 1), (101, 1)',
  'UPDATE shop.t SET v = v + 10, id = id + 1000 WHERE id = 100',
  'UPDATE shop.t SET v = 77 WHERE id IN (1, 2)',
  'DELETE FROM shop.t WHERE id IN (2, 3)',
  "INSERT INTO shop.bare VALUES (1, 'same'), (1, 'same'), (2, NULL)",
  'DELETE FROM shop.bare WHERE a = 1 LIMIT 1',
];

beforeAll(async () => {
  pair = await startPair('rewind');
  await pairUp(pair);
  folder = mkdtempSync(join(tmpdir(), 'tk-salvage-'));
  store = openSalvageStore(folder);
  await pair.a.query('CREATE TABLE shop.bare (a INT, s VARCHAR(10)) ENGINE=InnoDB');
  // A writer whose standby is stopped waits: in these tests it goes on alone.
  await pair.a.db.setSemiSyncSource(false, SECOND);
  // With its channel running what is written at b comes to a over the ring: strays are another story.
  await pair.a.query('STOP SLAVE');
});
afterAll(async () => {
  for (const connection of held.values()) connection.close();
  await pair?.end();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await pair.a.query('DELETE FROM shop.t');
  await pair.a.query('DELETE FROM shop.bare');
  await pair.a.query('INSERT INTO shop.t VALUES (1, 1), (2, 2), (3, 3), (4, 4)');
  await caughtUp();
});

describe('a standby with transactions of its own', () => {
  it('is rewound to what the writer knows of it, and replicates again', async () => {
    const before = await content(pair.b);
    await strayWrites(ERRANT);
    await pair.a.query('INSERT INTO shop.t VALUES (50, 50)');
    const index = await save();
    expect(index.transactions).toHaveLength(ERRANT.length);
    expect(index.unrewindable).toEqual([]);
    const order = await rewindOf(index);
    await stopChannel(order);
    await undo(order, index);
    expect(await content(pair.b)).toBe(before);
    await resetHistory(order);
    expect(isErrant(index.transactions[0]?.gtid ?? '', await history(pair.b))).toBe(true);
    await caughtUp();
    expect(await content(pair.b)).toBe(await content(pair.a));
    expect((await history(pair.b)).split(',').sort()).toEqual((await history(pair.a)).split(',').sort());
  });

  it('finishes when its server is killed after the rows were undone and before its GTIDs were set back', async () => {
    const before = await content(pair.b);
    await strayWrites(ERRANT);
    const index = await save();
    const order = await rewindOf(index);
    await stopChannel(order);
    await undo(order, index);
    await pair.b.server.kill();
    await pair.b.server.start();
    await until(async () => (await pair.b.db.status(SECOND).catch(() => null)) !== null);
    expect(await content(pair.b)).toBe(before);
    expect(await isUndone(order)).toBe(true);
    await resetHistory(order);
    // Once more, as after a crash in the middle of it.
    await resetHistory(order);
    expect(await isUndone(order)).toBe(false);
    await caughtUp();
    expect(await content(pair.b)).toBe(await content(pair.a));
  });

  it('is left alone when a row is not as its transaction left it', async () => {
    await strayWrites([
      ...ERRANT,
      'SET SESSION sql_log_bin = 0',
      'UPDATE shop.t SET v = 5 WHERE id = 1100',
      'SET SESSION sql_log_bin = 1',
    ]);
    const before = await content(pair.b);
    const index = await save();
    const order = await rewindOf(index);
    await expect(undo(order, index)).rejects.toThrow(
      /shop\.t is not as the transaction left it \(v is 5, was 11\)/,
    );
    expect(await content(pair.b)).toBe(before);
    expect(await isUndone(order)).toBe(false);
    // Put right again, so that the next test has a pair.
    await strayWrites(['SET SESSION sql_log_bin = 0', 'UPDATE shop.t SET v = 11 WHERE id = 1100']);
    await undo(order, index);
    await resetHistory(order);
  });

  it('must be cloned after DDL, and what can be read of it is saved all the same', async () => {
    await strayWrites([
      'CREATE TABLE shop.stray (id INT PRIMARY KEY)',
      'INSERT INTO shop.stray VALUES (1)',
      'DROP TABLE shop.stray',
    ]);
    const index = await save();
    expect(index.transactions.map((each) => each.rows)).toEqual([0, 1, 0]);
    expect(index.unrewindable.join()).toContain('it was logged as a statement: CREATE TABLE shop.stray');
    expect((await saved(index, 2)).rows[0]).toMatchObject({ table: 'stray', after: { '@1': '1' } });
    // The DDL left nothing behind: the GTIDs alone are set back.
    await resetHistory(await rewindOf(index));
  });
});

describe('replaying at the writer', () => {
  it('puts in what meets no conflict, leaves the rest, and never does it twice', async () => {
    await strayWrites(ERRANT);
    await pair.a.query('UPDATE shop.t SET v = 1000 WHERE id = 1');
    const index = await save();
    const order = await rewindOf(index);
    await undo(order, index);
    await resetHistory(order);
    await caughtUp();
    const writer = { connection: rows(pair.a), schema: 'twinkeep', definitions: definitions(pair.a) };
    const all = await Promise.all(index.transactions.map(({ number }) => saved(index, number)));
    const verdicts = (await checkTransactions(writer, all)).map((checks) =>
      checks.map((check) => check.verdict),
    );
    // The third updates row 1, which the writer has changed; the fourth deletes what the third would have left.
    expect(verdicts).toEqual([
      ['safe', 'safe'],
      ['safe'],
      ['conflict', 'safe'],
      ['conflict', 'safe'],
      ['safe', 'safe', 'safe'],
      ['safe'],
    ]);
    await prepareReplay(writer);
    const replayAll = async () => {
      const outcomes: string[] = [];
      for (const { number } of index.transactions)
        outcomes.push(
          (await replayTransaction(writer, index.id, number, await saved(index, number), false)).outcome,
        );
      return outcomes;
    };
    const first = await replayAll();
    expect(first).toEqual(['replayed', 'replayed', 'conflict', 'conflict', 'replayed', 'replayed']);
    const after = await content(pair.a);
    expect(after).toBe('1:1000,2:2,3:3,4:4,101:1,1100:11 1:same,2:NULL');
    expect(await replayAll()).toEqual(first);
    expect(await content(pair.a)).toBe(after);
    const forced = await replayTransaction(writer, index.id, 3, await saved(index, 3), true);
    expect(forced.outcome).toBe('replayed');
    expect(await content(pair.a)).toContain('1:77,2:77,3:3');
    await caughtUp();
    expect(await content(pair.b)).toBe(await content(pair.a));
  });

  it('changes nothing at a server that is the writer no more', async () => {
    await strayWrites(['INSERT INTO shop.t VALUES (200, 1)']);
    const index = await save();
    const order = await rewindOf(index);
    await undo(order, index);
    await resetHistory(order);
    const writer = { connection: rows(pair.a), schema: 'twinkeep', definitions: definitions(pair.a) };
    await prepareReplay(writer);
    await pair.a.query('SET GLOBAL read_only = ON');
    const outcome = await replayTransaction(writer, index.id, 1, await saved(index, 1), false);
    await pair.a.query('SET GLOBAL read_only = OFF');
    expect(outcome).toMatchObject({ outcome: 'failed', because: 'the server is the writer no more' });
    expect(await content(pair.a)).not.toContain('200:1');
  });
});
