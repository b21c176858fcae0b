// Two real MySQL servers with the accounts and channels of a pair, and the port `Database` on each. Server a is made the
// writer, b the standby, as the agents would leave them: paired. A start takes seconds, so one pair serves a file of tests:
// `reset` empties it between two of them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import mysql, { type Connection, type ConnectionOptions } from 'mysql2/promise';
import { type MysqlDatabase, openMysql } from '../../src/io/database/mysql.ts';
import { mysqlAdminGrants, mysqlReplicationGrants } from '../../src/io/database/mysql-grants.ts';
import { freePort, row, scratchDir } from '../support/mariadb.ts';
import { type MysqlServer, mysqlPairArgs, startMysql } from './mysqlserver.ts';
import { PASSWORD, SECOND, until } from './pair.ts';

export interface MysqlNode {
  readonly server: MysqlServer;
  /** As the manager on this node's host sees it. */
  readonly db: MysqlDatabase;
  /** First row of a statement, as root. */
  query(sql: string): Promise<Record<string, unknown> | null>;
  client(): Promise<Connection>;
  ids(): Promise<string>;
}

export interface MysqlPair {
  readonly a: MysqlNode;
  readonly b: MysqlNode;
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
    await root.query('SET GLOBAL super_read_only = OFF');
    await root.query('SET GLOBAL read_only = OFF');
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
    await root.query('CREATE TABLE shop.wide (id INT PRIMARY KEY, c LONGTEXT) ENGINE=InnoDB');
    await account('twinkeep', mysqlAdminGrants('twinkeep'));
    await account('repl', mysqlReplicationGrants);
    await account('app', [{ privileges: 'SELECT, INSERT, UPDATE, DELETE, LOCK TABLES', on: 'shop.*' }]);
    await root.query('SET GLOBAL super_read_only = ON');
  });
}

const makeChannel = (server: MysqlServer, source: MysqlServer): Promise<unknown> =>
  asRoot(server, (root) =>
    root.query(
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${source.port}, SOURCE_USER='repl',
       SOURCE_PASSWORD='${PASSWORD}', SOURCE_AUTO_POSITION=1, SOURCE_HEARTBEAT_PERIOD=0.2, SOURCE_CONNECT_RETRY=1,
       GET_SOURCE_PUBLIC_KEY=1`,
    ),
  );

export const databaseOf = (server: MysqlServer, more: object = {}): MysqlDatabase =>
  openMysql({
    host: '127.0.0.1',
    port: server.port,
    user: 'twinkeep',
    password: PASSWORD,
    role: 'local',
    schema: 'twinkeep',
    ...more,
  });

function nodeOf(server: MysqlServer): MysqlNode {
  return {
    server,
    db: databaseOf(server),
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

export async function startPair(root: string, argsOfA: readonly string[] = []): Promise<MysqlPair> {
  const dir = scratchDir('mysql');
  const start = async (node: string, serverId: number, extraArgs: readonly string[]) =>
    await startMysql({
      root,
      dir: join(dir, node),
      port: await freePort(),
      extraArgs: [...mysqlPairArgs(serverId), ...extraArgs],
    });
  // The first of them may have to make the template.
  const sa = await start('a', 1, argsOfA);
  const sb = await start('b', 2, []);
  await Promise.all([makeAccounts(sa), makeAccounts(sb)]);
  await Promise.all([makeChannel(sa, sb), makeChannel(sb, sa)]);
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

/** Ends the role of either server, and empties both: histories, channels' positions and tables. */
export async function reset({ a, b }: MysqlPair): Promise<void> {
  for (const { server } of [a, b]) if (!server.running()) await server.start();
  const empty = (server: MysqlServer): Promise<unknown> =>
    asRoot(
      server,
      (root) =>
        root.query(
          `SET GLOBAL rpl_semi_sync_source_enabled = OFF; STOP REPLICA; RESET REPLICA;
           SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF; SET sql_log_bin = 0;
           DELETE FROM shop.t; DELETE FROM shop.u; DELETE FROM shop.wide; DELETE FROM twinkeep.heartbeat;
           RESET BINARY LOGS AND GTIDS; SET GLOBAL super_read_only = ON; SET GLOBAL sync_relay_log = 1;
           SET GLOBAL rpl_semi_sync_replica_enabled = ON; SET GLOBAL rpl_semi_sync_source_enabled = ON`,
        ),
      { multipleStatements: true },
    );
  await Promise.all([empty(a.server), empty(b.server)]);
}

/** The steps of the agents: b receives and acknowledges, then a opens. */
export async function pairUp({ a, b }: MysqlPair): Promise<void> {
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
