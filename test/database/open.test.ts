// The Database that asks which server it is: found at the first call, and found anew when another server answers at the same
// place after a loss.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/io/database/open.ts';
import type { Database } from '../../src/runtime/ports.ts';
import { pairArgs, scratchDir, startMariadb } from '../support/mariadb.ts';
import { freePort, type TestServer } from '../support/server.ts';
import { mysql56Folder, mysql56PairArgs, startMysql56 } from './mysql56server.ts';
import { PASSWORD, SECOND, until } from './pair.ts';

const folder = mysql56Folder();

describe.skipIf('missing' in folder)('a Database of whichever family', () => {
  let dir: string;
  let port: number;
  let server: TestServer | null = null;
  let db: Database;

  beforeEach(async () => {
    dir = scratchDir('open');
    port = await freePort();
    const login = { host: '127.0.0.1', port, user: 'twinkeep', password: PASSWORD };
    db = openDatabase({ ...login, role: 'local', schema: 'twinkeep' });
  });
  afterEach(async () => {
    db.close();
    await server?.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  async function withAccount(started: TestServer): Promise<TestServer> {
    server = started;
    const root = await started.root();
    await root.query('SET sql_log_bin = 0');
    await root.query(`GRANT ALL ON *.* TO twinkeep@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
    root.destroy();
    return started;
  }
  const mariadb = async () =>
    withAccount(await startMariadb({ dir: join(dir, 'mariadb'), port, extraArgs: pairArgs(1) }));
  const mysql56 = async () => {
    if ('missing' in folder) throw new Error(folder.missing);
    const where = { folder: folder.path, dir: join(dir, 'mysql56'), port };
    return withAccount(await startMysql56({ ...where, extraArgs: mysql56PairArgs(1) }));
  };

  it('steers the server that is there after a loss, and tells each loss once', async () => {
    const losses: string[] = [];
    db.onLost((because) => losses.push(because));
    const first = await mariadb();
    await db.connect(5 * SECOND);
    expect((await db.status(SECOND)).version).toContain('MariaDB');
    await first.kill();
    await until(async () => losses.length > 0);
    await expect(db.ping(SECOND)).rejects.toMatchObject({ code: 'down' });

    await mysql56();
    await db.connect(5 * SECOND);
    expect((await db.status(SECOND)).version).toMatch(/^5\.6\./);
    expect(losses).toHaveLength(1);
    await server?.kill();
    await until(async () => losses.length === 2);
  });

  it('says that nobody serves there, and answers once somebody does, without a connect in between', async () => {
    await expect(db.status(SECOND)).rejects.toMatchObject({ code: 'down' });
    await mariadb();
    expect((await db.status(5 * SECOND)).readOnly).toBe(true);
  });

  it('kills the process that it knew, also when that answers no more', async () => {
    await expect(db.killServer()).rejects.toMatchObject({ code: 'statement' });
    const frozen = await mariadb();
    await db.connect(5 * SECOND);
    frozen.freeze();
    await db.killServer();
    await until(async () => !frozen.running());
  });

  it('is closed for good', async () => {
    await mariadb();
    await db.connect(5 * SECOND);
    db.close();
    await expect(db.ping(SECOND)).rejects.toMatchObject({ code: 'down' });
  });
});
