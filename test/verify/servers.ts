// Two real servers of one family, b replicating from a without semi-sync, for the tests of `verify`: with an account that
// may read everything and one that may write, and a way to make them differ.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { type VerifyOptions, type VerifySession, verify } from '../../src/io/verify/verify.ts';
import { mysql56Folder, mysql56PairArgs, startMysql56 } from '../database/mysql56server.ts';
import { mysqlPairArgs, mysqlRoot, startMysql } from '../database/mysqlserver.ts';
import { until } from '../database/pair.ts';
import { freePort, pairArgs, scratchDir, startMariadb } from '../support/mariadb.ts';

export type Family = 'mariadb' | 'mysql' | 'mysql56';
const PASSWORD = 'not-a-secret';

interface Server {
  readonly port: number;
  kill(): Promise<void>;
  root(options?: object): Promise<Connection>;
}

export interface Pair {
  readonly family: Family;
  readonly a: Connection;
  readonly b: Connection;
  /** On one side alone. */
  only(side: 'a' | 'b', sql: string): Promise<void>;
  session(side: 'a' | 'b'): Promise<Connection>;
  options(more?: Partial<VerifyOptions>): VerifyOptions;
  verify(tables?: readonly string[], more?: Partial<VerifyOptions>): Promise<VerifySession>;
  caughtUp(): Promise<void>;
  end(): Promise<void>;
}

/** The reason why a family is not tested here, or null. MySQL has a command of its own: npm run mysql. */
export function missing(family: Family): string | null {
  if (family === 'mariadb') return null;
  const root = mysqlRoot();
  if ('missing' in root) return root.missing;
  const folder = family === 'mysql56' ? mysql56Folder() : root;
  return 'missing' in folder ? folder.missing : null;
}

const withoutSemiSync = (args: readonly string[]): string[] =>
  args.filter((each) => !/semi-sync|semisync|init-rpl-role|sync-binlog|flush-log|sync-relay/.test(each));

async function start(family: Family, dir: string, serverId: number): Promise<Server> {
  const port = await freePort();
  if (family === 'mariadb')
    return startMariadb({
      dir,
      port,
      extraArgs: [
        ...withoutSemiSync(pairArgs(serverId)),
        '--sync-binlog=0',
        '--innodb-flush-log-at-trx-commit=0',
      ],
    });
  if (family === 'mysql') {
    const root = mysqlRoot();
    if ('missing' in root) throw new Error(root.missing);
    return startMysql({
      root: root.path,
      dir,
      port,
      extraArgs: [
        ...withoutSemiSync(mysqlPairArgs(serverId)),
        '--sync-binlog=0',
        '--innodb-flush-log-at-trx-commit=0',
      ],
    });
  }
  const folder = mysql56Folder();
  if ('missing' in folder) throw new Error(folder.missing);
  return startMysql56({
    folder: folder.path,
    dir,
    port,
    extraArgs: withoutSemiSync(mysql56PairArgs(serverId)),
  });
}

const CHANNEL = {
  mariadb: (port: number) =>
    `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${port}, MASTER_USER='repl', MASTER_PASSWORD='${PASSWORD}', MASTER_USE_GTID=slave_pos; START SLAVE`,
  mysql: (port: number) =>
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${port}, SOURCE_USER='repl', SOURCE_PASSWORD='${PASSWORD}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA`,
  mysql56: (port: number) =>
    `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${port}, MASTER_USER='repl', MASTER_PASSWORD='${PASSWORD}', MASTER_AUTO_POSITION=1; START SLAVE`,
};

async function prepare(family: Family, server: Server, source: number | null): Promise<void> {
  const root = await server.root({ multipleStatements: true });
  const writable = family === 'mysql' ? 'super_read_only' : 'read_only';
  await root.query(`SET GLOBAL ${writable} = OFF; SET GLOBAL read_only = OFF; SET sql_log_bin = 0`);
  for (const [user, grants] of [
    ['repl', 'REPLICATION SLAVE'],
    ['verify', 'SELECT, SHOW VIEW, TRIGGER, EVENT'],
    ['dba', 'ALL PRIVILEGES'],
    ['bare', 'PROCESS'],
  ]) {
    await root.query(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
    await root.query(`GRANT ${grants} ON *.* TO ${user}@'127.0.0.1'`);
  }
  if (source !== null) await root.query(`${CHANNEL[family](source)}; SET GLOBAL ${writable} = ON`);
  root.destroy();
}

export async function startPair(family: Family): Promise<Pair> {
  const dir = scratchDir('vfy');
  const sa = await start(family, join(dir, 'a'), 1);
  const sb = await start(family, join(dir, 'b'), 2);
  await prepare(family, sa, null);
  await prepare(family, sb, sa.port);
  const connect = (server: Server): Promise<Connection> =>
    server.root({ multipleStatements: true, dateStrings: true, supportBigNumbers: true });
  const [a, b] = [await connect(sa), await connect(sb)];
  const readOnly = family === 'mysql' ? 'super_read_only' : 'read_only';
  const endpoint = (server: Server, user: string) => ({
    host: '127.0.0.1',
    port: server.port,
    user,
    password: PASSWORD,
  });
  const options = (more: Partial<VerifyOptions> = {}, user = 'verify'): VerifyOptions => ({
    nodes: [
      { name: 'a', endpoint: endpoint(sa, user) },
      { name: 'b', endpoint: endpoint(sb, user) },
    ],
    scope: { tables: [], ownSchema: 'twinkeep' },
    pace: { chunkRows: null, dutyPercent: 100, lagMsMax: 60_000, runningMax: 1000 },
    statementMsMax: 30_000,
    rowsShown: 20,
    differencesMax: 10_000,
    ...more,
  });
  const first = async (connection: Connection, sql: string): Promise<Record<string, unknown>> =>
    (await connection.query<RowDataPacket[]>(sql))[0][0] ?? {};
  const position = async (): Promise<string> =>
    String(
      Object.values(
        await first(
          a,
          family === 'mariadb' ? 'SELECT @@gtid_binlog_pos AS p' : 'SELECT @@GLOBAL.gtid_executed AS p',
        ),
      )[0],
    );
  return {
    family,
    a,
    b,
    async only(side, sql) {
      const [connection, is] = side === 'a' ? [a, 'OFF'] : [b, 'ON'];
      await connection.query(`SET GLOBAL ${readOnly} = OFF; SET sql_log_bin = 0; SET foreign_key_checks = 0`);
      try {
        await connection.query(sql);
      } finally {
        await connection.query(
          `SET sql_log_bin = 1; SET foreign_key_checks = 1; SET GLOBAL ${readOnly} = ${is}`,
        );
      }
    },
    session: (side) => connect(side === 'a' ? sa : sb),
    options: (more) => options(more),
    verify: (tables = [], more = {}) =>
      verify(options({ scope: { tables, ownSchema: 'twinkeep' }, ...more }), () => undefined),
    async caughtUp() {
      const at = await position();
      const there =
        family === 'mariadb'
          ? `SELECT MASTER_GTID_WAIT('${at}', 1) = 0 AS r`
          : `SELECT GTID_SUBSET('${at}', @@GLOBAL.gtid_executed) AS r`;
      await until(async () => Number((await first(b, there))['r']) === 1);
    },
    async end() {
      await Promise.all([sa.kill(), sb.kill()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export const accountOptions = (
  pair: Pair,
  user: string,
  more: Partial<VerifyOptions> = {},
): VerifyOptions => {
  const [a, b] = pair.options().nodes;
  const as = (node: typeof a) => ({ ...node, endpoint: { ...node.endpoint, user } });
  return { ...pair.options(), nodes: [as(a), as(b)], ...more };
};
