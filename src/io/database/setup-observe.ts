// What set-up asks a server, as an administrator: settings, positions, channel, accounts, tables. Changes nothing. What the
// families differ in is in setup-family.ts.
import type { AccountStatement, SeenServer } from '../../core/pair/setup-facts.ts';
import type { HeldConnection } from './connection.ts';
import { type Grant, missingGrants } from './grants.ts';
import { passwordMatches } from './password.ts';
import { rowsOf, text } from './rows.ts';
import { type Ask, askerOf, type KeptAccount, named, quote, type SetupFamily } from './setup-family.ts';
import type { KnownServer } from './setup-known.ts';

export interface Account {
  readonly user: string;
  readonly password: string;
}

export interface Wanted {
  readonly admin: Account;
  readonly replication: Account;
  readonly schema: string;
  readonly hosts: readonly string[];
  /** From where the replication account comes as well. */
  readonly readers: readonly string[];
}

const CHECKSUM_MS_MAX = 3_600_000;

export async function observeServer(
  connection: HeldConnection,
  { version, kind, family }: KnownServer,
  wanted: Wanted,
  variables: readonly string[],
): Promise<SeenServer> {
  const ask = askerOf(connection);
  const shown = await ask(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${variables.map(quote).join(', ')})`,
  );
  const replication = await accountStatements(ask, family, wanted.replication, family.replicationGrants, [
    ...wanted.hosts,
    ...wanted.readers,
  ]);
  // The administrator's own accounts, and ours, are meant to.
  const known = ['root', 'mysql', 'mariadb.sys', wanted.admin.user];
  const facts = await family.facts(ask);
  const logs = facts.logBin ? await ask('SHOW BINARY LOGS') : [];
  return {
    family: kind.family,
    version,
    ...facts,
    logFiles: logs.map((row) => text(row['Log_name'])),
    variables: Object.fromEntries(shown.map((row) => [text(row['Variable_name']), text(row['Value'])])),
    ...(await family.channels(ask)),
    accountStatements: [
      ...(await accountStatements(
        ask,
        family,
        wanted.admin,
        family.adminGrants(wanted.schema),
        wanted.hosts,
      )),
      ...replication.map((each) =>
        each.newPassword === true ? { ...each, newReplicationPassword: true } : each,
      ),
      ...(await schemaStatements(ask, wanted.schema)),
    ].map(({ newPassword: _, ...statement }) => statement),
    tables: await tablesOf(ask, wanted.schema),
    checksums: {},
    privileged: (await family.privileged(ask)).filter(
      (grantee) => !known.some((user) => grantee.startsWith(`'${user}'@`)),
    ),
  };
}

/** schema.table of the users' data. */
export async function tablesOf(ask: Ask, schema: string): Promise<string[]> {
  const rows = await ask(
    `SELECT CONCAT(table_schema, '.', table_name) AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN
     ('mysql', 'sys', 'information_schema', 'performance_schema', ${quote(schema)}) ORDER BY 1`,
  );
  return rows.map((row) => text(row['name']));
}

type Statement = AccountStatement & { readonly newPassword?: boolean };

async function accountStatements(
  ask: Ask,
  family: SetupFamily,
  account: Account,
  grants: readonly Grant[],
  hosts: readonly string[],
): Promise<Statement[]> {
  const existing = await family.accounts(ask, account.user);
  const statements: Statement[] = [];
  for (const host of hosts) {
    const name = `${quote(account.user)}@${quote(host)}`;
    const found = existing.find((each) => each.host === host);
    const password = passwordStatement(family, name, account.password, found ?? null, existing);
    if (password !== null) statements.push(password);
    const lines = found === undefined ? [] : await ask(`SHOW GRANTS FOR ${name}`);
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

function passwordStatement(
  family: SetupFamily,
  name: string,
  password: string,
  found: KeptAccount | null,
  ofUser: readonly KeptAccount[],
): Statement | null {
  // A plugin that keeps what we cannot read (PAM, LDAP) is the administrator's own affair.
  const isRight = ({ ways }: KeptAccount): boolean =>
    ways.some(({ plugin, kept }) => passwordMatches(plugin, kept, password) !== false);
  if (found === null) {
    // It takes precedence over an account for more hosts, by which a channel may have come so far.
    const changes = ofUser.length > 0 && !ofUser.every(isRight);
    const made = { what: `make the account ${name}`, sql: family.createUser(name, password) };
    return changes ? { ...made, newPassword: true } : made;
  }
  if (isRight(found)) return null;
  return {
    what: `set the password of ${name} to the one in its file`,
    sql: family.setPassword(name, found.ways[0]?.plugin ?? '', password),
    newPassword: true,
  };
}

async function schemaStatements(ask: Ask, schema: string): Promise<Statement[]> {
  const [found] = await ask(
    `SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = ${quote(schema)} AND table_name = 'heartbeat'`,
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
