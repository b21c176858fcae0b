// Routes as keepalived.conf types them, in a real kernel: what `ip route show` says of them, that they can be set and removed twice,
// and that the C daemon's are the same.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { readFilesFromDisk } from '../../src/config/keepalived/files.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';
import { OperatorError } from '../../src/core/error.ts';
import type { RouteSpec } from '../../src/core/netlink/route.ts';
import { isRouteOf } from '../../src/core/netlink/routelist.ts';
import { interfaceIndexOf } from '../../src/io/linux/libc.ts';
import { openRouteSocket } from '../../src/io/linux/netlink.ts';
import { createPair, deleteNamespaces, shell, within } from './namespaces.ts';

afterEach(deleteNamespaces);

const host = () => createPair(['10.77.0.1/24', 'fd77::1/64'], [])[0];

function specOf(line: string): RouteSpec {
  const { config } = parseKeepalivedConf(`static_routes {\n ${line}\n}\n`, 'k.conf', readFilesFromDisk);
  const [route] = config.staticRoutes;
  if (route === undefined) throw new Error(`${line} is no route`);
  return route.value;
}

/** The routes of protocol keepalived as ip(8) words them, one line each. */
const shown = (namespace: string): string[] =>
  ['-4', '-6'].flatMap((family) =>
    shell(`ip -n ${namespace} -d ${family} -o route show table all proto keepalived`)
      .split('\n')
      .map((line) =>
        line
          .replace(/\\|\s+/g, ' ')
          .replace(/\s+/g, ' ')
          .trim(),
      )
      .filter((line) => line !== ''),
  );

/** The line of the file, and what ip(8) says of the route (each also says `proto keepalived`). */
const CASES: readonly [line: string, shown: string][] = [
  [
    '192.168.2.0/24 via 10.77.0.254 dev eth0',
    'unicast 192.168.2.0/24 via 10.77.0.254 dev eth0 table main scope global',
  ],
  ['192.168.3.0/24 dev eth0 scope link', 'unicast 192.168.3.0/24 dev eth0 table main scope link'],
  ['blackhole 192.168.4.0/24', 'blackhole 192.168.4.0/24 table main scope global'],
  ['throw 192.168.5.0/24 metric 5', 'throw 192.168.5.0/24 table main scope global metric 5'],
  ['prohibit 192.168.6.0/24', 'prohibit 192.168.6.0/24 table main scope global'],
  ['unreachable fd57::/64', 'unreachable fd57::/64 dev lo table main scope global metric 1024 pref medium'],
  ['default via 10.77.0.254 table 100', 'unicast default via 10.77.0.254 dev eth0 table 100 scope global'],
  [
    'src 10.77.0.1 to 192.168.7.0/24 via 10.77.0.254 mtu lock 1400',
    'unicast 192.168.7.0/24 via 10.77.0.254 dev eth0 table main scope global src 10.77.0.1 mtu lock 1400',
  ],
  [
    '192.168.8.0/24 table 6909 nexthop via 10.77.0.254 dev eth0 weight 1 nexthop via 10.77.0.253 dev eth0 onlink weight 2',
    'unicast 192.168.8.0/24 table 6909 scope global nexthop via 10.77.0.254 dev eth0 weight 1 nexthop via 10.77.0.253 dev eth0 weight 2 onlink',
  ],
  [
    '192.168.9.0/24 dev eth0 tos 0x04 scope link priority 12 mtu 1000 hoplimit 100 advmss 101 reordering 104 window 105 cwnd 106 ssthresh lock 107 initcwnd 109 initrwnd 110 features ecn',
    'unicast 192.168.9.0/24 tos 0x04 dev eth0 table main scope link metric 12 mtu 1000 window 105 ssthresh lock 107 cwnd 106 advmss 101 reordering 104 hoplimit 100 initcwnd 109 features ecn initrwnd 110',
  ],
  [
    '192.168.10.0/24 via 10.77.0.254 dev eth0 quickack 1 congctl cubic fastopen_no_cookie 1 realms 3/4',
    'unicast 192.168.10.0/24 via 10.77.0.254 dev eth0 table main scope global realms 3/4 quickack 1 congctl cubic fastopen_no_cookie 1',
  ],
  [
    '192.168.11.0/24 via 10.77.0.254 onlink dev eth0 append',
    'unicast 192.168.11.0/24 via 10.77.0.254 dev eth0 table main scope global onlink',
  ],
  [
    'fd55::/64 via fd77::99 dev eth0 pref high metric 77',
    'unicast fd55::/64 via fd77::99 dev eth0 table main scope global metric 77 pref high',
  ],
];

/** Ours by ip(8)'s own rule, and times as they were typed; the C daemon has `scope global` and 200ms here. */
const OURS: readonly [line: string, shown: string][] = [
  ['192.168.12.0/24 dev eth0', 'unicast 192.168.12.0/24 dev eth0 table main scope link'],
  [
    '192.168.13.1 dev eth0 rtt 10ms rttvar 5ms rto_min 0.25s',
    'unicast 192.168.13.1 dev eth0 table main scope link rtt 10ms rttvar 5ms rto_min 250ms',
  ],
  [
    'inet6 default via fd77::99 dev eth0',
    'unicast default via fd77::99 dev eth0 table main scope global metric 1024 pref medium',
  ],
  [
    '192.168.14.0/24 via 10.77.0.254 or 10.77.0.253',
    'unicast 192.168.14.0/24 table main scope global nexthop via 10.77.0.254 dev eth0 weight 1 nexthop via 10.77.0.253 dev eth0 weight 1',
  ],
];

const withoutProtocol = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(' proto keepalived', '')).sort();

test('each line makes the route that ip(8) shows; a second time nothing changes, and so with its removal', () => {
  const name = host();
  within(name, () => {
    const route = openRouteSocket();
    for (const [line, expected] of [...CASES, ...OURS]) {
      const spec = specOf(line);
      expect(route.addRoute(spec), line).toBe(true);
      expect(route.addRoute(spec), line).toBe(false);
      expect(withoutProtocol(shown(name)), line).toEqual([expected]);
      const listed = route.listRoutes(spec.family).filter((each) => isRouteOf(each, spec, interfaceIndexOf));
      expect(listed.length, line).toBe(1);
      expect(route.removeRoute(spec), line).toBe(true);
      expect(route.removeRoute(spec), line).toBe(false);
      expect(shown(name), line).toEqual([]);
    }
    route.close();
  });
});

test("removing a route leaves another program's route of the same destination alone", () => {
  const name = host();
  shell(`ip -n ${name} route add 192.168.2.0/24 via 10.77.0.254 dev eth0 metric 9`);
  within(name, () => {
    const route = openRouteSocket();
    const spec = specOf('192.168.2.0/24 via 10.77.0.254 dev eth0');
    route.addRoute(spec);
    expect(route.removeRoute(spec)).toBe(true);
    expect(route.removeRoute(spec)).toBe(false);
    route.close();
  });
  expect(shell(`ip -n ${name} route show 192.168.2.0/24`)).toContain('metric 9');
});

test('a refusal names the route, the reason and a way out', () => {
  within(host(), () => {
    const route = openRouteSocket();
    const refusal = (line: string): unknown => {
      try {
        route.addRoute(specOf(line));
      } catch (error) {
        return error;
      }
      return null;
    };
    expect(refusal('192.168.2.0/24 dev nosuch0')).toMatchObject({ code: 'no-such-interface' });
    const far = refusal('192.168.2.0/24 via 203.0.113.1 dev eth0');
    expect(far).toBeInstanceOf(OperatorError);
    expect(far).toMatchObject({
      message: expect.stringMatching(/cannot add the route 192\.168\.2\.0\/24 via 203.*invalid gateway/),
      hint: expect.stringContaining('onlink'),
    });
    expect(route.removeRoute(specOf('192.168.2.0/24 dev nosuch0'))).toBe(false);
    route.close();
  });
});

const noDaemon = spawnSync('keepalived', ['--version']).error !== undefined;

describe.skipIf(noDaemon)('beside the C daemon', () => {
  test('the same lines make the same routes', async () => {
    const name = host();
    const folder = mkdtempSync(join(tmpdir(), 'twinkeep-routes-'));
    const file = join(folder, 'k.conf');
    const lines = CASES.map(([line]) => ` ${line}`).join('\n');
    const instance =
      'vrrp_instance v {\n interface eth0\n virtual_router_id 9\n virtual_ipaddress {\n 10.77.0.100/24\n }\n}\n';
    writeFileSync(file, `static_routes {\n${lines}\n}\n${instance}`, { mode: 0o644 });
    const daemon = spawn(
      'ip',
      [
        'netns',
        'exec',
        name,
        'keepalived',
        '-P',
        '-n',
        '-l',
        '-p',
        join(folder, 'p'),
        '-r',
        join(folder, 'r'),
        '-f',
        file,
      ],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    try {
      const wanted = CASES.map(([, expected]) => expected).sort();
      await expect.poll(() => withoutProtocol(shown(name)), { timeout: 20_000 }).toEqual(wanted);
    } finally {
      daemon.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true });
    }
  });
});
