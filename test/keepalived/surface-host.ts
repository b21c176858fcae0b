// A host for one daemon: a network namespace with a wire that nobody listens to, a folder for its files, and `twinkeep keepalived` run
// in both. Everything that was started ends with the host.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { check, closeFd, libc } from '../../src/io/linux/libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
export const PROGRAM = resolve(import.meta.dirname, '../../twinkeep');

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly process: ChildProcess;
  log(): string;
  ended(): Promise<number | null>;
}

export class Host {
  readonly namespace: string;
  readonly folder: string;
  readonly #started: ChildProcess[] = [];
  readonly #pids: number[] = [];
  readonly #closing: (() => void)[] = [];

  constructor(name: string) {
    this.namespace = `tkl-${process.pid}-${name}`;
    this.folder = mkdtempSync(join(tmpdir(), 'twinkeep-surface-'));
    const ns = this.namespace;
    this.#sh(`ip netns add ${ns} && ip -n ${ns} link set lo up
      ip -n ${ns} link add eth0 type veth peer name wire
      ip -n ${ns} addr add 10.77.0.1/24 dev eth0
      ip -n ${ns} link set eth0 up && ip -n ${ns} link set wire up`);
  }

  #sh(command: string): string {
    return execFileSync('sh', ['-ec', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file of this host and gives its path. */
  write(name: string, text: string, mode = 0o644): string {
    writeFileSync(this.path(name), text, { mode });
    return this.path(name);
  }

  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : '';
  }

  /** The options that keep its pid files and its log to this host. */
  own(): string[] {
    return ['-G', '-p', this.path('main.pid'), '-r', this.path('vrrp.pid'), '-c', this.path('checkers.pid')];
  }

  /** Waits for the end: for options that end by themselves, and for starts in the background. */
  run(...words: string[]): Ran {
    const ran = spawnSync('ip', ['netns', 'exec', this.namespace, PROGRAM, 'keepalived', ...words], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { code: ran.status, out: ran.stdout, err: ran.stderr };
  }

  /** In the foreground, with the log on standard error. */
  start(words: readonly string[], wrapper: readonly string[] = []): Started {
    return this.#spawn(['ip', 'netns', 'exec', this.namespace, ...wrapper], words);
  }

  /** Not in the namespace. */
  startOutside(words: readonly string[]): Started {
    return this.#spawn([], words);
  }

  #spawn(wrapper: readonly string[], words: readonly string[]): Started {
    const [program = '', ...rest] = [...wrapper, PROGRAM, 'keepalived', '-n', '-l', ...words];
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#started.push(child);
    let log = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      log += bytes.toString();
    });
    const end = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
    return { process: child, log: () => log, ended: () => end };
  }

  /** A datagram socket, as syslog daemons and service managers have one; what comes is kept, a line each. */
  listen(path: string): () => string {
    const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const address = new Uint8Array([AF_UNIX, 0, ...Buffer.from(path), 0]);
    check(libc.bind(fd, address, address.length), 'bind');
    let lines = '';
    const buffer = new Uint8Array(new ArrayBuffer(8192));
    const timer = setInterval(() => {
      for (let n = libc.recv(fd, buffer, 8192, 0); n > 0; n = libc.recv(fd, buffer, 8192, 0))
        lines += `${Buffer.from(buffer.subarray(0, n)).toString()}\n`;
    }, 20);
    this.#closing.push(() => {
      clearInterval(timer);
      closeFd(fd);
    });
    return () => lines;
  }

  /** The wrapper gives what it runs a /dev in which /dev/log is this listener: the machine's own syslog sees nothing of it. */
  listenForSyslog(): { wrapper: string[]; lines(): string } {
    const dev = this.path('dev');
    mkdirSync(dev);
    this.#sh(`cp -a /dev/null /dev/zero /dev/random /dev/urandom ${dev}/`);
    return {
      wrapper: ['unshare', '-m', 'sh', '-c', `mount --bind ${dev} /dev && exec "$0" "$@"`],
      lines: this.listen(`${dev}/log`),
    };
  }

  /** The process in a pid file; it ends with the host. */
  pid(name = 'main.pid'): number {
    const pid = Number(this.read(name).trim());
    if (pid > 0 && !this.#pids.includes(pid)) this.#pids.push(pid);
    return pid;
  }

  addresses(): string {
    return this.#sh(`ip -n ${this.namespace} -o addr show dev eth0`);
  }

  /** Every change of an address, a line each, until it is asked to end. */
  watchAddresses(): { lines(): string; end(): void } {
    const child = spawn('ip', ['-n', this.namespace, 'monitor', 'address'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#started.push(child);
    let lines = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      lines += bytes.toString();
    });
    return { lines: () => lines, end: () => void child.kill() };
  }

  async end(): Promise<void> {
    for (const child of this.#started) if (child.exitCode === null) child.kill('SIGKILL');
    for (const pid of this.#pids)
      try {
        if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('keepalived')) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    for (const close of this.#closing) close();
    this.#sh(`ip netns del ${this.namespace}`);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Looks again until it is so; fails with what it waited for. The bound is generous: nothing here is about time. */
export async function until(what: string, holds: () => boolean, msMax = 20_000): Promise<void> {
  const end = Date.now() + msMax;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${msMax} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
