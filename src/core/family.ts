// The families of servers, told apart by the version that a server says. Read by io/database, which speaks each, and by
// config and core/pair/setup, which know what each must be set to; nobody else asks.

/** `mysql56`: before 5.7.8, which has no super_read_only. */
export type ServerFamily = 'mariadb' | 'mysql' | 'mysql56';

export const serverFamilies: readonly ServerFamily[] = ['mariadb', 'mysql', 'mysql56'];

export const familyName: Readonly<Record<ServerFamily, string>> = {
  mariadb: 'MariaDB',
  mysql: 'MySQL',
  mysql56: 'MySQL 5.6',
};

const SUPER_READ_ONLY = 50_708;

/** As in 80036 for "8.0.36-28"; null when the text is no version. */
export function versionNumber(version: string): number | null {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return major === undefined ? null : Number(major) * 10_000 + Number(minor) * 100 + Number(patch);
}

/** `version` as @@version has it, like "10.11.19-MariaDB-log"; null when it is none that is known. */
export function familyOf(version: string): ServerFamily | null {
  if (/mariadb/i.test(version)) return 'mariadb';
  const number = versionNumber(version);
  if (number === null) return null;
  return number >= SUPER_READ_ONLY ? 'mysql' : 'mysql56';
}
