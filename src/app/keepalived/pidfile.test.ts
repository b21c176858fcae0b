import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OperatorError } from '../../core/error.ts';
import { defaultPidPlaces, takePidFile } from './pidfile.ts';

let folder: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinkeep-pidfile-'));
  path = join(folder, 'keepalived.pid');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process that is called so, and has been started when this returns. */
function processCalled(name: string): number {
  const program = join(folder, name);
  copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['60'], { stdio: 'ignore' });
  children.push(child);
  return child.pid ?? 0;
}

function refusal(): string {
  try {
    takePidFile(path).remove();
    return 'taken';
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return error.message;
  }
}

describe('a pid file', () => {
  test('names this process, refuses a second holder by naming the first, and goes with its holder', () => {
    const held = takePidFile(path);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    expect(refusal()).toMatch(
      new RegExp(`^daemon is already running: process ${process.pid} \\(.*\\) holds ${path}$`),
    );
    held.remove();
    expect(existsSync(path)).toBe(false);
    expect(refusal()).toBe('taken');
  });

  test('that names nobody, no number, or a process of another program is stale', () => {
    for (const text of ['', 'rubbish', '4194305', `${processCalled('mariadbd')}`]) {
      writeFileSync(path, text);
      expect(refusal(), text).toBe('taken');
    }
  });

  test('of a C daemon that lives is respected; one whose number was given to a later daemon is stale', () => {
    const pid = processCalled('keepalived');
    writeFileSync(path, `${pid}\n`);
    expect(refusal()).toBe(`daemon is already running: process ${pid} (keepalived) holds ${path}`);
    const hourAgo = Date.now() / 1000 - 3600;
    utimesSync(path, hourAgo, hourAgo);
    expect(refusal()).toBe('taken');
  });

  test('that somebody put in place of the holder’s own is not removed with it', () => {
    const held = takePidFile(path);
    rmSync(path);
    writeFileSync(path, 'another');
    held.remove();
    expect(readFileSync(path, 'utf8')).toBe('another');
  });
});

test('a pid file that is a symbolic link is refused, and what it leads to is left alone', () => {
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, path);
  expect(refusal()).toBe(`cannot write the pid file ${path} (ELOOP)`);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

describe('without options', () => {
  test('pid files are where the C daemon has them', () => {
    expect(defaultPidPlaces(null, null, false)).toEqual({
      main: '/run/keepalived.pid',
      vrrp: '/run/keepalived_vrrp.pid',
      checkers: '/run/keepalived_checkers.pid',
    });
    expect(defaultPidPlaces(null, null, true).vrrp).toBe('/run/keepalived/vrrp.pid');
    expect(defaultPidPlaces('foo', null, false)).toMatchObject({
      main: '/run/keepalived/keepalived_foo.pid',
      vrrp: '/run/keepalived/vrrp_foo.pid',
    });
    expect(defaultPidPlaces(null, 'blue', false).main).toBe('/run/keepalived/blue/keepalived.pid');
  });
});
