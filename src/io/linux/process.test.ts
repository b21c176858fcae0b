import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OperatorError } from '../../core/error.ts';
import { capabilitiesOf, lockAgainstSecondAgent, peerPidOf } from './process.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tkl-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const MODULE = new URL('./process.ts', import.meta.url).href;

test('a second agent is told the process id of the first, and gets the lock when that one is gone', async () => {
  const path = join(directory, 'agent.lock');
  const program = `
    import { lockAgainstSecondAgent } from '${MODULE}';
    if (lockAgainstSecondAgent('${path}').ok) { console.log('locked'); setInterval(() => {}, 1000); }`;
  const first = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => first.stdout.once('data', resolve));
  expect(lockAgainstSecondAgent(path)).toEqual({ ok: false, heldByPid: first.pid });
  first.kill('SIGKILL');
  await new Promise((resolve) => first.once('exit', resolve));
  const again = lockAgainstSecondAgent(path);
  expect(again.ok).toBe(true);
  if (again.ok) again.lock.release();
});

test('what the holder spawns does not keep the lock after it', () => {
  const path = join(directory, 'agent.lock');
  const lock = lockAgainstSecondAgent(path);
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  if (lock.ok) lock.lock.release();
  const again = lockAgainstSecondAgent(path);
  child.kill('SIGKILL');
  expect(again.ok).toBe(true);
  if (again.ok) again.lock.release();
});

test('a stale file with the id of a process that is gone holds nobody up', () => {
  const path = join(directory, 'agent.lock');
  writeFileSync(path, '999999999\n');
  const lock = lockAgainstSecondAgent(path);
  expect(lock.ok).toBe(true);
  if (lock.ok) lock.lock.release();
});

test('a lock file that cannot be made is refused with its path', () => {
  const path = join(directory, 'missing', 'agent.lock');
  expect(() => lockAgainstSecondAgent(path)).toThrow(OperatorError);
  expect(() => lockAgainstSecondAgent(path)).toThrow(`cannot open the lock file ${path} (ENOENT)`);
});

test('the process at the other end of a Unix socket is named', async () => {
  const path = join(directory, 'socket');
  const server = createServer().listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = spawn(process.execPath, [
    '-e',
    `require('node:net').connect('${path}'); setInterval(() => {}, 1000);`,
  ]);
  const socket = await accepted;
  const fd = (socket as unknown as { _handle: { fd: number } })._handle.fd;
  expect(peerPidOf(fd)).toBe(client.pid);
  client.kill('SIGKILL');
  socket.destroy();
  server.close();
  expect(peerPidOf(-1)).toBeNull();
});

test('a connection to oneself is one of this process', async () => {
  const path = join(directory, 'socket');
  const server = createServer().listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  const client = connect(path);
  await new Promise((resolve) => client.once('connect', resolve));
  expect(peerPidOf((client as unknown as { _handle: { fd: number } })._handle.fd)).toBe(process.pid);
  client.destroy();
  server.close();
});

test('capabilities are read bit by bit', () => {
  const status = (mask: string) => capabilitiesOf(`Name:\tx\nCapEff:\t${mask}\nCapBnd:\tffffffffffffffff\n`);
  expect(status('0000000000003000')).toEqual({
    netAdmin: true,
    netRaw: true,
    sysNice: false,
    ipcLock: false,
    kill: false,
  });
  expect(status('0000000000804020')).toEqual({
    netAdmin: false,
    netRaw: false,
    sysNice: true,
    ipcLock: true,
    kill: true,
  });
});
