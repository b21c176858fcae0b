// The binary log reader against a real MariaDB server: every kind of column, each statement's rows before and after, and the
// transaction behind a GTID or a place.

import { rmSync } from 'node:fs';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definitionsOf } from '../../src/io/binlog/definitions.ts';
import { readTransaction } from '../../src/io/binlog/transaction.ts';
import { HeldConnection } from '../../src/io/database/connection.ts';
import { imageOfRow, insertSql, ROW_SESSION, selectSql } from '../../src/io/salvage/rowsql.ts';
import { freePort, type MariadbServer, pairArgs, scratchDir, startMariadb } from '../support/mariadb.ts';

const TABLE = `CREATE TABLE shop.every (
  id BIGINT UNSIGNED PRIMARY KEY, t TINYINT, ut TINYINT UNSIGNED, s SMALLINT, m MEDIUMINT, um MEDIUMINT UNSIGNED, i INT, ui INT UNSIGNED,
  f FLOAT, d DOUBLE, dec1 DECIMAL(30,10), dec2 DECIMAL(5,0), dec3 DECIMAL(9,9), y YEAR, da DATE, ti TIME, ti6 TIME(6), ti3 TIME(3), dt DATETIME, dt6 DATETIME(6),
  dt1 DATETIME(1), ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL, c CHAR(10), c300 CHAR(200) CHARACTER SET utf8mb4, v VARCHAR(20), v300 VARCHAR(300), l1 VARCHAR(20) CHARACTER SET latin1,
  bi BINARY(8), vb VARBINARY(20), te TEXT, lb LONGBLOB, e ENUM('x','y','z'), se SET('a','b','c'), b1 BIT(1), b20 BIT(20), js JSON,
  g POINT NULL, u UUID NULL, ip INET6 NULL, gen INT AS (i + 1) VIRTUAL, sto INT AS (i + 2) STORED) CHARACTER SET utf8mb4`;
const COLUMNS =
  'id,t,ut,s,m,um,i,ui,f,d,dec1,dec2,dec3,y,da,ti,ti6,ti3,dt,dt6,dt1,ts,ts6,c,c300,v,v300,l1,bi,vb,te,lb,e,se,b1,b20,js,g,u,ip';
const ROWS = [
  `18446744073709551615,-128,255,-32768,-8388608,16777215,-2147483648,4294967295,0.1,0.1,-12345678901234567890.0123456789,-99999,-0.123456789,
   1901,'1000-01-01','-838:59:59','-12:34:56.000001','23:59:59.999','9999-12-31 23:59:59','2024-02-29 12:34:56.123456','2000-01-01 00:00:00.1',
   '1970-01-02 00:00:00','2038-01-19 03:14:07.999999','abc  ','日本',' x''\\\\y\\n','é','ÿé',X'0102000000000000',X'00FF00','text €',X'DEADBEEF00','y','a,c',1,X'0A0BCD',
   '{"a": [1, 2.5]}',ST_GeomFromText('POINT(1.5 -2)'),'123e4567-e89b-12d3-a456-426655440000','::ffff:1.2.3.4'`,
  `1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL`,
  `2,0,0,0,0,0,0,0,-3.4e38,1.7976931348623157e308,0,0,0,2155,'2000-12-31','00:00:00','00:00:00.5','-00:00:00.001','1000-01-01 00:00:00','1970-01-01 00:00:00.000001','2024-12-31 23:59:59.9',
   '2000-06-15 12:00:00','2001-09-09 01:46:40.000001','','','','','',X'','','','','z','',0,0,'1',NULL,NULL,NULL`,
];

let server: MariadbServer;
let root: Connection;
let held: HeldConnection;
const PASSWORD = 'not-a-secret';
const endpoint = (user: string) => ({ host: '127.0.0.1', port: server.port, user, password: PASSWORD });

beforeAll(async () => {
  server = await startMariadb({ dir: scratchDir('binlog'), port: await freePort(), extraArgs: pairArgs(7) });
  root = await server.root({ multipleStatements: true });
  await root.query(`SET GLOBAL rpl_semi_sync_master_enabled = OFF; SET GLOBAL read_only = OFF; SET time_zone = '+00:00';
    SET NAMES utf8mb4; CREATE DATABASE shop; ${TABLE};
    CREATE TABLE shop.plain (a INT, b VARCHAR(10));
    CREATE USER all_of_it@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'; GRANT ALL ON *.* TO all_of_it@'127.0.0.1';
    CREATE USER repl@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1'`);
  held = new HeldConnection({ endpoint: endpoint('all_of_it'), onTimeout: 'discard', session: ROW_SESSION });
});
afterAll(async () => {
  held?.close();
  await server?.kill();
  if (server !== undefined) rmSync(server.dir, { recursive: true, force: true });
});

const definitions = () => definitionsOf(held, 5000);
async function last(): Promise<string> {
  const [rows] = await root.query('SELECT @@gtid_binlog_pos AS gtid');
  return String((rows as { gtid: unknown }[])[0]?.gtid);
}
const read = async (gtid: string) =>
  await readTransaction({
    family: 'mariadb',
    endpoint: endpoint('repl'),
    place: { gtid },
    definitions: definitions(),
    deadlineMs: 20_000,
  });

async function rowNow(id: string) {
  const definition = await definitions()('shop', 'every');
  if (definition === null) throw new Error('no table');
  const rows = (await held.query(selectSql(definition, { id }, false), 5000)) as Record<string, unknown>[];
  return { definition, image: rows[0] === undefined ? null : imageOfRow(definition, rows[0]) };
}

describe('the binary log reader', () => {
  it.each(ROWS.map((row) => [row.split(',')[0] ?? '', row] as const))(
    'reads every type of column as the server reads it (row %s)',
    async (id, row) => {
      await root.query(`INSERT INTO shop.every (${COLUMNS}) VALUES (${row})`);
      const read_ = await read(await last());
      const { image, definition } = await rowNow(id);
      expect(read_).toMatchObject({ server: 7, statements: [], unreadable: [] });
      expect(read_?.rows).toHaveLength(1);
      expect(read_?.rows[0]).toMatchObject({ schema: 'shop', table: 'every', kind: 'insert', before: null });
      const after = read_?.rows[0]?.after ?? {};
      // A virtual column is computed, and may be left out of the log.
      expect({ gen: image?.['gen'], ...after }).toEqual(image);
      // What the log says can be written back, and is then the same.
      await root.query('DELETE FROM shop.every WHERE id = ?', [id]);
      const gone = await read(await last());
      expect(gone?.rows[0]).toMatchObject({ kind: 'delete', after: null });
      await held.query(insertSql(definition, gone?.rows[0]?.before ?? {}), 5000);
      expect((await rowNow(id)).image).toEqual(image);
    },
  );

  it('reads a transaction of several statements in order, with what made them, and leaves the others alone', async () => {
    await root.query("INSERT INTO shop.plain VALUES (1, 'one'), (2, 'two')");
    await root.query(
      "START TRANSACTION; UPDATE shop.plain SET b = 'TWO' WHERE a = 2; SAVEPOINT s; DELETE FROM shop.plain; COMMIT",
    );
    const gtid = await last();
    await root.query("INSERT INTO shop.plain VALUES (3, 'three')");
    const transaction = await read(gtid);
    expect(transaction?.rows.map(({ kind, before, after }) => [kind, before, after])).toEqual([
      ['update', { a: '2', b: 'two' }, { a: '2', b: 'TWO' }],
      ['delete', { a: '1', b: 'one' }, null],
      ['delete', { a: '2', b: 'TWO' }, null],
    ]);
    expect(transaction?.annotations.join()).toContain("SET b = 'TWO'");
    expect(transaction?.at).toMatch(/^20\d\d-/);
  });

  it('tells DDL and statements from rows', async () => {
    await root.query('ALTER TABLE shop.plain ADD COLUMN c INT');
    expect((await read(await last()))?.statements.join()).toContain('ADD COLUMN c INT');
    await root.query(
      "SET SESSION binlog_format = STATEMENT; UPDATE shop.plain SET b = 'x'; SET SESSION binlog_format = ROW",
    );
    expect((await read(await last()))?.statements).toEqual([expect.stringContaining("SET b = 'x'")]);
  });

  it('reads it by file and position as well, and says when it is not there', async () => {
    const [status] = await root.query('SHOW MASTER STATUS');
    const at = (status as { File: string; Position: number }[])[0];
    await root.query("INSERT INTO shop.plain (a, b) VALUES (9, 'nine')");
    const place = { file: at?.File ?? '', position: at?.Position ?? 0 };
    const transaction = await readTransaction({
      family: 'mariadb',
      endpoint: endpoint('repl'),
      place,
      definitions: definitions(),
      deadlineMs: 20_000,
    });
    expect(transaction?.rows[0]?.after).toEqual({ a: '9', b: 'nine', c: null });
    expect(await read('0-7-9999')).toBeNull();
  });
});
