// MySQL 9.7 with gtid_mode=OFF: by file and position, with lossless semi-sync. What it rests on is in docs/MYSQL56.md.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contains, lacking } from '../../src/core/gtid/gtid.ts';
import { type MysqlNode, type MysqlPair, pairUp, startPair } from './mysqlpair.ts';
import { mysqlPairArgs, mysqlRoot } from './mysqlserver.ts';
import { fate, PASSWORD, SECOND, until } from './pair.ts';

const root = mysqlRoot();
if ('missing' in root) console.warn(`skipped: ${root.missing}`);

describe.skipIf('missing' in root)('MySQL without GTIDs', () => {
  let pair: MysqlPair;
  beforeAll(async () => {
    if ('missing' in root) return;
    pair = await startPair(root.path);
    const { a, b } = pair;
    for (const [id, node] of [a, b].entries()) {
      await node.server.stop();
      await node.server.start([
        ...mysqlPairArgs(id + 1),
        '--gtid-mode=OFF',
        '--enforce-gtid-consistency=OFF',
      ]);
    }
    for (const [node, source] of [
      [a, b],
      [b, a],
    ] as const) {
      const end = await source.query('SHOW BINARY LOG STATUS');
      await node.query(
        `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${source.server.port}, SOURCE_USER='repl',
         SOURCE_PASSWORD='${PASSWORD}', SOURCE_HEARTBEAT_PERIOD=0.2, SOURCE_CONNECT_RETRY=1, GET_SOURCE_PUBLIC_KEY=1,
         SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='${end?.['File']}', SOURCE_LOG_POS=${end?.['Position']}`,
      );
    }
  }, 180 * SECOND);
  afterAll(async () => {
    await pair?.end();
  });

  const now = async (node: MysqlNode) => await node.db.status(5 * SECOND);
  async function restart(node: MysqlNode): Promise<void> {
    await node.server.start();
    await node.db.connect(10 * SECOND);
  }

  it(
    'pairs, keeps what a standby received over a kill, applies nothing twice, and names what a fallen writer has alone',
    async () => {
      const { a, b } = pair;
      await pairUp(pair);
      const client = await a.client();
      await client.query('INSERT INTO shop.t VALUES (1, 0)');
      await b.db.waitFor((await now(a)).executedGtid, 10 * SECOND);
      await until(async () => contains((await now(a)).executedGtid, (await now(b)).executedGtid));
      expect((await now(a)).executedGtid).toMatch(/@binlog\.\d+:\d+/);

      // Acknowledged, received, not applied; the standby falls, and its source as well.
      await b.query('STOP REPLICA SQL_THREAD');
      for (let id = 10; id < 30; id++) await client.query(`INSERT INTO shop.t VALUES (${id}, 0)`);
      await b.server.kill();
      await restart(b);
      expect((await now(b)).channel?.drained).toBe(false);
      await b.db.setSemiSyncSource(false, 5 * SECOND);
      await b.db.startChannel(20 * SECOND);
      await b.db.waitFor((await now(a)).executedGtid, 20 * SECOND);
      expect((await now(b)).channel).toMatchObject({ applier: 'running', applierError: null });
      expect(await b.ids()).toBe(await a.ids());

      // A commit that nobody acknowledged stays in the log of the writer that falls: it is told by name.
      await b.db.stopReceiving(5 * SECOND);
      const waiting = fate((await a.client()).query('INSERT INTO shop.t VALUES (99, 0)'));
      await until(async () => (await now(a)).semiSync.waitingSessions === 1);
      await a.db.killServer();
      await until(async () => waiting.now !== 'pending');
      await b.db.drain(10 * SECOND);
      await b.db.openWrites(5 * SECOND);
      await (await b.client()).query('INSERT INTO shop.t VALUES (100, 0)');
      await restart(a);
      expect(lacking((await now(a)).history, (await now(b)).history)).toHaveLength(1);
      expect(contains((await now(b)).executedGtid, (await now(a)).executedGtid)).toBe(false);
    },
    180 * SECOND,
  );
});
