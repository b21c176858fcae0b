// Cutting clients off: SOCK_DESTROY and the rejector, with real TCP clients that run in namespaces of their own.

import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { openRouteSocket } from '../../src/io/linux/netlink.ts';
import { openRejector } from '../../src/io/linux/reject.ts';
import { destroyTcp } from '../../src/io/linux/sockdiag.ts';
import { createPair, deleteNamespaces, shell, within } from './namespaces.ts';

const children: ChildProcess[] = [];
const closers: (() => void)[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const close of closers.splice(0)) close();
  deleteNamespaces();
});

const SERVER = `
  const server = require('node:net').createServer((socket) => { socket.on('error', () => {}); socket.write('hi'); });
  server.listen(3306, process.argv[1], () => console.log('listening'));`;

const CLIENT = `
  const start = performance.now();
  const after = () => Math.round(performance.now() - start);
  const socket = require('node:net').connect({ host: process.argv[1], port: 3306, localAddress: process.argv[2] || undefined });
  socket.on('data', () => console.log('connected'));
  socket.on('error', (error) => console.log(error.code + ' ' + after()));
  socket.on('close', () => console.log('closed'));`;

/** A program in a namespace whose standard output is read line by line. */
function run(namespace: string, program: string, ...args: string[]) {
  const command = ['netns', 'exec', namespace, process.execPath, '-e', program, ...args];
  const child = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line !== ''));
    for (const wake of waiting.splice(0)) wake();
  });
  return {
    lines,
    async line(number: number): Promise<string> {
      while (lines.length <= number) await new Promise<void>((resolve) => waiting.push(resolve));
      return lines[number] ?? '';
    },
  };
}

async function serveAt(namespace: string, listen: string) {
  const server = run(namespace, SERVER, listen);
  expect(await server.line(0)).toBe('listening');
}

test.each(['0.0.0.0', '::'])(
  'clients of a listener on %s are reset, the one to keep is not',
  async (listen) => {
    const [host, other] = createPair(
      ['10.77.0.1/24', 'fd77::1/64'],
      ['10.77.0.2/24', '10.77.0.3/24', 'fd77::2/64'],
    );
    await serveAt(host, listen);
    const doomed = [
      run(other, CLIENT, '10.77.0.1', '10.77.0.2'),
      run(host, CLIENT, '127.0.0.1'),
      ...(listen === '::' ? [run(other, CLIENT, 'fd77::1', 'fd77::2')] : []),
    ];
    const kept = run(other, CLIENT, '10.77.0.1', '10.77.0.3');
    for (const client of [...doomed, kept]) expect(await client.line(0)).toBe('connected');
    const asked: string[] = [];
    const count = within(host, () =>
      destroyTcp({
        localPort: 3306,
        keep: (remote, _port, local) => {
          asked.push(`${remote} to ${local}`);
          return remote === '10.77.0.3';
        },
      }),
    );
    expect(count).toBe(doomed.length);
    expect(asked).toContain('10.77.0.2 to 10.77.0.1');
    expect(asked).toContain('127.0.0.1 to 127.0.0.1');
    for (const client of doomed) expect(await client.line(1)).toMatch(/^ECONNRESET/);
    expect(kept.lines).toEqual(['connected']);
    expect(within(host, () => destroyTcp({ localPort: 3306, keep: () => true }))).toBe(0);
  },
);

test('connections of another port are not even asked about', async () => {
  const [host, other] = createPair(['10.77.0.1/24'], ['10.77.0.2/24']);
  await serveAt(host, '0.0.0.0');
  const client = run(other, CLIENT, '10.77.0.1');
  expect(await client.line(0)).toBe('connected');
  for (const localPort of [3305, 3307]) {
    const count = within(host, () =>
      destroyTcp({ localPort, keep: () => expect.fail('a socket of another port was offered') }),
    );
    expect(count).toBe(0);
  }
});

/** The old writer after a hand-over: the address is gone, but the client still has its MAC. */
function hostThatLostItsVip(vip: string, prefix: number): [string, string] {
  const [host, client] = createPair(['10.77.0.1/24', 'fd77::1/64'], ['10.77.0.2/24', 'fd77::2/64']);
  const mac = within(host, () => {
    const route = openRouteSocket();
    const eth0 = route.listLinks().find((link) => link.name === 'eth0');
    if (eth0 === undefined) throw new Error('the namespace has no eth0');
    const key = { interfaceIndex: eth0.index, address: vip, prefix };
    route.addAddress({ ...key, validLifetimeS: 60 });
    route.removeAddress(key);
    route.close();
    return eth0.mac;
  });
  shell(`ip -n ${client} neigh replace ${vip} lladdr ${mac} dev eth0 nud permanent`);
  // The client was served here before: both know each other's MAC, and the RST need not wait for discovery.
  shell(`ip netns exec ${client} ping -c 1 -w 5 ${prefix === 64 ? 'fd77::1' : '10.77.0.1'}`);
  return [host, client];
}

test.each([
  ['10.77.0.100', 24],
  ['fd77::100', 64],
])('a SYN to %s at a host that lost it is answered with a RST', async (vip, prefix) => {
  const [host, client] = hostThatLostItsVip(vip, prefix);
  const rejector = within(host, () => openRejector({ tableName: 'twinkeep_test', port: 3306 }));
  closers.push(() => rejector.close());
  expect(rejector.reason).toBeNull();
  expect(rejector.reject([vip], 30_000)).toBeNull();
  const refused = await run(client, CLIENT, vip).line(0);
  expect(refused).toMatch(/^ECONNREFUSED/);
  console.info(`${vip}: ${refused} ms`);
});

test('rejecting resets an established connection when its client speaks, and accepting lets new ones in', async () => {
  const [host, other] = createPair(['10.77.0.1/24'], ['10.77.0.2/24']);
  await serveAt(host, '0.0.0.0');
  const rejector = within(host, () => openRejector({ tableName: 'twinkeep_test', port: 3306 }));
  closers.push(() => rejector.close());
  const talker = run(other, `${CLIENT} setInterval(() => socket.write('x'), 20);`, '10.77.0.1');
  expect(await talker.line(0)).toBe('connected');
  rejector.reject(['10.77.0.1'], 30_000);
  expect(await talker.line(1)).toMatch(/^ECONNRESET/);
  expect(await run(other, CLIENT, '10.77.0.1').line(0)).toMatch(/^ECONNREFUSED/);
  expect(rejector.accept(['10.77.0.1'])).toBeNull();
  expect(await run(other, CLIENT, '10.77.0.1').line(0)).toBe('connected');
  expect(rejector.accept(['10.77.0.1'])).toBeNull();
});

test('a rejection ends by itself, and rejecting again starts its time anew', () => {
  const [host] = createPair([], []);
  const rejector = within(host, () => openRejector({ tableName: 'twinkeep_test', port: 3306 }));
  closers.push(() => rejector.close());
  const listed = () => shell(`ip netns exec ${host} nft list set inet twinkeep_test v4`);
  rejector.reject(['10.77.0.100', '10.77.0.101'], 300);
  rejector.reject(['10.77.0.101'], 60_000);
  expect(listed()).toMatch(/10\.77\.0\.101 timeout 1m/);
  shell(
    `until ! ip netns exec ${host} nft list set inet twinkeep_test v4 | grep -q 10.77.0.100; do sleep 0.05; done`,
  );
  expect(listed()).toContain('10.77.0.101');
  // Its element is gone by the kernel's hand: neither rejecting nor accepting it may trip over that.
  expect(rejector.reject(['10.77.0.100'], 60_000)).toBeNull();
  expect(rejector.accept(['10.77.0.100', '10.77.0.101'])).toBeNull();
  expect(listed()).not.toContain('10.77.0.10');
});

test('flushing the rule set leaves the table, and closing the rejector removes it', () => {
  const [host] = createPair([], []);
  const rejector = within(host, () => openRejector({ tableName: 'twinkeep_test', port: 3306 }));
  shell(`ip netns exec ${host} nft flush ruleset`);
  expect(rejector.reject(['10.77.0.100'], 60_000)).toBeNull();
  expect(shell(`ip netns exec ${host} nft list ruleset`)).toContain('10.77.0.100 timeout 1m');
  rejector.close();
  expect(shell(`ip netns exec ${host} nft list ruleset`)).toBe('');
  expect(rejector.available).toBe(false);
  expect(rejector.reject(['10.77.0.100'], 1)).toBe('closed');
});

test('a second rejector with the same table reports that it is not available, and why', () => {
  const [host] = createPair([], []);
  const first = within(host, () => openRejector({ tableName: 'twinkeep_test', port: 3306 }));
  closers.push(() => first.close());
  const second = within(host, () => openRejector({ tableName: 'twinkeep_test', port: 3306 }));
  expect(second.available).toBe(false);
  expect(second.reason).toMatch(/cannot reject with nftables: .*another process owns the table/);
  expect(first.reject(['10.77.0.100'], 1000)).toBeNull();
});
