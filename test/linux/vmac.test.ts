// Virtual MACs in a real kernel: hosts a and b and a client on one switch. Who answers ARP with which MAC, what adverts leave with, who
// hears them, and that everything is put back.

import { execFileSync, spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newAddressOf } from '../../src/app/keepalived/wire/address-spec.ts';
import type { WireAddress } from '../../src/app/keepalived/wire/protocol.ts';
import { QuietTable } from '../../src/app/keepalived/wire/quiet.ts';
import { type OpenVmac, openVmac, type VmacInstance } from '../../src/app/keepalived/wire/vmac.ts';
import { openRouteSocket, type RouteSocket } from '../../src/io/linux/netlink.ts';
import { openVrrpSocket, type VrrpSocket } from '../../src/io/linux/rawsocket.ts';
import { SettingHolder } from '../../src/io/linux/sysctl.ts';
import { createNamespace, deleteNamespaces, shell, within } from './namespaces.ts';

interface Host {
  readonly namespace: string;
  readonly route: RouteSocket;
  readonly base: { readonly name: string; readonly index: number };
  readonly mac: string;
  readonly settings: SettingHolder;
  readonly quiet: QuietTable;
}

let a: Host;
let b: Host;
let client: Host;
const closing: (() => void)[] = [];

function plug(name: string, address: string, sw: string): Host {
  const namespace = createNamespace(name);
  shell(`ip -n ${namespace} link add eth0 type veth peer name p-${name} netns ${sw}
ip -n ${sw} link set p-${name} master br0; ip -n ${sw} link set p-${name} up
ip -n ${namespace} addr add ${address} dev eth0; ip -n ${namespace} link set eth0 up`);
  return within(namespace, () => {
    const route = openRouteSocket();
    closing.push(() => route.close());
    const link = route.listLinks().find((each) => each.name === 'eth0');
    if (link?.mac == null) throw new Error('the namespace has no eth0');
    return {
      namespace,
      route,
      base: link,
      mac: link.mac,
      settings: new SettingHolder(),
      quiet: new QuietTable(),
    };
  });
}

beforeEach(() => {
  const sw = createNamespace('switch');
  shell(`ip -n ${sw} link add name br0 type bridge mcast_snooping 0; ip -n ${sw} link set br0 up`);
  a = plug('a', '10.77.0.1/24', sw);
  b = plug('b', '10.77.0.2/24', sw);
  client = plug('c', '10.77.0.3/24', sw);
});

afterEach(() => {
  for (const close of closing.splice(0)) close();
  deleteNamespaces();
});

const address = (text: string, prefix: number): WireAddress => ({
  address: text,
  prefix,
  family: text.includes(':') ? 6 : 4,
  device: null,
  label: null,
  scope: null,
  broadcast: null,
  peer: null,
  options: [],
});

const VIP = address('10.77.0.100', 24);
const VIP6 = address('fd77::100', 64);

const instance = (vip: WireAddress, vmac: Partial<NonNullable<VmacInstance['vmac']>> = {}): VmacInstance => ({
  name: 'VI_1',
  vrid: 51,
  family: vip.family,
  addresses: [vip],
  excluded: [],
  vmac: {
    name: 'vrrp.51',
    kind: 'macvlan',
    transmitBase: false,
    macAddress: null,
    ipvlanFlag: 'bridge',
    ...vmac,
  },
});

const open = (host: Host, of: VmacInstance): OpenVmac =>
  within(host.namespace, () => openVmac(of, host.base, host.route, host.settings, host.quiet));

const close = (host: Host, vmac: OpenVmac): void => within(host.namespace, () => vmac.close());

const inside = (host: Host, command: string): string => shell(`ip netns exec ${host.namespace} ${command}`);

const setting = (host: Host, name: string): string =>
  inside(host, `cat /proc/sys/net/ipv4/conf/${name}`).trim();

/** The MAC that the client has for an address after asking for it. */
function answered(ip: string): string {
  inside(client, `ping -q -c 1 -W 2 ${ip}`);
  return /lladdr (\S+)/.exec(shell(`ip -n ${client.namespace} neigh show ${ip}`))?.[1] ?? '';
}

function vrrpOn(host: Host, interfaceName: string, source: string, joins: boolean): VrrpSocket {
  const socket = within(host.namespace, () =>
    openVrrpSocket({
      interfaceName,
      family: source.includes(':') ? 6 : 4,
      protocols: [112],
      sourceAddress: source,
      destination: joins ? 'multicast' : 'unicast',
    }),
  );
  closing.push(() => socket.close());
  return socket;
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
/** VRID 51, priority 150, VIP 10.77.0.100: an IPv4 packet from 10.77.0.1. */
const ADVERT4 = hex(
  '45c0002800010000ff7000000a4d0001e0000012213396010001' + '0000' + '0a4d0064' + '0000000000000000',
);
const ADVERT6 = hex('3133960100640000fd770000000000000000000000000100');

const VRRP = 'proto 112 or ip6 proto 112';

/** Sends until it is heard: the switch and the sockets were made a moment ago. */
async function heardBy(listener: VrrpSocket, send: () => string | null): Promise<string> {
  for (let i = 0; i < 100; i++) {
    expect(send()).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const packet = listener.receive();
    if (packet !== null) return packet.source;
  }
  throw new Error('no advert was heard');
}

/** What the client's card sees while `work` goes on, with MAC addresses, until `enough` of it is there. */
async function sniffed(filter: string, enough: RegExp, work: () => unknown): Promise<string> {
  const dump = spawn(
    'ip',
    ['netns', 'exec', client.namespace, 'tcpdump', '-e', '-n', '-v', '-l', '-i', 'eth0', filter],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  dump.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const ended = new Promise((resolve) => dump.once('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    dump.stderr.on('data', (chunk) => {
      if (String(chunk).includes('listening')) resolve();
    });
    dump.once('error', reject);
  });
  try {
    await work();
    await expect.poll(() => text, { timeout: 10_000 }).toMatch(enough);
  } finally {
    dump.kill('SIGTERM');
    await ended;
  }
  return text;
}

test('the VIP is answered for with the virtual MAC, and the host itself with its own', () => {
  const vmac = open(a, instance(VIP));
  expect(vmac).toMatchObject({ name: 'vrrp.51', mac: '00:00:5e:00:01:33' });
  // Another virtual router of the same host, which must not answer in its place.
  open(a, { ...instance(VIP6, { name: 'vrrp.52' }), vrid: 52 });
  expect(setting(a, 'vrrp.52/arp_ignore')).toBe('1');
  within(a.namespace, () => a.route.addAddress(newAddressOf(VIP, vmac.index, 60)));
  expect(answered('10.77.0.100')).toBe('00:00:5e:00:01:33');
  expect(answered('10.77.0.1')).toBe(a.mac);
});

test('what keepalived sets is set, and all of it is put back when the last one goes', () => {
  inside(a, 'sysctl -q -w net.ipv4.conf.all.rp_filter=1');
  const names = [
    'all/rp_filter',
    'default/rp_filter',
    'eth0/rp_filter',
    'eth0/arp_ignore',
    'eth0/arp_filter',
    'eth0/arp_announce',
  ];
  const now = () => names.map((name) => setting(a, name));
  const before = now();
  const first = open(a, instance(VIP));
  const second = open(a, { ...instance(VIP, { name: 'vrrp.52' }), vrid: 52 });
  expect(now()).toEqual(['0', '1', '1', '1', '1', '2']);
  const own = ['arp_ignore', 'accept_local', 'rp_filter', 'promote_secondaries'];
  expect(own.map((name) => setting(a, `vrrp.52/${name}`))).toEqual(['1', '1', '0', '1']);
  close(a, first);
  expect(now()).toEqual(['0', '1', '1', '1', '1', '2']);
  expect(setting(a, 'vrrp.52/arp_ignore')).toBe('1');
  close(a, second);
  expect(now()).toEqual(before);
  expect(shell(`ip -n ${a.namespace} -o link`)).not.toContain('vrrp.');
});

test("an advert leaves with the virtual MAC from the host's own address, and a router with the same MAC hears it", async () => {
  open(a, instance(VIP));
  open(b, instance(VIP));
  const sender = vrrpOn(a, 'vrrp.51', '10.77.0.1', false);
  const listener = vrrpOn(b, 'eth0', '10.77.0.2', true);
  const seen = await sniffed(VRRP, /VRRP/i, async () => {
    expect(await heardBy(listener, () => sender.send(ADVERT4, '224.0.0.18'))).toBe('10.77.0.1');
  });
  expect(seen).toMatch(
    /00:00:5e:00:01:33 > 01:00:5e:00:00:12.*\n? *10\.77\.0\.1 > 224\.0\.0\.18: VRRPv2.*vrid 51/,
  );
});

test('IPv6: the advert has the virtual MAC and the link-local address of the interface itself', async () => {
  const local = (host: Host): string =>
    /inet6 (fe80::[0-9a-f:]+)/.exec(shell(`ip -n ${host.namespace} -6 addr show dev eth0 scope link`))?.[1] ??
    '';
  const vmac = open(a, instance(VIP6));
  expect(vmac.mac).toBe('00:00:5e:00:02:33');
  open(b, instance(VIP6));
  const sender = vrrpOn(a, 'vrrp.51', local(a), false);
  const listener = vrrpOn(b, 'eth0', local(b), true);
  const seen = await sniffed(VRRP, /VRRP/i, async () => {
    expect(await heardBy(listener, () => sender.send(ADVERT6, 'ff02::12'))).toBe(local(a));
  });
  expect(seen).toContain(`00:00:5e:00:02:33 > 33:33:00:00:00:12`);
  expect(seen).toContain(`${local(a)} > ff02::12`);
  // No address that a second host could have too.
  expect(shell(`ip -n ${a.namespace} -6 addr show dev vrrp.51`)).toBe('');
});

test('IPv6: who listens to what is told with the MAC of the interface itself, on the backup as on the master', async () => {
  const group = 'ff02::1:ff00:100';
  const seen = await sniffed('ip6', new RegExp(`${group} to_ex`), () => {
    const vmac = open(a, instance(VIP6));
    expect(vmac.warning).toBeNull();
    within(a.namespace, () => a.route.addAddress(newAddressOf(VIP6, vmac.index, 60)));
  });
  const told = seen.split('\n').filter((line) => line.includes(`${group} to_ex`));
  for (const line of told) expect(line).toContain(`${a.mac} > 33:33:00:00:00:16`);
  expect(shell(`ip netns exec ${a.namespace} nft list table ip6 twinkeep_vmac`)).toContain(
    'dup to ip6 daddr device',
  );
  expect(seen).not.toMatch(/00:00:5e:00:02:33 > 33:33:00:00:00:(16|02)/);
});

test('a client goes on with the MAC that it knows when the VIP moves to another host', async () => {
  const first = open(a, instance(VIP));
  within(a.namespace, () => a.route.addAddress(newAddressOf(VIP, first.index, 60)));
  expect(answered('10.77.0.100')).toBe('00:00:5e:00:01:33');
  close(a, first);
  const second = open(b, instance(VIP));
  within(b.namespace, () => b.route.addAddress(newAddressOf(VIP, second.index, 60)));
  shell(
    `ip -n ${client.namespace} neigh replace 10.77.0.100 lladdr 00:00:5e:00:01:33 nud permanent dev eth0`,
  );
  // The switch learns the new port from the advert.
  const sender = vrrpOn(b, 'vrrp.51', '10.77.0.2', false);
  await heardBy(vrrpOn(client, 'eth0', '10.77.0.3', true), () => sender.send(ADVERT4, '224.0.0.18'));
  inside(client, 'ping -q -c 1 -W 2 10.77.0.100');
});

test('what a killed daemon left is taken over; what the C daemon left is made anew; what is not ours is not touched', () => {
  const killed = open(a, instance(VIP));
  const after = open(a, instance(VIP));
  expect(after.index).toBe(killed.index);
  close(a, after);

  shell(
    `ip -n ${b.namespace} link add vrrp.51 link eth0 address 00:00:5e:00:01:33 type macvlan mode private`,
  );
  expect(open(b, instance(VIP)).mac).toBe('00:00:5e:00:01:33');
  expect(shell(`ip -n ${b.namespace} -d link show vrrp.51`)).toContain('macvlan mode vepa');

  shell(`ip -n ${client.namespace} link add vrrp.51 link eth0 type macvlan mode bridge`);
  expect(() => open(client, instance(VIP))).toThrow(/there is an interface vrrp.51 already/);
  expect(shell(`ip -n ${client.namespace} -d link show vrrp.51`)).toContain('mode bridge');
});

test('a MAC of the configuration is taken, its sixth octet from the VRID where it has five', () => {
  expect(open(a, instance(VIP, { macAddress: '02:00:00:00:00:07' })).mac).toBe('02:00:00:00:00:07');
  expect(open(b, instance(VIP, { macAddress: '02:00:00:00:00' })).mac).toBe('02:00:00:00:00:33');
  expect(() => open(client, instance(VIP, { macAddress: '01:00:5e:00:00:01' }))).toThrow(/no MAC address/);
});

test('an ipvlan is made where the kernel has it, and refused with a sentence where it has not', () => {
  const probe = `ip -n ${client.namespace} link add t0 link eth0 type ipvlan mode l2`;
  let has = true;
  try {
    execFileSync('sh', ['-c', probe], { stdio: 'ignore' });
  } catch {
    has = false;
  }
  const made = () => open(a, instance(VIP, { kind: 'ipvlan', name: 'ipv.51' }));
  if (has) expect(made().mac).toBe(a.mac);
  else expect(made).toThrow(/cannot make the ipvlan interface ipv.51: this kernel has no ipvlan/);
});
