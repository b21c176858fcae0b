// The wire thread's loop: sleeps in poll(2) over the raw sockets, the route monitor and the main thread's wake-up,
// with the VRRP timers as the timeout; feeds the VRRP machines and performs what they order. Nothing else in the
// process can delay it, and it waits for nothing else.

import type { MessagePort } from 'node:worker_threads';
import { receiveMessageOnPort } from 'node:worker_threads';
import { assert } from '../../core/error.ts';
import type { RouteEvent } from '../../core/netlink/monitor.ts';
import { bootMs } from '../../io/linux/libc.ts';
import { openRouteMonitor, openRouteSocket } from '../../io/linux/netlink.ts';
import { poll, type Waker } from '../../io/linux/poll.ts';
import { openGatewayWatch } from './gateway.ts';
import { openLeases } from './leases.ts';
import type { VipGroup, WireOrder, WireReport, WireSettings } from './protocol.ts';
import { openReadGroup } from './reads.ts';
import { openVirtualRouter, type VirtualRouter } from './router.ts';
import { openTruthWatch } from './truthwatch.ts';

/** The loop looks around at least this often, so that a freeze is noticed as one. */
const SLEEP_MS_MAX = 100;
/** An advert is late after this many intervals. */
const LATE_ADVERTS = 1.6;

/** Null on the host of a further replica. */
function writeGroupOf(settings: WireSettings): VipGroup | null {
  return settings.groups.find(({ name }) => name === 'write') ?? null;
}

export interface WireLoop {
  /** Blocks the thread until stopped. */
  run(): void;
}

export function openWireLoop(settings: WireSettings, port: MessagePort, waker: Waker): WireLoop {
  const report = (message: WireReport): void => port.postMessage(message);
  const say = (level: 'info' | 'warn' | 'error', code: string, because: string): void =>
    report({ kind: 'say', level, code, because });

  const route = openRouteSocket();
  const monitor = openRouteMonitor([route.portId]);
  const leases = openLeases(settings, route, say);
  const write = writeGroupOf(settings);
  const writeVips = (write?.vips ?? []).map((vip) => vip.address);
  const families = [...new Set((write?.vips ?? []).map((vip) => vip.family))];
  const gateway = openGatewayWatch(settings, leases.mac, say);
  const truth = openTruthWatch(settings, leases, say);
  let claimedEpoch: number | null = null;
  let lastEpoch = 0;
  let peerAdverts: 'unknown' | 'heard' | 'late' | 'silent' = 'unknown';
  let lateAtMs = Number.POSITIVE_INFINITY;
  const lateAfterMs = settings.advertIntervalMs * LATE_ADVERTS;
  const hear = (): void => {
    peerAdverts = 'heard';
    lateAtMs = bootMs() + lateAfterMs;
  };
  let link: { up: boolean; because: string } = { up: false, because: 'not known yet' };
  let reported = '';
  let reportedTruth = truth.view();
  let stopping = false;

  const open = (family: 4 | 6): VirtualRouter => {
    assert(write !== null, 'a family is that of a write VIP');
    return openVirtualRouter(settings, write, family, leases, {
      say,
      masterDown(because) {
        peerAdverts = 'silent';
        lateAtMs = Number.POSITIVE_INFINITY;
        gateway.askNow();
        say('info', 'vrrp-silent', because);
      },
      masterBack: hear,
      heard(priority) {
        hear();
        truth.peerAdvert('write', priority);
      },
      lostRole(because) {
        if (claimedEpoch === null) return;
        claimedEpoch = null;
        say('warn', 'vip-lost', because);
      },
    });
  };
  const routers = families.map(open);

  const reads = openReadGroup(
    settings,
    settings.groups.find(({ name }) => name === 'read') ?? null,
    leases,
    say,
    (priority) => truth.peerAdvert('read', priority),
    (priority) => truth.furtherAdvert('read', priority),
  );
  const all: readonly VirtualRouter[] = [...routers, ...reads.routers];

  function readLink(): void {
    const found = route.listLinks().find((each) => each.name === settings.interfaceName);
    const before = link.up;
    const up = found?.running ?? false;
    const because =
      found === undefined
        ? `there is no interface ${settings.interfaceName}`
        : `the interface ${settings.interfaceName} is ${!found.up ? 'set down' : found.running ? 'up' : 'without carrier (is the cable in?)'}`;
    link = { up, because };
    if (before === up && reported !== '') return;
    for (const router of all) router.link(up, because);
    truth.link(up);
    if (!up) {
      peerAdverts = 'unknown';
      leases.forgetAll();
    }
    say(up ? 'info' : 'error', up ? 'link-up' : 'link-down', because);
  }

  function onRoute(event: RouteEvent): void {
    if (event.kind === 'overrun') {
      readLink();
      leases.verify();
      return;
    }
    if (event.kind === 'link' || event.kind === 'link-removed') {
      if (event.link.name === settings.interfaceName) readLink();
      return;
    }
    if (event.kind === 'address-removed' && leases.wasLost(event.address)) {
      for (const router of all) router.addressLost(event.address.address);
    }
  }

  function claim(id: number, epoch: number): void {
    if (write === null) {
      report({
        kind: 'failed',
        id,
        because: 'this host is that of a further replica: it holds no write VIP',
      });
      return;
    }
    if (epoch < lastEpoch) {
      report({
        kind: 'failed',
        id,
        because: `epoch ${epoch} is over: epoch ${lastEpoch} was claimed here already`,
      });
      return;
    }
    lastEpoch = epoch;
    // Before the addresses: the rejector would turn away this host's own new clients.
    leases.admitClients(writeVips);
    const refusals = routers
      .map((router) => router.claim(`the writer of epoch ${epoch}`))
      .filter((r) => r !== null);
    if (refusals.length > 0) {
      for (const router of routers) router.yield('the claim failed');
      report({ kind: 'failed', id, because: refusals.join('; ') });
      return;
    }
    claimedEpoch = epoch;
    report({ kind: 'done', id });
  }

  function yieldRole(because: string): void {
    claimedEpoch = null;
    // The order matters: newcomers are turned away, then those inside are cut off, then the address goes.
    leases.turnClientsAway(writeVips);
    leases.cutClients();
    for (const router of routers) router.yield(because);
    leases.cutClients();
  }

  function obey(order: WireOrder): void {
    switch (order.kind) {
      case 'claim':
        claim(order.id, order.epoch);
        return;
      case 'yield':
        yieldRole(order.because);
        report({ kind: 'done', id: order.id });
        return;
      case 'reads':
        reads.grant(order.grant);
        return;
      case 'stop':
        if (claimedEpoch !== null) yieldRole('the agent is stopping');
        stopping = true;
    }
  }

  function onStall(forMs: number): void {
    say(
      'warn',
      'stalled',
      `this agent did not run for ${Math.round(forMs)} ms: it gives the VIP up until its manager claims it again`,
    );
    for (const router of all) router.stalled(forMs);
    truth.stalled();
    claimedEpoch = null;
  }

  /** An advert is missing: the manager asks the other paths now, so that it knows when the master-down timer ends. */
  function checkLate(): void {
    if (bootMs() < lateAtMs) return;
    lateAtMs = Number.POSITIVE_INFINITY;
    if (peerAdverts !== 'heard') return;
    peerAdverts = 'late';
    gateway.askNow();
  }

  /** Tells the main thread what changed since the last time. */
  function tell(): void {
    const wire = {
      claimedEpoch,
      interfaceUp: link.up,
      interfaceBecause: link.because,
      peerAdverts,
      gateway: gateway.state(),
    };
    const [first] = routers;
    const held = leases.held();
    const vipTruth = truth.view();
    const readsNow = reads.view();
    const digest = JSON.stringify([wire, first?.stateName(), [...held], readsNow]);
    if (digest === reported && vipTruth === reportedTruth) return;
    reported = digest;
    reportedTruth = vipTruth;
    report({
      kind: 'wire',
      wire,
      detail: {
        vrrpState: first?.stateName() ?? 'INIT',
        vrrpBecause: first?.because() ?? '',
        vips: (write?.vips ?? []).map(({ address, prefix }) => ({
          address,
          prefix,
          held: held.has(address),
        })),
        reads: readsNow,
        ...(first?.counters() ?? { advertsSent: 0, advertsReceived: 0, dropped: {} }),
        vipTruth,
      },
    });
  }

  function dispatch(ready: readonly number[]): void {
    if (ready.includes(monitor.fd)) for (const event of monitor.read()) onRoute(event);
    for (const router of all) if (router.fds.some((fd) => ready.includes(fd))) router.receive();
    if (gateway.fds().some((fd) => ready.includes(fd))) gateway.receive();
    if (truth.fds.some((fd) => ready.includes(fd))) truth.receive();
    if (ready.includes(waker.fd)) waker.drain();
    for (;;) {
      const message = receiveMessageOnPort(port) as { message: WireOrder } | undefined;
      if (message === undefined) break;
      obey(message.message);
    }
  }

  return {
    run() {
      const startedMs = bootMs();
      leases.sweepStrangers();
      readLink();
      for (const router of all) router.start();
      report({ kind: 'ready' });
      let leftovers = leases.leftovers();
      let expectedMs = bootMs();
      while (!stopping) {
        const now = bootMs();
        const due = [
          ...all.map((router) => router.dueMs()),
          reads.dueMs(),
          leases.dueMs(),
          gateway.dueMs(),
          lateAtMs,
        ];
        const timeoutMs = Math.min(SLEEP_MS_MAX, Math.max(0, Math.min(...due) - now));
        expectedMs = now + timeoutMs;
        const fds = [
          waker.fd,
          monitor.fd,
          ...gateway.fds(),
          ...truth.fds,
          ...all.flatMap((router) => router.fds),
        ];
        const ready = poll(fds, timeoutMs);
        const late = bootMs() - expectedMs;
        if (late > settings.stallMs) onStall(late);
        dispatch(ready);
        for (const router of all) router.tick();
        reads.tick();
        leases.renew();
        checkLate();
        gateway.tick();
        truth.tick();
        if (leftovers && bootMs() - startedMs > settings.leftoverMs) {
          if (claimedEpoch === null) leases.removeLeftovers();
          leftovers = false;
        }
        tell();
      }
      for (const router of all) router.stop();
      truth.close();
      leases.close();
      report({ kind: 'stopped' });
    },
  };
}
