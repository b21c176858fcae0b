// What set-up asks a server, as an administrator: settings, positions, channel, accounts, tables. Changes nothing.
import type { SeenServer } from '../../core/pair/setup-facts.ts';
import type { HeldConnection } from './connection.ts';
import { adminGrants, type Grant, missingGrants, replicationGrants } from './grants.ts';
import { isOn, rowsOf, text } from './rows.ts';

export interface Account {
  readonly user: string;
  readonly password: string;
}

export interface Wanted {
  readonly admin: Account;
  readonly replication: Account;
  readonly schema: string;
  readonly hosts: readonly string[];
}

const ASK_MS_MAX = 10_000;
const CHECKSUM_MS_MAX = 3_600_000;

const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const named = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

export async function observeServer(
  connection: HeldConnection,
  wanted: Wanted,
  variables: readonly string[],
): Promise<SeenServer> {
  const ask = async (sql: string) => rowsOf(await connection.query(sql, ASK_MS_MAX));
  const [facts = {}] = await ask(
    `SELECT @@version AS version, @@server_id AS id, @@log_bin AS logged, @@GLOBAL.gtid_binlog_pos AS pos,
     @@GLOBAL.gtid_binlog_state AS state, @@GLOBAL.gtid_slave_pos AS slave`,
  );
  const shown = await ask(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${variables.map(quote).join(', ')})`,
  );
  const [role = {}] = await ask("SHOW GLOBAL STATUS LIKE 'Rpl_status'");
  const logBin = isOn(facts['logged']);
  return {
    version: text(facts['version']),
    serverId: Number(facts['id']),
    logBin,
    variables: Object.fromEntries(shown.map((row) => [text(row['Variable_name']), text(row['Value'])])),
    rplStatus: text(role['Value']),
    binlogPos: text(facts['pos']),
    binlogState: text(facts['state']),
    slavePos: text(facts['slave']),
    oldestPos: logBin ? await oldestPosition(connection) : '',
    ...(await observeChannels(connection)),
    accountStatements: [
      ...(await accountStatements(connection, wanted.admin, adminGrants(wanted.schema), wanted)),
      ...(await accountStatements(connection, wanted.replication, replicationGrants, wanted)),
      ...(await schemaStatements(connection, wanted.schema)),
    ],
    tables: (
      await ask(
        `SELECT CONCAT(table_schema, '.', table_name) AS name FROM information_schema.tables
         WHERE table_type = 'BASE TABLE' AND table_schema NOT IN
         ('mysql', 'sys', 'information_schema', 'performance_schema', ${quote(wanted.schema)}) ORDER BY 1`,
      )
    ).map((row) => text(row['name'])),
    checksums: {},
    privileged: await privilegedAccounts(connection, wanted),
  };
}

/** The GTID position at which the oldest binary log that is kept begins. */
async function oldestPosition(connection: HeldConnection): Promise<string> {
  const [first] = rowsOf(await connection.query('SHOW BINARY LOGS', ASK_MS_MAX));
  if (first === undefined) return '';
  const [row] = rowsOf(
    await connection.query(`SELECT BINLOG_GTID_POS(${quote(text(first['Log_name']))}, 4) AS pos`, ASK_MS_MAX),
  );
  return text(row?.['pos']);
}

async function observeChannels(
  connection: HeldConnection,
): Promise<Pick<SeenServer, 'channel' | 'otherChannels'>> {
  const rows = rowsOf(await connection.query('SHOW ALL SLAVES STATUS', ASK_MS_MAX));
  const ours = rows.find((row) => text(row['Connection_name']) === '' && text(row['Master_Host']) !== '');
  return {
    channel:
      ours === undefined
        ? null
        : {
            host: text(ours['Master_Host']),
            port: Number(ours['Master_Port']),
            user: text(ours['Master_User']),
            usingGtid: text(ours['Using_Gtid']) === 'Slave_Pos',
            heartbeatS: Number(ours['Slave_heartbeat_period'] ?? 0),
            connectRetryS: Number(ours['Connect_Retry'] ?? 0),
            running: text(ours['Slave_IO_Running']) === 'Yes' && text(ours['Slave_SQL_Running']) === 'Yes',
          },
    otherChannels: rows.map((row) => text(row['Connection_name'])).filter((name) => name !== ''),
  };
}

type Statement = SeenServer['accountStatements'][number];

async function accountStatements(
  connection: HeldConnection,
  account: Account,
  grants: readonly Grant[],
  { hosts }: Wanted,
): Promise<Statement[]> {
  const password = quote(account.password);
  const existing = rowsOf(
    await connection.query(
      `SELECT Host AS host, JSON_VALUE(Priv, '$.authentication_string') = PASSWORD(${password}) AS same
       FROM mysql.global_priv WHERE User = ${quote(account.user)}`,
      ASK_MS_MAX,
    ),
  );
  const statements: Statement[] = [];
  for (const host of hosts) {
    const name = `${quote(account.user)}@${quote(host)}`;
    const found = existing.find((row) => text(row['host']) === host);
    if (found === undefined)
      statements.push({
        what: `make the account ${name}`,
        sql: `CREATE USER ${name} IDENTIFIED BY ${password}`,
      });
    else if (!isOn(found['same']))
      statements.push({
        what: `set the password of ${name} to the one in its file`,
        sql: `ALTER USER ${name} IDENTIFIED BY ${password}`,
      });
    const lines =
      found === undefined ? [] : rowsOf(await connection.query(`SHOW GRANTS FOR ${name}`, ASK_MS_MAX));
    const missing = missingGrants(
      lines.map((row) => text(Object.values(row)[0])),
      grants,
      name,
    );
    if (missing.length > 0)
      statements.push({
        what: `grant ${name} ${missing.map((each) => each.privilege).join(', ')}`,
        sql: missing.map((each) => each.statement.replace(/;$/, '')).join('; '),
      });
  }
  return statements;
}

async function schemaStatements(connection: HeldConnection, schema: string): Promise<Statement[]> {
  const [found] = rowsOf(
    await connection.query(
      `SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = ${quote(schema)} AND table_name = 'heartbeat'`,
      ASK_MS_MAX,
    ),
  );
  if (Number(found?.['n'] ?? 0) > 0) return [];
  return [
    {
      what: `make the schema ${schema} with its heartbeat table`,
      sql: `CREATE DATABASE IF NOT EXISTS ${named(schema)}; CREATE TABLE IF NOT EXISTS ${named(schema)}.heartbeat (
        node_server_id INT UNSIGNED PRIMARY KEY, epoch BIGINT UNSIGNED NOT NULL, sequence BIGINT UNSIGNED NOT NULL
      ) ENGINE = InnoDB`,
    },
  ];
}

async function privilegedAccounts(connection: HeldConnection, wanted: Wanted): Promise<string[]> {
  const rows = rowsOf(
    await connection.query(
      `SELECT DISTINCT grantee FROM information_schema.user_privileges WHERE privilege_type IN ('READ_ONLY ADMIN', 'READ ONLY ADMIN')`,
      ASK_MS_MAX,
    ),
  );
  // The administrator's own accounts, and ours, are meant to.
  const known = ['root', 'mysql', 'mariadb.sys', wanted.admin.user];
  return rows
    .map((row) => text(row['grantee']))
    .filter((grantee) => !known.some((user) => grantee.startsWith(`'${user}'@`)));
}

/** CHECKSUM TABLE of each, by name. Reads every row. */
export async function readChecksums(
  connection: HeldConnection,
  tables: readonly string[],
): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const table of tables) {
    const dot = table.indexOf('.');
    const name = `${named(table.slice(0, dot))}.${named(table.slice(dot + 1))}`;
    const [row] = rowsOf(await connection.query(`CHECKSUM TABLE ${name} EXTENDED`, CHECKSUM_MS_MAX));
    sums[table] = text(row?.['Checksum']);
  }
  return sums;
}
