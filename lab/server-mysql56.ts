// MySQL 5.6 in the lab: the server in the folder that scripts/mysql56 brings. It has no semi-sync plugin, so the pair is
// durability: async.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { broughtBy, cachedDataDir } from './datadir.ts';
import { run } from './process.ts';
import type { LabServer } from './server.ts';

async function template(): Promise<string> {
  const folder = await broughtBy('mysql56');
  return cachedDataDir('mysql-5.6', async (unfinished) => {
    const copied = await run('cp', ['-a', join(folder, 'data/mysql'), unfinished]);
    // Every copy makes a uuid of its own.
    rmSync(join(unfinished, 'auto.cnf'), { force: true });
    return copied;
  });
}

export const mysql56Server: LabServer = {
  template,
  owner: 'root',
  settings: `user = root
performance_schema = OFF
`,
  argv: async (_lab, _node, myCnf) => {
    const folder = await broughtBy('mysql56');
    return [
      ...['env', `LD_LIBRARY_PATH=${folder}`, join(folder, 'mysqld'), `--defaults-file=${myCnf}`],
      ...[`--basedir=${folder}`, `--lc-messages-dir=${join(folder, 'share')}`],
    ];
  },
  makeClients: null,
  spareMb: 128,
  openAlone: ['SET GLOBAL read_only = OFF'],
  pair: { mysql: { durability: 'async' } },
};
