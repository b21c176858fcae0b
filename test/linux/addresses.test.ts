// Addresses as keepalived.conf types them, in a real kernel: what `ip addr show` says of them, that a renewal changes nothing, and that
// they go again.

import { afterEach, expect, test } from 'vitest';
import { wireAddress } from '../../src/app/keepalived/compile.ts';
import { addressKeyOf, newAddressOf } from '../../src/app/keepalived/wire/address-spec.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';
import { openRouteSocket } from '../../src/io/linux/netlink.ts';
import { createPair, deleteNamespaces, shell, within } from './namespaces.ts';

afterEach(deleteNamespaces);

/** The line, and what ip(8) says; the C daemon's are the same but for the lifetimes, and for IPv6 prefix routes. */
const CASES: readonly [line: string, shown: string][] = [
  ['10.77.1.100/24', 'inet 10.77.1.100/24 scope global dynamic eth0'],
  ['10.77.1.100', 'inet 10.77.1.100/32 scope global dynamic eth0'],
  [
    '10.77.1.100/24 brd + label eth0:vip',
    'inet 10.77.1.100/24 brd 10.77.1.255 scope global dynamic eth0:vip',
  ],
  ['10.77.1.100/24 brd - scope link', 'inet 10.77.1.100/24 brd 10.77.1.0 scope link dynamic eth0'],
  ['10.77.1.100/24 brd 10.77.1.7 scope 150', 'inet 10.77.1.100/24 brd 10.77.1.7 scope 150 dynamic eth0'],
  ['10.77.1.100 peer 10.78.0.1', 'inet 10.77.1.100 peer 10.78.0.1/32 scope global dynamic eth0'],
  [
    '10.77.1.100 peer 10.78.0.1/24 noprefixroute',
    'inet 10.77.1.100 peer 10.78.0.1/24 scope global dynamic noprefixroute eth0',
  ],
  ['10.77.1.100/24 preferred_lft 0', 'inet 10.77.1.100/24 scope global deprecated dynamic eth0'],
  ['fd78::100', 'inet6 fd78::100/128 scope global nodad deprecated dynamic noprefixroute'],
  ['fd78::100 preferred_lft forever', 'inet6 fd78::100/128 scope global nodad dynamic noprefixroute'],
  ['fd78::100/64 home', 'inet6 fd78::100/64 scope global nodad home dynamic noprefixroute'],
  ['fd78::100/64 mngtmpaddr', 'inet6 fd78::100/64 scope global nodad dynamic mngtmpaddr noprefixroute'],
];

test('each line makes the address that ip(8) shows, is renewed, and goes', () => {
  const [host] = createPair(['10.77.0.1/24', 'fd77::1/64'], []);
  const shown = (): string[] =>
    shell(`ip -n ${host} -o addr show dev eth0`)
      .split('\n')
      .filter((line) => / (10\.77\.1|fd78)/.test(line))
      .map((line) => /(inet6? .*?)\s*\\/.exec(line)?.[1]?.replace(/\s+/g, ' ').trim() ?? line);
  within(host, () => {
    const route = openRouteSocket();
    const index = route.listLinks().find((link) => link.name === 'eth0')?.index ?? 0;
    for (const [line, expected] of CASES) {
      const { config } = parseKeepalivedConf(`static_ipaddress {\n ${line}\n}\n`, 'k.conf', () => []);
      const [entry] = config.staticAddresses;
      if (entry === undefined) throw new Error(`${line} is no address`);
      const wire = wireAddress(entry);
      route.addAddress(newAddressOf(wire, index, 60));
      route.addAddress(newAddressOf(wire, index, 60));
      expect(shown(), line).toEqual([expected]);
      const key = addressKeyOf(wire, index);
      expect(route.listAddresses(index), line).toContainEqual(expect.objectContaining(key));
      expect(route.removeAddress(key), line).toBe(true);
      expect(route.removeAddress(key), line).toBe(false);
      expect(shown(), line).toEqual([]);
    }
    route.close();
  });
});
