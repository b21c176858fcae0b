// The simulated server alone: the scripted cases that the real one passes too, and what only a simulation can do.
import { describe, expect, it } from 'vitest';
import { crashCases } from './cases/crash.ts';
import { modelLab } from './cases/model.ts';
import { relayCases } from './cases/relay.ts';
import { waitingCases } from './cases/waiting.ts';

describe('the simulated server, as MariaDB', () => {
  it.each([...waitingCases, ...crashCases, ...relayCases])('$name', async ({ run, seen }) => {
    expect(await run(modelLab())).toEqual(seen);
  });
});
