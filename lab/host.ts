// A lab host: a set of namespaces held by its process 1 (host-init.sh). Booting, killing, and running things in it.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../src/core/error.ts';
import { type HostName, hostDir, type LabOptions, projectRoot } from './plan.ts';
import {
  allPids,
  argvOf,
  type Finished,
  type HostProcess,
  processesOf,
  run,
  signal,
  until,
} from './process.ts';

/** The bridge lives in a network namespace of its own, held like a host's. */
export type Place = HostName | 'switch';

const initName = '/lab/host-init.sh';
const initScript = join(projectRoot, initName);
const superviseName = '/lab/supervise.sh';
const superviseScript = join(projectRoot, superviseName);

/** The pid of a place's process 1 as the machine sees it; null when the place is down. */
export function initPidOf(lab: LabOptions, place: Place): number | null {
  for (const pid of allPids()) {
    const argv = argvOf(pid);
    // By its folder, whichever checkout it was started from.
    if (argv[0] === 'sh' && argv[1]?.endsWith(initName) && argv[2] === lab.dir && argv[3] === place)
      return pid;
  }
  return null;
}

export function isUp(lab: LabOptions, place: Place): boolean {
  return initPidOf(lab, place) !== null;
}

export function requireUp(lab: LabOptions, place: Place): number {
  const pid = initPidOf(lab, place);
  if (pid !== null) return pid;
  throw new OperatorError(
    'lab-host-down',
    `Host ${place} of the lab "${lab.name}" is not running.`,
    'Start the lab with: twinkeep lab up',
  );
}

/** Starts a place's namespaces; resolves with its process 1 once the place can be used. */
export function bootPlace(lab: LabOptions, place: Place): Promise<number> {
  mkdirSync(join(lab.dir, place), { recursive: true });
  const keep = [lab.dir, projectRoot];
  const child = spawn(
    'unshare',
    [
      '--net',
      '--mount',
      '--pid',
      '--uts',
      '--fork',
      '--kill-child',
      '--mount-proc',
      'sh',
      initScript,
      lab.dir,
      place,
      ...keep,
    ],
    { detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        new OperatorError(
          'lab-namespaces',
          `Host ${place} could not be started: ${why.trim() || 'unshare ended without a word'}.`,
          'The lab needs root and a kernel with network, mount, process and host name namespaces.',
        ),
      );
    child.on('error', (error) => fail(error.message));
    child.on('exit', () => fail(said));
    child.stderr.on('data', (data) => {
      said += String(data);
    });
    child.stdout.on('data', () => {
      const pid = initPidOf(lab, place);
      if (pid === null) return;
      child.removeAllListeners();
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve(pid);
    });
  });
}

/** Ends everything in a place at once, and waits until the kernel has taken it down. */
export async function killPlace(lab: LabOptions, place: Place): Promise<void> {
  const pid = initPidOf(lab, place);
  if (pid === null) return;
  signal(pid, 'SIGKILL'); // the kernel kills a process namespace with its process 1
  const gone = await until(() => initPidOf(lab, place) === null, 10_000);
  if (!gone) {
    throw new OperatorError(
      'lab-kill',
      `Host ${place} (process ${pid}) did not end within 10 s of SIGKILL.`,
      `See what it waits for: cat /proc/${pid}/stack`,
    );
  }
}

export function hostProcesses(lab: LabOptions, place: Place): HostProcess[] {
  const pid = initPidOf(lab, place);
  return pid === null ? [] : processesOf(pid);
}

function enterArgs(pid: number, scope: 'all' | 'network'): string[] {
  return scope === 'network'
    ? ['--target', String(pid), '--net']
    : ['--target', String(pid), '--net', '--mount', '--pid', '--uts'];
}

/** Runs a command in a place to its end. */
export function runIn(lab: LabOptions, place: Place, argv: readonly string[], input = ''): Promise<Finished> {
  return run('nsenter', [...enterArgs(requireUp(lab, place), 'all'), '--', ...argv], input);
}

/** Runs a machine's command with only the place's network (pids, files and names are the machine's). */
export async function onNetwork(
  lab: LabOptions,
  place: Place,
  argv: readonly string[],
  input = '',
): Promise<string> {
  const args = [...enterArgs(requireUp(lab, place), 'network'), '--', ...argv];
  const { code, stdout, stderr } = await run('nsenter', args, input);
  if (code === 0) return stdout;
  throw new OperatorError(
    'lab-network',
    `In the network of ${place}, "${argv.join(' ')}" ended with ${code}: ${stderr.trim()}`,
    'See the lab with: twinkeep lab status',
  );
}

/** Like runIn, but a failure is an error that says what was tried. */
export async function mustRunIn(
  lab: LabOptions,
  place: Place,
  argv: readonly string[],
  input = '',
): Promise<string> {
  const { code, stdout, stderr } = await runIn(lab, place, argv, input);
  if (code === 0) return stdout;
  throw new OperatorError(
    'lab-command',
    `On host ${place}, "${argv.join(' ')}" ended with ${code}: ${stderr.trim()}`,
    `Try it by hand: twinkeep lab in ${place} -- ${argv.join(' ')}`,
  );
}

/** Starts a command in a place, with its pipes. `network`: only the place's network, the machine's files and processes. */
export function spawnIn(
  lab: LabOptions,
  place: Place,
  argv: readonly string[],
  stdio: 'pipe' | 'inherit',
  scope: 'all' | 'network' = 'all',
): ChildProcess {
  const args = [...enterArgs(requireUp(lab, place), scope), '--', ...argv];
  // A session of its own keeps Ctrl-C on the operator's terminal from ending the measuring before it has reported.
  return spawn('nsenter', args, { stdio, detached: stdio === 'pipe' });
}

export interface Service {
  readonly name: 'server' | 'agent' | 'etcd';
  readonly policy: 'on-abnormal' | 'on-failure';
  readonly restartS: number;
  readonly argv: readonly string[];
}

/** Starts a service under its supervisor, as a child of the host's process 1. */
export async function startService(lab: LabOptions, host: HostName, service: Service): Promise<void> {
  const dir = hostDir(lab, host);
  // The last supervisor has a moment more to do when its service has ended.
  await until(() => !isSupervised(lab, host, service.name), 2000);
  rmSync(join(dir, `${service.name}.once`), { force: true });
  // The inner shell ends at once, so that the supervisor is adopted by the host's own process 1 and not by the machine's.
  const detach = 'cd / && "$@" >/dev/null 2>&1 </dev/null &';
  const supervise = ['sh', superviseScript, service.name, dir, service.policy, String(service.restartS)];
  await mustRunIn(lab, host, ['setsid', 'sh', '-c', detach, 'start', ...supervise, ...service.argv]);
  await until(() => servicePid(lab, host, service.name) !== null, 2000);
}

/** From now on the service is not started again, whatever ends it. */
export function forbidRestart(lab: LabOptions, host: HostName, name: Service['name']): void {
  writeFileSync(join(hostDir(lab, host), `${name}.once`), '');
}

/** The running service; null when it is stopped or between two starts. */
export function serviceProcess(lab: LabOptions, host: HostName, name: Service['name']): HostProcess | null {
  let inner: number;
  try {
    inner = Number(readFileSync(join(hostDir(lab, host), `${name}.pid`), 'utf8'));
  } catch {
    return null;
  }
  return hostProcesses(lab, host).find((p) => p.innerPid === inner && p.state !== 'Z') ?? null;
}

/** The running service's pid as the machine sees it. */
export function servicePid(lab: LabOptions, host: HostName, name: Service['name']): number | null {
  return serviceProcess(lab, host, name)?.pid ?? null;
}

/** The agent's manager, found by its command line: it may have outlived the agent that started it. */
export function managerProcess(lab: LabOptions, host: HostName): HostProcess | null {
  const isManager = (p: HostProcess) =>
    p.state !== 'Z' && p.argv.some((word) => /\bmanager(\.ts)?$/.test(word));
  return hostProcesses(lab, host).find(isManager) ?? null;
}

export function requireService(lab: LabOptions, host: HostName, name: Service['name']): number {
  const pid = servicePid(lab, host, name);
  if (pid !== null) return pid;
  throw new OperatorError(
    'lab-service',
    `The ${name} on host ${host} is not running.`,
    `Its log: ${join(hostDir(lab, host), `${name}.log`)}`,
  );
}

/** Whether the supervisor of a service is there (the service itself may be between two starts). */
export function isSupervised(lab: LabOptions, host: HostName, name: Service['name']): boolean {
  return hostProcesses(lab, host).some((p) => p.argv[1]?.endsWith(superviseName) && p.argv[2] === name);
}
