// Changing the password of an account on one server so that for a while either works, and the password by which a channel logs in.
// The order of it all is cli/rotate.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../../core/error.ts';
import { kindOf, type ServerKind } from '../../core/family.ts';
import { type Database, DatabaseError } from '../../runtime/ports.ts';
import type { HeldConnection } from './connection.ts';
import { rowsOf, text } from './rows.ts';

const STATEMENT_MS_MAX = 10_000;
const CATCH_UP_MS_MAX = 60_000;
const RECEIVER_MS_MAX = 15_000;
const TRIES = 5;

const quote = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** One account as a server has it. */
export interface HeldAccount {
  /** 'user'@'host', quoted. */
  readonly name: string;
  readonly plugin: string;
  /** A second password is still taken (MySQL 8.0.14 and newer). */
  readonly retains: boolean;
}

/** MySQL 8.0.14: RETAIN CURRENT PASSWORD. */
const retainsPasswords = ({ family, version }: ServerKind): boolean =>
  family === 'mysql' && version >= 80_014;

export async function kindAt(connection: HeldConnection): Promise<ServerKind> {
  const [row] = rowsOf(await connection.query('SELECT @@version AS version', STATEMENT_MS_MAX));
  const version = text(row?.['version']);
  const kind = kindOf(version);
  if (kind !== null) return kind;
  throw new DatabaseError('statement', `"${version.slice(0, 60)}" is no known version`);
}

export async function accountsNamed(
  connection: HeldConnection,
  kind: ServerKind,
  user: string,
): Promise<HeldAccount[]> {
  const sql =
    kind.family === 'mariadb'
      ? `SELECT Host AS host, JSON_VALUE(Priv, '$.plugin') AS plugin, 0 AS retains FROM mysql.global_priv WHERE User = ${quote(user)}`
      : `SELECT Host AS host, plugin, ${retainsPasswords(kind) ? "COALESCE(JSON_CONTAINS_PATH(User_attributes, 'one', '$.additional_password'), 0)" : '0'} AS retains
         FROM mysql.user WHERE User = ${quote(user)}`;
  return rowsOf(await connection.query(sql, STATEMENT_MS_MAX)).map((row) => ({
    name: `${quote(user)}@${quote(text(row['host']))}`,
    plugin: text(row['plugin']) || 'mysql_native_password',
    retains: Number(row['retains']) === 1,
  }));
}

/** Statements after which both passwords are taken (servers that cannot do that: only the new one). */
export function eitherWorks(
  kind: ServerKind,
  { name, plugin, retains }: HeldAccount,
  passwords: { readonly old: string; readonly fresh: string },
  resumed: boolean,
): string[] {
  const { old, fresh } = passwords;
  if (kind.family === 'mariadb') {
    const by = (password: string): string => `${plugin} USING PASSWORD(${quote(password)})`;
    return [`ALTER USER ${name} IDENTIFIED VIA ${by(old)} OR ${by(fresh)}`];
  }
  if (!retainsPasswords(kind)) return onlyNew(kind, { name, plugin, retains }, fresh);
  // Broken off and taken up again: once more would retain the new one, and forget the old.
  if (retains && resumed) return [];
  return [`ALTER USER ${name} IDENTIFIED BY ${quote(fresh)} RETAIN CURRENT PASSWORD`];
}

/** Statements after which only the new password is taken. */
export function onlyNew(kind: ServerKind, { name, plugin, retains }: HeldAccount, fresh: string): string[] {
  if (kind.family === 'mariadb')
    return [`ALTER USER ${name} IDENTIFIED VIA ${plugin} USING PASSWORD(${quote(fresh)})`];
  if (retainsPasswords(kind)) return retains ? [`ALTER USER ${name} DISCARD OLD PASSWORD`] : [];
  if (kind.version >= 50_706) return [`ALTER USER ${name} IDENTIFIED BY ${quote(fresh)}`];
  return [`SET PASSWORD FOR ${name} = PASSWORD(${quote(fresh)})`];
}

/**
 * Under super_read_only nobody changes an account, administrators included: there the change is made at the writer, and comes to the
 * other server with its binary log. Elsewhere each server has it made by itself, as set-up made the account.
 */
export const changesByReplication = ({ family }: ServerKind): boolean => family === 'mysql';

export async function performOnAccounts(
  connection: HeldConnection,
  kind: ServerKind,
  statements: readonly string[],
): Promise<void> {
  if (statements.length === 0) return;
  const sql = statements.join('; ');
  await connection.query(
    changesByReplication(kind) ? sql : `SET SESSION sql_log_bin = 0; ${sql}; SET SESSION sql_log_bin = 1`,
    STATEMENT_MS_MAX,
  );
}

/**
 * The channel of one server logs in with the new password from here on. The relay log is empty of unapplied events before it is
 * touched (MariaDB and 5.6 throw it away with CHANGE MASTER), or kept (MySQL, whose applier goes on). The pair's own manager may
 * start a thread in between: then it is done again.
 */
export async function changeChannelPassword(
  node: string,
  kind: ServerKind,
  connection: HeldConnection,
  database: Database,
  password: string,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await changeOnce(kind, connection, database, password);
      break;
    } catch (error) {
      const again = error instanceof DatabaseError && error.code === 'statement' && attempt < TRIES;
      if (!again) {
        await database.startChannel(RECEIVER_MS_MAX).catch(() => undefined);
        throw error;
      }
    }
  }
  await confirmReceiving(node, database);
}

async function changeOnce(
  kind: ServerKind,
  connection: HeldConnection,
  database: Database,
  password: string,
): Promise<void> {
  await database.stopReceiving(RECEIVER_MS_MAX);
  if (kind.family === 'mysql') {
    const sql =
      kind.version >= 80_023
        ? `CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = ${quote(password)}`
        : `CHANGE MASTER TO MASTER_PASSWORD = ${quote(password)}`;
    await connection.query(sql, STATEMENT_MS_MAX);
  } else {
    await database.drain(CATCH_UP_MS_MAX);
    await connection.query(
      `STOP SLAVE; CHANGE MASTER TO MASTER_PASSWORD = ${quote(password)}`,
      STATEMENT_MS_MAX,
    );
  }
  await database.startChannel(RECEIVER_MS_MAX);
}

async function confirmReceiving(node: string, database: Database): Promise<void> {
  const untilMs = performance.now() + RECEIVER_MS_MAX;
  for (;;) {
    const { channel } = await database.status(STATEMENT_MS_MAX);
    if (channel?.receiver === 'running') return;
    if (performance.now() > untilMs) {
      throw new OperatorError(
        'channel-fails',
        `the channel of ${node} does not connect with the new password: ${channel?.receiverError ?? 'it is still connecting'}`,
        'the old password is still taken; mend what the error says and run rotate again: it goes on where it was',
      );
    }
    await sleep(20);
  }
}
