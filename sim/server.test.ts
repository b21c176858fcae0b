// The simulated server alone: the scripted cases that the real one passes too, and what only a simulation can do.
import { describe, expect, it } from 'vitest';
import { cases } from './cases/all.ts';
import { modelLab } from './cases/model.ts';

describe('the simulated server, as MariaDB', () => {
  it.each(cases)('$name', async ({ run, seen }) => {
    expect(await run(modelLab())).toEqual(seen);
  });
});
