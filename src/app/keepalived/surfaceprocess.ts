// What the drop-in arranges for its own process: the name that pidof(8), pgrep(1) and killall(1) find it by, and core dumps.

import koffi from 'koffi';

const library = koffi.load(null);
const prctl = library.func('int prctl(int option, const char *name, long a, long b, long c)') as unknown as (
  option: number,
  name: string,
  a: number,
  b: number,
  c: number,
) => number;
const setrlimit = library.func('int setrlimit(int resource, const void *limit)') as unknown as (
  resource: number,
  limit: Uint8Array,
) => number;

/** As pidof(8) looks for it; check scripts and monitors ask so whether the daemon lives. */
const NAME = 'keepalived';
const PR_SET_NAME = 15;
const RLIMIT_CORE = 4;

/**
 * Gives the process the daemon's name: as its own (pgrep, killall, ps -C) and in front of its command line (pidof). The second takes a
 * new start under the same process id, and does not return then.
 */
export function nameProcess(): void {
  if (process.argv0 !== NAME && process.execve !== undefined)
    process.execve(
      process.execPath,
      [NAME, ...process.execArgv, ...process.argv.slice(1)],
      process.env as Record<string, string>,
    );
  prctl(PR_SET_NAME, NAME, 0, 0, 0);
}

/** Without the right to raise the limit it stays; that is no reason not to start. */
export function unlimitCoreDumps(): void {
  setrlimit(RLIMIT_CORE, new Uint8Array(new BigUint64Array([2n ** 64n - 1n, 2n ** 64n - 1n]).buffer));
}
