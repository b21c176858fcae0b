// The whole program on the other families, in short: a lab comes up as a pair, and its writer role moves under load without a
// row lost. MySQL 9.7 has a command of its own (npm run mysql), which CI runs as well.

import { afterEach, describe, expect, test } from 'vitest';
import { faultNamed } from '../../lab/drill/faults.ts';
import { drillOnce } from '../../lab/drill/run.ts';
import { labStatus } from '../../lab/inspect.ts';
import { labDown, labUp } from '../../lab/lab.ts';
import type { LabOptions } from '../../lab/plan.ts';
import { mysql56Folder } from '../database/mysql56server.ts';
import { mysqlRoot } from '../database/mysqlserver.ts';

const given: Partial<LabOptions> = { name: `t${process.pid}-family` };

afterEach(async () => {
  await labDown(given);
});

const families = [
  { server: 'mysql' as const, missing: 'missing' in mysqlRoot() },
  { server: 'mysql56' as const, missing: 'missing' in mysql56Folder() },
];

describe.each(families)('a lab of $server', ({ server, missing }) => {
  test.skipIf(missing)('comes up paired, and moves its writer on order without losing a row', async () => {
    const lab = await labUp({ ...given, server }, () => {});
    expect(await labStatus(lab)).toMatchObject({ server, vipHolders: ['a'] });
    const run = await drillOnce(lab, faultNamed('switchover'), () => {});
    expect(run.problems).toEqual([]);
    expect(run.writerAfter).toBe('b');
    expect([run.lost, run.differing]).toEqual([0, 0]);
    expect(run.acknowledged).toBeGreaterThan(0);
  });
});
