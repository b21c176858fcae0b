// `verify` while clients write and the standby lags by fits and starts: it finds the rows that differ, and no other.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Family, missing, type Pair, startPair } from './servers.ts';

const ROWS = 3000;

/** Until stopped: changes, removes and adds rows, some of them very often. */
function startLoad(pair: Pair): () => Promise<number> {
  let going = true;
  let statements = 0;
  const whole = (max: number): number => Math.floor(Math.random() * max);
  const one = (): string => {
    const id = 10 + whole(ROWS - 10);
    const kinds = [
      `UPDATE shop.t SET n = n + 1, c = CONCAT('changed ', n) WHERE id = ${id}`,
      `UPDATE shop.t SET n = n + 1 WHERE id BETWEEN ${id} AND ${id + 5} AND id > 9`,
      `DELETE FROM shop.t WHERE id = ${id}`,
      `REPLACE INTO shop.t VALUES (${id}, ${whole(1e9)}, 'again')`,
      `INSERT INTO shop.t (n, c) VALUES (1, 'new')`,
      `UPDATE shop.hot SET n = n + 1 WHERE id = ${whole(5)}`,
      `UPDATE shop.hot SET flag = 1 - flag WHERE id = ${whole(5)}`,
      `INSERT INTO shop.keyless VALUES (${whole(50)}, 'x')`,
      `DELETE FROM shop.keyless WHERE a = ${whole(50)}`,
    ];
    return kinds[whole(kinds.length)] ?? '';
  };
  const writer = async (): Promise<void> => {
    const session = await pair.session('a');
    while (going) {
      // Deadlocks between them are the servers' to tell and ours to pass over.
      await session.query(one()).catch(() => undefined);
      statements += 1;
      // Slower than a standby catches up, or it never would.
      await sleep(20);
    }
    session.destroy();
  };
  const words = pair.family === 'mysql' ? 'REPLICA' : 'SLAVE';
  const lag = async (): Promise<void> => {
    while (going) {
      await pair.b.query(`STOP ${words} SQL_THREAD`);
      await sleep(20 + whole(80));
      await pair.b.query(`START ${words} SQL_THREAD`);
      await sleep(200 + whole(300));
    }
  };
  const all = [writer(), writer(), writer(), lag()];
  return async () => {
    going = false;
    await Promise.all(all);
    return statements;
  };
}

for (const family of ['mariadb', 'mysql', 'mysql56'] as Family[]) {
  const because = missing(family);
  describe.skipIf(because !== null)(`${family}${because === null ? '' : ` (${because})`}`, () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await startPair(family);
      await pair.a.query(
        `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, n INT, c VARCHAR(30)) ENGINE=InnoDB;
         CREATE TABLE shop.hot (id INT PRIMARY KEY, n BIGINT, flag INT) ENGINE=InnoDB; CREATE TABLE shop.keyless (a INT, b VARCHAR(9)) ENGINE=InnoDB;
         INSERT INTO shop.hot VALUES (0,0,0),(1,0,0),(2,0,0),(3,0,0),(4,0,0)`,
      );
      for (let id = 1; id <= ROWS; id += 500)
        await pair.a.query('INSERT INTO shop.t VALUES ?', [
          Array.from({ length: 500 }, (_, i) => [id + i, i, 'first']),
        ]);
      await pair.a.query("INSERT INTO shop.keyless VALUES (100,'kept'),(100,'kept')");
      await pair.caughtUp();
    });
    afterAll(async () => {
      await pair?.end();
    });

    test('under load and lag it reports the rows that differ and no other', async () => {
      await pair.only(
        'b',
        "DELETE FROM shop.t WHERE id = 3; UPDATE shop.t SET c = 'other' WHERE id = 5; INSERT INTO shop.t VALUES (-1, 1, 'stray'); DELETE FROM shop.keyless WHERE a = 100 LIMIT 1",
      );
      const stop = startLoad(pair);
      try {
        for (const chunkRows of [700, null]) {
          const pace = { ...pair.options().pace, chunkRows };
          const { result, close } = await pair.verify([], { pace });
          close();
          const seen = result.tables.flatMap(({ table, shown }) =>
            shown.map((row) => `${table} ${row.key['id'] ?? row.columns[0]?.writer} ${row.there}`),
          );
          expect(seen.sort()).toEqual(
            [
              'shop.keyless 100 both',
              'shop.t -1 only-standby',
              'shop.t 3 only-writer',
              'shop.t 5 both',
            ].sort(),
          );
        }
      } finally {
        expect(await stop()).toBeGreaterThan(0);
      }
    });
  });
}
