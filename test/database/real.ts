// The scripted cases' driver over two real MariaDB servers. One pair serves many cases: between two of them everything is
// taken back, so that the numbers of transactions are those of a fresh pair.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import type { Fate, Lab, LabCommit, LabNode, LabOrder } from '../../sim/cases/lab.ts';
import { DatabaseError } from '../../src/runtime/ports.ts';
import { type Node, PASSWORD, type Pair, pairUp, SECOND, until } from './pair.ts';

const ORDER_MS_MAX = 10 * SECOND;
/** An order that is refused only at its deadline. */
const DOUBT_MS = 600;
const REST_MS = 150;
const ER_READ_ONLY = 1290;

interface RealCommit extends LabCommit {
  readonly connection: Connection;
}

async function send(connection: Connection, id: number): Promise<RealCommit> {
  let now: Fate = 'pending';
  connection.query(`INSERT INTO shop.t VALUES (${id}, 0)`).then(
    () => {
      now = 'ok';
    },
    (error: { errno?: number }) => {
      now = error.errno === ER_READ_ONLY ? 'refused' : 'lost';
    },
  );
  return { connection, fate: () => now };
}

async function carryOut({ db }: Node, order: LabOrder): Promise<void> {
  if (order === 'openWrites') return await db.openWrites(ORDER_MS_MAX);
  if (order === 'closeWrites') return void (await db.closeWrites(DOUBT_MS));
  if (order === 'stopReceiving') return await db.stopReceiving(ORDER_MS_MAX);
  if (order === 'drain') return await db.drain(ORDER_MS_MAX);
  if (order === 'skipSequence') return await db.skipSequence(ORDER_MS_MAX);
  if ('semiSyncSource' in order) return await db.setSemiSyncSource(order.semiSyncSource, ORDER_MS_MAX);
  if ('semiSyncReplica' in order) return await db.setSemiSyncReplica(order.semiSyncReplica, ORDER_MS_MAX);
  if ('startChannel' in order) return await db.startChannel(ORDER_MS_MAX, order.startChannel === 'discard');
  return await db.waitFor(order.waitFor, ORDER_MS_MAX);
}

const THREADS = { both: '', receiver: 'IO_THREAD', applier: 'SQL_THREAD' };

function realNode(node: Node): LabNode {
  const run = async (sql: string): Promise<void> => {
    const root = await node.server.root();
    await root.query(sql);
    root.destroy();
  };
  return {
    write: async (id) => await send(await node.client(), id),
    writePrivileged: async (id) => await send(await node.server.root(), id),
    killSession: (commit, what) => run(`KILL ${what} ${(commit as RealCommit).connection.threadId}`),
    async order(order) {
      try {
        await carryOut(node, order);
        return 'done';
      } catch (error) {
        if (error instanceof DatabaseError) return error.code;
        throw error;
      }
    },
    stopThreads: (which) => run(`STOP SLAVE ${THREADS[which]}`),
    startThreads: (which) => run(`START SLAVE ${THREADS[which]}`),
    kill: () => node.server.kill(),
    shutdown: () => node.server.stop(),
    async boot() {
      await node.server.start();
      await node.db.connect(ORDER_MS_MAX);
    },
    rows: async () =>
      String((await node.query('SELECT GROUP_CONCAT(id ORDER BY id) AS ids FROM shop.t'))?.['ids'] ?? ''),
    status: () => node.db.status(ORDER_MS_MAX),
    async positions() {
      const found = await node.query('SELECT @@gtid_binlog_pos AS logged, @@gtid_slave_pos AS slave');
      return { binlog: String(found?.['logged']), slave: String(found?.['slave']) };
    },
  };
}

/** The case before may have left a server that is on its way out: then once more. */
async function quiet(node: Node): Promise<void> {
  try {
    await quieted(node);
  } catch {
    await until(() => Promise.resolve(!node.server.running()));
    await quieted(node);
  }
}

/** Releases what waits, then stops whatever runs. */
async function quieted({ server }: Node): Promise<void> {
  if (!server.running()) await server.start();
  const root = await server.root();
  await root.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF');
  await root.query('STOP SLAVE');
  const [sessions] = await root.query<import('mysql2').RowDataPacket[]>(
    "SELECT id FROM information_schema.processlist WHERE user IN ('app', 'repl')",
  );
  for (const { id } of sessions) await root.query(`KILL CONNECTION ${id}`).catch(() => undefined);
  root.destroy();
}

/** As a server that has just been set up. */
async function emptied({ server }: Node, source: Node): Promise<void> {
  const root = await server.root();
  for (const sql of [
    'RESET SLAVE',
    `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${source.server.port}, MASTER_USER='repl',
     MASTER_PASSWORD='${PASSWORD}', MASTER_USE_GTID=slave_pos, MASTER_HEARTBEAT_PERIOD=0.2, MASTER_CONNECT_RETRY=1`,
    'SET sql_log_bin = 0',
    'DELETE FROM shop.t',
    'DELETE FROM twinkeep.heartbeat',
    'RESET MASTER',
    "SET GLOBAL gtid_slave_pos = ''",
    'SET GLOBAL read_only = ON',
    'SET GLOBAL rpl_semi_sync_slave_enabled = ON',
    'SET GLOBAL rpl_semi_sync_master_enabled = ON',
  ])
    await root.query(sql);
  root.destroy();
}

/** A pair as every case finds it. */
export async function realLab(pair: Pair): Promise<Lab> {
  const { a, b } = pair;
  await Promise.all([quiet(a), quiet(b)]);
  await emptied(a, b);
  await emptied(b, a);
  await pairUp(pair);
  await until(async () => (await b.db.status(SECOND)).executedGtid === '0-1-1');
  return {
    a: realNode(a),
    b: realNode(b),
    until: (condition) => until(async () => await condition()),
    rest: () => sleep(REST_MS),
  };
}
