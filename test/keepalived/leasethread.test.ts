// The lease thread by itself, in a network namespace: what it renews, and what it must not.

import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { type LeaseOrder, LeaseShare } from '../../src/app/keepalived/wire/leaseshare.ts';
import type { LeaseThreadData } from '../../src/app/keepalived/wire/protocol.ts';
import { interfaceIndexOf } from '../../src/io/linux/libc.ts';
import { openRouteSocket, type RouteSocket } from '../../src/io/linux/netlink.ts';
import { createPair, deleteNamespaces, within } from '../linux/namespaces.ts';

const ADDRESS = '10.77.0.100';
const LEASE_S = 2;
const SLOT = 3;
/** Longer than a lease can last with nobody to renew it; the kernel takes up to a second more. */
const SURELY_ENDED_MS = 4000;

let route: RouteSocket;
let keeper: Worker;
let share: LeaseShare;
let turning: NodeJS.Timeout;
let interfaceIndex = 0;
let hold: (generation: number) => void;

beforeEach(() => {
  const [host] = createPair(['10.77.0.1/24'], ['10.77.0.2/24']);
  share = new LeaseShare();
  const { port1, port2 } = new MessageChannel();
  const data: LeaseThreadData = { share: share.buffer, port: port2, renewingPort: 0, realtimePriority: null };
  const url = new URL('../../src/app/keepalived/wire/leasethread.ts', import.meta.url);
  // A thread is born in the namespace of the one that makes it.
  const made = within(host, () => ({
    route: openRouteSocket(),
    index: interfaceIndexOf('eth0') ?? 0,
    keeper: new Worker(url, { workerData: data, transferList: [port2] }),
  }));
  ({ route, keeper } = made);
  interfaceIndex = made.index;
  const wanted = { interfaceIndex, address: ADDRESS, prefix: 24, validLifetimeS: LEASE_S };
  hold = (generation) => {
    route.addAddress(wanted);
    share.hold(SLOT, generation);
    const order: LeaseOrder = { slot: SLOT, generation, leaseS: LEASE_S, wanted, who: 'VI_1' };
    port1.postMessage(order);
  };
  turning = setInterval(() => share.turn(), 50);
});

afterEach(async () => {
  clearInterval(turning);
  await keeper.terminate();
  route.close();
  deleteNamespaces();
});
afterAll(deleteNamespaces);

const isThere = (): boolean => route.listAddresses().some(({ address }) => address === ADDRESS);

async function untilGone(): Promise<void> {
  for (let i = 0; i < 200 && isThere(); i++) await sleep(50);
  expect(isThere()).toBe(false);
}

test('renews what is held for as long as the wire thread turns, and not when that one is stuck', async () => {
  hold(1);
  await sleep(SURELY_ENDED_MS);
  expect(isThere()).toBe(true);
  clearInterval(turning);
  await untilGone();
});

test('does not bring back what was released, nor a holding that another one has followed', async () => {
  hold(1);
  await sleep(500);
  share.release(SLOT);
  share.alone(() => route.removeAddress({ interfaceIndex, address: ADDRESS, prefix: 24 }));
  await sleep(SURELY_ENDED_MS);
  expect(isThere()).toBe(false);
  hold(2);
  share.hold(SLOT, 3);
  await untilGone();
});

test('does not bring back an address whose lease has ended', async () => {
  hold(1);
  await sleep(500);
  clearInterval(turning);
  await untilGone();
  await sleep(500);
  turning = setInterval(() => share.turn(), 50);
  await sleep(SURELY_ENDED_MS);
  expect(isThere()).toBe(false);
});
