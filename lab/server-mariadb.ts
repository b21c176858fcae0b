// MariaDB in the lab: the distribution's own server, started from its packages.

import { OperatorError } from '../src/core/error.ts';
import { cachedDataDir } from './datadir.ts';
import { run } from './process.ts';
import type { LabServer } from './server.ts';

async function template(): Promise<string> {
  const version = (await run('mariadbd', ['--no-defaults', '--version'])).stdout;
  const release = /Ver (\S+)/.exec(version)?.[1];
  if (release === undefined) {
    throw new OperatorError(
      'lab-server',
      'mariadbd does not run on this machine.',
      'Run scripts/prepare first.',
    );
  }
  return cachedDataDir(release, (unfinished) =>
    run('mariadb-install-db', [
      '--no-defaults',
      `--datadir=${unfinished}`,
      '--auth-root-authentication-method=socket',
      '--skip-test-db',
      '--innodb-log-file-size=48M',
    ]),
  );
}

export const mariadbServer: LabServer = {
  template,
  owner: 'mysql',
  settings: `user = mysql
innodb_log_file_size = 48M
performance_schema = OFF
`,
  argv: async (_lab, _node, myCnf) => ['mariadbd', `--defaults-file=${myCnf}`],
  makeClients: null,
  spareMb: 64,
  openAlone: ['SET GLOBAL rpl_semi_sync_master_enabled = OFF', 'SET GLOBAL read_only = OFF'],
  pair: {},
};
