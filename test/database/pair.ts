// Two real servers with the accounts and channels of a pair, and the port `Database` on each. Server a is made the
// writer, b the standby, as the agents would leave them: paired.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection } from 'mysql2/promise';
import { adminGrants, replicationGrants } from '../../src/io/database/grants.ts';
import { type MariadbDatabase, openMariadb } from '../../src/io/database/mariadb.ts';
import { freePort, type MariadbServer, pairArgs, row, scratchDir, startMariadb } from '../support/mariadb.ts';

export const PASSWORD = 'not-a-secret';
export const SECOND = 1000;

export interface Node {
  readonly server: MariadbServer;
  /** As the manager on this node's host sees it. */
  readonly db: MariadbDatabase;
  readonly serverId: number;
  query(sql: string): Promise<Record<string, unknown> | null>;
  client(): Promise<Connection>;
}

export interface Pair {
  readonly a: Node;
  readonly b: Node;
  end(): Promise<void>;
}

async function makeAccounts(server: MariadbServer): Promise<void> {
  const root = await server.root();
  await root.query('SET sql_log_bin = 0');
  const account = async (name: string, grants: readonly { privileges: string; on: string }[]) => {
    await root.query(`CREATE USER ${name}@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
    for (const grant of grants)
      await root.query(`GRANT ${grant.privileges} ON ${grant.on} TO ${name}@'127.0.0.1'`);
  };
  await root.query('CREATE DATABASE twinkeep');
  await root.query(
    `CREATE TABLE twinkeep.heartbeat (node_server_id INT UNSIGNED PRIMARY KEY, epoch BIGINT UNSIGNED NOT NULL,
     sequence BIGINT UNSIGNED NOT NULL) ENGINE=InnoDB`,
  );
  await root.query('CREATE DATABASE shop');
  for (const table of ['t', 'u'])
    await root.query(`CREATE TABLE shop.${table} (id INT PRIMARY KEY, v INT) ENGINE=InnoDB`);
  await account('twinkeep', adminGrants('twinkeep'));
  await account('repl', replicationGrants);
  await account('app', [{ privileges: 'SELECT, INSERT, UPDATE, DELETE, LOCK TABLES', on: 'shop.*' }]);
  await root.end();
}

async function makeChannel(server: MariadbServer, source: MariadbServer): Promise<void> {
  const root = await server.root();
  await root.query(
    `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${source.port}, MASTER_USER='repl', MASTER_PASSWORD='${PASSWORD}',
     MASTER_USE_GTID=slave_pos, MASTER_HEARTBEAT_PERIOD=0.2, MASTER_CONNECT_RETRY=1`,
  );
  await root.end();
}

function nodeOf(server: MariadbServer, serverId: number): Node {
  return {
    server,
    serverId,
    db: openMariadb({
      host: '127.0.0.1',
      port: server.port,
      user: 'twinkeep',
      password: PASSWORD,
      role: 'local',
      schema: 'twinkeep',
    }),
    async query(sql) {
      const root = await server.root();
      try {
        return await row(root, sql);
      } finally {
        root.destroy();
      }
    },
    async client() {
      const connection = await mysql.createConnection({
        host: '127.0.0.1',
        port: server.port,
        user: 'app',
        password: PASSWORD,
      });
      connection.on('error', () => undefined);
      return connection;
    },
  };
}

export async function startPair(name: string, argsOfA: readonly string[] = []): Promise<Pair> {
  const dir = scratchDir(name);
  const start = async (node: string, serverId: number, extraArgs: readonly string[]) =>
    await startMariadb({
      dir: join(dir, node),
      port: await freePort(),
      extraArgs: [...pairArgs(serverId), ...extraArgs],
    });
  const [sa, sb] = await Promise.all([start('a', 1, argsOfA), start('b', 2, [])]);
  await Promise.all([makeAccounts(sa), makeAccounts(sb)]);
  await Promise.all([makeChannel(sa, sb), makeChannel(sb, sa)]);
  const a = nodeOf(sa, 1);
  const b = nodeOf(sb, 2);
  return {
    a,
    b,
    async end() {
      a.db.close();
      b.db.close();
      await Promise.all([sa.kill(), sb.kill()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The steps of the agents: b receives and acknowledges, then a opens. */
export async function pairUp({ a, b }: Pair): Promise<void> {
  await Promise.all([a.db.connect(5 * SECOND), b.db.connect(5 * SECOND)]);
  await b.db.setSemiSyncSource(false, 5 * SECOND);
  await b.db.setSemiSyncReplica(true, 5 * SECOND);
  await b.db.startChannel(5 * SECOND);
  await a.db.startChannel(5 * SECOND);
  await until(async () => {
    const [own, other] = await Promise.all([a.db.status(SECOND), b.db.status(SECOND)]);
    return own.channel?.receiver === 'running' && other.channel?.receiver === 'running';
  });
  await a.db.setSemiSyncReplica(false, 5 * SECOND);
  await a.db.setSemiSyncSource(true, 5 * SECOND);
  await a.db.openWrites(5 * SECOND);
  await a.db.writeHeartbeat({ epoch: 1, sequence: 1 }, 5 * SECOND);
}

export async function until(condition: () => Promise<boolean>, msMax = 15 * SECOND): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${msMax} ms: ${condition}`);
    await sleep(20);
  }
}

/** What became of a statement, as its client sees it. */
export function fate(statement: Promise<unknown>): { now: string } {
  const seen = { now: 'pending' };
  statement.then(
    () => {
      seen.now = 'ok';
    },
    (error: Error) => {
      seen.now = `failed: ${error.message}`;
    },
  );
  return seen;
}
