// What the agent arranges for its own process: that it is the only one, that it is scheduled first, and what it is
// allowed to do.

import { readFileSync } from 'node:fs';
import { OperatorError } from '../../core/error.ts';
import { check, closeFd, errnoName, LinuxError, lastErrno, libc } from './libc.ts';
import { SOL_SOCKET } from './sockaddr.ts';

const O_RDWR = 2;
const O_CREAT = 0o100;
const O_CLOEXEC = 0o2000000;
const LOCK_EX_NB = 2 | 4;
const EAGAIN = 11;

export interface AgentLock {
  /** Gives the lock up; the file stays, with the process id in it. The end of the process does the same. */
  release(): void;
}

export type LockResult =
  | { readonly ok: true; readonly lock: AgentLock }
  /** The id that the holder wrote into the file; null when it wrote none yet. */
  | { readonly ok: false; readonly heldByPid: number | null };

function readPid(path: string): number | null {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^[1-9][0-9]*$/.test(text) ? Number(text) : null;
  } catch {
    return null;
  }
}

/**
 * Takes the lock file (flock(2)): two agents on one host would both answer for the same VIPs. The kernel frees it
 * with the process, so a stale file holds nobody up. Throws an OperatorError when the file cannot be made.
 */
export function lockAgainstSecondAgent(path: string): LockResult {
  const fd = libc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644);
  if (fd < 0) {
    throw new OperatorError(
      'lock-file',
      `cannot open the lock file ${path} (${errnoName(lastErrno())})`,
      'Make its directory, writable for the user that the agent runs as (RuntimeDirectory= in the systemd unit).',
    );
  }
  if (libc.flock(fd, LOCK_EX_NB) < 0) {
    const errno = lastErrno();
    closeFd(fd);
    if (errno !== EAGAIN) throw new LinuxError('flock', errno);
    return { ok: false, heldByPid: readPid(path) };
  }
  const text = new TextEncoder().encode(`${process.pid}\n`);
  check(libc.ftruncate(fd, 0), 'ftruncate');
  check(libc.write(fd, text, text.length), 'write');
  return { ok: true, lock: { release: () => closeFd(fd) } };
}

const SO_PEERCRED = 17;
const UCRED_BYTES = 12;

/** Which process is at the other end of a connected Unix socket; null when the kernel does not say. */
export function peerPidOf(unixSocketFd: number): number | null {
  const credentials = new Uint8Array(new ArrayBuffer(UCRED_BYTES));
  const length = new Uint8Array(new Uint32Array([UCRED_BYTES]).buffer);
  if (libc.getsockopt(unixSocketFd, SOL_SOCKET, SO_PEERCRED, credentials, length) < 0) return null;
  const pid = new DataView(credentials.buffer).getInt32(0, true);
  return pid > 0 ? pid : null;
}

const SCHED_RR = 2;
// Threads and processes started by this one are scheduled normally: a health script is not to outrank the kernel's own.
const SCHED_RESET_ON_FORK = 0x4000_0000;
// Keep what was read in, and do not read in what never was: the resident size stays what it is.
const MLOCK_ONFAULT = 1;

export interface Realtime {
  /** The calling thread runs before all normal ones. */
  readonly scheduled: boolean;
  /** The program's code stays in memory under pressure. */
  readonly codeLocked: boolean;
  /** One sentence for each of the two that was not to be had. */
  readonly reasons: readonly string[];
}

/**
 * Locks the file-backed code of the process. Not mlockall(2): V8 gives parts of its heap back with madvise, which
 * the kernel refuses on locked memory, and V8 ends the process at that (seen with Node 24: `Check failed: 0 == ret`
 * in FreePages at the first larger collection). The heap is kept from the swap by MemorySwapMax=0 in the systemd unit.
 */
function lockCode(): string | null {
  const mappings = readFileSync('/proc/self/maps', 'utf8').matchAll(/^(\w+)-(\w+) r-xp \S+ \S+ \S+ +\//gm);
  for (const [, start, end] of mappings) {
    const from = BigInt(`0x${start}`);
    if (libc.mlock2(from, Number(BigInt(`0x${end}`) - from), MLOCK_ONFAULT) < 0) {
      return `the program's code may be paged out: mlock2 was refused (${errnoName(lastErrno())}); CAP_IPC_LOCK or LimitMEMLOCK=256M allows it`;
    }
  }
  return null;
}

/**
 * Puts the calling thread, and only it, under SCHED_RR with the given priority (1..99), and locks the process's
 * code in memory. Neither is needed to be correct; without them a starved host may miss its own deadlines.
 */
export function goRealtime(priority = 1): Realtime {
  const reasons: string[] = [];
  const parameters = new Uint8Array(new Int32Array([priority]).buffer);
  const scheduled = libc.sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, parameters) === 0;
  if (!scheduled) {
    const name = errnoName(lastErrno());
    reasons.push(
      `normal scheduling: SCHED_RR was refused (${name}); CAP_SYS_NICE or LimitRTPRIO=1 allows it`,
    );
  }
  const unlocked = lockCode();
  if (unlocked !== null) reasons.push(unlocked);
  return { scheduled, codeLocked: unlocked === null, reasons };
}

export interface Capabilities {
  readonly netAdmin: boolean;
  readonly netRaw: boolean;
  readonly sysNice: boolean;
  readonly ipcLock: boolean;
  readonly kill: boolean;
}

const CAP_KILL = 5;
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;
const CAP_IPC_LOCK = 14;
const CAP_SYS_NICE = 23;

/** The effective capabilities in the text of /proc/<pid>/status. */
export function capabilitiesOf(status: string): Capabilities {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const has = (bit: number): boolean => ((mask >> BigInt(bit)) & 1n) === 1n;
  return {
    netAdmin: has(CAP_NET_ADMIN),
    netRaw: has(CAP_NET_RAW),
    sysNice: has(CAP_SYS_NICE),
    ipcLock: has(CAP_IPC_LOCK),
    kill: has(CAP_KILL),
  };
}

/** What the calling thread may do. */
export function capabilities(): Capabilities {
  return capabilitiesOf(readFileSync('/proc/thread-self/status', 'utf8'));
}

/**
 * What holding VIPs and speaking VRRP takes. Each is needed only when a VIP moves, or is set up one socket after the
 * other: better said before anything runs.
 */
export function requireWireCapabilities(): void {
  const { netAdmin, netRaw } = capabilities();
  const missing = [...(netAdmin ? [] : ['CAP_NET_ADMIN']), ...(netRaw ? [] : ['CAP_NET_RAW'])];
  if (missing.length === 0) return;
  throw new OperatorError(
    'missing-capability',
    `this process may neither hold a VIP nor speak VRRP: ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    'run it as root, or grant both in the systemd unit (AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW)',
  );
}
