import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { ProcessList } from './processes.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const each of started.splice(0)) each.kill('SIGKILL');
});

const mark = String(5_000_000 + process.pid);
const sleep = (): ChildProcess => {
  const child = spawn('sleep', [mark]);
  started.push(child);
  return child;
};
const isOurs = ({ argv }: { argv: readonly string[] }) => argv[1] === mark;
const count = (list: ProcessList) => list.read(true, isOurs).filter(isOurs).length;
const TURNS_MAX = 100;

/** Asked turn by turn, as the trackers do it; a process needs a moment from its fork to its exec. */
async function countsTo(list: ProcessList, wanted: number): Promise<boolean> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (count(list) === wanted) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

test('processes are seen when they begin and when they end', async () => {
  const list = new ProcessList();
  expect(count(list)).toBe(0);
  const first = sleep();
  sleep();
  expect(await countsTo(list, 2)).toBe(true);
  first.kill();
  expect(await countsTo(list, 1)).toBe(true);
});

test('the threads of a process are no processes', async () => {
  const list = new ProcessList();
  const program = `const { Worker } = require('node:worker_threads');
    for (let i = 0; i < 3; i++) new Worker('setInterval(() => {}, 1000)', { eval: true });
    console.log('ready'); setInterval(() => {}, 1000); // ${mark}`;
  list.read(true, () => false);
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  started.push(child);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const threads = readdirSync(`/proc/${child.pid}/task`);
  expect(threads.length).toBeGreaterThan(3);
  const found = list.read(true, () => false).filter(({ argv }) => argv.at(-1)?.includes(mark));
  expect(found).toHaveLength(1);
});

test('all are seen that /proc lists, with the name that the kernel has for them', () => {
  const list = new ProcessList();
  const names = list.read(false, () => false).map(({ comm }) => comm);
  expect(names).toContain(execFileSync('cat', [`/proc/${process.pid}/comm`], { encoding: 'utf8' }).trim());
  const listed = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).length;
  // Some come and go in between, and zombies do not count.
  expect(names.length).toBeGreaterThan(listed / 2);
});
