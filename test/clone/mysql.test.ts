// `twinkeep clone` on MySQL 9.7 by its CLONE plugin, killed half-way and gone on with (npm run mysql: the server is fetched).

import { afterAll, expect, test } from 'vitest';
import { rootSession } from '../../lab/database.ts';
import { hostProcesses, runIn, spawnIn } from '../../lab/host.ts';
import { labDown, labUp } from '../../lab/lab.ts';
import { launcher } from '../../lab/pair.ts';
import { type LabOptions, type NodeName, pairFile } from '../../lab/plan.ts';
import { signal, until } from '../../lab/process.ts';
import { mysqlRoot } from '../database/mysqlserver.ts';

const root = mysqlRoot();
const given: Partial<LabOptions> = { name: `t${process.pid}-clone97`, server: 'mysql' };

afterAll(async () => {
  if ('path' in root) await labDown(given);
});

async function sql(lab: LabOptions, node: NodeName, text: string): Promise<Record<string, unknown>[]> {
  const session = await rootSession(lab, node);
  try {
    return await session.query(text);
  } finally {
    session.close();
  }
}

test.skipIf('missing' in root)(
  'a standby becomes a copy of its writer by the CLONE plugin, also when the command is killed half-way',
  async () => {
    const lab = await labUp(given, () => {});
    const argv = (...args: string[]): string[] => [launcher, ...args, '--config', pairFile(lab)];
    await sql(lab, 'a', "INSERT INTO drill.t (writer, sequence, payload) VALUES (900, 1, 'x')");
    const [before] = await sql(lab, 'b', 'SELECT @@server_uuid AS uuid');

    const child = spawnIn(lab, 'b', argv('clone', '--from', 'a', '--rate', '1MB', '--json'), 'pipe');
    let said = '';
    child.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
    });
    const half = await until(() => /"event":"progress","bytes":[1-9]/.test(said), 60_000, 10);
    const clones = () =>
      hostProcesses(lab, 'b').filter(({ argv: words, state }) => state !== 'Z' && words.includes('clone'));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    for (const { pid } of clones()) signal(pid, 'SIGKILL');
    await ended;
    expect(await until(() => clones().length === 0, 20_000, 20)).toBe(true);
    expect(half, said).toBe(true);

    const { code, stdout, stderr } = await runIn(lab, 'b', argv('clone', '--discard-old'));
    expect(code, stdout + stderr).toBe(0);
    expect(await sql(lab, 'b', 'SELECT payload FROM drill.t WHERE writer = 900')).toEqual([{ payload: 'x' }]);
    const [after] = await sql(lab, 'b', 'SELECT @@server_uuid AS uuid');
    expect(after).toEqual(before);
    // Done means paired: what is written now is on both.
    await sql(lab, 'a', "INSERT INTO drill.t (writer, sequence, payload) VALUES (900, 2, 'y')");
    const there = async (): Promise<boolean> =>
      (await sql(lab, 'b', 'SELECT 1 FROM drill.t WHERE writer = 900')).length === 2;
    expect(await until(there, 10_000, 100)).toBe(true);
  },
  240_000,
);
