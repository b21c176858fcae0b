import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { bootMs } from './libc.ts';
import { poll, Waker, wakeFd } from './poll.ts';

test('a poll without an event ends when its time has come, and not before', () => {
  const start = bootMs();
  expect(poll([], 20.5)).toEqual([]);
  expect(bootMs() - start).toBeGreaterThanOrEqual(20.5);
});

test('a wake makes its descriptor ready until it is drained, and many wakes are one', () => {
  const waker = new Waker();
  const silent = new Waker();
  waker.wake();
  waker.wake();
  expect(poll([silent.fd, waker.fd], Number.POSITIVE_INFINITY)).toEqual([waker.fd]);
  expect(waker.drain()).toBe(true);
  expect(waker.drain()).toBe(false);
  expect(poll([silent.fd, waker.fd], 0)).toEqual([]);
  waker.close();
  silent.close();
});

test('another thread that knows the number wakes a sleeper, with koffi or without', async () => {
  const waker = new Waker();
  const program = `
    const { workerData } = require('node:worker_threads');
    require('node:fs').writeSync(workerData, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));`;
  const worker = new Worker(program, { eval: true, workerData: waker.fd });
  await new Promise((resolve) => worker.once('exit', resolve));
  expect(poll([waker.fd], Number.POSITIVE_INFINITY)).toEqual([waker.fd]);
  waker.drain();
  wakeFd(waker.fd);
  expect(poll([waker.fd], Number.POSITIVE_INFINITY)).toEqual([waker.fd]);
  waker.close();
});

test('more descriptors than the first buffer holds are all looked at', () => {
  const wakers = Array.from({ length: 100 }, () => new Waker());
  const last = wakers[99];
  last?.wake();
  expect(
    poll(
      wakers.map((waker) => waker.fd),
      1000,
    ),
  ).toEqual([last?.fd]);
  for (const waker of wakers) waker.close();
});

test('a closed descriptor in the list is a defect and is named', () => {
  const waker = new Waker();
  waker.close();
  expect(() => poll([waker.fd], 1000)).toThrow(`ppoll of descriptor ${waker.fd}`);
});
