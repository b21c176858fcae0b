// What set-up does with the data that it finds, the same on every family: two empty servers; one with data and one empty; two
// that replicate already; two with different data.
import { expect, it } from 'vitest';
import { SECOND, until } from './pair.ts';
import type { SetupBench } from './setupbench.ts';

const SHOP = [
  'CREATE DATABASE shop',
  'CREATE TABLE shop.t (id INT PRIMARY KEY) ENGINE=InnoDB',
  'INSERT INTO shop.t VALUES (1), (2)',
];

export function setupCases(bench: () => SetupBench, words: { readonly removeLogs: string }): void {
  const count = async (node: 'a' | 'b'): Promise<number> =>
    Number((await bench().on(node, 'SELECT COUNT(*) AS n FROM shop.t'))[0]?.['n']);

  it('two empty servers become a pair, and are then left as they are', async () => {
    await bench().start();
    const steps = await bench().steps();
    expect(steps.filter((step) => /channel/.test(step))).toHaveLength(4);
    expect(await bench().steps()).toEqual([]);
    const [a, b] = [bench().database('a'), bench().database('b')];
    await a.connect(5 * SECOND);
    await b.connect(5 * SECOND);
    await bench().write('a', ...SHOP);
    await b.waitFor((await a.status(SECOND)).executedGtid, 5 * SECOND);
    expect(await count('b')).toBe(2);
    // With data on both and channels that run there is still nothing to do, and nothing is interrupted.
    const heartbeats = (await b.status(SECOND)).channel?.heartbeats ?? 0;
    expect(await bench().steps()).toEqual([]);
    await until(async () => ((await b.status(SECOND)).channel?.heartbeats ?? 0) > heartbeats);
  });

  it('an empty server reads all from the binary log of one with data, and is compared with it', async () => {
    await bench().start();
    await bench().write('a', ...SHOP);
    const steps = await bench().steps();
    expect(steps.at(-1)).toContain('compare the tables that b has got');
    expect(await count('b')).toBe(2);
    expect(await bench().steps()).toEqual([]);
  });

  it('tables that are older than the binary log are missed when the two are compared', async () => {
    await bench().start();
    await bench().writeUnlogged('a', ...SHOP);
    await bench().write('a', 'CREATE DATABASE later');
    const refused = await bench().setup('--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('shop.t did not come');
    expect(
      (
        await bench()
          .database('b')
          .status(5 * SECOND)
      ).channel,
    ).toBeNull();
  });

  it('a binary log that the applier cannot follow from its start is refused for a clone, and the channel taken back', async () => {
    await bench().start();
    await bench().writeUnlogged('a', ...SHOP);
    await bench().write('a', 'CREATE TABLE shop.later (id INT PRIMARY KEY) ENGINE=InnoDB');
    const refused = await bench().setup('--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('the data of a are older than its binary log');
    expect(refused.stderr).toContain('twinkeep clone --from a, on b');
    const again = bench().database('b');
    expect((await again.status(5 * SECOND)).channel).toBeNull();
  });

  it('one whose early binary logs are gone is refused for a clone', async () => {
    await bench().start();
    await bench().write('a', ...SHOP, 'FLUSH BINARY LOGS', words.removeLogs);
    const refused = await bench().setup('--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('the binary log of a lacks what came before');
    expect(refused.stderr).toContain('twinkeep clone --from a');
  });

  it('servers whose data went apart are refused, with the tables by name, and nothing is changed', async () => {
    await bench().start();
    for (const node of ['a', 'b'] as const)
      await bench().write(
        node,
        `CREATE DATABASE shop_${node}`,
        `CREATE TABLE shop_${node}.t (id INT PRIMARY KEY)`,
      );
    const refused = await bench().setup('--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('each node has transactions that the other lacks');
    expect(refused.stderr).toContain('only on b: shop_b.t');
    expect(refused.stderr).toContain('twinkeep clone --from a');
    expect(await bench().on('a', "SELECT 1 FROM mysql.user WHERE user = 'twinkeep'")).toEqual([]);
  });
}
