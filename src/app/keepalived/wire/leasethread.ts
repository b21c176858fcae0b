// The lease thread: renews the addresses that the wire thread holds, for as long as that one moves. It never brings an address back: one
// whose lease has ended is the wire thread's to set again. Started by daemon.ts beside thread.ts.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../../core/error.ts';
import { RENEWALS_PER_LEASE } from '../../../core/keepalived/lease.ts';
import { bootMs } from '../../../io/linux/libc.ts';
import { openRouteSocket } from '../../../io/linux/netlink.ts';
import { goRealtime } from '../../../io/linux/process.ts';
import { type LeaseOrder, LeaseShare } from './leaseshare.ts';
import type { LeaseThreadData, WireReport } from './protocol.ts';

/** A wire thread that does not turn for so long is stuck: it says no adverts, so it shall have no addresses. */
const STUCK_MS = 1000;
/** So many renewals in one message to the kernel, which takes only so long ones. */
const RENEWALS_PER_MESSAGE_MAX = 100;
const LOOK_AGAIN_MS = 100;

interface Lease {
  readonly order: LeaseOrder;
  renewAtMs: number;
  endsAtMs: number;
  /** The last refusal, said once. */
  refusal: string | null;
}

assert(parentPort !== null, 'the lease thread is a worker');
const main = parentPort;
const { share: buffer, port, renewingPort, realtimePriority } = workerData as LeaseThreadData;
const share = new LeaseShare(buffer);
const route = openRouteSocket(renewingPort);
/** By lease length: in the order of their next renewal, because those of one length are renewed equally often. */
const lines = new Map<number, Map<number, Lease>>();
let turns = share.turns();
let movedAtMs = bootMs();
let timer: NodeJS.Timeout | null = null;

const say = (text: string): void => {
  const report: WireReport = { kind: 'say', level: 'error', code: 'vip-renewal', text };
  main.postMessage(report);
};

function schedule(lease: Lease, nowMs: number): void {
  const { leaseS, slot } = lease.order;
  lease.renewAtMs = nowMs + (leaseS * 1000) / RENEWALS_PER_LEASE;
  lease.endsAtMs = nowMs + leaseS * 1000;
  const line = lines.get(leaseS) ?? new Map<number, Lease>();
  lines.set(leaseS, line);
  line.delete(slot);
  line.set(slot, lease);
}

/** Those whose time has come; what was released, and what has ended, is forgotten. */
function due(nowMs: number): Lease[] {
  const found: Lease[] = [];
  for (const line of lines.values())
    for (const [slot, lease] of line) {
      if (lease.renewAtMs > nowMs || found.length === RENEWALS_PER_MESSAGE_MAX) break;
      const lost = lease.endsAtMs <= nowMs || !share.isHeld(slot, lease.order.generation);
      if (lost) line.delete(slot);
      else found.push(lease);
    }
  return found;
}

function renew(leases: readonly Lease[], nowMs: number): void {
  share.alone(() => {
    const held = leases.filter(({ order }) => share.isHeld(order.slot, order.generation));
    const failures = held.length === 0 ? new Map<number, string>() : attempt(held);
    for (const [place, lease] of held.entries()) {
      const refusal = typeof failures === 'string' ? failures : (failures.get(place) ?? null);
      if (refusal !== null && refusal !== lease.refusal) say(`(${lease.order.who}) ${refusal}`);
      lease.refusal = refusal;
    }
  });
  for (const lease of leases) schedule(lease, nowMs);
}

function attempt(held: readonly Lease[]): ReadonlyMap<number, string> | string {
  try {
    return route.renewAddresses(held.map(({ order }) => order.wanted));
  } catch (error) {
    return (error as Error).message;
  }
}

function nextMs(): number {
  let atMs = Number.POSITIVE_INFINITY;
  for (const line of lines.values())
    for (const { renewAtMs } of line.values()) {
      atMs = Math.min(atMs, renewAtMs);
      break;
    }
  return atMs;
}

function wait(): void {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  const atMs = nextMs();
  if (atMs !== Number.POSITIVE_INFINITY) timer = setTimeout(look, Math.max(0, Math.ceil(atMs - bootMs())));
}

function look(): void {
  const nowMs = bootMs();
  if (share.turns() !== turns) {
    turns = share.turns();
    movedAtMs = nowMs;
  }
  if (nowMs - movedAtMs > STUCK_MS) {
    timer = setTimeout(look, LOOK_AGAIN_MS);
    return;
  }
  renew(due(nowMs), nowMs);
  wait();
}

goRealtime(realtimePriority ?? 1);
(port as MessagePort).on('message', (order: LeaseOrder) => {
  const nowMs = bootMs();
  schedule({ order, renewAtMs: 0, endsAtMs: 0, refusal: null }, nowMs);
  if (timer === null) wait();
});
