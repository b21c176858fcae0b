// What `verify` finds on real servers: differences made on purpose, each by itself among everything else that is the same; and
// what `--repair` makes of them. `npm run mysql` runs the same on MySQL 9.7 and 5.6.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { performRepair, planRepair } from '../../src/io/verify/repair.ts';
import type { VerifySession } from '../../src/io/verify/verify.ts';
import { verify } from '../../src/io/verify/verify.ts';
import { accountOptions, type Family, missing, type Pair, startPair } from './servers.ts';

/** Every kind of column and key that rows are told apart by, each in a table of its own. */
const TABLES: Readonly<Record<string, string>> = {
  plain:
    'id INT PRIMARY KEY AUTO_INCREMENT, c VARCHAR(20) CHARACTER SET utf8 COLLATE utf8_general_ci, n INT, ts TIMESTAMP NULL, dt DATETIME(3)',
  composite:
    "k1 VARCHAR(10) CHARACTER SET latin1, k2 ENUM('z','a') NOT NULL, k3 DECIMAL(9,3) NOT NULL, k4 DATETIME(6) NOT NULL, v INT, PRIMARY KEY (k1,k2,k3,k4)",
  numbers: 'id BIGINT UNSIGNED PRIMARY KEY, f FLOAT, d DOUBLE, e DECIMAL(30,10), b BIT(9), y YEAR, t TIME(2)',
  binaries: 'id BINARY(3) PRIMARY KEY, v VARBINARY(40), bl LONGBLOB, tx MEDIUMTEXT CHARACTER SET latin1',
  words:
    "w VARCHAR(20) CHARACTER SET utf8 COLLATE utf8_general_ci PRIMARY KEY, s SET('x','y','z'), ch CHAR(5)",
  nulls: 'a INT NULL, b INT NULL, v VARCHAR(9), UNIQUE KEY (a,b)',
  keyless: 'a INT, b VARCHAR(9)',
  flying: 'f FLOAT PRIMARY KEY, v INT',
  parts: 'id INT PRIMARY KEY, v INT',
  twice: 'id INT PRIMARY KEY, mail VARCHAR(20) UNIQUE, v INT',
};
const TAILS: Readonly<Record<string, string>> = { parts: 'PARTITION BY HASH (id) PARTITIONS 4' };

const ROWS = `
INSERT INTO shop.plain VALUES (1,'one',1,'2026-03-29 01:30:00','2026-03-29 02:30:00.123'),(2,'Zwei ',2,NULL,NULL),(3,'',3,NULL,NULL),(4,NULL,4,NULL,NULL),(5,'größe',5,'2026-10-25 01:30:00',NULL);
INSERT INTO shop.composite VALUES ('a','z',1.5,'2026-01-01 00:00:00.000001',1),('a','a',1.5,'2026-01-01 00:00:00.000001',2),('a','a',-1.5,'2026-01-01 00:00:00.000001',3),(x'E9','z',0,'2026-01-01',4),('b','a',2,'2026-01-01 00:00:00.5',5);
INSERT INTO shop.numbers VALUES (1,1.1,0.1,'12345678901234567890.1234567891',5,2026,'-12:00:00.25'),(18446744073709551615,1e30,1e-300,-0.5,511,1999,NULL),(7,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO shop.binaries VALUES (x'000000',x'00FF',REPEAT('b',100000),REPEAT('t',70000)),(x'00FF01','',NULL,NULL),(x'FFFFFF',NULL,x'','');
INSERT INTO shop.words VALUES ('alpha','x,z','ab'),('Beta','','c '),('gamma',NULL,NULL);
INSERT INTO shop.nulls VALUES (1,1,'x'),(1,NULL,'y'),(1,NULL,'y'),(NULL,NULL,'z');
INSERT INTO shop.keyless VALUES (1,'x'),(1,'x'),(2,NULL),(3,'z');
INSERT INTO shop.flying VALUES (1.1,1),(2.2,2);
INSERT INTO shop.parts VALUES (1,1),(2,2),(3,3),(4,4),(5,5);
INSERT INTO shop.twice VALUES (1,'a',1),(2,'b',2),(3,'c',3)`;

/** Pairs whose tables are the same at both, so that other rows can be put into them by replication. */
const level = new Set<Pair>();

async function fill(pair: Pair): Promise<void> {
  const { a } = pair;
  await a.query("SET NAMES utf8mb4; SET time_zone = '+00:00'; SET sql_mode = ''");
  if (level.delete(pair)) {
    await a.query(
      Object.keys(TABLES)
        .map((name) => `DELETE FROM shop.${name}`)
        .join('; '),
    );
    await a.query(ROWS);
    await pair.caughtUp();
    return;
  }
  await a.query('DROP DATABASE IF EXISTS shop; CREATE DATABASE shop DEFAULT CHARACTER SET utf8');
  for (const [name, columns] of Object.entries(TABLES))
    await a.query(`CREATE TABLE shop.${name} (${columns}) ENGINE=InnoDB ${TAILS[name] ?? ''}`);
  await a.query('CREATE TABLE shop.old (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=MyISAM');
  await a.query("INSERT INTO shop.old VALUES (1,'x'),(2,'y')");
  await a.query(ROWS);
  await a.query(
    'CREATE VIEW shop.vw AS SELECT id FROM shop.plain; CREATE PROCEDURE shop.pr() SELECT 1; CREATE TRIGGER shop.tr BEFORE INSERT ON shop.parts FOR EACH ROW SET NEW.v = NEW.v; CREATE EVENT shop.ev ON SCHEDULE EVERY 1 YEAR DO SELECT 1',
  );
  if (pair.family !== 'mysql56')
    await a.query(
      'CREATE TABLE shop.modern (id INT PRIMARY KEY, j JSON, p POINT NOT NULL, v INT AS (id + 1) VIRTUAL, s INT AS (id + 2) STORED) ENGINE=InnoDB; INSERT INTO shop.modern (id,j,p) VALUES (1,\'{"a": [1, 2.5]}\',POINT(1,2)),(2,NULL,POINT(3,4))',
    );
  if (pair.family === 'mariadb')
    await a.query(
      "CREATE TABLE shop.versioned (id INT PRIMARY KEY, v INT) ENGINE=InnoDB WITH SYSTEM VERSIONING; INSERT INTO shop.versioned VALUES (1,1); UPDATE shop.versioned SET v = 2; CREATE TABLE shop.addresses (id UUID PRIMARY KEY, i INET6); INSERT INTO shop.addresses VALUES (UUID(), '::1'); CREATE SEQUENCE shop.seq",
    );
  await pair.caughtUp();
}

/** What a session found: tables with differing rows, and definitions. */
function found({ result }: VerifySession): string[] {
  return [
    ...result.tables.flatMap((table) => {
      const lines = table.shown.map((row) => {
        const columns = row.columns.map((column) => column.name).join(',');
        const times = row.times === undefined ? '' : ` ${row.times.writer}:${row.times.standby}`;
        return `${table.table} ${Object.values(row.key).join(',')} ${row.there}${times} ${columns}`.replace(
          / +/g,
          ' ',
        );
      });
      return table.by === 'not compared' ? [`${table.table} not compared`] : lines;
    }),
    ...result.definitions.map((each) => `${each.kind} ${each.name} ${each.difference}`),
  ];
}

interface Way {
  readonly name: string;
  readonly sql: string;
  readonly side?: 'a' | 'b';
  readonly finds: readonly string[];
  /** After a repair towards either side nothing is left. */
  readonly repairs?: boolean;
}

const MODERN: readonly Way[] = [
  {
    name: 'a JSON document, a point',
    sql: 'UPDATE shop.modern SET j = \'{"a": [1, 2.6]}\' WHERE id = 1; UPDATE shop.modern SET p = POINT(3,5) WHERE id = 2',
    finds: ['shop.modern 1 both j', 'shop.modern 2 both p'],
    repairs: true,
  },
];

const WAYS: readonly Way[] = [
  {
    name: 'a row missing at the standby',
    sql: 'DELETE FROM shop.plain WHERE id = 2',
    finds: ['shop.plain 2 only-writer c,n,ts,dt'],
    repairs: true,
  },
  {
    name: 'a row missing at the writer',
    side: 'a',
    sql: "DELETE FROM shop.composite WHERE k1 = 'b'",
    finds: ['shop.composite "b","a",2.000,2026-01-01 00:00:00.500000 only-standby v'],
    repairs: true,
  },
  {
    name: 'a changed value',
    sql: 'UPDATE shop.plain SET n = 50 WHERE id = 5',
    finds: ['shop.plain 5 both n'],
    repairs: true,
  },
  {
    name: 'NULL instead of an empty string, and the reverse',
    sql: "UPDATE shop.plain SET c = NULL WHERE id = 3; UPDATE shop.plain SET c = '' WHERE id = 4",
    finds: ['shop.plain 3 both c', 'shop.plain 4 both c'],
    repairs: true,
  },
  {
    name: 'letter case and a trailing blank, equal by collation',
    sql: "UPDATE shop.plain SET c = 'ONE' WHERE id = 1; UPDATE shop.plain SET c = 'Zwei' WHERE id = 2",
    finds: ['shop.plain 1 both c', 'shop.plain 2 both c'],
    repairs: true,
  },
  {
    name: 'a key in other letters',
    sql: "UPDATE shop.words SET w = 'ALPHA' WHERE w = 'alpha'",
    finds: ['shop.words "alpha" both w'],
    repairs: true,
  },
  {
    name: 'a float in its seventh digit, a double in its last',
    sql: 'UPDATE shop.numbers SET f = 1.1000001, d = 0.10000000000000002 WHERE id = 1',
    finds: ['shop.numbers 1 both f,d'],
    repairs: true,
  },
  {
    name: 'text stored through the wrong character set',
    sql: 'UPDATE shop.plain SET c = CONVERT(CAST(CONVERT(c USING utf8) AS BINARY) USING latin1) WHERE id = 5',
    finds: ['shop.plain 5 both c'],
    repairs: true,
  },
  {
    name: 'a time an hour off',
    sql: 'UPDATE shop.plain SET ts = ts + INTERVAL 1 HOUR WHERE id = 5',
    finds: ['shop.plain 5 both ts'],
    repairs: true,
  },
  {
    name: 'the last byte of a blob',
    sql: "UPDATE shop.binaries SET bl = CONCAT(LEFT(bl, 99999), 'c') WHERE id = x'000000'",
    finds: ['shop.binaries 0x000000 both bl'],
    repairs: true,
  },
  {
    name: 'a bit, a set, an enum in the key',
    sql: "UPDATE shop.numbers SET b = 4 WHERE id = 1; UPDATE shop.words SET s = 'x' WHERE w = 'alpha'; DELETE FROM shop.composite WHERE k2 = 'z' AND k1 = 'a'",
    finds: [
      'shop.composite "a","z",1.500,2026-01-01 00:00:00.000001 only-writer v',
      'shop.numbers 1 both b',
      'shop.words "alpha" both s',
    ],
    repairs: true,
  },
  {
    name: 'a row without a key once instead of twice',
    sql: 'DELETE FROM shop.keyless WHERE a = 1 LIMIT 1; INSERT INTO shop.keyless VALUES (9, NULL)',
    finds: ['shop.keyless both 2:1 a,b', 'shop.keyless only-standby 0:1 a,b'],
    repairs: true,
  },
  {
    name: 'rows told apart by NULLs in a unique key',
    sql: 'DELETE FROM shop.nulls WHERE b IS NULL AND a = 1 LIMIT 1',
    finds: ['shop.nulls both 2:1 a,b,v'],
    repairs: true,
  },
  {
    name: 'values exchanged under a unique key',
    sql: "UPDATE shop.twice SET mail = 'x' WHERE id = 1; UPDATE shop.twice SET mail = 'a' WHERE id = 2; UPDATE shop.twice SET mail = 'b' WHERE id = 1",
    finds: ['shop.twice 1 both mail', 'shop.twice 2 both mail'],
    repairs: true,
  },
  {
    name: 'a row of a table whose key is a float',
    sql: 'UPDATE shop.flying SET v = 3 WHERE v = 2',
    finds: ['shop.flying only-writer 1:0 f,v', 'shop.flying only-standby 0:1 f,v'],
    repairs: true,
  },
  {
    name: 'a row of a partitioned table, and of MyISAM',
    sql: 'UPDATE shop.parts SET v = 9 WHERE id = 4; UPDATE shop.old SET v = 9 WHERE id = 2',
    finds: ['shop.old 2 both v', 'shop.parts 4 both v'],
  },
  {
    name: 'a table at one side only',
    sql: 'CREATE TABLE shop.extra (id INT PRIMARY KEY)',
    finds: ['table shop.extra only-standby'],
  },
  {
    name: 'a changed column type',
    sql: 'ALTER TABLE shop.parts MODIFY v BIGINT',
    finds: ['table shop.parts differs'],
  },
  {
    name: 'a changed collation of a key',
    sql: 'ALTER TABLE shop.words MODIFY w VARCHAR(20) CHARACTER SET utf8 COLLATE utf8_bin',
    finds: ['shop.words not compared', 'table shop.words differs'],
  },
  {
    name: 'a changed DEFAULT and engine',
    sql: 'ALTER TABLE shop.plain ALTER n SET DEFAULT 3; ALTER TABLE shop.keyless ENGINE=MyISAM',
    finds: ['table shop.keyless differs', 'table shop.plain differs'],
  },
  {
    name: 'a view, a procedure, a trigger, an event',
    sql: 'ALTER VIEW shop.vw AS SELECT n FROM shop.plain; DROP PROCEDURE shop.pr; CREATE PROCEDURE shop.pr() SELECT 2; DROP TRIGGER shop.tr; DROP EVENT shop.ev',
    finds: [
      'view shop.vw differs',
      'trigger shop.tr only-writer',
      'event shop.ev only-writer',
      'procedure shop.pr differs',
    ],
  },
];

for (const family of ['mariadb', 'mysql', 'mysql56'] as Family[]) {
  const because = missing(family);
  describe.skipIf(because !== null)(`${family}${because === null ? '' : ` (${because})`}`, () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await startPair(family);
    });
    afterAll(async () => {
      await pair?.end();
    });

    const expectSame = (session: VerifySession): void => {
      expect(found(session)).toEqual([]);
      level.add(pair);
    };

    async function repair(session: VerifySession, right: 'writer' | 'standby'): Promise<VerifySession> {
      let now = session;
      for (let pass = 0; pass < 3 && now.differing.length > 0; pass += 1) {
        const plan = await planRepair(now.run, now.differing, right);
        expect(plan.refused).toEqual([]);
        const writer = accountOptions(pair, 'dba').nodes[0];
        await performRepair(now.run, writer.endpoint, plan.steps, () => undefined);
        now.close();
        now = await pair.verify();
      }
      return now;
    }

    test('two servers that replicate are found to be the same', async () => {
      await fill(pair);
      const session = await pair.verify();
      expectSame(session);
      expect(session.result).toMatchObject({ writer: 'a', standby: 'b', same: true, notCompared: [] });
      session.close();
    });

    test.each(['rows at a time of one', 'rows at a time of two'])('the same with %s', async (name) => {
      const chunkRows = name.endsWith('one') ? 1 : 2;
      const session = await pair.verify([], { pace: { ...pair.options().pace, chunkRows } });
      expectSame(session);
      session.close();
    });

    for (const way of [...WAYS, ...(family === 'mysql56' ? [] : MODERN)])
      test(`finds ${way.name}`, async () => {
        await fill(pair);
        await pair.only(
          way.side ?? 'b',
          `SET NAMES utf8mb4; SET sql_mode = ''; SET time_zone = '+00:00'; ${way.sql}`,
        );
        let session = await pair.verify();
        expect(found(session).sort()).toEqual([...way.finds].sort());
        if (way.repairs === true) {
          session = await repair(session, 'writer');
          expectSame(session);
        }
        session.close();
      });

    for (const way of [...WAYS, ...(family === 'mysql56' ? [] : MODERN)].filter((each) => each.repairs))
      test(`takes over from the standby: ${way.name}`, async () => {
        await fill(pair);
        await pair.only(
          way.side ?? 'b',
          `SET NAMES utf8mb4; SET sql_mode = ''; SET time_zone = '+00:00'; ${way.sql}`,
        );
        const session = await repair(await pair.verify(), 'standby');
        expectSame(session);
        session.close();
      });

    test('a repair leaves the children of a row, and other rows, alone', async () => {
      await fill(pair);
      await pair.a.query(
        'CREATE TABLE shop.child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES shop.plain (id) ON DELETE CASCADE) ENGINE=InnoDB; INSERT INTO shop.child VALUES (1,1),(2,1)',
      );
      await pair.caughtUp();
      await pair.only('b', 'UPDATE shop.plain SET n = 11 WHERE id = 1');
      const session = await repair(await pair.verify(), 'writer');
      expectSame(session);
      const child = session.result.tables.find((each) => each.table === 'shop.child');
      expect(child?.rows).toBe(2);
      session.close();
    });

    test('a row that a client changed after it was judged is not written over', async () => {
      await fill(pair);
      await pair.only('b', 'UPDATE shop.plain SET n = 11 WHERE id = 1');
      const session = await pair.verify();
      const plan = await planRepair(session.run, session.differing, 'writer');
      await pair.a.query('UPDATE shop.plain SET n = 12 WHERE id = 1');
      const writer = accountOptions(pair, 'dba').nodes[0];
      const unrepaired = await performRepair(session.run, writer.endpoint, plan.steps, () => undefined);
      expect(unrepaired).toMatchObject([{ because: 'it has changed at a meanwhile' }]);
      const [[row]] = await pair.a.query<import('mysql2').RowDataPacket[]>(
        'SELECT n FROM shop.plain WHERE id = 1',
      );
      expect(row?.['n']).toBe(12);
      session.close();
    });

    test('an account that may not read every table is refused with the grant that lets it', async () => {
      const refused = verify(accountOptions(pair, 'bare'), () => undefined);
      await expect(refused).rejects.toMatchObject({
        code: 'verify-grant',
        hint: expect.stringContaining(
          "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO 'bare'@'127.0.0.1';",
        ),
      });
    });

    test('an account that may only read is told what a repair needs', async () => {
      await fill(pair);
      await pair.only('b', 'UPDATE shop.plain SET n = 11 WHERE id = 1');
      const session = await pair.verify();
      const plan = await planRepair(session.run, session.differing, 'writer');
      const writer = pair.options().nodes[0];
      await expect(
        performRepair(session.run, writer.endpoint, plan.steps, () => undefined),
      ).rejects.toMatchObject({
        code: 'repair-grant',
        hint: expect.stringMatching(
          /^GRANT (BINLOG ADMIN|SYSTEM_VARIABLES_ADMIN|SUPER) ON \*\.\* TO verify@/,
        ),
      });
      session.close();
    });

    test('a standby whose applier stands still is refused, and a table that is nowhere is named', async () => {
      await pair.b.query(family === 'mysql' ? 'STOP REPLICA SQL_THREAD' : 'STOP SLAVE SQL_THREAD');
      const verifying = verify(accountOptions(pair, 'dba'), () => undefined);
      await expect(verifying).rejects.toMatchObject({ code: 'standby-behind' });
      await pair.b.query(family === 'mysql' ? 'START REPLICA' : 'START SLAVE');
      await expect(pair.verify(['shop.nowhere'])).rejects.toMatchObject({ code: 'unknown-table' });
    });
  });
}
