// The server's process on this host: which it is, and its end. Found by the server's pid file, checked by what the kernel
// says of the process, since a pid file may be older than the process that has the number now.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../runtime/ports.ts';

export interface ServerProcess {
  readonly pid: number;
  /** Clock ticks since boot at which it started: a pid is used again, both together are not. */
  readonly startedTicks: string;
}

const GONE_MS_MAX = 5000;
const NAMES = new Set(['mariadbd', 'mysqld']);

/** Null when there is no such process, or it is no database server. */
function look(pid: number): ServerProcess | null {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    // The second field holds the name in parentheses and may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const state = fields[0];
    const startedTicks = fields[19];
    if (!NAMES.has(name) || state === 'Z' || state === 'X' || startedTicks === undefined) return null;
    return { pid, startedTicks };
  } catch {
    return null;
  }
}

/** Reads the pid file that the server names; null when it cannot be read or names no database server. */
export function serverProcess(pidFile: string): ServerProcess | null {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 1 ? look(pid) : null;
  } catch {
    return null;
  }
}

const isThere = ({ pid, startedTicks }: ServerProcess): boolean => look(pid)?.startedTicks === startedTicks;

/** SIGKILL; resolves when the process is gone, at once when it was gone before. */
export async function killProcess(process_: ServerProcess): Promise<void> {
  const startedMs = performance.now();
  while (isThere(process_)) {
    try {
      process.kill(process_.pid, 'SIGKILL');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ESRCH') return;
      throw new DatabaseError(
        'privilege',
        `the server (pid ${process_.pid}) cannot be killed: ${code}; the agent needs CAP_KILL or the server's user`,
      );
    }
    if (performance.now() - startedMs > GONE_MS_MAX)
      throw new DatabaseError('timeout', `the server (pid ${process_.pid}) does not end, even by SIGKILL`);
    await sleep(5);
  }
}
