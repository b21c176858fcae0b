// The two daemons, started as their users start them, in the foreground inside a host's namespace, with pid files of their own.

import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endAll, type HostName, killIfThere, listensForVrrp, type Network } from './network.ts';

const LAUNCHER = fileURLToPath(new URL('../../twinkeep', import.meta.url));
// Generous: Node takes its time to start when every core is busy.
const READY_MS_MAX = 60_000;

/** twinkeep's keepalived mode, or the C daemon. */
export type Kind = 'twinkeep' | 'keepalived';

export interface Daemon {
  readonly kind: Kind;
  readonly pid: number;
  /** All that it said, stdout and stderr. */
  log(): string;
  /** SIGTERM, and waits for its end. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** To the process that the pid file names. */
  signal(signal: NodeJS.Signals): void;
  ended(): Promise<number | null>;
}

export interface StartOptions {
  readonly network: Network;
  readonly host: HostName;
  readonly kind: Kind;
  readonly folder: string;
  readonly configuration: string;
  /** Words behind the usual ones. */
  readonly more?: readonly string[];
  /** Shell text that runs before the daemon in its mount namespace, e.g. `mount --bind`. */
  readonly before?: string;
  /** The checkers too; the C daemon never runs them here, as it ends on a kernel without ip_vs. */
  readonly checkers?: boolean;
  /** false: does not wait until it takes part in an election. */
  readonly waits?: boolean;
}

/** INTEROP_TWINKEEP: another build to hold to the table, e.g. `/usr/bin/twinkeep keepalived`. */
export function programOf(kind: Kind): string[] {
  if (kind === 'keepalived') return ['keepalived'];
  const other = process.env['INTEROP_TWINKEEP'];
  if (other !== undefined) return other.split(' ');
  return [LAUNCHER, 'keepalived'];
}

/** Nothing of the test runner's own: what it sets for Node is not meant for the program. */
export function plainEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '/root' } = process.env;
  return { PATH: `${PATH}:/usr/sbin:/sbin`, HOME };
}

function watched(kind: Kind, child: ChildProcess): Daemon {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const end = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return {
    kind,
    pid: child.pid ?? 0,
    log: () => text,
    signal: (signal) => killIfThere(child.pid ?? 0, signal),
    ended: () => end,
    stop() {
      killIfThere(child.pid ?? 0, 'SIGTERM');
      return end;
    },
  };
}

/** `-P -n -l -D` and its own pid files. Resolves when it has opened its VRRP sockets. */
export async function startDaemon(options: StartOptions): Promise<Daemon> {
  const { network, host, kind, folder } = options;
  const file = join(folder, `${host}.conf`);
  writeFileSync(file, options.configuration);
  const pidFile = (name: string) => join(folder, `${host}-${name}.pid`);
  const parts = options.checkers === true && kind === 'twinkeep' ? [] : ['-P'];
  const argv = [...programOf(kind), ...parts, '-n', '-l', '-D', '-f', file];
  argv.push('-p', pidFile('main'), '-r', pidFile('vrrp'), '-c', pidFile('checkers'), '-b', pidFile('bfd'));
  argv.push(...(options.more ?? []));
  const script = `${options.before ?? ':'} && exec "$@"`;
  const child = spawn('ip', ['netns', 'exec', network.namespace(host), 'sh', '-ec', script, 'sh', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: plainEnvironment(),
    cwd: folder,
  });
  const daemon = watched(kind, child);
  if (options.waits !== false) await ready(daemon, child);
  return daemon;
}

async function ready(daemon: Daemon, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_MS_MAX;
  while (!listensForVrrp(daemon.pid)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(
        `${daemon.kind} ended with ${child.exitCode ?? child.signalCode}\n--- log\n${daemon.log()}`,
      );
    if (Date.now() > deadline)
      throw new Error(
        `${daemon.kind} opened no VRRP socket within ${READY_MS_MAX / 1000} s\n--- log\n${daemon.log()}`,
      );
    await sleep(20);
  }
}

/** SIGKILL to every process of the host. Frozen first: the C daemon's child is sent a SIGTERM by its parent's death. */
export async function crash(network: Network, host: HostName): Promise<void> {
  await signalAll(network, host, 'SIGSTOP');
  await endAll(network, [host]);
}

/** SIGSTOP or SIGCONT to every process of the host. */
export async function signalAll(network: Network, host: HostName, signal: NodeJS.Signals): Promise<void> {
  for (const pid of await network.processes(host)) killIfThere(pid, signal);
}
