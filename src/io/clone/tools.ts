// The programs that a method needs on this host, and what to install where one is missing.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Method } from '../../core/clone/journal.ts';
import type { Against } from '../../core/clone/plan.ts';

/** Daemons are often started without the folders of the administrator's programs. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/bin'];

export function findTool(names: readonly string[]): string | null {
  for (const name of names) {
    for (const folder of FOLDERS) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here.
      }
    }
  }
  return null;
}

export const BACKUP = ['mariadb-backup', 'mariabackup'];
export const MBSTREAM = ['mbstream'];
const tools = {
  mariadb: {
    dump: ['mariadb-dump', 'mysqldump'],
    client: ['mariadb', 'mysql'],
    server: ['mariadbd', 'mysqld'],
  },
  mysql: { dump: ['mysqldump'], client: ['mysql'], server: ['mysqld'] },
} as const;
export const toolsOf = (family: 'mariadb' | 'mysql') => tools[family];

const absent = (code: string, because: string, lift: string): Against => ({ code, because, lift });

export const noBackup = (family: string): Against =>
  absent('no-backup', `mariadb-backup is for MariaDB, and this is ${family}`, 'use another --method');
export const noClonePlugin = (family: string): Against =>
  absent('no-clone-plugin', `the CLONE plugin is MySQL's, and this is ${family}`, 'use another --method');

/** What `method` lacks on this host, named `node`; null: nothing. */
export function toolsMissing(
  method: Method,
  side: 'donor' | 'receiver',
  family: 'mariadb' | 'mysql',
  node: string,
): Against | null {
  const lacks = (what: string, install: string): Against =>
    absent('tool-missing', `${what} is not installed on ${node}`, `install ${install} there`);
  switch (method) {
    case 'backup': {
      if (family !== 'mariadb') return noBackup(family);
      const here = findTool(BACKUP) !== null && (side === 'donor' || findTool(MBSTREAM) !== null);
      return here ? null : lacks('mariadb-backup', 'the package mariadb-backup');
    }
    case 'clone-plugin':
      return family === 'mysql' ? null : noClonePlugin(family);
    case 'dump': {
      const { dump, client } = toolsOf(family);
      const names = side === 'donor' ? dump : client;
      return findTool(names) === null ? lacks(names[0], 'the client package of the server') : null;
    }
  }
}
