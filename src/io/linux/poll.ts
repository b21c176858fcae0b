// Sleeping until a file descriptor is readable or a time has come, and waking such a sleeper from another thread.
// The VRRP loop's only wait: its sockets, its netlink monitor and a Waker, with its next timer as the timeout.

import { bootMs, check, LinuxError, lastErrno, libc } from './libc.ts';

const POLLIN = 0x001;
const POLLNVAL = 0x020;
const EINTR = 4;
const EBADF = 9;
const POLLFD_BYTES = 8;

let pollfds = new Uint8Array(new ArrayBuffer(32 * POLLFD_BYTES));
let pollfdsView = new DataView(pollfds.buffer);
const timespec = new Uint8Array(new ArrayBuffer(16));
const timespecView = new DataView(timespec.buffer);

function writeTimeout(timeoutMs: number): void {
  // Rounded up to a microsecond: waking before the timer is due would only mean another turn.
  const microseconds = Math.ceil(Math.max(0, timeoutMs) * 1000);
  const seconds = Math.floor(microseconds / 1e6);
  timespecView.setBigInt64(0, BigInt(seconds), true);
  timespecView.setBigInt64(8, BigInt((microseconds - seconds * 1e6) * 1000), true);
}

function writePollfds(fds: readonly number[]): void {
  if (fds.length * POLLFD_BYTES > pollfds.length) {
    pollfds = new Uint8Array(new ArrayBuffer(2 * fds.length * POLLFD_BYTES));
    pollfdsView = new DataView(pollfds.buffer);
  }
  for (let i = 0; i < fds.length; i++) {
    pollfdsView.setInt32(i * POLLFD_BYTES, fds[i] ?? -1, true);
    pollfdsView.setInt16(i * POLLFD_BYTES + 4, POLLIN, true);
    pollfdsView.setInt16(i * POLLFD_BYTES + 6, 0, true);
  }
}

/**
 * Sleeps until one of `fds` can be read, or `timeoutMs` (fractions count; Infinity: no limit) has passed.
 * Returns the readable ones; one with a pending error counts as readable, because reading it is what clears the error.
 * A signal does not end the sleep early. A closed descriptor in the list is a defect of the caller and throws.
 */
export function poll(fds: readonly number[], timeoutMs: number): number[] {
  const endless = timeoutMs === Number.POSITIVE_INFINITY;
  const end = endless ? 0 : bootMs() + timeoutMs;
  writePollfds(fds);
  if (!endless) writeTimeout(timeoutMs);
  let count = libc.ppoll(pollfds, fds.length, endless ? null : timespec, null);
  while (count < 0) {
    const errno = lastErrno();
    if (errno !== EINTR) throw new LinuxError('ppoll', errno);
    if (!endless) writeTimeout(end - bootMs());
    count = libc.ppoll(pollfds, fds.length, endless ? null : timespec, null);
  }
  const ready: number[] = [];
  for (let i = 0; count > 0 && i < fds.length; i++) {
    const events = pollfdsView.getInt16(i * POLLFD_BYTES + 6, true);
    if (events === 0) continue;
    const fd = fds[i] ?? -1;
    if (events & POLLNVAL) throw new LinuxError(`ppoll of descriptor ${fd}`, EBADF);
    ready.push(fd);
  }
  return ready;
}

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const one = new Uint8Array(new ArrayBuffer(8));
one[0] = 1;
const drained = new Uint8Array(new ArrayBuffer(8));

/**
 * Wakes the thread whose poll holds this eventfd. Callable from any thread of the process that knows the number;
 * a thread without koffi can do the same with `fs.writeSync(fd, <8 bytes: 1, 0, 0, 0, 0, 0, 0, 0>)`.
 */
export function wakeFd(fd: number): void {
  // EAGAIN means that the counter is full of wakes not yet drained: the sleeper is awake anyway.
  libc.write(fd, one, 8);
}

/** An eventfd in a sleeper's poll list. Wakes between two drains collapse into one. */
export class Waker {
  readonly fd: number;

  constructor() {
    this.fd = check(libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd');
  }

  wake(): void {
    wakeFd(this.fd);
  }

  /** To be called when `fd` is ready, before looking at what the waking thread left. True when there was a wake. */
  drain(): boolean {
    return libc.read(this.fd, drained, 8) === 8;
  }

  close(): void {
    libc.close(this.fd);
  }
}
