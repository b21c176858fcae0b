// One drill as `twinkeep drill` does it: the protocol's central promise, seen by clients on both sides of a partition.

import { afterAll, expect, test } from 'vitest';
import { faultNamed } from '../../lab/drill/faults.ts';
import { drillOnce } from '../../lab/drill/run.ts';
import { labDown, labUp } from '../../lab/lab.ts';
import type { LabOptions } from '../../lab/plan.ts';

const given: Partial<LabOptions> = { name: `t${process.pid}-drill`, witnesses: 1 };

afterAll(() => labDown(given));

test("a writer partitioned from standby and witness acknowledges nothing after the other side's promotion", async () => {
  const lab = await labUp(given, () => {});
  // Longer than aloneAfter: time enough for the cut-off writer to do the wrong thing.
  const fault = { ...faultNamed('writer-isolated'), lookOnMs: 4000 };
  const run = await drillOnce(lab, fault, () => {});
  expect(run.problems).toEqual([]);
  const [before, after] = run.reigns;
  expect(run.reigns.map(({ node, epoch }) => `${node} ${epoch}`)).toEqual(['a 1', 'b 2']);
  expect(before?.lastSentMs).toBeLessThan(after?.firstAckMs ?? 0);
  expect(before?.rows).toBeGreaterThan(0);
  expect(after?.rows).toBeGreaterThan(before?.rows ?? 0);
  expect(run.lost + run.setAside).toBe(0);
});
