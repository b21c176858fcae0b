// MySQL 9.7 in the lab: run by chroot in the root directory that scripts/mysql97 brings, in which the host's folders are seen
// at their own paths (mysqld-in-root.sh).

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
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

/** The agents run clients by name; the machine's own are MariaDB's, which a MySQL server is foreign to. */
async function makeClients(folder: string): Promise<void> {
  const root = await broughtBy('mysql97');
  mkdirSync(folder, { recursive: true });
  for (const client of ['mysql', 'mysqldump', 'mysqlbinlog']) {
    const command = `exec ${root}/lib64/ld-linux-x86-64.so.2 --library-path ${root}/usr/lib/x86_64-linux-gnu ${root}/usr/bin/${client} "$@"`;
    writeFileSync(join(folder, client), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  }
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
  makeClients,
  spareMb: 256,
  openAlone: ['SET GLOBAL rpl_semi_sync_source_enabled = OFF', 'SET GLOBAL read_only = OFF'],
  // A crash of MySQL leaves commits that nobody was told of; they are kept, and taken back, without a hand.
  pair: { salvage: 'discard' },
};
