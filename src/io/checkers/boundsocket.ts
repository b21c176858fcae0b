// Sockets with what node's own cannot set: an interface (SO_BINDTODEVICE) and a firewall mark (SO_MARK). Made through libc, then handed
// to node. Used by stream.ts, datagram.ts and ping.ts for the connections that need them.
import koffi from 'koffi';
import type { Connection } from '../../core/checker/target.ts';
import {
  check,
  closeFd,
  LinuxError,
  lastErrno,
  libc,
  type Pointer,
  setOption,
  setOptionBytes,
} from '../linux/libc.ts';
import {
  AF_INET,
  AF_INET6,
  ipSockaddr,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from '../linux/sockaddr.ts';

const connect = koffi
  .load(null)
  .func('int connect(int fd, const void *address, uint32_t length)') as unknown as (
  fd: number,
  address: Pointer,
  length: number,
) => number;

const TYPE = { stream: 1, datagram: 2 } as const;
const SO_MARK = 36;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const EINPROGRESS = 115;
const ETIMEDOUT = 110;
const TCP_ESTABLISHED = 1;
const TCP_SYN_SENT = 2;
/** Connected, and the peer has closed its end by now. */
const TCP_CLOSE_WAIT = 8;
const TCP_SYN_RECV = 3;

export const needsBoundSocket = ({ bindInterface, firewallMark }: Connection): boolean =>
  bindInterface !== null || firewallMark !== null;

/** A socket address with its port, for bind and connect. */
function sockaddr(address: string, port: number, interfaceIndex: number): Uint8Array {
  // A zone (fe80::1%eth0) is the interface.
  const bytes = ipSockaddr(address.replace(/%.*$/, ''), interfaceIndex);
  new DataView(bytes.buffer).setUint16(2, port);
  return bytes;
}

/** Not connected. Throws a LinuxError. */
export function openBound(type: keyof typeof TYPE, protocol: number, connection: Connection): number {
  const { address, bindAddress, bindPort, bindInterface, firewallMark } = connection;
  const family = address.includes(':') ? AF_INET6 : AF_INET;
  const fd = check(libc.socket(family, TYPE[type] | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), 'socket');
  try {
    if (bindInterface !== null) {
      const name = new TextEncoder().encode(`${bindInterface}\0`);
      setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, name, `setsockopt(SO_BINDTODEVICE ${bindInterface})`);
    }
    if (firewallMark !== null) setOption(fd, SOL_SOCKET, SO_MARK, firewallMark | 0, 'setsockopt(SO_MARK)');
    if (bindAddress !== null || bindPort !== null) {
      const any = family === AF_INET6 ? '::' : '0.0.0.0';
      const index = bindInterface === null ? 0 : libc.if_nametoindex(bindInterface);
      // A port of one's own would be shut for a minute after each check.
      setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, 'setsockopt(SO_REUSEADDR)');
      const own = sockaddr(bindAddress ?? any, bindPort ?? 0, index);
      check(libc.bind(fd, own, own.length), `bind to ${bindAddress ?? any}`);
    }
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Begins to connect. Throws a LinuxError. */
export function startConnect(fd: number, connection: Connection): void {
  const index = connection.bindInterface === null ? 0 : libc.if_nametoindex(connection.bindInterface);
  const peer = sockaddr(connection.address, connection.port, index);
  if (connect(fd, peer, peer.length) < 0) {
    const errno = lastErrno();
    if (errno !== EINPROGRESS) throw new LinuxError('connect', errno);
  }
}

const answer = new Uint8Array(new ArrayBuffer(256));
const answerView = new DataView(answer.buffer);
const length = new Uint8Array(new ArrayBuffer(4));
const lengthView = new DataView(length.buffer);

function getOption(fd: number, level: number, name: number): void {
  lengthView.setUint32(0, answer.length, true);
  check(libc.getsockopt(fd, level, name, answer, length), 'getsockopt');
}

/** Whether a TCP socket is connected by now. Throws a LinuxError when it never will be. */
export function isConnected(fd: number): boolean {
  getOption(fd, SOL_SOCKET, SO_ERROR);
  const errno = answerView.getInt32(0, true);
  if (errno !== 0) throw new LinuxError('connect', errno);
  getOption(fd, IPPROTO_TCP, TCP_INFO);
  const state = answer[0];
  if (state === TCP_SYN_SENT || state === TCP_SYN_RECV) return false;
  if (state !== TCP_ESTABLISHED && state !== TCP_CLOSE_WAIT)
    throw new LinuxError('connect', ETIMEDOUT, 'the connection ended at once');
  return true;
}
