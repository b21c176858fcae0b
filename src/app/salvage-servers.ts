// The two servers as salvage uses them: connections for rows at each, the account that reads binary logs, the history of each.
// Opened when they are needed and closed again: salvage is rare.
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { familyOf } from '../core/family.ts';
import { definitionsOf, rowObstacles } from '../io/binlog/definitions.ts';
import type { Family } from '../io/binlog/tool.ts';
import type { Definitions } from '../io/binlog/transaction.ts';
import { type Endpoint, HeldConnection } from '../io/database/connection.ts';
import { rowsOf, text } from '../io/database/rows.ts';
import { ROW_SESSION } from '../io/salvage/rowsql.ts';

const STATEMENT_MS_MAX = 30_000;

export interface SalvageServer {
  readonly connection: HeldConnection;
  readonly family: Family;
  /** The account that may read the binary log. */
  readonly logEndpoint: Endpoint;
  readonly definitions: Definitions;
  readonly obstacles: (schema: string, table: string) => Promise<readonly string[]>;
  close(): void;
}

/** How this host reaches the server of a node: as the agent does, or with the account that replicates. */
export function endpointOf(
  config: PairConfig,
  self: NodeConfig,
  where: NodeConfig,
  account: 'admin' | 'replication',
): Endpoint {
  const { mysql } = config;
  const local = where.name === self.name;
  const { user, passwordFile } = mysql[account];
  const passwordNow = (): string => readSecret(passwordFile, `password of the account ${user}`).value;
  return {
    host: local ? '127.0.0.1' : where.address,
    port: mysql.port,
    ...(local && mysql.socket !== null ? { socketPath: mysql.socket } : {}),
    ...(mysql.extraPort !== null ? { extraPort: mysql.extraPort } : {}),
    user,
    password: passwordNow(),
    passwordNow,
  };
}

export async function openSalvageServer(
  config: PairConfig,
  self: NodeConfig,
  where: NodeConfig,
): Promise<SalvageServer> {
  const connection = new HeldConnection({
    endpoint: endpointOf(config, self, where, 'admin'),
    onTimeout: 'discard',
    session: ROW_SESSION,
  });
  try {
    const [row] = rowsOf(await connection.query('SELECT @@version AS version', STATEMENT_MS_MAX));
    const known = new Map<string, Promise<readonly string[]>>();
    return {
      connection,
      family: familyOf(text(row?.['version'])) === 'mariadb' ? 'mariadb' : 'mysql',
      logEndpoint: endpointOf(config, self, where, 'replication'),
      definitions: definitionsOf(connection, STATEMENT_MS_MAX),
      obstacles(schema, table) {
        const name = `${schema}\0${table}`;
        const found = known.get(name) ?? rowObstacles(connection, schema, table, STATEMENT_MS_MAX);
        known.set(name, found);
        return found;
      },
      close: () => connection.close(),
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Names of the server's binary logs, oldest first. */
export async function binaryLogs(server: SalvageServer): Promise<string[]> {
  const rows = rowsOf(await server.connection.query('SHOW BINARY LOGS', STATEMENT_MS_MAX));
  return rows.map((row) => text(row['Log_name']));
}
