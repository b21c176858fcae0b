// The VIP lease against the real kernel: adding, renewing, running out, removing; and what the monitor sees of it.

import { afterEach, expect, test } from 'vitest';
import { OUR_ADDRESS_PROTOCOL } from '../../src/core/netlink/address.ts';
import type { RouteEvent } from '../../src/core/netlink/monitor.ts';
import { bootMs } from '../../src/io/linux/libc.ts';
import { openRouteMonitor, openRouteSocket, type RouteMonitor } from '../../src/io/linux/netlink.ts';
import { poll } from '../../src/io/linux/poll.ts';
import { createPair, deleteNamespaces, shell, within } from './namespaces.ts';

afterEach(deleteNamespaces);

function hostWithEth0() {
  const [host] = createPair(['10.77.0.1/24', 'fd77::1/64'], []);
  return within(host, () => {
    const route = openRouteSocket();
    const monitor = openRouteMonitor([route.portId]);
    const eth0 = route.listLinks().find((link) => link.name === 'eth0');
    if (eth0 === undefined) throw new Error('the namespace has no eth0');
    monitor.read();
    return { host, route, monitor, index: eth0.index };
  });
}

/** Waits for an event; fails the test when it does not come within a generous limit. */
function waitFor(monitor: RouteMonitor, matches: (event: RouteEvent) => boolean, limitMs = 10_000): number {
  const end = bootMs() + limitMs;
  while (bootMs() < end) {
    poll([monitor.fd], end - bootMs());
    if (monitor.read().some(matches)) return bootMs();
  }
  throw new Error('the awaited event did not come');
}

const removed = (address: string) => (event: RouteEvent) =>
  event.kind === 'address-removed' && event.address.address === address;

test('an added address is listed with its lifetime and the mark of this program', () => {
  const { route, index } = hostWithEth0();
  route.addAddress({ interfaceIndex: index, address: '10.77.0.100', prefix: 24, validLifetimeS: 60 });
  route.addAddress({ interfaceIndex: index, address: 'fd77::100', prefix: 64, validLifetimeS: 60 });
  const ours = route.listAddresses(index).filter((entry) => entry.protocol === OUR_ADDRESS_PROTOCOL);
  expect(ours).toMatchObject([
    { address: '10.77.0.100', prefix: 24, family: 4, secondary: true, label: 'eth0' },
    { address: 'fd77::100', prefix: 64, family: 6, tentative: false, preferredLifetimeS: 0 },
  ]);
  for (const entry of ours) expect(entry.validLifetimeS).toBeOneOf([58, 59, 60]);
});

test('addresses that nobody renews are removed by the kernel, and the monitor tells', () => {
  const { route, monitor, index } = hostWithEth0();
  const cases = [1, 2, 3].flatMap((s) => [
    { lifetime: s, address: `10.77.0.${100 + s}`, prefix: 24 },
    { lifetime: s, address: `fd77::${100 + s}`, prefix: 64 },
  ]);
  const start = bootMs();
  for (const { lifetime, address, prefix } of cases) {
    route.addAddress({ interfaceIndex: index, address, prefix, validLifetimeS: lifetime });
  }
  const removedAfterMs = new Map<string, number>();
  waitFor(monitor, (event) => {
    if (event.kind === 'address-removed') removedAfterMs.set(event.address.address, bootMs() - start);
    return removedAfterMs.size === cases.length;
  });
  for (const { lifetime, address } of cases) {
    console.info(
      `lifetime ${lifetime} s: ${address} removed after ${removedAfterMs.get(address)?.toFixed(0)} ms`,
    );
  }
  const left = route.listAddresses(index).filter((entry) => entry.protocol === OUR_ADDRESS_PROTOCOL);
  expect(left).toEqual([]);
});

test('a renewed address outlives its first lifetime, and its renewals are no events', () => {
  const { route, monitor, index } = hostWithEth0();
  const vip = { interfaceIndex: index, address: '10.77.0.100', prefix: 24 };
  const events: RouteEvent[] = [];
  for (const end = bootMs() + 4000; bootMs() < end; ) {
    route.addAddress({ ...vip, validLifetimeS: 2 });
    if (poll([monitor.fd], 300).length > 0) events.push(...monitor.read());
  }
  const ofVip = events.filter((event) => 'address' in event && event.address.address === vip.address);
  expect(ofVip).toEqual([]);
  expect(route.listAddresses(index).some((entry) => entry.address === vip.address)).toBe(true);
});

test('removing an address twice reports that the second time there was none', () => {
  const { route, index } = hostWithEth0();
  for (const [address, prefix] of [
    ['10.77.0.100', 32],
    ['fd77::100', 128],
  ] as const) {
    const key = { interfaceIndex: index, address, prefix };
    route.addAddress({ ...key, validLifetimeS: null });
    expect(route.removeAddress(key)).toBe(true);
    expect(route.removeAddress(key)).toBe(false);
  }
});

test("an IPv6 lease leaves the connected route of its subnet alone, even a SLAAC host's, which has a lifetime too", () => {
  const { host, route, monitor, index } = hostWithEth0();
  shell(`ip -n ${host} addr add fd78::1/64 dev eth0 valid_lft 600 preferred_lft 600 nodad`);
  const expiresS = () =>
    Number(/expires (-?\d+)sec/.exec(shell(`ip -n ${host} -6 route show fd78::/64`))?.[1]);
  expect(expiresS()).toBeGreaterThan(500);
  route.addAddress({ interfaceIndex: index, address: 'fd78::100', prefix: 64, validLifetimeS: 1 });
  expect(expiresS()).toBeGreaterThan(500);
  waitFor(monitor, removed('fd78::100'));
  expect(expiresS()).toBeGreaterThan(500);
});

test('deleting the primary address takes the secondaries along, and the monitor tells of each', () => {
  const { host, route, monitor, index } = hostWithEth0();
  shell(
    `ip netns exec ${host} sysctl -qw net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.eth0.promote_secondaries=0`,
  );
  route.addAddress({ interfaceIndex: index, address: '10.77.0.100', prefix: 24, validLifetimeS: 60 });
  shell(`ip -n ${host} addr del 10.77.0.1/24 dev eth0`);
  waitFor(monitor, removed('10.77.0.100'));
});

test('removing a VIP of one subnet by this program reports the other VIP that went with it', () => {
  const { host, route, monitor, index } = hostWithEth0();
  shell(
    `ip netns exec ${host} sysctl -qw net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.eth0.promote_secondaries=0`,
  );
  route.addAddress({ interfaceIndex: index, address: '10.78.0.100', prefix: 24, validLifetimeS: 60 });
  route.addAddress({ interfaceIndex: index, address: '10.78.0.101', prefix: 24, validLifetimeS: 60 });
  route.removeAddress({ interfaceIndex: index, address: '10.78.0.100', prefix: 24 });
  waitFor(monitor, removed('10.78.0.101'));
});

test('a pulled cable and its return are link events', () => {
  const { host, monitor } = hostWithEth0();
  const carrier = (on: boolean) => (event: RouteEvent) =>
    event.kind === 'link' && event.link.name === 'eth0' && event.link.carrier === on;
  const peer = host.replace(/-a$/, '-b');
  shell(`ip -n ${peer} link set eth0 down`);
  waitFor(monitor, carrier(false));
  shell(`ip -n ${peer} link set eth0 up`);
  waitFor(monitor, carrier(true));
  shell(`ip -n ${host} link del eth0`);
  waitFor(monitor, (event) => event.kind === 'link-removed' && event.link.name === 'eth0');
});

test('a monitor that was not read in time reports the overrun once and goes on', () => {
  const { route, monitor, index } = hostWithEth0();
  const key = { interfaceIndex: index, address: '10.77.0.100', prefix: 32 };
  for (let i = 0; i < 20_000; i++) {
    route.addAddress({ ...key, validLifetimeS: 60 });
    route.removeAddress(key);
  }
  const kinds: string[] = [];
  for (let batch = monitor.read(); batch.length > 0; batch = monitor.read()) {
    kinds.push(...batch.map((event) => event.kind));
  }
  expect(kinds.filter((kind) => kind === 'overrun')).toHaveLength(1);
});

test('a label is set, and one that the kernel does not take is refused in its own words', () => {
  const { route, index } = hostWithEth0();
  const vip = { interfaceIndex: index, address: '10.77.0.100', prefix: 24, validLifetimeS: 60 };
  route.addAddress({ ...vip, label: 'eth0:vip' });
  const labels = route.listAddresses(index).map((entry) => entry.label);
  expect(labels).toContain('eth0:vip');
  expect(() => route.addAddress({ ...vip, validLifetimeS: 0 })).toThrow(/address lifetime invalid/);
});

test('an IPv6 address where IPv6 is switched off is refused with the setting to change', () => {
  const { host, route, index } = hostWithEth0();
  shell(`ip netns exec ${host} sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1`);
  const attempt = () =>
    route.addAddress({ interfaceIndex: index, address: 'fd77::100', prefix: 64, validLifetimeS: 3 });
  expect(attempt).toThrow(
    expect.objectContaining({ code: 'ipv6-disabled', hint: expect.stringContaining('disable_ipv6') }),
  );
});

test('an address on an interface that is not there is refused with the reason', () => {
  const { route } = hostWithEth0();
  expect(() =>
    route.addAddress({ interfaceIndex: 9999, address: '10.77.0.100', prefix: 24, validLifetimeS: 3 }),
  ).toThrow(/cannot add the address 10\.77\.0\.100\/24.*ENODEV/);
});
