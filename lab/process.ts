// Processes of a lab, found in /proc rather than remembered: nothing written down can be stale, and a process
// whose starter was killed is found all the same.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface HostProcess {
  /** Seen from the machine. */
  readonly pid: number;
  /** Seen from within its host. */
  readonly innerPid: number;
  readonly parentPid: number;
  /** R, S, D, T (stopped), Z (zombie)... */
  readonly state: string;
  readonly argv: readonly string[];
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // ended between the listing and the reading
  }
}

function pidNamespace(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return '';
  }
}

export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}

export function argvOf(pid: number): string[] {
  return read(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
}

/** Says of a pid which process it is: pids are used again. Empty when it has ended. */
export function startTimeOf(pid: number): string {
  // Field 22; the second one, the command's name, may hold spaces and brackets.
  return read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[19] ?? '';
}

/** Everything that runs in the process namespace of `initPid`. */
export function processesOf(initPid: number): HostProcess[] {
  const namespace = pidNamespace(initPid);
  if (namespace === '') return [];
  return allPids()
    .filter((pid) => pidNamespace(pid) === namespace)
    .flatMap((pid) => {
      const status = read(`/proc/${pid}/status`);
      const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
      if (status === '') return [];
      return {
        pid,
        innerPid: Number(field('NSpid').split(/\s+/).at(-1)),
        parentPid: Number(field('PPid')),
        state: field('State').slice(0, 1),
        argv: argvOf(pid),
      };
    });
}

/** False when the process has ended already. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks again every few milliseconds; the last answer when time is up. */
export async function until<T>(
  question: () => T | Promise<T>,
  limitMs: number,
  everyMs = 10,
): Promise<T | undefined> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await question();
    if (answer || performance.now() >= end) return answer;
    await sleep(everyMs);
  }
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; never rejects for its exit code. */
export function run(command: string, args: readonly string[], input = ''): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => {}); // a command that ends without reading its input
    child.stdin.end(input);
  });
}
