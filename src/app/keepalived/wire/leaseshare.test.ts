import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { LeaseShare } from './leaseshare.ts';

it('says of a slot whether this very holding still holds it', () => {
  const share = new LeaseShare();
  const other = new LeaseShare(share.buffer);
  share.hold(7, 1);
  expect([other.isHeld(7, 1), other.isHeld(7, 2), other.isHeld(8, 1)]).toEqual([true, false, false]);
  share.release(7);
  share.hold(7, 2);
  expect([other.isHeld(7, 1), other.isHeld(7, 2)]).toEqual([false, true]);
});

it('counts the turns of the wire thread', () => {
  const share = new LeaseShare();
  const before = new LeaseShare(share.buffer).turns();
  share.turn();
  expect(new LeaseShare(share.buffer).turns()).not.toBe(before);
});

it('lets one thread work at a time', async () => {
  const share = new LeaseShare();
  const inside = new Int32Array(new SharedArrayBuffer(8));
  const source = `
    const { workerData } = require('node:worker_threads');
    import(workerData.url).then(({ LeaseShare }) => {
      const share = new LeaseShare(workerData.buffer);
      for (let i = 0; i < 2000; i++)
        share.alone(() => {
          if (Atomics.add(workerData.inside, 0, 1) !== 0) Atomics.add(workerData.inside, 1, 1);
          Atomics.sub(workerData.inside, 0, 1);
        });
    });`;
  const url = new URL('./leaseshare.ts', import.meta.url).href;
  const workers = [0, 1].map(
    () => new Worker(source, { eval: true, workerData: { url, buffer: share.buffer, inside } }),
  );
  await Promise.all(
    workers.map(
      (worker) => new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject)),
    ),
  );
  expect([...inside]).toEqual([0, 0]);
});

it('waits for one that is stuck no longer than two seconds', () => {
  const share = new LeaseShare();
  // Word 0 is the lock: as if its holder had died.
  Atomics.store(new Int32Array(share.buffer), 0, 1);
  let worked = 0;
  share.alone(() => worked++);
  expect(worked).toBe(1);
});
