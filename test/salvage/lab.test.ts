// The whole way of a hundred errant transactions in the lab: both nodes take writes during a partition, and the one that was not the
// writer at its end comes back. Found, saved, shown, rewound, replayed but for three conflicts, paired, and equal to the row.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RootSession, rootSession } from '../../lab/database.ts';
import { labDown, labUp } from '../../lab/lab.ts';
import { bothWays, cutWays, unblock } from '../../lab/network.ts';
import { twinkeep } from '../../lab/pair.ts';
import { type LabOptions, type NodeName, nodeNames } from '../../lab/plan.ts';
import type { SalvageIndex } from '../../src/core/salvage/entry.ts';

const NAME = 'salvage-e2e';
let lab: LabOptions;
const roots = new Map<NodeName, RootSession>();

async function until<T>(what: string, look: () => Promise<T | null>, msMax = 60_000): Promise<T> {
  const end = performance.now() + msMax;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > end) throw new Error(`not within ${msMax} ms: ${what}`);
    await sleep(250);
  }
}

async function root(node: NodeName): Promise<RootSession> {
  const known = roots.get(node) ?? (await rootSession(lab, node));
  roots.set(node, known);
  return known;
}
/** The agents close every session of a server that stops to be the writer. */
async function at<T = Record<string, unknown>>(node: NodeName, sql: string): Promise<T[]> {
  try {
    return await (await root(node)).query<T>(sql);
  } catch (error) {
    if (!/closed state|Connection lost/.test((error as Error).message)) throw error;
    roots.delete(node);
    return await (await root(node)).query<T>(sql);
  }
}

async function salvages(): Promise<SalvageIndex[]> {
  const answer = await twinkeep(lab, ['salvage', 'list', '--json']);
  return answer.code === 0 ? (JSON.parse(answer.stdout) as { salvages: SalvageIndex[] }).salvages : [];
}

const CONTENT = "SELECT COUNT(*) AS n, BIT_XOR(CRC32(CONCAT_WS('|', id, name, n))) AS sum FROM shop.item";
async function content(node: NodeName): Promise<unknown> {
  return (await at(node, CONTENT))[0];
}

async function status(): Promise<{ writer: string | null; sync: string }> {
  return JSON.parse((await twinkeep(lab, ['status', '--json'])).stdout || '{}');
}

const openNodes = async (): Promise<NodeName[]> => {
  const open = await Promise.all(
    nodeNames.map(
      async (node) => Number((await at(node, 'SELECT @@GLOBAL.read_only AS ro'))[0]?.['ro']) === 0,
    ),
  );
  return nodeNames.filter((_, i) => open[i]);
};

beforeAll(async () => {
  lab = await labUp({ name: NAME }, () => undefined);
  await at('a', 'CREATE DATABASE shop');
  await at('a', 'CREATE TABLE shop.item (id INT PRIMARY KEY, name VARCHAR(40), n INT) ENGINE=InnoDB');
  for (let id = 1; id <= 20; id++) await at('a', `INSERT INTO shop.item VALUES (${id}, 'row ${id}', 0)`);
}, 180_000);
afterAll(async () => {
  for (const session of roots.values()) session.close();
  await labDown({ name: NAME });
});

describe('a writer that comes back with a hundred transactions that the new writer never had', () => {
  it('has them saved by itself, and nothing is thrown away before somebody decides', async () => {
    await cutWays(lab, bothWays('a', 'b'));
    await until('both nodes take writes', async () => ((await openNodes()).length === 2 ? true : null));
    for (let i = 1; i <= 97; i++) {
      const id = (i % 15) + 1;
      await at(
        'a',
        i % 3 === 0
          ? `UPDATE shop.item SET n = n + 1 WHERE id = ${id}`
          : `INSERT INTO shop.item VALUES (${1000 + i}, 'errant ${i}', ${i})`,
      );
    }
    await at('a', "UPDATE shop.item SET name = 'by a' WHERE id = 18");
    await at('a', 'DELETE FROM shop.item WHERE id = 19');
    await at('a', "INSERT INTO shop.item VALUES (5000, 'both, by a', 1)");
    await at('b', "UPDATE shop.item SET name = 'by b' WHERE id = 18");
    await at('b', 'UPDATE shop.item SET n = 7 WHERE id = 19');
    await at('b', "INSERT INTO shop.item VALUES (5000, 'both, by b', 2)");
    await unblock(lab);
    const [saved] = await until('saved', async () => {
      const found = await salvages();
      return found.length > 0 ? found : null;
    });
    expect(saved).toMatchObject({ node: 'a', writer: 'b', state: 'saved', decision: null, unrewindable: [] });
    expect(saved?.transactions.filter((each) => !each.internal)).toHaveLength(100);
    expect((await at('a', 'SELECT n FROM shop.item WHERE id = 5000'))[0]).toEqual({ n: 1 });
    expect((await twinkeep(lab, ['status'])).stdout).toContain('twinkeep salvage');
  });

  it('shows each row beside what the writer has, and three conflicts', async () => {
    const shown = await twinkeep(lab, ['salvage', 'show', 'last']);
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stdout.match(/can be replayed/g)).toHaveLength(97);
    expect(shown.stdout.match(/: conflict$/gm)).toHaveLength(3);
    expect(shown.stdout).toMatch(/name: row 18 -> by a\n +the writer has: id=18 {2}name=by b {2}n=0/);
    const dry = await twinkeep(lab, ['salvage', 'replay', 'last', '--dry-run']);
    expect(dry.stdout).toContain('would replay 100 of them; nothing was changed');
    const forgotten = await twinkeep(lab, ['salvage', 'forget', 'last']);
    expect([forgotten.code, forgotten.stderr]).toEqual([
      1,
      expect.stringContaining('neither replayed nor discarded'),
    ]);
    const forced = await twinkeep(lab, ['salvage', 'replay', 'last', '--force']);
    expect([forced.code, forced.stderr]).toEqual([2, expect.stringContaining('transactions that are named')]);
  });

  it('is rewound, paired again by itself, and ninety-seven are replayed', async () => {
    const replayed = await twinkeep(lab, ['salvage', 'replay', 'last']);
    expect(replayed.code, replayed.stdout + replayed.stderr).toBe(1);
    expect(replayed.stdout).toContain(
      '97 transactions replayed at b, 0 were there already, 3 left for the operator',
    );
    await until('paired', async () => ((await status()).sync === 'paired' ? true : null));
    expect(await content('a')).toEqual(await content('b'));
    const [saved] = await salvages();
    const left =
      saved?.transactions.filter((each) => each.outcome === 'conflict').map((each) => String(each.number)) ??
      [];
    expect(left).toHaveLength(3);
    const forced = await twinkeep(lab, [
      'salvage',
      'replay',
      'last',
      '--transaction',
      left[0] ?? '',
      '--force',
    ]);
    expect(forced.code, forced.stdout + forced.stderr).toBe(0);
    const discarded = await twinkeep(lab, [
      'salvage',
      'discard',
      'last',
      '--transaction',
      left.slice(1).join(','),
    ]);
    expect(discarded.code, discarded.stderr).toBe(0);
    expect((await at('b', 'SELECT name FROM shop.item WHERE id = 18'))[0]).toEqual({ name: 'by a' });
    expect((await at('b', 'SELECT COUNT(*) AS n FROM shop.item'))[0]).toEqual({ n: 21 + 65 });
    const history = 'SELECT @@GLOBAL.gtid_binlog_state AS h';
    const sorted = async (node: NodeName) =>
      String((await at(node, history))[0]?.['h'])
        .split(',')
        .map((gtid) => gtid.split('-')[1])
        .sort();
    expect(await sorted('a')).toEqual(await sorted('b'));
    await until('equal', async () =>
      JSON.stringify(await content('a')) === JSON.stringify(await content('b')) ? true : null,
    );
    expect((await twinkeep(lab, ['salvage', 'forget', saved?.id ?? ''])).code).toBe(0);
    expect(await salvages()).toEqual([]);
  });
});

describe('a write at the standby', () => {
  it('is saved and named, whichever way it went', async () => {
    // An account of the administrators may write to a read-only server.
    await at('a', "INSERT INTO shop.item VALUES (9000, 'stray', 1)");
    const [saved] = await until('saved', async () => {
      const found = await salvages();
      return found.length > 0 ? found : null;
    });
    // Over the ring it reached the writer; or a write there was quicker, and then it is errant.
    expect(['stray', 'errant']).toContain(saved?.why);
    expect(saved?.transactions.map((each) => each.tables)).toEqual([['shop.item']]);
    const events = await twinkeep(lab, ['events', '--since', '1m', '--json']);
    expect(events.stdout).toMatch(/"code":\s?"(stray-writes|errant-saved)"/);
  });
});
