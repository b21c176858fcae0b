// VIP truth on a real segment: two hosts with the wire thread's own parts (VRRP, leases, questions), and a third whom
// nobody asked to take part, on one bridge. Duplicates, silence, a stranger and a split are made with the kernel's means.

import { afterEach, expect, test } from 'vitest';
import { openLeases } from '../../src/app/wire/leases.ts';
import type { VipGroup, WireSettings } from '../../src/app/wire/protocol.ts';
import { openVirtualRouter } from '../../src/app/wire/router.ts';
import { openTruthWatch } from '../../src/app/wire/truthwatch.ts';
import { decodeArp } from '../../src/core/arp/arp.ts';
import { formatMac } from '../../src/core/arp/ethernet.ts';
import { VIP_TRUTH_TIMES } from '../../src/core/viptruth/state.ts';
import { openArpSocket } from '../../src/io/linux/arpsocket.ts';
import { bootMs } from '../../src/io/linux/libc.ts';
import { openRouteSocket } from '../../src/io/linux/netlink.ts';
import { poll } from '../../src/io/linux/poll.ts';
import { createNamespace, deleteNamespaces, shell, within } from './namespaces.ts';

const VIP = '10.77.0.100';
const VIP6 = 'fd77::100';
const TIMES = {
  ...VIP_TRUTH_TIMES,
  everyMs: 400,
  collectMs: 120,
  gapMs: 200,
  peerSilenceMs: 900,
  askedAgainMs: 200,
};
const PATIENCE_MS = 20_000;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
  deleteNamespaces();
});

/** Namespaces whose eth0 are ports of one bridge; the ports are called `port-<name>`. */
function createSegment(hosts: Readonly<Record<string, string>>): Record<string, string> {
  const bridge = createNamespace('sw');
  shell(`ip -n ${bridge} link add br0 type bridge mcast_snooping 0 && ip -n ${bridge} link set br0 up`);
  const found: Record<string, string> = { bridge };
  for (const [name, address] of Object.entries(hosts)) {
    const host = createNamespace(name);
    shell(`ip netns exec ${host} sysctl -qw net.ipv6.conf.default.accept_dad=0
      ip -n ${bridge} link add port-${name} type veth peer name eth0 netns ${host}
      ip -n ${bridge} link set port-${name} master br0 up
      ip -n ${host} addr add ${address} dev eth0 && ip -n ${host} link set eth0 up`);
    found[name] = host;
  }
  // IPv6 is deaf until the kernel's link watch has added the interface's multicast route.
  for (const name of Object.keys(hosts))
    shell(
      `until ip -n ${found[name]} -6 route show table local dev eth0 | grep -q ^multicast; do sleep 0.05; done`,
    );
  return found;
}

interface Said {
  readonly code: string;
  readonly because: string;
}

/** What the wire thread of one agent does, without its thread. */
function openHost(namespace: string, own: string, peer: string, vip: string) {
  const group: VipGroup = {
    name: 'write',
    vips: [{ address: vip, prefix: vip.includes(':') ? 64 : 24, family: vip.includes(':') ? 6 : 4 }],
    vrid: 77,
    vridKey: 'vrrp.id',
    priority: 100,
  };
  const settings: WireSettings = {
    pair: 'truth',
    interfaceName: 'eth0',
    ownAddress: own,
    peerAddress: peer,
    groups: [group],
    version: 3,
    advertIntervalMs: 100,
    unicast: false,
    authentication: { kind: 'none' },
    vipLeaseS: 60,
    mysqlPort: 3306,
    gateway: null,
    stallMs: 60_000,
    leftoverMs: 60_000,
  };
  const said: Said[] = [];
  const say = (_level: string, code: string, because: string): void => void said.push({ code, because });
  return within(namespace, () => {
    const route = openRouteSocket();
    const leases = openLeases(settings, route, say);
    const truth = openTruthWatch(settings, leases, say, TIMES);
    const router = openVirtualRouter(settings, group, vip.includes(':') ? 6 : 4, leases, {
      say,
      masterDown() {},
      masterBack() {},
      heard: (priority) => truth.peerAdvert('write', priority),
      lostRole() {},
    });
    router.link(true, 'up');
    router.start();
    truth.link(true);
    closers.push(() => {
      router.stop();
      truth.close();
      leases.close();
      route.close();
    });
    return {
      mac: formatMac(leases.mac),
      router,
      truth,
      said,
      verdict: () => truth.view()[0]?.verdict,
      because: () => truth.view()[0]?.because ?? '',
      codes: () =>
        said
          .map((each) => each.code)
          .filter((code) => code.startsWith('vip-t') || code.startsWith('vip-s') || code === 'vip-duplicate'),
    };
  });
}
type Host = ReturnType<typeof openHost>;

/** Runs the hosts as the wire thread's loop does, until the condition holds. */
function runUntil(what: string, hosts: readonly Host[], done: () => boolean, alsoAtMost = PATIENCE_MS): void {
  const endMs = bootMs() + alsoAtMost;
  while (!done()) {
    const found = hosts.map((host) => [host.verdict(), ...host.said.slice(-4)]);
    if (bootMs() > endMs) throw new Error(`not seen: ${what}\n${JSON.stringify(found, null, 1)}`);
    const dueMs = Math.min(...hosts.map((host) => host.router.dueMs()));
    const fds = hosts.flatMap((host) => [...host.truth.fds, ...host.router.fds]);
    const ready = poll(fds, Math.min(20, Math.max(0, dueMs - bootMs())));
    for (const { truth, router } of hosts) {
      if (router.fds.some((fd) => ready.includes(fd))) router.receive();
      if (truth.fds.some((fd) => ready.includes(fd))) truth.receive();
      router.tick();
      truth.tick();
    }
  }
}

function run(hosts: readonly Host[], ms: number): void {
  const endMs = bootMs() + ms;
  runUntil('the time passes', hosts, () => bootMs() >= endMs, ms + PATIENCE_MS);
}

/** The senders of the gratuitous ARPs for the VIP that this namespace heard since the last call. */
function openEar(namespace: string): () => string[] {
  const socket = within(namespace, () =>
    openArpSocket({ interfaceName: 'eth0', receives: true, senders: [VIP] }),
  );
  closers.push(() => socket.close());
  return () => {
    const heard: string[] = [];
    for (let frame = socket.receive(); frame !== null; frame = socket.receive()) {
      const arp = decodeArp(frame);
      if (arp.ok && arp.targetIp === VIP) heard.push(formatMac(arp.senderMac));
    }
    return heard;
  };
}

function macOf(namespace: string): string {
  return shell(`ip netns exec ${namespace} cat /sys/class/net/eth0/address`).trim();
}

/** Host a holds the VIP, and both know so. */
function openPair(vip: string) {
  const names = createSegment({ a: '10.77.0.1/24', b: '10.77.0.2/24', c: '10.77.0.3/24' });
  const { a: nameA = '', b: nameB = '', c = '', bridge = '' } = names;
  const a = openHost(nameA, '10.77.0.1', '10.77.0.2', vip);
  const b = openHost(nameB, '10.77.0.2', '10.77.0.1', vip);
  expect(a.router.claim('the test says so')).toBeNull();
  const both = () => a.verdict() === 'true' && b.verdict() === 'true';
  runUntil('the VIP is where it should be', [a, b], both);
  return { a, b, nameA, nameB, c, bridge };
}

test.each([VIP, VIP6])(
  'a stranger that takes the VIP %s is named by both hosts, and its end is said',
  (vip) => {
    const { a, b, c } = openPair(vip);
    const heard = openEar(c);
    const prefix = vip === VIP ? '/32' : '/128';
    shell(`ip -n ${c} addr add ${vip}${prefix} dev eth0`);
    const found = () => a.verdict() === 'duplicate' && b.verdict() === 'duplicate';
    runUntil('a duplicate', [a, b], found);
    for (const { said } of [a, b]) {
      expect(said.find((each) => each.code === 'vip-duplicate')?.because).toContain(macOf(c));
    }
    expect(a.said.map((each) => each.code)).toContain('vip-announced');
    if (vip === VIP) expect(new Set(heard())).toEqual(new Set([a.mac]));
    shell(`ip -n ${c} addr del ${vip}${prefix} dev eth0`);
    runUntil('the end of it', [a, b], () => a.verdict() === 'true' && b.verdict() === 'true');
    expect(a.codes()).toEqual(['vip-duplicate', 'vip-true-again']);
    expect(b.codes()).toEqual(['vip-duplicate', 'vip-true-again']);
  },
);

test('a holder whose kernel answers no ARP is silent to the other, which says so, and it announces itself meanwhile', () => {
  const { a, b, nameA, c } = openPair(VIP);
  const heard = openEar(c);
  shell(
    `ip netns exec ${nameA} nft 'table arp mute { chain in { type filter hook input priority 0; drop; }; }'`,
  );
  runUntil('silence', [a, b], () => b.verdict() === 'silent');
  const announcements: string[] = [];
  runUntil('an announcement', [a, b], () => announcements.push(...heard()) > 0);
  expect(new Set(announcements)).toEqual(new Set([a.mac]));
  shell(`ip netns exec ${nameA} nft delete table arp mute`);
  runUntil('the end of it', [a, b], () => b.verdict() === 'true');
  expect(b.codes()).toEqual(['vip-silent', 'vip-true-again']);
  expect(a.codes()).toEqual([]);
});

test('with the holder gone from the segment, a third host that answers is a stranger', () => {
  const { a, b, nameA, c } = openPair(VIP);
  shell(`ip -n ${nameA} link set eth0 down; ip -n ${c} addr add ${VIP}/32 dev eth0`);
  runUntil('a stranger', [b], () => b.verdict() === 'stranger');
  expect(b.said.find((each) => each.code === 'vip-stranger')?.because).toContain(macOf(c));
  expect(b.said.find((each) => each.code === 'vip-stranger')?.because).toContain(a.mac);
});

test('when a split heals the holder announces itself', () => {
  const { a, b, bridge, c } = openPair(VIP);
  const isolate = (on: 'on' | 'off') =>
    shell(
      `bridge -n ${bridge} link set dev port-a isolated ${on}; bridge -n ${bridge} link set dev port-b isolated ${on}`,
    );
  isolate('on');
  run([a, b], 1500);
  const heard = openEar(c);
  expect(heard()).toEqual([]);
  isolate('off');
  const announcements: string[] = [];
  runUntil('an announcement', [a, b], () => announcements.push(...heard()) > 0);
  expect(new Set(announcements)).toEqual(new Set([a.mac]));
  expect(a.said.at(-1)?.because).toContain('a split healed');
  runUntil('the VIP is where it should be', [a, b], () => b.verdict() === 'true');
});

test('a planned move of the VIP is said by nobody, and the new holder is believed', () => {
  const { a, b } = openPair(VIP);
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.router.yield('the test says so');
    expect(to.router.claim('the test says so')).toBeNull();
    const believed = () =>
      to.because().startsWith('held here') && from.because().startsWith(`only ${to.mac}`);
    runUntil('the new holder is believed', [a, b], believed);
    run([a, b], 2 * TIMES.everyMs);
  }
  expect([...a.codes(), ...b.codes()]).toEqual([]);
});
