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

const PR_SET_NAME = 15;
const RLIMIT_CORE = 4;

/** Of the process: its main thread's. The command line stays as it is, for ps(1). */
export function nameProcess(name: string): void {
  prctl(PR_SET_NAME, name, 0, 0, 0);
}

/** Without the right to raise the limit it stays; that is no reason not to start. */
export function unlimitCoreDumps(): void {
  setrlimit(RLIMIT_CORE, new Uint8Array(new BigUint64Array([2n ** 64n - 1n, 2n ** 64n - 1n]).buffer));
}
