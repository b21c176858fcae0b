// The wire thread's loop: sleeps in ppoll over the VRRP sockets, the kernel's notices and the wake-up of the main thread, with the next
// timer as its limit. Nothing else in the process can delay an advert.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { RouteEvent } from '../../../core/netlink/monitor.ts';
import type { StateKind } from '../../../core/vrrp/state.ts';
import { bootMs } from '../../../io/linux/libc.ts';
import { openRouteMonitor, openRouteSocket } from '../../../io/linux/netlink.ts';
import { openPolicyMonitor, type PolicyEvent } from '../../../io/linux/policymonitor.ts';
import { poll, type Waker } from '../../../io/linux/poll.ts';
import { type AcceptGuard, openAcceptGuard } from './accept.ts';
import { openAnnouncer } from './announcer.ts';
import type { Environment } from './environment.ts';
import { openGroups } from './groups.ts';
import { openHoldings } from './holdings.ts';
import { type Instance, openInstance } from './instance.ts';
import { LeaseShare } from './leaseshare.ts';
import { openLinkTable } from './links.ts';
import { openPolicy } from './policy.ts';
import type { WireInstance, WireOrder, WireReport, WireSettings, WireThreadData } from './protocol.ts';
import { openSocketPool } from './sockets.ts';
import { openStatics, STATIC_OWNER } from './statics.ts';
import { TimerHeap } from './timers.ts';

/** The loop looks around at least this often, so that a freeze is noticed as one. */
const SLEEP_MS_MAX = 250;
/** After so many adverts that could not be sent, another router is master. */
const STALL_ADVERTS = 3;
/** The shortest advert interval there is. */
const ADVERT_MS_MIN = 10;
const DROPS_TOLD_MAX = 16;
const UNKNOWN_VRIDS_TOLD_MAX = 64;
/**
 * Adverts may be late by this share of their interval, so that those of many instances leave in one waking. What a backup waits for is
 * exact: the skew orders the candidates.
 */
const ADVERT_SLACK = 0.01;
/** So many timers are worked off before the sockets are looked at again. */
const TIMERS_PER_TURN_MAX = 200;

export interface WireLoop {
  /** Blocks the thread until stopped. */
  run(): void;
}

/** What cannot change while an instance lives: with these different it is another virtual router. */
function identity(settings: WireInstance): string {
  const { vrid, version, family, interfaceName, authentication, multicastGroup, vmac, unicastPeers } =
    settings;
  const unicast = unicastPeers.length > 0;
  return JSON.stringify([
    vrid,
    version,
    family,
    interfaceName,
    authentication,
    multicastGroup,
    vmac,
    unicast,
  ]);
}

function wakeAt(instance: Instance): number {
  const dueMs = instance.dueMs();
  if (instance.state().kind !== 'MASTER') return dueMs;
  const slackMs = instance.settings().advertIntervalMs * ADVERT_SLACK;
  return Math.ceil(dueMs / slackMs) * slackMs;
}

function virtualAddressesOf(settings: WireSettings): ReadonlySet<string> {
  return new Set(
    settings.instances.flatMap((each) => [...each.addresses, ...each.excluded].map(({ address }) => address)),
  );
}

export function openWireLoop(data: WireThreadData, port: MessagePort, waker: Waker): WireLoop {
  const first = data.settings;
  const share = new LeaseShare(data.share);
  let settings = first;
  let virtualAddresses = virtualAddressesOf(first);
  let stopping = false;
  let guard: AcceptGuard | null = null;
  const report = (message: WireReport): void => port.postMessage(message);
  const say: Environment['say'] = (level, code, text) => {
    if (level !== 'detail' || settings.detail) report({ kind: 'say', level, code, text });
  };

  const route = openRouteSocket();
  const monitor = openRouteMonitor([route.portId, data.renewingPort]);
  const links = openLinkTable(route);
  const unknownVrids = new Set<string>();
  const sockets = openSocketPool((vrid, source) => {
    const key = `${vrid} ${source}`;
    if (!settings.logUnknownVrids || unknownVrids.has(key) || unknownVrids.size >= UNKNOWN_VRIDS_TOLD_MAX)
      return;
    unknownVrids.add(key);
    say('info', 'unknown-vrid', `Unknown VRID(${vrid}) received from ${source}. ignoring...`);
  });
  const announcer = openAnnouncer((text) => say('error', 'announce', text));
  const holdings = openHoldings(
    route,
    share,
    data.keeper,
    () => virtualAddresses.size,
    (text) => say('error', 'vip', text),
  );
  const timers = new TimerHeap<Instance>();
  const instances = new Map<string, Instance>();
  const groups = openGroups((name) => instances.get(name) ?? null, report, say);
  const policy = openPolicy(route);
  const policyMonitor = openPolicyMonitor();
  const statics = openStatics(route, policy, links, say);
  groups.configure(first.groups);

  const environment: Environment = {
    route,
    policy,
    links,
    sockets,
    holdings,
    announcer,
    guard: () => {
      guard ??= openAcceptGuard('twinkeep-keepalived');
      return guard;
    },
    report,
    say,
    now: bootMs,
    startupDelayMs: () => settings.startupDelayMs,
    virtualAddresses: () => virtualAddresses,
    moved(instance: Instance, from: StateKind, to: StateKind) {
      timers.set(instance, wakeAt(instance));
      if (from !== to) groups.moved(instance, from, to);
      groups.judge(instance);
    },
    dropsToldMax: DROPS_TOLD_MAX,
  };

  function open(each: WireInstance): Instance {
    const instance = openInstance(each, environment);
    instances.set(each.name, instance);
    return instance;
  }

  function close(instance: Instance): void {
    timers.set(instance, Number.POSITIVE_INFINITY);
    instance.stop(false);
    instance.close();
    timers.set(instance, Number.POSITIVE_INFINITY);
    instances.delete(instance.name);
  }

  /** What trackers said, for instances that begin later. */
  const said = new Map<string, Map<string, { fault: string | null; delta: number }>>();

  function tracked(order: Extract<WireOrder, { kind: 'tracked' }>): void {
    const before = said.get(order.tracker) ?? new Map();
    const after = new Map(
      order.contributions.map(({ instance, fault, delta }) => [instance, { fault, delta }]),
    );
    said.set(order.tracker, after);
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const contribution = after.get(name);
      instances
        .get(name)
        ?.tracked(order.tracker, contribution === undefined ? null : { instance: name, ...contribution });
    }
  }

  function begin(instance: Instance): void {
    for (const [tracker, contributions] of said) {
      const contribution = contributions.get(instance.name);
      if (contribution !== undefined) instance.tracked(tracker, { instance: instance.name, ...contribution });
    }
    instance.start();
    timers.set(instance, wakeAt(instance));
  }

  function reload(fresh: WireSettings): void {
    const wanted = new Map(fresh.instances.map((each) => [each.name, each]));
    for (const instance of [...instances.values()]) {
      const next = wanted.get(instance.name);
      if (next !== undefined && identity(next) === identity(instance.settings())) continue;
      close(instance);
      if (next === undefined) report({ kind: 'deleted', instance: instance.name });
    }
    settings = fresh;
    virtualAddresses = virtualAddressesOf(fresh);
    links.delay(fresh.interfaceDelays);
    statics.configure(fresh);
    groups.configure(fresh.groups);
    const begun: Instance[] = [];
    for (const each of fresh.instances) {
      const known = instances.get(each.name);
      if (known === undefined) begun.push(open(each));
      else if (JSON.stringify(each) !== JSON.stringify(known.settings())) known.reload(each);
    }
    for (const instance of begun) begin(instance);
    groups.judgeAll();
    report({ kind: 'reloaded' });
  }

  function obey(order: WireOrder): void {
    switch (order.kind) {
      case 'tracked':
        tracked(order);
        return;
      case 'reload':
        reload(order.settings);
        return;
      case 'dump':
        report({
          kind: 'dump',
          id: order.id,
          instances: [...instances.values()].map((instance) => instance.view()),
        });
        return;
      case 'stop':
        stopping = true;
    }
  }

  function concerns(instance: Instance, name: string): boolean {
    const { interfaceName, trackedInterfaces } = instance.settings();
    return (
      interfaceName === null || interfaceName === name || trackedInterfaces.some((each) => each.name === name)
    );
  }

  function onChanged(name: string | 'all'): void {
    for (const instance of instances.values())
      if (name === 'all' || concerns(instance, name)) instance.lookAtInterfaces();
    statics.linksChanged();
  }

  function onRoute(event: RouteEvent): void {
    if (event.kind === 'address-removed') holdings.removed(event.address);
    if (event.kind === 'overrun') holdings.verify();
    if (event.kind === 'link-removed') announcer.forget(event.link.index);
    const ran = event.kind === 'link' && links.runs(event.link.name);
    const changed = links.learn(event, bootMs());
    if (event.kind === 'link' && event.link.running !== ran)
      say('info', 'link', `Netlink reports ${event.link.name} ${event.link.running ? 'up' : 'down'}`);
    if (changed !== null) onChanged(changed);
  }

  function onPolicy(event: PolicyEvent): void {
    const losses = policy.lossesOf(event);
    for (const { owner, text } of losses)
      say('warn', 'policy-lost', `(${owner}) ${text} was removed by somebody else, and is put back`);
    for (const owner of new Set(losses.map((each) => each.owner)))
      if (owner === STATIC_OWNER) statics.restore();
      else instances.get(owner)?.restore();
  }

  function onLate(forMs: number): void {
    if (forMs < STALL_ADVERTS * ADVERT_MS_MIN) return;
    for (const instance of instances.values()) {
      const { advertIntervalMs } = instance.settings();
      if (forMs > STALL_ADVERTS * advertIntervalMs && instance.state().kind !== 'INIT') {
        if (instance.state().kind === 'MASTER')
          say(
            'warn',
            'stalled',
            `(${instance.name}) this process did not run for ${Math.round(forMs)} ms: another router may be master by now`,
          );
        instance.stalled(forMs);
      }
    }
  }

  function runTimers(): void {
    const nowMs = bootMs();
    for (let i = 0; i < TIMERS_PER_TURN_MAX; i++) {
      const instance = timers.takeDue(nowMs);
      if (instance === null) return;
      if (groups.holdsBack(instance, nowMs)) continue;
      for (const each of groups.actingWith(instance)) each.timer();
    }
  }

  function dispatch(ready: readonly number[]): void {
    if (ready.includes(monitor.fd)) for (const event of monitor.read()) onRoute(event);
    if (ready.includes(policyMonitor.fd)) for (const event of policyMonitor.read()) onPolicy(event);
    sockets.receive(ready);
    if (!ready.includes(waker.fd)) return;
    waker.drain();
    for (;;) {
      const message = receiveMessageOnPort(port) as { message: WireOrder } | undefined;
      if (message === undefined) return;
      obey(message.message);
    }
  }

  function sleep(): readonly number[] {
    const now = bootMs();
    const dueMs = Math.min(timers.nextMs(), announcer.dueMs(), links.dueMs());
    const timeoutMs = Math.min(SLEEP_MS_MAX, Math.max(0, dueMs - now));
    const ready = poll([waker.fd, monitor.fd, policyMonitor.fd, ...sockets.fds()], timeoutMs);
    const lateMs = bootMs() - now - timeoutMs;
    onLate(lateMs);
    return ready;
  }

  function end(): void {
    for (const instance of instances.values()) instance.stop(settings.keepOnStop);
    for (const instance of instances.values()) instance.close();
    statics.close(settings.keepOnStop);
    guard?.close();
    announcer.close();
    monitor.close();
    policyMonitor.close();
    route.close();
    report({ kind: 'stopped' });
  }

  return {
    run() {
      links.delay(settings.interfaceDelays);
      statics.configure(settings);
      const opened = settings.instances.map(open);
      for (const instance of opened) begin(instance);
      groups.judgeAll();
      report({ kind: 'ready' });
      while (!stopping) {
        dispatch(sleep());
        runTimers();
        share.turn();
        const nowMs = bootMs();
        announcer.tick(nowMs);
        for (const name of links.settle(nowMs)) onChanged(name);
      }
      end();
    },
  };
}
