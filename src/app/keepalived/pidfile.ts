// The pid files of the keepalived mode: there may be one daemon for each of them, and they name it for those who send signals. The
// holder keeps its file locked (flock(2)), so a file that was left behind by a crash is recognised even when its number has been given
// to another process since. The C daemon locks nothing: it is recognised by its name and by when it was started.

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename } from 'node:path';
import { OperatorError } from '../../core/error.ts';
import { check, lastErrno, libc } from '../../io/linux/libc.ts';

const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
const LOCK_EX_NB = 2 | 4;
const EAGAIN = 11;
/** USER_HZ: the unit of the start time in /proc/PID/stat. */
const TICKS_PER_S = 100;
/** A file's time and a process's start are taken from clocks that differ by a tick or two. */
const SLACK_MS = 100;

export interface PidFile {
  readonly path: string;
  /** Removes the file, if it is still the one that was made. The end of the process does the same. */
  remove(): void;
}

function pidIn(path: string): number | null {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : null;
  } catch {
    return null;
  }
}

/** When the process was started, in milliseconds of the wall clock, and its name; null when there is no such process. */
function processAt(pid: number): { readonly name: string; readonly startedAtMs: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    const uptimeS = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    return { name, startedAtMs: Date.now() - (uptimeS - ticks / TICKS_PER_S) * 1000 };
  } catch {
    return null;
  }
}

/** A daemon that does not lock its file: alive, called keepalived, and not started after the file was written. */
function heldWithoutLock(path: string, writtenAtMs: number): number | null {
  const pid = pidIn(path);
  if (pid === null || pid === process.pid) return null;
  const found = processAt(pid);
  if (found === null || !found.name.startsWith('keepalived')) return null;
  return found.startedAtMs <= writtenAtMs + SLACK_MS ? pid : null;
}

function refuse(path: string, pid: number | null): OperatorError {
  const who =
    pid === null ? 'another process holds' : `process ${pid} (${processAt(pid)?.name ?? '?'}) holds`;
  return new OperatorError(
    'already-running',
    `daemon is already running: ${who} ${path}`,
    `stop it first${pid === null ? '' : ` (kill ${pid})`}, or give this one pid files of its own with -p, -r and -c, or a name with \`instance\``,
  );
}

/** Opens and locks the file at the path, and not one that its last holder is just removing. */
function lockedAt(path: string): number {
  for (;;) {
    let fd: number;
    try {
      // Whoever may write to the folder (-p /tmp/...) is not to choose which file is emptied.
      fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o644);
    } catch (error) {
      throw new OperatorError(
        'pid-file',
        `cannot write the pid file ${path} (${(error as NodeJS.ErrnoException).code ?? 'failed'})`,
        `make the folder of ${basename(path)}, writable for this user, or name another file`,
      );
    }
    if (libc.flock(fd, LOCK_EX_NB) < 0) {
      const errno = lastErrno();
      closeSync(fd);
      if (errno === EAGAIN) throw refuse(path, pidIn(path));
      throw new OperatorError(
        'pid-file',
        `cannot lock the pid file ${path}`,
        'put it on a local file system',
      );
    }
    try {
      if (statSync(path).ino === fstatSync(fd).ino) return fd;
    } catch {
      // Removed between opening and locking: the next round makes it anew.
    }
    closeSync(fd);
  }
}

/** Takes the file for this process. Throws an OperatorError when a daemon that lives holds it, or it cannot be made. */
export function takePidFile(path: string): PidFile {
  const fd = lockedAt(path);
  const holder = heldWithoutLock(path, fstatSync(fd).mtimeMs);
  if (holder !== null) {
    closeSync(fd);
    throw refuse(path, holder);
  }
  const { ino } = fstatSync(fd);
  check(libc.ftruncate(fd, 0), 'ftruncate');
  writeSync(fd, `${process.pid}\n`, 0);
  const remove = (): void => {
    process.off('exit', remove);
    try {
      // Before the lock goes with the descriptor: a successor must not lose the file that it makes then.
      if (statSync(path).ino === ino) unlinkSync(path);
    } catch {
      // Somebody else removed it.
    }
    closeSync(fd);
  };
  // Also when a defect ends it: whoever reads the file must not signal another process later.
  process.on('exit', remove);
  return { path, remove };
}

export interface PidPlaces {
  readonly main: string;
  readonly vrrp: string;
  readonly checkers: string;
}

/** Where the pid files are when no option says so: as the C daemon has them. */
export function defaultPidPlaces(
  instance: string | null,
  namespace: string | null,
  usePidDir: boolean,
): PidPlaces {
  const suffix = instance === null ? '' : `_${instance}`;
  if (!usePidDir && instance === null && namespace === null) return placesIn('/run', 'keepalived_', '');
  // The C daemon mounts the namespace's folder over /run/keepalived for itself; from outside, its files are seen here.
  return placesIn(`/run/keepalived${namespace === null ? '' : `/${namespace}`}`, '', suffix);
}

const placesIn = (folder: string, prefix: string, suffix: string): PidPlaces => ({
  main: `${folder}/keepalived${suffix}.pid`,
  vrrp: `${folder}/${prefix}vrrp${suffix}.pid`,
  checkers: `${folder}/${prefix}checkers${suffix}.pid`,
});
