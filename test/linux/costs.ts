// What the calls of src/io/linux cost on this machine: node test/linux/costs.ts (root). Figures, no judgement.

import { execFileSync, spawn } from 'node:child_process';
import { parseIp } from '../../src/core/ip/address.ts';
import { openArpSocket } from '../../src/io/linux/arpsocket.ts';
import { bootMs } from '../../src/io/linux/libc.ts';
import { openRouteSocket } from '../../src/io/linux/netlink.ts';
import { poll, Waker } from '../../src/io/linux/poll.ts';
import { openVrrpSocket } from '../../src/io/linux/rawsocket.ts';
import { openRejector } from '../../src/io/linux/reject.ts';
import { openSocketDiagnostics } from '../../src/io/linux/sockdiag.ts';
import { createPair, deleteNamespaces, within } from './namespaces.ts';

/** Runs `work` in rounds after a warm-up and prints the median and the 99th percentile of one call. */
function measure(name: string, rounds: number, work: (round: number) => void): void {
  for (let i = 0; i < Math.min(rounds, 500); i++) work(i);
  const times = new Float64Array(rounds);
  for (let i = 0; i < rounds; i++) {
    const start = process.hrtime.bigint();
    work(i);
    times[i] = Number(process.hrtime.bigint() - start) / 1000;
  }
  times.sort();
  const at = (share: number) => (times[Math.floor(rounds * share)] ?? 0).toFixed(1).padStart(8);
  console.log(`${name.padEnd(44)} p50 ${at(0.5)} us   p99 ${at(0.99)} us`);
}

function memoryOf(imports: string): string {
  const program = `${imports}
    const kb = (name) => (Number(require('node:fs').readFileSync('/proc/self/smaps_rollup', 'utf8').match(new RegExp(name + ':\\\\s+(\\\\d+)'))[1]) / 1024).toFixed(1);
    globalThis.gc(); console.log('RSS ' + kb('Rss') + ' MB, private ' + kb('Private_Dirty') + ' MB');`;
  return execFileSync(process.execPath, ['--expose-gc', '-e', program], { encoding: 'utf8' }).trim();
}

function measureMemory(): void {
  const file = (name: string) =>
    JSON.stringify(new URL(`../../src/io/linux/${name}`, import.meta.url).pathname);
  const all = ['rawsocket', 'netlink', 'arpsocket', 'ndsocket', 'sockdiag', 'reject', 'process', 'poll'];
  console.log(`memory of an empty program:        ${memoryOf('')}`);
  console.log(`memory with koffi loaded:          ${memoryOf("require('koffi');")}`);
  // Run from source, Node loads its type stripper; the last figure is to be read against this one.
  console.log(`memory with a TypeScript file:     ${memoryOf(`require(${file('../../core/error.ts')});`)}`);
  const requires = all.map((name) => `require(${file(`${name}.ts`)});`).join('');
  console.log(`memory with all of src/io/linux:   ${memoryOf(requires)}`);
}

function measureSockets(a: string, b: string): void {
  const open = (namespace: string, sourceAddress: string) =>
    within(namespace, () =>
      openVrrpSocket({
        interfaceName: 'eth0',
        family: 4,
        protocols: [112],
        sourceAddress,
        destination: 'multicast',
      }),
    );
  const left = open(a, '10.77.0.1');
  const right = open(b, '10.77.0.2');
  const advert = new Uint8Array(40);
  advert.set([0x45, 0xc0, 0, 40, 0, 1, 0, 0, 255, 112]);
  advert.set(parseIp('10.77.0.1') ?? [], 12);
  advert.set(parseIp('224.0.0.18') ?? [], 16);
  const waker = new Waker();
  measure('bootMs', 20_000, () => bootMs());
  measure('poll of two descriptors, nothing ready', 20_000, () => poll([right.fds[0] ?? -1, waker.fd], 0));
  measure('VrrpSocket.send (one advert)', 5000, () => left.send(advert, '224.0.0.18'));
  while (right.receive() !== null);
  measure('send + poll + receive, wire included', 5000, () => {
    left.send(advert, '224.0.0.18');
    poll(right.fds, 1000);
    if (right.receive() === null) throw new Error('the advert did not arrive');
  });
  const arp = within(a, () => openArpSocket({ interfaceName: 'eth0', receives: false }));
  const frame = new Uint8Array(42).fill(0xff, 0, 6);
  frame.set([8, 6], 12);
  measure('ArpSocket.send (one frame)', 5000, () => arp.send(frame));
}

function measureAddresses(a: string): void {
  const route = within(a, openRouteSocket);
  const interfaceIndex = route.listLinks().find((link) => link.name === 'eth0')?.index ?? 0;
  const v4 = { interfaceIndex, address: '10.77.0.100', prefix: 24 };
  const v6 = { interfaceIndex, address: 'fd77::100', prefix: 64 };
  measure('addAddress IPv4, renewing', 2000, () => route.addAddress({ ...v4, validLifetimeS: 3 }));
  measure('addAddress IPv6, renewing', 2000, () => route.addAddress({ ...v6, validLifetimeS: 3 }));
  measure('addAddress + removeAddress IPv4', 1000, () => {
    route.removeAddress(v4);
    route.addAddress({ ...v4, validLifetimeS: 3 });
  });
  measure('listAddresses', 1000, () => route.listAddresses());
  measure('listLinks', 1000, () => route.listLinks());
}

function measureRejector(a: string): void {
  const rejector = within(a, () => openRejector({ tableName: 'twinkeep_costs', port: 3306 }));
  measure('Rejector.reject (one address)', 500, () => rejector.reject(['10.77.0.100'], 2000));
  measure('Rejector.reject + accept', 500, () => {
    rejector.reject(['10.77.0.101'], 2000);
    rejector.accept(['10.77.0.101']);
  });
  rejector.close();
}

async function measureDestroy(a: string): Promise<void> {
  const program = `const net = require('node:net'); let n = 0;
    const server = net.createServer((s) => s.on('error', () => {})).listen(3306, '127.0.0.1', () => {
      for (let i = 0; i < 1000; i++) net.connect(3306, '127.0.0.1').on('connect', () => ++n === 1000 && console.log('ready')).on('error', () => {});
    });`;
  const child = spawn('ip', ['netns', 'exec', a, process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const diagnostics = within(a, openSocketDiagnostics);
  const start = bootMs();
  const listed = diagnostics.listTcp(3306).length;
  const listedMs = bootMs() - start;
  const count = diagnostics.destroyTcp({ localPort: 3306, keep: () => false });
  const totalMs = bootMs() - start - listedMs;
  console.log(
    `listing ${listed} connections: ${listedMs.toFixed(1)} ms; destroying ${count}: ${totalMs.toFixed(1)} ms`,
  );
  child.kill('SIGKILL');
}

measureMemory();
try {
  const [a, b] = createPair(['10.77.0.1/24', 'fd77::1/64'], ['10.77.0.2/24', 'fd77::2/64']);
  measureSockets(a, b);
  measureAddresses(a);
  measureRejector(a);
  await measureDestroy(a);
} finally {
  deleteNamespaces();
}
