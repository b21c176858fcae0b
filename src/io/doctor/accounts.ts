// Accounts of a server that weaken a pair: without a name, without a password, able to write where nobody should. Needs an
// administrator's eyes.
import type { AccountFacts } from '../../core/doctor/facts.ts';
import type { ServerKind } from '../../core/family.ts';
import { text } from '../database/rows.ts';

type Ask = (sql: string) => Promise<readonly Record<string, unknown>[]>;

/** The administrator's own, and the servers' own. */
const MEANT_TO = ['root', 'mysql', 'mariadb.sys', 'mysql.sys', 'mysql.session', 'mysql.infoschema'];

const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;

export async function accountsOf(ask: Ask, kind: ServerKind, agentUser: string): Promise<AccountFacts> {
  const rows = await ask(accountSql(kind));
  const names = (kept: readonly Record<string, unknown>[]): string[] =>
    kept.map((row) => `${quote(text(row['user']))}@${quote(text(row['host']))}`);
  const known = (user: string): boolean => [...MEANT_TO, agentUser].includes(user);
  return {
    anonymous: names(rows.filter((row) => text(row['user']) === '')),
    passwordless: names(rows.filter((row) => Number(row['passwordless']) === 1 && text(row['user']) !== '')),
    writeReadOnly: (await writersOf(ask, kind)).filter(
      (grantee) => !known(/^'(.*)'@'[^']*'$/.exec(grantee)?.[1] ?? grantee),
    ),
  };
}

/** One row an account: user, host, and whether anybody may log in as it. */
function accountSql({ family, version }: ServerKind): string {
  if (family === 'mariadb') {
    return `SELECT User AS user, Host AS host,
      JSON_VALUE(Priv, '$.plugin') IN ('', 'mysql_native_password') AND COALESCE(JSON_VALUE(Priv, '$.authentication_string'), '') = ''
      AND JSON_EXISTS(Priv, '$.auth_or[1]') = 0 AND COALESCE(JSON_VALUE(Priv, '$.account_locked'), 0) = 0 AS passwordless
      FROM mysql.global_priv WHERE COALESCE(JSON_VALUE(Priv, '$.is_role'), 0) = 0`;
  }
  const secret =
    family === 'mysql56' && version < 50_706
      ? "CONCAT(Password, COALESCE(authentication_string, ''))"
      : 'authentication_string';
  const locked = version >= 50_706 ? "AND account_locked = 'N'" : '';
  return `SELECT User AS user, Host AS host,
    plugin IN ('', 'mysql_native_password', 'mysql_old_password', 'caching_sha2_password', 'sha256_password') AND COALESCE(${secret}, '') = '' AS passwordless
    FROM mysql.user WHERE 1 = 1 ${locked}`;
}

/** Who may write to a read-only server. On MySQL 5.7.8 and newer super_read_only stops everybody. */
async function writersOf(ask: Ask, { family }: ServerKind): Promise<string[]> {
  if (family === 'mysql') return [];
  const privileges = family === 'mariadb' ? "'READ_ONLY ADMIN', 'READ ONLY ADMIN'" : "'SUPER'";
  const rows = await ask(
    `SELECT DISTINCT grantee FROM information_schema.user_privileges WHERE privilege_type IN (${privileges})`,
  );
  return rows.map((row) => text(row['grantee']));
}
