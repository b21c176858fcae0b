// The binlog archive on real MariaDB servers: what a fallen writer had committed alone is in the copy, and is applied at the other
// server under its own GTIDs, with the account of the agent and no privilege on the users' tables.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Copy, startCopy } from '../../src/io/archive/copy.ts';
import { filesOf, openShelf, positionAfter, type Run, runsFrom } from '../../src/io/archive/shelf.ts';
import { applyTail, cutTail } from '../../src/io/archive/tail.ts';
import { HeldConnection } from '../../src/io/database/connection.ts';
import { freePort, type MariadbServer, pairArgs, scratchDir, startMariadb } from '../support/mariadb.ts';

const PASSWORD = 'not-a-secret';
const SECOND = 1000;

interface Node {
  readonly server: MariadbServer;
  readonly root: Connection;
}
let a: Node;
let b: Node;
const folder = scratchDir('archive');
const copies: Copy[] = [];

async function start(name: string, id: number): Promise<Node> {
  const server = await startMariadb({
    dir: scratchDir(name),
    port: await freePort(),
    extraArgs: pairArgs(id),
  });
  const root = await server.root({ multipleStatements: true });
  await root.query(`SET GLOBAL rpl_semi_sync_master_enabled = OFF; SET GLOBAL read_only = OFF; SET sql_log_bin = 0;
    CREATE USER repl@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1';
    CREATE USER agent@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'; GRANT READ_ONLY ADMIN, BINLOG REPLAY ON *.* TO agent@'127.0.0.1';
    SET sql_log_bin = 1`);
  return { server, root };
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  [a, b] = await Promise.all([start('arca', 11), start('arcb', 12)]);
  await a.root.query(
    "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO shop.t VALUES (1, 'one')",
  );
  await b.root.query(
    `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${a.server.port}, MASTER_USER = 'repl',
     MASTER_PASSWORD = '${PASSWORD}', MASTER_USE_GTID = slave_pos; START SLAVE`,
  );
}, 60 * SECOND);

afterAll(async () => {
  for (const copy of copies) copy.stop();
  await Promise.all([a?.server.kill(), b?.server.kill()]);
});

async function one(node: Node, sql: string): Promise<string> {
  const [rows] = await node.root.query<RowDataPacket[]>(sql);
  return String(Object.values(rows[0] ?? {})[0] ?? '');
}
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error('it did not come to be within 10 s');
}
const state = (node: Node): Promise<string> => one(node, 'SELECT @@gtid_binlog_pos AS p');

function copyInto(run: Run): Promise<string> {
  return new Promise((resolve) => {
    const endpoint = { host: '127.0.0.1', port: a.server.port, user: 'repl', password: PASSWORD };
    copies.push(startCopy({ run, endpoint, serverId: 520, onEnd: resolve }));
  });
}

describe('the archive', () => {
  it(
    'has what the writer committed, over a break of the copy and a new log, and a standby takes what it lacks',
    async () => {
      await until(async () => (await state(b)) === (await state(a)));
      const shelf = openShelf(folder);
      const first = shelf.begin({ node: 'a', epoch: 1, family: 'mariadb', behind: '' });
      const ended = copyInto(first);
      await until(async () => (await positionAfter(first)) === (await state(a)));
      await b.root.query('STOP SLAVE');
      const standby = await state(b);
      for (let id = 2; id < 6; id += 1) await a.root.query(`INSERT INTO shop.t VALUES (${id}, 'v${id}')`);
      await until(async () => (await positionAfter(first)) === (await state(a)));
      copies[0]?.stop();
      await ended;

      await a.root.query(
        "FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (10, 'ten'); UPDATE shop.t SET v = 'uno' WHERE id = 1",
      );
      const second = shelf.begin({
        node: 'a',
        epoch: 1,
        family: 'mariadb',
        behind: await positionAfter(first),
      });
      void copyInto(second);
      await until(async () => (await positionAfter(second)) === (await state(a)));
      await a.root.query("INSERT INTO shop.t VALUES (11, X'DEADBEEF')");
      const last = await state(a);
      await until(async () => (await positionAfter(second)) === last);
      await a.server.kill();

      const runs = runsFrom(shelf.runs(), standby);
      expect(runs).toHaveLength(2);
      const tail = await cutTail((runs ?? []).flatMap(filesOf), standby);
      expect(tail?.transactions).toBe(7);
      const file = join(folder, 'tail');
      writeFileSync(file, tail?.log ?? '');
      await b.root.query('SET GLOBAL read_only = ON');
      const endpoint = { host: '127.0.0.1', port: b.server.port, user: 'agent', password: PASSWORD };
      const connection = new HeldConnection({ endpoint, onTimeout: 'discard' });
      await applyTail('mariadb', file, connection, 20 * SECOND).finally(() => connection.close());
      expect(await state(b)).toBe(last);
      expect(await one(b, "SELECT GROUP_CONCAT(CONCAT(id, '=', HEX(v)) ORDER BY id) FROM shop.t")).toBe(
        '1=756E6F,2=7632,3=7633,4=7634,5=7635,10=74656E,11=DEADBEEF',
      );
      // Nothing is behind it any more; and what it has at its end is asked for by whoever stands before all of it.
      expect(await cutTail((runs ?? []).flatMap(filesOf), last)).toBeNull();
      expect(runsFrom(shelf.runs().slice(1), '')).toBeNull();
    },
    60 * SECOND,
  );
});
