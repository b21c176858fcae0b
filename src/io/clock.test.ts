import { expect, test } from 'vitest';
import { bootClock } from './clock.ts';

/** A host whose clocks are set by hand. `suspend` moves all but the monotonic one. */
function host() {
  const at = { monotonic: 5000, wall: 1_000_000, uptime: 65_000, reads: 0 };
  return {
    at,
    run(ms: number) {
      at.monotonic += ms;
      at.wall += ms;
      at.uptime += ms;
    },
    suspend(ms: number) {
      at.wall += ms;
      at.uptime += ms;
    },
    clock: () =>
      bootClock({
        monotonicMs: () => at.monotonic,
        wallMs: () => at.wall,
        uptimeMs: () => {
          at.reads += 1;
          return Math.floor(at.uptime / 10) * 10;
        },
      }),
  };
}

test('time counts as it passes, without asking the kernel for the uptime again', () => {
  const here = host();
  const clock = here.clock();
  const reads = here.at.reads;
  const before = clock.bootMs();
  here.run(700);
  expect(clock.bootMs() - before).toBeCloseTo(700);
  expect(here.at.reads).toBe(reads);
});

test('a suspend counts in the first answer after waking', () => {
  const here = host();
  const clock = here.clock();
  const before = clock.bootMs();
  here.run(20);
  here.suspend(3_600_000);
  expect(clock.bootMs() - before).toBeGreaterThan(3_600_000);
});

test('a suspend that the wall clock was set back by is seen within a second', () => {
  const here = host();
  const clock = here.clock();
  const before = clock.bootMs();
  here.at.uptime += 60_000;
  here.run(1001);
  expect(clock.bootMs() - before).toBeGreaterThan(61_000 - 10);
});

test('setting the wall clock moves nothing', () => {
  const here = host();
  const clock = here.clock();
  const before = clock.bootMs();
  here.at.wall += 86_400_000;
  expect(clock.bootMs()).toBe(before);
  here.at.wall -= 2 * 86_400_000;
  expect(clock.bootMs()).toBe(before);
});
