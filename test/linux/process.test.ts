// What remains when the process is killed, and how its thread is scheduled: with processes of their own.

import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { createPair, deleteNamespaces, shell } from './namespaces.ts';

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  deleteNamespaces();
});

const source = (name: string) => new URL(`../../src/io/linux/${name}.ts`, import.meta.url).href;

/** Runs a module in a namespace until its first line of output. */
async function firstLine(namespace: string, program: string): Promise<[ChildProcess, string]> {
  const node = [process.execPath, '--expose-gc', '--input-type=module', '-e', program];
  const child = spawn('ip', ['netns', 'exec', namespace, ...node], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', resolve);
    child.once('exit', (code, signal) => reject(new Error(`ended with ${code ?? signal}`)));
  });
  return [child, line.trim()];
}

test('after kill -9 the kernel removes the rejections at once and the VIP at the end of its lease', async () => {
  const [host] = createPair(['10.77.0.1/24'], []);
  const [child] = await firstLine(
    host,
    `import { openRouteSocket } from '${source('netlink')}';
     import { openRejector } from '${source('reject')}';
     const route = openRouteSocket();
     const index = route.listLinks().find((link) => link.name === 'eth0').index;
     route.addAddress({ interfaceIndex: index, address: '10.77.0.100', prefix: 24, validLifetimeS: 2 });
     openRejector({ tableName: 'twinkeep_test', port: 3306 }).reject(['10.77.0.101'], 3600_000);
     console.log('up');
     setInterval(() => {}, 1000);`,
  );
  expect(shell(`ip -n ${host} addr show dev eth0`)).toContain('10.77.0.100/24');
  expect(shell(`ip netns exec ${host} nft list ruleset`)).toContain('10.77.0.101');
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  shell(`until test -z "$(ip netns exec ${host} nft list ruleset)"; do sleep 0.05; done`);
  shell(`while ip -n ${host} addr show dev eth0 | grep -q 10.77.0.100/24; do sleep 0.05; done`);
});

test('only the calling thread becomes real-time, its children do not, and V8 still collects its garbage', async () => {
  const [host] = createPair([], []);
  const [, line] = await firstLine(
    host,
    `import { execFileSync } from 'node:child_process';
     import { readdirSync, readFileSync } from 'node:fs';
     import { goRealtime } from '${source('process')}';
     const result = goRealtime();
     let kept = [];
     for (let i = 0; i < 60; i++) {
       for (let j = 0; j < 2000; j++) kept.push(new Array(60).fill(j));
       if (i % 10 === 9) { kept = []; globalThis.gc(); }
     }
     const policy = (stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]);
     const threads = readdirSync('/proc/self/task').map((id) => policy(readFileSync('/proc/self/task/' + id + '/stat', 'utf8')));
     const child = policy(execFileSync('cat', ['/proc/self/stat'], { encoding: 'utf8' }));
     console.log(JSON.stringify({ ...result, realtime: threads.filter((p) => p === 2).length, own: policy(readFileSync('/proc/self/stat', 'utf8')), child }));`,
  );
  expect(JSON.parse(line)).toEqual({
    scheduled: true,
    codeLocked: true,
    reasons: [],
    realtime: 1,
    own: 2,
    child: 0,
  });
});
