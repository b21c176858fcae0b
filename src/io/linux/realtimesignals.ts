// Real-time signals, for which Node has neither names nor listeners. The handler is glibc's eventfd_write(fd, value): it is given the
// signal's number as its descriptor, and writes 8 bytes there. So a pipe stands ready at the descriptor of that number, and its other
// end is an ordinary stream. No JavaScript runs inside the signal handler, and write(2) may be called in one.

import { Socket } from 'node:net';
import koffi from 'koffi';
import { OperatorError } from '../../core/error.ts';
import { check, closeFd } from './libc.ts';

const library = koffi.load(null);
type Call<A extends unknown[]> = (...args: A) => number;
const dlsym = library.func('uintptr_t dlsym(intptr_t handle, const char *name)') as unknown as (
  handle: number,
  name: string,
) => number | bigint;
const pipe2 = library.func('int pipe2(void *fds, int flags)') as unknown as Call<[Uint8Array, number]>;
const fcntl = library.func('int fcntl(int fd, int command, int argument)') as unknown as Call<
  [number, number, number]
>;
const dup3 = library.func('int dup3(int from, int to, int flags)') as unknown as Call<
  [number, number, number]
>;
const sigaction = library.func('int sigaction(int signal, const void *action, void *old)') as unknown as Call<
  [number, Uint8Array, null]
>;

const pthread_sigmask = library.func(
  'int pthread_sigmask(int how, const void *set, void *old)',
) as unknown as Call<[number, Uint8Array, null]>;

const SIG_UNBLOCK = 1;
/** sigset_t of glibc. */
const SIGSET_BYTES = 128;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_GETFD = 1;
// The kernel hands a handler its second argument only with this one; its value, an address, is what is written.
const SA_SIGINFO = 4;
const SA_ONSTACK = 0x0800_0000;
const SA_RESTART = 0x1000_0000;
/** struct sigaction of glibc on 64-bit machines: handler, 128 bytes of mask, flags, restorer. */
const SIGACTION_BYTES = 152;
const FLAGS_AT = 136;

const SIG_IGN = 1n;

function handleBy(signal: number, handler: bigint): void {
  const action = new DataView(new ArrayBuffer(SIGACTION_BYTES));
  action.setBigUint64(0, handler, true);
  action.setInt32(FLAGS_AT, SA_SIGINFO | SA_ONSTACK | SA_RESTART, true);
  check(sigaction(signal, new Uint8Array(action.buffer), null), 'sigaction');
}

/**
 * Calls back after the signal came, once for however many came together. To be called early: the descriptor with the signal's
 * number must still be free. When it is not, the signal is ignored from then on, and an OperatorError says so.
 */
export function onRealtimeSignal(signal: number, callback: () => void): void {
  if (fcntl(signal, F_GETFD, 0) >= 0) {
    handleBy(signal, SIG_IGN);
    throw new OperatorError(
      'signal-descriptor',
      `signal ${signal} is ignored: the descriptor of that number, which its handler needs, was in use at the start`,
      'start the daemon with fewer inherited descriptors if you need that signal',
    );
  }
  const ends = new Int32Array(new ArrayBuffer(8));
  check(pipe2(new Uint8Array(ends.buffer), O_NONBLOCK | O_CLOEXEC), 'pipe2');
  const [readEnd = -1, writeEnd = -1] = ends;
  check(dup3(writeEnd, signal, O_CLOEXEC), 'dup3');
  closeFd(writeEnd);
  const stream = new Socket({ fd: readEnd, readable: true, writable: false });
  stream.on('data', callback);
  stream.unref();
  handleBy(signal, BigInt(dlsym(0, 'eventfd_write')));
}

/** Node's --disable-sigusr1, which keeps that signal from opening a debugger, leaves it blocked: a listener would never hear it. */
export function unblockSignal(signal: number): void {
  const set = new BigUint64Array(new ArrayBuffer(SIGSET_BYTES));
  set[0] = 1n << BigInt(signal - 1);
  check(-pthread_sigmask(SIG_UNBLOCK, new Uint8Array(set.buffer), null), 'pthread_sigmask');
}
