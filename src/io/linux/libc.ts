// The system calls this program makes itself, declared once through koffi (no compiler, no addon of our own).
// Everything here is a direct synchronous call on the calling thread; nothing passes through libuv. The layouts
// used beside it (sockaddr, msghdr, pollfd, timespec) are those of 64-bit little-endian Linux.

import { endianness } from 'node:os';
import koffi from 'koffi';
import { assert } from '../../core/error.ts';

assert(endianness() === 'LE' && koffi.sizeof('void *') === 8, 'a 64-bit little-endian machine is required');

/** What a system call takes as a pointer: a view, or an address obtained by `addressOf`. */
export type Pointer = Uint8Array | bigint | null;

// The process itself, in which glibc is loaded already.
const library = koffi.load(null);

type Call<A extends (number | string | Pointer)[]> = (...args: A) => number;

const declare = <A extends (number | string | Pointer)[]>(prototype: string): Call<A> =>
  library.func(prototype) as unknown as Call<A>;

/** Every function returns what C returns: -1 means that errno is set. Wrap it in `check` at once. */
export const libc = {
  socket: declare<[number, number, number]>('int socket(int domain, int type, int protocol)'),
  bind: declare<[number, Pointer, number]>('int bind(int fd, const void *address, uint32_t length)'),
  getsockname: declare<[number, Pointer, Pointer]>('int getsockname(int fd, void *address, void *length)'),
  setsockopt: declare<[number, number, number, Pointer, number]>(
    'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
  ),
  getsockopt: declare<[number, number, number, Pointer, Pointer]>(
    'int getsockopt(int fd, int level, int name, void *value, void *length)',
  ),
  sendto: declare<[number, Pointer, number, number, Pointer, number]>(
    'int64_t sendto(int fd, const void *data, size_t size, int flags, const void *address, uint32_t length)',
  ),
  sendmsg: declare<[number, Pointer, number]>('int64_t sendmsg(int fd, const void *message, int flags)'),
  recv: declare<[number, Pointer, number, number]>(
    'int64_t recv(int fd, void *data, size_t size, int flags)',
  ),
  recvmsg: declare<[number, Pointer, number]>('int64_t recvmsg(int fd, void *message, int flags)'),
  ppoll: declare<[Pointer, number, Pointer, Pointer]>(
    'int ppoll(void *fds, uint64_t count, const void *timeout, const void *mask)',
  ),
  eventfd: declare<[number, number]>('int eventfd(unsigned int initial, int flags)'),
  open: declare<[string, number, number]>('int open(const char *path, int flags, uint32_t mode)'),
  read: declare<[number, Pointer, number]>('int64_t read(int fd, void *data, size_t size)'),
  write: declare<[number, Pointer, number]>('int64_t write(int fd, const void *data, size_t size)'),
  ftruncate: declare<[number, number]>('int ftruncate(int fd, int64_t length)'),
  close: declare<[number]>('int close(int fd)'),
  flock: declare<[number, number]>('int flock(int fd, int operation)'),
  kill: declare<[number, number]>('int kill(int pid, int signal)'),
  clock_gettime: declare<[number, Pointer]>('int clock_gettime(int clock, void *time)'),
  sched_setscheduler: declare<[number, number, Pointer]>(
    'int sched_setscheduler(int pid, int policy, const void *parameters)',
  ),
  mlock2: declare<[Pointer, number, number]>('int mlock2(void *address, size_t length, unsigned int flags)'),
  if_nametoindex: declare<[string]>('unsigned int if_nametoindex(const char *name)'),
} as const;

const strerror = library.func('const char *strerror(int number)') as unknown as (number: number) => string;

const nameOfErrno = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
// Two names for one number: the one that the manuals use.
nameOfErrno.set(koffi.os.errno['EAGAIN'] ?? 11, 'EAGAIN');
nameOfErrno.set(koffi.os.errno['EOPNOTSUPP'] ?? 95, 'EOPNOTSUPP');
// What netlink's users know ENOTSUPP as; koffi has no name for it because POSIX has none.
nameOfErrno.set(524, 'ENOTSUPP');

/** The symbolic name of an errno, e.g. 19 -> `ENODEV`. */
export function errnoName(number: number): string {
  return nameOfErrno.get(number) ?? `errno ${number}`;
}

/** A system call (or a netlink request) that the kernel refused. Operators see it as `explain` words it. */
export class LinuxError extends Error {
  /** The system call or netlink request, e.g. `bind`. */
  readonly call: string;
  /** The symbolic name, e.g. `EPERM`. */
  readonly errno: string;
  /** What the kernel itself said about it, beyond the errno. */
  readonly detail: string | null;

  constructor(call: string, number: number, detail: string | null = null) {
    super(`${call}: ${detail ?? strerror(number)} (${errnoName(number)})`);
    this.name = 'LinuxError';
    this.call = call;
    this.errno = errnoName(number);
    this.detail = detail;
  }
}

/** errno of the call just made. To be read before anything else runs: the garbage collector makes system calls too. */
export function lastErrno(): number {
  return koffi.errno();
}

/** The result of a call, or its errno thrown as a LinuxError. */
export function check(result: number, call: string): number {
  if (result < 0) throw new LinuxError(call, koffi.errno());
  return result;
}

/**
 * The address of a buffer for use inside a structure (msghdr, iovec). Valid while the caller holds the buffer:
 * the memory of an explicitly made ArrayBuffer is outside V8's heap and does not move.
 */
export function addressOf(buffer: ArrayBuffer): bigint {
  return koffi.address(buffer);
}

const scratch = new Uint8Array(new ArrayBuffer(64));
const scratchView = new DataView(scratch.buffer);

/** setsockopt with an int. */
export function setOption(fd: number, level: number, name: number, value: number, call: string): void {
  scratchView.setInt32(0, value, true);
  check(libc.setsockopt(fd, level, name, scratch, 4), call);
}

/** setsockopt with a structure. */
export function setOptionBytes(
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  call: string,
): void {
  check(libc.setsockopt(fd, level, name, value, value.length), call);
}

const CLOCK_BOOTTIME = 7;

/** Milliseconds on CLOCK_BOOTTIME, with their fraction: monotonic, counts suspend. */
export function bootMs(): number {
  libc.clock_gettime(CLOCK_BOOTTIME, scratch);
  const seconds = scratchView.getUint32(0, true) + scratchView.getInt32(4, true) * 2 ** 32;
  return seconds * 1000 + scratchView.getUint32(8, true) / 1e6;
}

/** The kernel's index of an interface, or null when it has none of that name. */
export function interfaceIndexOf(name: string): number | null {
  // Longer names cannot exist (IFNAMSIZ is 16 with the terminating zero).
  if (name === '' || name.length > 15) return null;
  return libc.if_nametoindex(name) || null;
}

export function closeFd(fd: number): void {
  libc.close(fd);
}
