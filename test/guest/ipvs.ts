// The checkers and a real IPVS: a client, a balancer (this guest) and three back-ends in network namespaces. Run inside the guest by
// scripts/guest; plain node, because a test runner takes half a minute to start in an emulated machine.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Checkers, startCheckers } from '../../src/app/keepalived/checkers/checkers.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';
import type { KeepalivedConfig } from '../../src/config/keepalived/types.ts';
import { openStream } from '../../src/io/checkers/stream.ts';
import { createNamespace, shell, within } from '../linux/namespaces.ts';

const ROOT = process.env['GUEST_ROOT'] ?? '';
const WEIGHT_FILE = '/tmp/weight';
const PATIENCE_MS = 30_000;

// --- The network

const client = createNamespace('c');
const backends = ['b1', 'b2', 'b3'].map((name) => createNamespace(name));

function wire(namespace: string, name: string, own: string, other: string): void {
  shell(`ip link add ${name} type veth peer name eth0 netns ${namespace}
    ip addr add ${own}/24 dev ${name} && ip link set ${name} up
    ip -n ${namespace} addr add ${other}/24 dev eth0 && ip -n ${namespace} link set eth0 up
    ip -n ${namespace} route add default via ${own}`);
}

wire(client, 'vc', '10.0.0.1', '10.0.0.2');
backends.forEach((namespace, i) => {
  wire(namespace, `vb${i + 1}`, `10.1.${i + 1}.1`, `10.1.${i + 1}.2`);
});
shell('ip addr add 10.0.0.100/32 dev vc; echo 1 > /proc/sys/net/ipv4/ip_forward');

/** A server that says its name, then gives back what it gets. */
interface Backend {
  stop(): Promise<void>;
}

function serve(index: number, port: number): Backend {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    socket.write(`b${index}\n`);
    socket.on('data', (bytes) => socket.write(bytes));
  });
  within(backends[index - 1] ?? '', () => server.listen(port));
  return {
    stop: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** A connection of the client: the lines that came, and a way to send more. */
function talk(
  port: number,
): Promise<{ readonly name: string; say(text: string): Promise<string>; end(): void }> {
  const connection = {
    address: '10.0.0.100',
    port,
    timeoutMs: 5000,
    bindAddress: null,
    bindPort: null,
    bindInterface: 'eth0',
    firewallMark: null,
  };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the client got no answer')), 5000);
    const end = within(client, () =>
      openStream(connection, {
        failed: reject,
        connected(socket) {
          socket.setEncoding('utf8');
          socket.once('data', (text: string) => {
            clearTimeout(timer);
            resolve({
              name: text.trim(),
              end,
              say: (words) =>
                new Promise((answer) => {
                  socket.once('data', (back: string) => answer(back));
                  socket.write(words);
                }),
            });
          });
        },
      }),
    );
  });
}

async function ask(port: number): Promise<string> {
  try {
    const { name, end } = await talk(port);
    end();
    return name;
  } catch (error) {
    return `error: ${(error as Error).message}`;
  }
}

async function askTimes(times: number, port = 3306): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < times; i++) names.push(await ask(port));
  return names;
}

// --- What the kernel has, in ipvsadm's words

function ipvsadm(...args: string[]): string {
  const env = { LD_LIBRARY_PATH: `${ROOT}/usr/lib/x86_64-linux-gnu:${ROOT}/lib/x86_64-linux-gnu` };
  return execFileSync(join(ROOT, 'sbin/ipvsadm'), args, { encoding: 'utf8', env });
}
const rules = (): string[] => ipvsadm('-Sn').trim().split('\n').filter(Boolean);
const rulesOf = (port: number): string[] => rules().filter((rule) => rule.includes(`10.0.0.100:${port} `));

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > end)
      throw new Error(`not within ${PATIENCE_MS} ms: ${what}\n${ipvsadm('-Ln')}\n${said.join('\n')}`);
    await sleep(50);
  }
}

// --- The daemon's part

const said: string[] = [];
const outlets = {
  log: (_level: string, text: string) => void said.push(text),
  run: (script: { readonly command: readonly string[] }) => void said.push(`RUN ${script.command.join(' ')}`),
  fifo: (_side: string, line: string) => void said.push(`FIFO ${line}`),
  mail: () => undefined,
};

const PACE = 'delay_loop 0.3\nwarmup 0\ndelay_before_retry 0.1\nconnect_timeout 2\nprotocol TCP';
const real = (i: number, port = 3306, more = '') =>
  `real_server 10.1.${i}.2 ${port} {\nTCP_CHECK {\n}\n${more}\n}\n`;
const virtual = (port: number, more: string) =>
  `virtual_server 10.0.0.100 ${port} {\n${PACE}\nlb_kind NAT\n${more}\n}\n`;
const two = (more = '') => virtual(3306, `lb_algo rr\n${more}\n${real(1)}${real(2)}`);

function read(text: string): KeepalivedConfig {
  const { config, findings } = parseKeepalivedConf(text, 'guest.conf', () => []);
  const wrong = findings.filter((f) => f.severity !== 'warning' && f.code !== 'script-security');
  assert.deepEqual(wrong, []);
  return config;
}

function start(text: string, keepIpvsOnStop = false): Checkers {
  said.splice(0);
  return startCheckers(read(text), outlets, { keepIpvsOnStop, detail: false, holdsAddress: () => true });
}

// --- The cases

const CASES: readonly (readonly [name: string, run: () => Promise<void>])[] = [
  [
    'traffic alternates; a back-end that dies loses its rule, and gets it back',
    async () => {
      const b1 = serve(1, 3306);
      let b2 = serve(2, 3306);
      const checkers = start(two());
      assert.deepEqual(rulesOf(3306), [
        '-A -t 10.0.0.100:3306 -s rr',
        '-a -t 10.0.0.100:3306 -r 10.1.1.2:3306 -m -w 1',
        '-a -t 10.0.0.100:3306 -r 10.1.2.2:3306 -m -w 1',
      ]);
      assert.equal(checkers.view().ipvs, true);
      const names = await askTimes(6);
      assert.equal(names.filter((n) => n === 'b1').length, 3, names.join());
      assert.equal(names.filter((n) => n === 'b2').length, 3, names.join());
      assert.notEqual(names[0], names[1]);
      await b2.stop();
      await until('b2 has no rule', () => rulesOf(3306).length === 2);
      assert.deepEqual(await askTimes(3), ['b1', 'b1', 'b1']);
      b2 = serve(2, 3306);
      await until('b2 has its rule again', () => rulesOf(3306).length === 3);
      assert.equal(new Set(await askTimes(4)).size, 2);
      await checkers.stop();
      assert.deepEqual(rules(), []);
      await Promise.all([b1.stop(), b2.stop()]);
    },
  ],
  [
    'without its quorum the sorry server answers; with it the real ones do',
    async () => {
      const sorry = serve(3, 3306);
      const b1 = serve(1, 3306);
      const checkers = start(two('quorum 2\nsorry_server 10.1.3.2 3306\nquorum_down "/bin/down"'));
      await until('the sorry server is the only rule', () => {
        const [, ...destinations] = rulesOf(3306);
        return destinations.length === 1 && (destinations[0] ?? '').includes('10.1.3.2:3306');
      });
      assert.equal(await ask(3306), 'b3');
      assert.ok(said.includes('RUN /bin/down'), said.join('\n'));
      const b2 = serve(2, 3306);
      await until(
        'both real servers have rules',
        () => rulesOf(3306).length === 3 && !rules().join().includes('10.1.3.2'),
      );
      assert.equal(new Set(await askTimes(4)).has('b3'), false);
      await checkers.stop();
      await Promise.all([b1.stop(), b2.stop(), sorry.stop()]);
    },
  ],
  [
    'weights steer the traffic, and a tracked file changes them',
    async () => {
      const b1 = serve(1, 3306);
      const b2 = serve(2, 3306);
      writeFileSync(WEIGHT_FILE, '2\n');
      const file = 'FILE_CHECK {\ntrack_file w\n}';
      const checkers = start(
        `track_file w {\nfile ${WEIGHT_FILE}\n}\n${virtual(3306, `lb_algo wrr\n${real(1, 3306, file)}${real(2)}`)}`,
      );
      assert.deepEqual(
        rulesOf(3306)
          .slice(1)
          .map((rule) => rule.replace(/.* -w /, '')),
        ['3', '1'],
      );
      const names = await askTimes(8);
      assert.equal(names.filter((n) => n === 'b1').length, 6, names.join());
      writeFileSync(WEIGHT_FILE, '-1\n');
      await until('b1 has weight 0', () => rulesOf(3306)[1]?.endsWith('-w 0') ?? false);
      assert.deepEqual(await askTimes(3), ['b2', 'b2', 'b2']);
      await checkers.stop();
      await Promise.all([b1.stop(), b2.stop()]);
    },
  ],
  [
    'with inhibit_on_failure a failed server stays, with weight 0',
    async () => {
      const b1 = serve(1, 3306);
      const checkers = start(two('inhibit_on_failure'));
      await until('b2 has weight 0', () => rulesOf(3306)[2]?.endsWith('-w 0') ?? false);
      assert.deepEqual(await askTimes(3), ['b1', 'b1', 'b1']);
      await checkers.stop();
      await b1.stop();
    },
  ],
  [
    'persistence keeps a client at its server',
    async () => {
      const both = [serve(1, 3306), serve(2, 3306)];
      const checkers = start(two('persistence_timeout 50\npersistence_granularity 255.255.255.0'));
      assert.equal(rulesOf(3306)[0], '-A -t 10.0.0.100:3306 -s rr -p 50 -M 255.255.255.0');
      assert.equal(new Set(await askTimes(5)).size, 1);
      await checkers.stop();
      await Promise.all(both.map((b) => b.stop()));
    },
  ],
  [
    'a reload touches what changed only, and keeps connections',
    async () => {
      const both = [serve(1, 3306), serve(2, 3306), serve(1, 3307)];
      const checkers = start(two());
      const held = await talk(3306);
      assert.equal(await held.say('before\n'), 'before\n');
      checkers.reload(read(two() + virtual(3307, `lb_algo wlc\n${real(1, 3307)}`)));
      assert.equal(rulesOf(3307)[0], '-A -t 10.0.0.100:3307 -s wlc');
      assert.equal(await held.say('after\n'), 'after\n');
      assert.equal(await ask(3307), 'b1');
      checkers.reload(read(two('persistence_timeout 9').replace('lb_algo rr', 'lb_algo wrr')));
      assert.deepEqual(rulesOf(3307), []);
      assert.equal(rulesOf(3306)[0], '-A -t 10.0.0.100:3306 -s wrr -p 9');
      assert.equal(await held.say('still\n'), 'still\n');
      held.end();
      const other = held.name === 'b1' ? 2 : 1;
      checkers.reload(read(virtual(3306, `lb_algo rr\n${real(other)}`)));
      assert.equal(rulesOf(3306).length, 2);
      assert.equal(await ask(3306), `b${other}`);
      await checkers.stop();
      await Promise.all(both.map((b) => b.stop()));
    },
  ],
  [
    'rules of a former run are taken over, those of others left alone; kept when asked to',
    async () => {
      const both = [serve(1, 3306), serve(2, 3306)];
      ipvsadm('-A', '-t', '10.0.0.100:3306', '-s', 'lc');
      ipvsadm('-a', '-t', '10.0.0.100:3306', '-r', '10.1.1.2:3306', '-m', '-w', '7');
      ipvsadm('-a', '-t', '10.0.0.100:3306', '-r', '10.1.9.9:3306', '-m');
      ipvsadm('-A', '-t', '10.0.0.100:99', '-s', 'rr');
      const checkers = start(two(), true);
      assert.deepEqual(rulesOf(3306), [
        '-A -t 10.0.0.100:3306 -s rr',
        '-a -t 10.0.0.100:3306 -r 10.1.1.2:3306 -m -w 1',
        '-a -t 10.0.0.100:3306 -r 10.1.2.2:3306 -m -w 1',
      ]);
      await checkers.stop();
      assert.equal(rulesOf(3306).length, 3);
      const again = start(two());
      ipvsadm('-d', '-t', '10.0.0.100:3306', '-r', '10.1.2.2:3306');
      await again.stop();
      assert.deepEqual(rules(), ['-A -t 10.0.0.100:99 -s rr']);
      const flushing = start(`global_defs {\nlvs_flush\n}\n${two()}`);
      assert.equal(rules().length, 3);
      await flushing.stop();
      await Promise.all(both.map((b) => b.stop()));
    },
  ],
  [
    'every kind of service and destination reads back as it was written',
    async () => {
      const target = (address: string) =>
        `real_server ${address} {\nuthreshold 20\nlthreshold 10\nweight 3\n}`;
      const marked = `virtual_server fwmark 3 {\nlb_algo sh\nsh-port\nsh-fallback\nlb_kind NAT\n${target('10.1.1.2')}\n}\n`;
      const group = `virtual_server_group g {\n10.0.0.101-102 53\nfwmark 7\n}\nvirtual_server group g {\nprotocol UDP\nops\nlb_algo rr\nlb_kind DR\nreal_server 10.1.1.2 {\n}\n}\n`;
      const six = `virtual_server fd00::1 80 {\nprotocol TCP\nlb_algo mh\nmh-port\nlb_kind TUN\nreal_server fd00::2 80 {\n}\nreal_server 10.1.1.2 80 {\nlvs_method TUN type gue port 6080\n}\n}\n`;
      const text = `${marked}${six}${virtual(0, `lb_algo rr\npersistence_timeout 60\nreal_server 10.1.1.2 {\n}`).replace('10.0.0.100 0', '10.0.0.103')}`;
      const checkers = start(text);
      assert.deepEqual(
        rules().sort(),
        [
          '-A -f 3 -s sh -b sh-fallback,sh-port',
          '-A -t 10.0.0.103:0 -s rr -p 60',
          '-A -t [fd00::1]:80 -s mh -b mh-port',
          '-a -f 3 -r 10.1.1.2:0 -m -w 3',
          '-a -t 10.0.0.103:0 -r 10.1.1.2:0 -m -w 1',
          '-a -t [fd00::1]:80 -r 10.1.1.2:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum',
          '-a -t [fd00::1]:80 -r [fd00::2]:80 -i -w 1 --tun-type ipip',
        ].sort(),
      );
      assert.match(ipvsadm('-Ln', '--thresholds', '-f', '3'), /10\.1\.1\.2:0 +20 +10/);
      await checkers.stop();
      const grouped = start(group.replace('real_server 10.1.1.2 {', 'real_server 10.1.1.2 53 {'));
      const [first, ...others] = rules().filter((rule) => rule.startsWith('-A'));
      assert.equal(first, '-A -u 10.0.0.101:53 -s rr -o');
      assert.equal(others.length, 2);
      await grouped.stop();
      assert.deepEqual(rules(), []);
    },
  ],
  [
    'time-outs and the daemons that copy connections',
    async () => {
      const globals =
        'global_defs {\nlvs_timeouts tcp 1000 tcpfin 50 udp 70\nlvs_sync_daemon vc inst V id 9\n}\n';
      const checkers = start(globals);
      assert.match(ipvsadm('-L', '--timeout'), /1000 50 70/);
      assert.match(ipvsadm('-L', '--daemon'), /backup sync daemon \(mcast=vc, syncid=9/);
      checkers.instanceChanged('V', true);
      assert.match(ipvsadm('-L', '--daemon'), /master sync daemon \(mcast=vc, syncid=9/);
      await checkers.stop();
      assert.equal(ipvsadm('-L', '--daemon').trim(), '');
    },
  ],
  [
    'what the kernel refuses is told, and the rest goes on',
    async () => {
      const b1 = serve(1, 3306);
      const checkers = start(virtual(3307, `lb_algo twos\n${real(1, 3307)}`) + two());
      assert.ok(
        said.some((line) => line.startsWith('IPVS: cannot set the service')),
        said.join('\n'),
      );
      assert.equal(rulesOf(3306).length, 3);
      await checkers.stop();
      await b1.stop();
    },
  ],
];

let failed = 0;
for (const [name, run] of CASES) {
  const startedMs = performance.now();
  try {
    await run();
    console.log(`ok      ${name} (${Math.round(performance.now() - startedMs)} ms)`);
  } catch (error) {
    failed++;
    console.log(`not ok  ${name}\n${(error as Error).stack ?? error}`);
    ipvsadm('-C');
  }
}
console.log(
  `GUEST RESULT: ${failed === 0 ? `passed ${CASES.length}` : `failed ${failed} of ${CASES.length}`}`,
);
process.exit(failed === 0 ? 0 : 1);
