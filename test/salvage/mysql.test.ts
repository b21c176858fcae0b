// Saving, rewinding and replaying on two real MySQL 9.7 servers. With TWINKEEP_MYSQL97=fetch, as the other tests of MySQL.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacking } from '../../src/core/gtid/gtid.ts';
import { isErrant, withoutErrant } from '../../src/core/salvage/history.ts';
import { definitionsOf, rowObstacles } from '../../src/io/binlog/definitions.ts';
import { HeldConnection } from '../../src/io/database/connection.ts';
import { prepareReplay, replayTransaction } from '../../src/io/salvage/replay.ts';
import { isUndone, type Rewind, resetHistory, stopChannel, undoRows } from '../../src/io/salvage/rewind.ts';
import { ROW_SESSION } from '../../src/io/salvage/rowsql.ts';
import { openSalvageStore, type SalvageStore } from '../../src/io/salvage/store.ts';
import { takeSalvage } from '../../src/io/salvage/take.ts';
import { type MysqlNode, type MysqlPair, pairUp, startPair } from '../database/mysqlpair.ts';
import { mysqlRoot } from '../database/mysqlserver.ts';
import { PASSWORD, SECOND, until } from '../database/pair.ts';

const found = mysqlRoot();
const ROOT = 'missing' in found ? null : found.path;
let pair: MysqlPair;
let folder: string;
let store: SalvageStore;
const held: HeldConnection[] = [];

const endpoint = (node: MysqlNode, user: string) => ({
  host: '127.0.0.1',
  port: node.server.port,
  user,
  password: PASSWORD,
});
function connection(node: MysqlNode): HeldConnection {
  const made = new HeldConnection({
    endpoint: endpoint(node, 'twinkeep'),
    onTimeout: 'discard',
    session: ROW_SESSION,
  });
  held.push(made);
  return made;
}
const content = async (node: MysqlNode) =>
  (await node.query("SELECT GROUP_CONCAT(id, ':', v ORDER BY id) AS content FROM shop.t"))?.['content'];

describe.skipIf(ROOT === null)('a MySQL standby with transactions of its own', () => {
  beforeAll(async () => {
    process.env['TWINKEEP_BINLOG_CLIENT'] =
      `${ROOT}/lib64/ld-linux-x86-64.so.2 --library-path ${ROOT}/usr/lib/x86_64-linux-gnu ${ROOT}/usr/bin/mysqlbinlog`;
    pair = await startPair(ROOT ?? '');
    await pairUp(pair);
    folder = mkdtempSync(join(tmpdir(), 'tk-salvage-'));
    store = openSalvageStore(folder);
  }, 240_000);
  afterAll(async () => {
    for (const each of held) each.close();
    await pair?.end();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it('is saved, rewound without a trace, and replayed at the writer, while it fetched of the writer behind them', async () => {
    await pair.a.query('INSERT INTO shop.t VALUES (1, 1), (2, 2), (3, 3)');
    await pair.a.db.setSemiSyncSource(false, 5 * SECOND);
    await pair.b.db.waitFor((await pair.a.db.status(SECOND)).executedGtid, 10 * SECOND);
    // With its channel running what is written at b comes to a over the ring.
    await pair.a.query('STOP REPLICA');
    const root = await pair.b.server.root();
    await root.query('SET GLOBAL super_read_only = OFF');
    await root.query('INSERT INTO shop.t VALUES (100, 1)');
    await root.query('FLUSH BINARY LOGS');
    await root.query('UPDATE shop.t SET v = 20 WHERE id = 2');
    await root.query('SET GLOBAL super_read_only = ON');
    root.destroy();
    await pair.a.query('INSERT INTO shop.t VALUES (4, 4)');
    await pair.b.db.waitFor((await pair.a.db.status(SECOND)).executedGtid, 10 * SECOND);
    expect(await content(pair.b)).toBe('1:1,2:20,3:3,4:4,100:1');

    const own = await pair.b.db.status(SECOND);
    const writers = await pair.a.db.status(SECOND);
    const errant = lacking(own.history, writers.history) ?? [];
    expect(errant.join()).toMatch(/:1-2$|:\d+-\d+$/);
    const b = connection(pair.b);
    const definitions = definitionsOf(b, 5 * SECOND);
    const index = await takeSalvage({
      store,
      family: 'mysql',
      source: {
        kind: 'server',
        endpoint: endpoint(pair.b, 'repl'),
        from: ['binlog.000001', 'binlog.000002'].map((file) => ({ file })),
        onlyFile: true,
      },
      wanted: (gtid) => gtid !== '' && isErrant(gtid, writers.history),
      about: {
        pair: 'p',
        node: 'b',
        origin: own.origin,
        writer: 'a',
        epoch: 1,
        why: 'errant',
        errant,
        own: own.history,
        writers: writers.history,
      },
      definitions,
      obstacles: (schema, table) => rowObstacles(b, schema, table, 5 * SECOND),
      schema: 'twinkeep',
      deadlineMs: 60 * SECOND,
    });
    if (index === null) throw new Error('nothing was errant');
    expect(index.transactions.map((each) => each.rows)).toEqual([1, 1]);
    expect(index.unrewindable).toEqual([]);
    const target = withoutErrant(own.history, writers.history) ?? '';
    const order: Rewind = { family: 'mysql', connection: b, schema: 'twinkeep', id: index.id, target };
    const saved = async (number: number) => {
      const transactions = await store.transactions(index.id);
      const transaction = await transactions.get(number);
      await transactions.close();
      if (transaction === null) throw new Error(`no transaction ${number}`);
      return transaction;
    };
    await stopChannel(order);
    await undoRows(order, index.transactions.length, saved, definitions);
    expect(await isUndone(order)).toBe(true);
    await resetHistory(order);
    expect(await isUndone(order)).toBe(false);
    const after = await pair.b.db.status(SECOND);
    expect([after.readOnly, lacking(after.history, writers.history)]).toEqual([true, []]);
    expect(await content(pair.b)).toBe('1:1,2:2,3:3,4:4');

    await pair.b.db.startChannel(10 * SECOND);
    const writer = {
      connection: connection(pair.a),
      schema: 'twinkeep',
      definitions: definitionsOf(connection(pair.a), 5 * SECOND),
    };
    await pair.a.query('UPDATE shop.t SET v = 21 WHERE id = 2');
    await prepareReplay(writer);
    const outcomes: string[] = [];
    for (const { number } of index.transactions)
      outcomes.push((await replayTransaction(writer, index.id, number, await saved(number), false)).outcome);
    expect(outcomes).toEqual(['replayed', 'conflict']);
    await until(async () => (await content(pair.b)) === '1:1,2:21,3:3,4:4,100:1');
  });
});
