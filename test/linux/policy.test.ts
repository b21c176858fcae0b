// Routes and rules that several instances want, and that somebody else takes away, in a real kernel.

import { afterEach, expect, test } from 'vitest';
import { openPolicy } from '../../src/app/keepalived/wire/policy.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';
import { openRouteSocket } from '../../src/io/linux/netlink.ts';
import { openPolicyMonitor, type PolicyEvent } from '../../src/io/linux/policymonitor.ts';
import { poll } from '../../src/io/linux/poll.ts';
import { createPair, deleteNamespaces, shell, within } from './namespaces.ts';

afterEach(deleteNamespaces);

const TEXT = `static_routes {
 192.168.2.0/24 via 10.77.0.254 dev eth0
 192.168.3.0/24 via 10.77.0.254 dev eth0 no_track
 fd55::/64 via fd77::99 dev eth0
}
static_rules {
 from 192.168.2.0/24 table 5 preference 500
}`;

/** Device names are looked up in the namespace of the thread, so all of a test runs inside. */
function inLab(work: (lab: ReturnType<typeof open>) => void): void {
  const [host] = createPair(['10.77.0.1/24', 'fd77::1/64'], []);
  within(host, () => {
    const lab = open(host);
    try {
      work(lab);
    } finally {
      lab.monitor.close();
      lab.socket.close();
    }
  });
}

function open(host: string) {
  const { config } = parseKeepalivedConf(TEXT, 'k.conf', () => []);
  const [route, quiet, six] = config.staticRoutes.map(({ value }) => value);
  const [rule] = config.staticRules.map(({ value }) => value);
  if (route === undefined || quiet === undefined || six === undefined || rule === undefined)
    throw new Error('the text has three routes and a rule');
  return within(host, () => {
    const socket = openRouteSocket();
    return {
      host,
      socket,
      policy: openPolicy(socket),
      monitor: openPolicyMonitor(),
      route,
      quiet,
      six,
      rule,
    };
  });
}

const routes = (host: string): string => shell(`ip -n ${host} route show table all proto keepalived`);

test('what two instances want stays until both have let go', () => {
  inLab(({ host, policy, route, rule }) => {
    // As it was typed in the other instance: more blanks, another order, not tracked.
    const other = { ...route, text: 'via 10.77.0.254 192.168.2.0/24 dev eth0 no_track', tracked: false };
    expect(policy.addRoute('VI_1', route)).toBe(true);
    expect(policy.addRoute('VI_2', other)).toBe(false);
    expect(policy.removeRoute('VI_1', route)).toBe(false);
    expect(routes(host)).toContain('192.168.2.0/24');
    expect(policy.removeRoute('VI_2', other)).toBe(true);
    expect(routes(host)).toBe('');
    policy.addRule('VI_1', rule);
    policy.addRule('VI_2', rule);
    expect(policy.removeRule('VI_1', rule)).toBe(false);
    expect(policy.removeRule('VI_2', rule)).toBe(true);
  });
});

test('what a killed daemon left is removed by whoever does not know it, unless another wants it', () => {
  inLab(({ host, policy, route }) => {
    shell(`ip -n ${host} route add 192.168.2.0/24 via 10.77.0.254 dev eth0 proto keepalived`);
    expect(policy.removeRoute('VI_1', route)).toBe(true);
    policy.addRoute('VI_2', route);
    expect(policy.removeRoute('VI_1', route)).toBe(false);
    expect(routes(host)).toContain('192.168.2.0/24');
  });
});

test('who wants a route or a rule hears of its removal by others, and not of its own', () => {
  inLab(({ host, policy, monitor, route, quiet, six, rule }) => {
    const events = (): PolicyEvent[] => {
      poll([monitor.fd], 5000);
      return monitor.read();
    };
    const losses = () => events().flatMap((event) => policy.lossesOf(event));
    for (const each of [route, quiet, six]) policy.addRoute('VI_1', each);
    policy.addRoute('VI_2', route);
    policy.addRule('VI_1', rule);
    shell(`ip -n ${host} route add 192.168.9.0/24 dev eth0; ip -n ${host} route del 192.168.9.0/24`);
    shell(`ip -n ${host} route del 192.168.3.0/24; ip -n ${host} route del 192.168.2.0/24`);
    expect(losses()).toEqual([
      { owner: 'VI_1', text: route.text },
      { owner: 'VI_2', text: route.text },
    ]);
    shell(`ip -n ${host} -6 route del fd55::/64`);
    expect(losses()).toEqual([{ owner: 'VI_1', text: six.text }]);
    shell(`ip -n ${host} rule del preference 500`);
    expect(losses()).toEqual([{ owner: 'VI_1', text: rule.text }]);
    expect(policy.missing()).toHaveLength(4);

    expect(policy.addRoute('VI_1', route)).toBe(true);
    expect(policy.missing().map(({ text }) => text)).toEqual([six.text, rule.text]);
    policy.removeRoute('VI_1', route);
    policy.removeRoute('VI_2', route);
    const own = events();
    expect(own.map(({ kind }) => kind)).toEqual(['route-removed']);
    expect(own.flatMap((event) => policy.lossesOf(event))).toEqual([]);
  });
});
