// The two servers as salvage uses them: connections for rows at each, the account that reads binary logs, the history of each.
// Opened when they are needed and closed again: salvage is rare.
import { readSecret } from '../config/secret.ts';
import type { NodeConfig, PairConfig } from '../config/types.ts';
import { familyOf } from '../core/family.ts';
import { contains, subtract } from '../core/gtid/mysql.ts';
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
    extraHost: where.address,
    tls: mysql.tls,
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

/**
 * MySQL: names of the binary logs that hold any of these GTIDs, oldest first. Each begins with the GTIDs of those before it, so that
 * the search goes back from the newest and ends at the first that has none of them before it.
 */
export async function binaryLogsWith(server: SalvageServer, errant: readonly string[]): Promise<string[]> {
  const reader = new HeldConnection({ endpoint: server.logEndpoint, onTimeout: 'discard' });
  try {
    const rows = rowsOf(await server.connection.query('SHOW BINARY LOGS', STATEMENT_MS_MAX));
    const found: string[] = [];
    for (const file of rows.map((row) => text(row['Log_name'])).toReversed()) {
      found.unshift(file);
      if (!/^[\w.-]+$/.test(file)) continue;
      const sql = `SHOW BINLOG EVENTS IN '${file}' LIMIT 3`;
      const first = rowsOf(await reader.query(sql, STATEMENT_MS_MAX));
      const before = first.find((row) => text(row['Event_type']) === 'Previous_gtids');
      if (before !== undefined && hasNoneOf(text(before['Info']), errant)) break;
    }
    return found;
  } finally {
    reader.close();
  }
}

function hasNoneOf(set: string, errant: readonly string[]): boolean {
  const wanted = errant.join(',');
  const rest = subtract(wanted, set);
  return rest !== null && contains(rest, wanted);
}
