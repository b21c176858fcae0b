// MYSQL_CHECK on two real servers that replicate from each other: what the shell scripts of the field do, without killing the survivor.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASSWORD, type Pair, startPair, until } from '../database/pair.ts';
import { checkOf, saysOnce } from './checkers-mysqlcheck.ts';

const SECOND = 1000;
let pair: Pair;
let folder: string;
let passwordFile: string;

beforeAll(async () => {
  pair = await startPair('mysqlcheck');
  folder = mkdtempSync(join(tmpdir(), 'tk-mysqlcheck-'));
  passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  for (const { server } of [pair.a, pair.b]) {
    const root = await server.root();
    await root.query('SET sql_log_bin = 0');
    await root.query(`CREATE USER monitor@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
    await root.query(`GRANT REPLICA MONITOR ON *.* TO monitor@'127.0.0.1'`);
    await root.query('START ALL SLAVES');
    await root.end();
  }
});

afterAll(async () => {
  await pair?.end();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const says = (port: number, more: string, file = passwordFile) => saysOnce(port, more, file);

const root = async (node: Pair['a'], sql: string): Promise<void> => {
  const connection = await node.server.root();
  await connection.query(sql);
  connection.destroy();
};
const running = (node: Pair['a'], thread: string) => async () =>
  (await node.query('SHOW ALL SLAVES STATUS'))?.[thread] === 'Yes';

describe('a MySQL check', () => {
  test('passes on a server that answers and replicates', async () => {
    await until(running(pair.b, 'Slave_IO_Running'));
    const { port } = pair.b.server;
    expect(await says(port, '')).toBe('passed');
    expect(await says(port, 'query "SELECT 1 FROM DUAL"')).toBe('passed');
    expect(await says(port, 'replication\nmax_lag 120')).toBe('passed');
    expect(await says(port, 'replication connected')).toBe('passed');
  });

  test('holds one connection, and opens another when it is lost', async () => {
    const check = checkOf(pair.b.server.port, '', passwordFile);
    try {
      expect([await check.says(), await check.says(), await check.says()]).toEqual([
        'passed',
        'passed',
        'passed',
      ]);
      const mine =
        "SELECT COUNT(*) AS n, MAX(ID) AS id FROM information_schema.PROCESSLIST WHERE USER = 'monitor'";
      const seen = await pair.b.query(mine);
      expect(Number(seen?.['n'])).toBe(1);
      await root(pair.b, `KILL ${seen?.['id']}`);
      const after = await check.says();
      expect([after, await check.says()].at(-1)).toBe('passed');
    } finally {
      check.end();
    }
  });

  test('tells a query that fails from one that has no row', async () => {
    const { port } = pair.b.server;
    expect(await says(port, 'query "SELECT 1 FROM DUAL WHERE FALSE"')).toBe('the query gave no row');
    expect(await says(port, 'query "SELECT * FROM shop.t"')).toMatch(/denied/);
  });

  test('can ask for a server that may be written', async () => {
    const { port } = pair.b.server;
    await root(pair.b, 'SET GLOBAL read_only = ON');
    expect(await says(port, 'require_writable')).toBe('the server is read-only');
    await root(pair.b, 'SET GLOBAL read_only = OFF');
    expect(await says(port, 'require_writable')).toBe('passed');
  });

  test('a stopped applier fails it, and so does a receiver that was stopped', async () => {
    const { port } = pair.b.server;
    await root(pair.b, 'STOP SLAVE SQL_THREAD');
    expect(await says(port, 'replication')).toBe('the applier is stopped');
    expect(await says(port, '')).toBe('passed');
    await root(pair.b, 'START SLAVE SQL_THREAD');
    await root(pair.b, 'STOP SLAVE IO_THREAD');
    expect(await says(port, 'replication')).toBe('the receiver is stopped');
    await root(pair.b, 'START SLAVE IO_THREAD');
    await until(running(pair.b, 'Slave_IO_Running'));
    expect(await says(port, 'replication')).toBe('passed');
  });

  test('refuses a password file that everybody may read, and repeats no password', async () => {
    const { port } = pair.b.server;
    const open = join(folder, 'open');
    writeFileSync(open, PASSWORD, { mode: 0o600 });
    chmodSync(open, 0o644);
    const words = [
      await says(port, '', open),
      await says(port, '', join(folder, 'missing')),
      await says(port, 'user nobody-there'),
    ];
    expect(words[0]).toMatch(/may be read by every user/);
    expect(words[1]).toMatch(/is missing/);
    expect(words[2]).toMatch(/Access denied/);
    expect(words.join()).not.toContain(PASSWORD);
  });

  test('a frozen server fails it at the deadline', async () => {
    const check = checkOf(pair.b.server.port, '', passwordFile);
    try {
      expect(await check.says()).toBe('passed');
      pair.b.server.freeze();
      expect(await check.says()).toBe('timeout');
      expect(await check.says()).toBe('timeout');
    } finally {
      pair.b.server.thaw();
    }
    await until(async () => (await check.says()) === 'passed');
    check.end();
  });

  test('the other server gone: the survivor passes, unless the connection is asked for', async () => {
    const { port } = pair.b.server;
    await pair.a.server.kill();
    await until(
      async () => (await pair.b.query('SHOW ALL SLAVES STATUS'))?.['Slave_IO_Running'] !== 'Yes',
      30 * SECOND,
    );
    expect(await says(port, 'replication\nmax_lag 120')).toBe('passed');
    expect(await says(port, 'replication connected')).toMatch(/^the receiver is not connected/);
    expect(await says(pair.a.server.port, '')).toMatch(/nothing listens there/);
  });
});
