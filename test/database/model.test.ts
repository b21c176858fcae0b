// The simulated server of sim/server.ts against real MariaDB servers: the same scripted cases, and the same is seen at both.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases } from '../../sim/cases/all.ts';
import { modelLab } from '../../sim/cases/model.ts';
import { type Pair, startPair } from './pair.ts';
import { realLab } from './real.ts';

/** Pairs at work at the same time. */
const PAIRS = 2;
const pairs: Pair[] = [];
const free: Pair[] = [];
const callers: ((pair: Pair) => void)[] = [];

beforeAll(async () => {
  pairs.push(...(await Promise.all(Array.from({ length: PAIRS }, () => startPair('model')))));
  free.push(...pairs);
});
afterAll(async () => {
  await Promise.all(pairs.map((pair) => pair.end()));
});

async function borrowed<T>(use: (pair: Pair) => Promise<T>): Promise<T> {
  const pair = free.pop() ?? (await new Promise<Pair>((resolve) => callers.push(resolve)));
  try {
    return await use(pair);
  } finally {
    const next = callers.shift();
    if (next === undefined) free.push(pair);
    else next(pair);
  }
}

describe('the simulated and the real server agree:', () => {
  it.concurrent.each(cases)('$name', async ({ run, seen }) => {
    const real = await borrowed(async (pair) => await run(await realLab(pair)));
    const simulated = await run(modelLab());
    expect({ real, simulated }).toEqual({ real: seen, simulated: seen });
  });
});
