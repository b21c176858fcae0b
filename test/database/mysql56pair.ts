// Two real MySQL 5.6 servers with the accounts and channels of a pair, and the port `Database` on each; by GTID, or by file and
// position. Server a is made the writer, b the standby, as the agents would leave them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import mysql, { type Connection, type ConnectionOptions } from 'mysql2/promise';
import { mysqlReplicationGrants } from '../../src/io/database/mysql-grants.ts';
import { type Mysql56Database, openMysql56 } from '../../src/io/database/mysql56.ts';
import { mysql56AdminGrants } from '../../src/io/database/mysql56-grants.ts';
import { freePort, row, scratchDir } from '../support/mariadb.ts';
import { mysql56PairArgs, startMysql56 } from './mysql56server.ts';
import type { MysqlServer } from './mysqlserver.ts';
import { PASSWORD, SECOND, until } from './pair.ts';

export interface Mysql56Node {
  readonly server: MysqlServer;
  /** As the manager on this node's host sees it. */
  db: Mysql56Database;
  /** First row of a statement, as root. */
  query(sql: string): Promise<Record<string, unknown> | null>;
  client(): Promise<Connection>;
  ids(): Promise<string>;
}

export interface Mysql56Pair {
  readonly a: Mysql56Node;
  readonly b: Mysql56Node;
  end(): Promise<void>;
}

async function asRoot<T>(
  server: MysqlServer,
  by: (root: Connection) => Promise<T>,
  options?: ConnectionOptions,
): Promise<T> {
  const root = await server.root(options);
  try {
    return await by(root);
  } finally {
    root.destroy();
  }
}

async function makeAccounts(server: MysqlServer): Promise<void> {
  await asRoot(server, async (root) => {
    await root.query('SET sql_log_bin = 0');
    // The package's anonymous accounts go before ours at this address.
    await root.query("DELETE FROM mysql.user WHERE user = ''");
    await root.query('FLUSH PRIVILEGES');
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
    await root.query('CREATE TABLE shop.t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB');
    await root.query('CREATE TABLE shop.wide (id INT PRIMARY KEY, c LONGTEXT) ENGINE=InnoDB');
    await account('twinkeep', mysql56AdminGrants('twinkeep'));
    await account('repl', mysqlReplicationGrants);
    await account('app', [{ privileges: 'SELECT, INSERT, UPDATE, DELETE, LOCK TABLES', on: 'shop.*' }]);
  });
}

const makeChannel = (server: MysqlServer, source: MysqlServer, gtids: boolean): Promise<unknown> =>
  asRoot(server, (root) =>
    root.query(
      `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${source.port}, MASTER_USER='repl',
       MASTER_PASSWORD='${PASSWORD}', MASTER_HEARTBEAT_PERIOD=0.2, MASTER_CONNECT_RETRY=1,
       ${gtids ? 'MASTER_AUTO_POSITION=1' : "MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4"}`,
    ),
  );

export const databaseOf56 = (server: MysqlServer, more: object = {}): Mysql56Database =>
  openMysql56({
    host: '127.0.0.1',
    port: server.port,
    user: 'twinkeep',
    password: PASSWORD,
    role: 'local',
    schema: 'twinkeep',
    ...more,
  });

function nodeOf(server: MysqlServer): Mysql56Node {
  return {
    server,
    db: databaseOf56(server),
    query: (sql) => asRoot(server, (root) => row(root, sql)),
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
    ids: () =>
      asRoot(server, async (root) => {
        const [rows] = await root.query<mysql.RowDataPacket[]>('SELECT id FROM shop.t ORDER BY id');
        return rows.map((each) => each['id']).join(',');
      }),
  };
}

/** Two servers up, closed, with their channels; nothing runs yet. */
export async function startPair56(folder: string, gtids: boolean): Promise<Mysql56Pair> {
  const dir = scratchDir('mysql56');
  const start = async (node: string, serverId: number) =>
    await startMysql56({
      folder,
      dir: join(dir, node),
      port: await freePort(),
      extraArgs: mysql56PairArgs(serverId, gtids),
    });
  const [sa, sb] = await Promise.all([start('a', 1), start('b', 2)]);
  await Promise.all([makeAccounts(sa), makeAccounts(sb)]);
  await Promise.all([makeChannel(sa, sb, gtids), makeChannel(sb, sa, gtids)]);
  const a = nodeOf(sa);
  const b = nodeOf(sb);
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

/** Empties both: histories, channels' places and tables. A start takes seconds, so one pair serves a file of tests. */
export async function reset56({ a, b }: Mysql56Pair, gtids: boolean): Promise<void> {
  for (const node of [a, b]) {
    if (!node.server.running()) await node.server.start();
    node.db.close();
    node.db = databaseOf56(node.server);
  }
  const empty = (server: MysqlServer): Promise<unknown> =>
    asRoot(
      server,
      (root) =>
        root.query(
          `STOP SLAVE; RESET SLAVE; SET GLOBAL read_only = ON; SET GLOBAL max_connections = 151; SET sql_log_bin = 0;
           DELETE FROM shop.t; DELETE FROM shop.wide; DELETE FROM twinkeep.heartbeat; RESET MASTER`,
        ),
      { multipleStatements: true },
    );
  await Promise.all([empty(a.server), empty(b.server)]);
  await Promise.all([makeChannel(a.server, b.server, gtids), makeChannel(b.server, a.server, gtids)]);
}

/** The steps of the agents: both receive, then a opens. */
export async function pairUp56({ a, b }: Mysql56Pair): Promise<void> {
  await Promise.all([a.db.connect(5 * SECOND), b.db.connect(5 * SECOND)]);
  await b.db.startChannel(5 * SECOND);
  await a.db.startChannel(5 * SECOND);
  await until(async () => {
    const [own, other] = await Promise.all([a.db.status(SECOND), b.db.status(SECOND)]);
    return own.channel?.receiver === 'running' && other.channel?.receiver === 'running';
  });
  await a.db.openWrites(5 * SECOND);
  await a.db.writeHeartbeat({ epoch: 1, sequence: 1 }, 5 * SECOND);
  await b.db.waitFor((await a.db.status(SECOND)).executedGtid, 5 * SECOND);
}
