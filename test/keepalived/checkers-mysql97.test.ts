// MYSQL_CHECK on two real MySQL 9.7 servers: its words for replication, and its way to log in. Part of `npm run mysql`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MysqlPair, startPair } from '../database/mysqlpair.ts';
import { mysqlRoot } from '../database/mysqlserver.ts';
import { PASSWORD, until } from '../database/pair.ts';
import { saysOnce } from './checkers-mysqlcheck.ts';

const root = mysqlRoot();

describe.skipIf('missing' in root)('a MySQL check on MySQL 9.7', () => {
  let pair: MysqlPair;
  let folder: string;
  const says = (more: string) => saysOnce(pair.b.server.port, more, join(folder, 'password'));
  const asRoot = async (sql: string) => {
    const root = await pair.b.server.root();
    // Without an acknowledgement of the other server a logged statement would wait.
    await root.query('SET sql_log_bin = 0');
    await root.query(sql);
    root.destroy();
  };

  beforeAll(async () => {
    if ('missing' in root) return;
    pair = await startPair(root.path);
    folder = mkdtempSync(join(tmpdir(), 'tk-mysqlcheck97-'));
    writeFileSync(join(folder, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
    await asRoot('SET GLOBAL super_read_only = OFF');
    await asRoot(`CREATE USER monitor@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
    await asRoot("GRANT REPLICATION CLIENT ON *.* TO monitor@'127.0.0.1'");
    await asRoot('SET GLOBAL read_only = ON');
    await asRoot('START REPLICA');
  });
  afterAll(async () => {
    await pair?.end();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  test('logs in, with TLS too, and sees replication', async () => {
    await until(async () => (await pair.b.query('SHOW REPLICA STATUS'))?.['Replica_IO_Running'] === 'Yes');
    expect(await says('tls required\nreplication connected\nmax_lag 120')).toBe('passed');
    expect(await says('tls required\nrequire_writable')).toBe('the server is read-only');
  });

  test('the other server gone: the survivor passes; its own applier stopped: it fails', async () => {
    await pair.a.server.kill();
    await until(async () => (await pair.b.query('SHOW REPLICA STATUS'))?.['Replica_IO_Running'] !== 'Yes');
    expect(await says('tls required\nreplication\nmax_lag 120')).toBe('passed');
    await asRoot('STOP REPLICA SQL_THREAD');
    expect(await says('tls required\nreplication')).toBe('the applier is stopped');
  });
});
