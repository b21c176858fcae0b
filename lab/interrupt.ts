// Ctrl-C in the middle of a drill or the demo: the lab is taken down, whatever was being done with it.

import { labDown } from './lab.ts';
import type { LabOptions } from './plan.ts';
import { sleep } from './process.ts';

/** How long work that lost its lab under its feet may take to notice. */
const noticeMsMax = 1500;

/**
 * Runs `work`, which may ask whether it was interrupted. After SIGINT or SIGTERM the lab is taken down, the process ends
 * with 130 and the returned promise never settles, so that nobody reports what broke by being taken down.
 */
export function takingDownOnInterrupt<T>(
  lab: Partial<LabOptions>,
  work: (interrupted: () => boolean) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let stopped = false;
    let running: Promise<T | undefined> = Promise.resolve(undefined);
    const takeDown = async (): Promise<void> => {
      await labDown(lab);
      await Promise.race([running.catch(() => {}), sleep(noticeMsMax)]);
      await labDown(lab); // a host that was being started meanwhile
      process.exit(130);
    };
    const interrupt = (): void => {
      if (stopped) process.exit(130);
      stopped = true;
      console.error('\nInterrupted: taking the lab down.');
      takeDown().catch(reject);
    };
    const settle = (report: () => void): void => {
      if (stopped) return;
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      report();
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    const given = work(() => stopped); // only now: from its first step on, an interrupt is ours
    running = given;
    given.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
}
