// MySQL 9.7 in the lab: run by chroot in the root directory that scripts/mysql97 brings, in which the host's folders are seen
// at their own paths (mysqld-in-root.sh).

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { broughtBy, cachedDataDir } from './datadir.ts';
import { projectRoot } from './plan.ts';
import { run } from './process.ts';
import type { LabServer } from './server.ts';

const script = join(projectRoot, 'lab', 'mysqld-in-root.sh');

async function template(): Promise<string> {
  const root = await broughtBy('mysql97');
  const said = (await run('chroot', [root, '/usr/sbin/mysqld', '--version'])).stdout;
  const release = /Ver (\S+)/.exec(said)?.[1] ?? 'unknown';
  return cachedDataDir(`mysql-${release}`, async (unfinished) => {
    await run('mkdir', ['-p', unfinished]);
    const made = await run('unshare', [
      ...['--mount', 'sh', script, root, unfinished, '--no-defaults', '--user=root'],
      ...['--initialize-insecure', '--mysqlx=0', `--datadir=${unfinished}`],
    ]);
    // Every copy makes a uuid of its own.
    rmSync(join(unfinished, 'auto.cnf'), { force: true });
    return made;
  });
}

export const mysqlServer: LabServer = {
  template,
  owner: 'root',
  settings: `user = root
mysqlx = 0
secure_file_priv = NULL
innodb_redo_log_capacity = 64M
innodb_log_writer_threads = OFF
`,
  // A mount namespace of the server's own: the mounts end with it.
  argv: async (lab, _node, myCnf) => [
    ...['unshare', '--mount', 'sh', script, await broughtBy('mysql97'), lab.dir],
    `--defaults-file=${myCnf}`,
  ],
  spareMb: 256,
  openAlone: ['SET GLOBAL rpl_semi_sync_source_enabled = OFF', 'SET GLOBAL read_only = OFF'],
  pair: {},
};
