// What the words of an address in keepalived.conf come to.
import { expect, test } from 'vitest';
import { addressKeyOf, newAddressOf, prefixRouteOf } from './address-spec.ts';
import type { WireAddress } from './protocol.ts';

const PLAIN: WireAddress = {
  address: '192.0.2.100',
  prefix: 24,
  family: 4,
  device: null,
  label: null,
  scope: null,
  broadcast: null,
  peer: null,
  options: [],
};
const SIX: WireAddress = { ...PLAIN, address: '2001:db8::100', prefix: 64, family: 6 };

const made = (more: Partial<WireAddress>, leaseS: number | null = 30) =>
  newAddressOf({ ...PLAIN, ...more }, 7, leaseS);

test('a plain address is added with its lease, and nothing that the kernel would have to be told', () => {
  expect(made({})).toEqual({
    interfaceIndex: 7,
    address: '192.0.2.100',
    prefix: 24,
    validLifetimeS: 30,
    preferredLifetimeS: 30,
    home: false,
    manageTemporary: false,
    autoJoin: false,
  });
});

test('a broadcast address is as typed, or made of the network', () => {
  expect(made({ broadcast: '192.0.2.7' }).broadcast).toBe('192.0.2.7');
  expect(made({ broadcast: '+' }).broadcast).toBe('192.0.2.255');
  expect(made({ broadcast: '-', prefix: 28 }).broadcast).toBe('192.0.2.96');
});

test('scopes are names or numbers', () => {
  const scopes = ['global', 'site', 'link', 'host', 'nowhere', '7', '0xfd'].map(
    (scope) => made({ scope }).scope,
  );
  expect(scopes).toEqual([0, 200, 253, 254, 255, 7, 253]);
  expect(made({ scope: 'nonsense' }).scope).toBeUndefined();
});

test('the length of an address with a peer is that of the peer', () => {
  expect(addressKeyOf({ ...PLAIN, peer: '198.51.100.1' }, 7)).toMatchObject({
    prefix: 32,
    peer: '198.51.100.1',
  });
  expect(addressKeyOf({ ...PLAIN, peer: '198.51.100.1/30' }, 7)).toMatchObject({ prefix: 30 });
});

test('an IPv6 address alone in its network is deprecated unless the file says otherwise', () => {
  const preferred = (more: Partial<WireAddress>) =>
    newAddressOf({ ...SIX, ...more }, 7, 30).preferredLifetimeS;
  expect(preferred({})).toBe(30);
  expect(preferred({ prefix: 128 })).toBe(0);
  expect(preferred({ prefix: 128, options: ['preferred_lft forever'] })).toBe(30);
  expect(preferred({ options: ['preferred_lft 0'] })).toBe(0);
});

test('flags are those typed', () => {
  expect(made({ options: ['home', 'mngtmpaddr', 'autojoin', 'noprefixroute'] })).toMatchObject({
    home: true,
    manageTemporary: true,
    autoJoin: true,
    noPrefixRoute: true,
  });
});

test('the route that an IPv6 address with a lifetime may not make is made for it, where the C daemon would have one', () => {
  expect(prefixRouteOf(SIX, 'eth0')).toMatchObject({
    destination: { address: '2001:db8::', prefix: 64 },
    device: 'eth0',
    metric: 1024,
  });
  expect(prefixRouteOf(PLAIN, 'eth0')).toBeNull();
  expect(prefixRouteOf({ ...SIX, prefix: 128 }, 'eth0')).toBeNull();
  expect(prefixRouteOf({ ...SIX, address: 'fe80::1' }, 'eth0')).toBeNull();
  expect(prefixRouteOf({ ...SIX, options: ['noprefixroute'] }, 'eth0')).toBeNull();
});
