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

/** 80036 for "8.0.36-28"; null when the text is no version. */
export function versionNumber(version: string): number | null {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return major === undefined ? null : Number(major) * 10_000 + Number(minor) * 100 + Number(patch);
}

export interface ServerKind {
  readonly family: ServerFamily;
  /** As versionNumber has it. */
  readonly version: number;
}

/** The newest of each that this program has been run on. */
export const usualServer: Readonly<Record<ServerFamily, ServerKind>> = {
  mariadb: { family: 'mariadb', version: 101_119 },
  mysql: { family: 'mysql', version: 90_704 },
  mysql56: { family: 'mysql56', version: 50_624 },
};

/** `version` as @@version has it, like "10.11.19-MariaDB-log"; null when it is none that is known. */
export function kindOf(version: string): ServerKind | null {
  const number = versionNumber(version);
  if (number === null) return null;
  if (/mariadb/i.test(version)) return { family: 'mariadb', version: number };
  return { family: number >= SUPER_READ_ONLY ? 'mysql' : 'mysql56', version: number };
}

export const familyOf = (version: string): ServerFamily | null => kindOf(version)?.family ?? null;
