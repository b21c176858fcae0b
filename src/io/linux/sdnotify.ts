// sd_notify(3): tells systemd how a unit of Type=notify stands. Without systemd there is no NOTIFY_SOCKET, and nothing is said.

import { closeFd, libc } from './libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
/** sockaddr_un's path, with its ending zero. */
const PATH_MAX = 108;

/** The state as sd_notify takes it, e.g. `READY=1`. A service manager that does not listen is no failure of ours. */
export function tellServiceManager(state: string): void {
  const path = process.env['NOTIFY_SOCKET'];
  if (path === undefined || !/^[/@]/.test(path)) return;
  const name = new TextEncoder().encode(path);
  if (name.length >= PATH_MAX) return;
  // An abstract address begins with a zero byte where systemd writes an @, and has no zero at its end.
  if (path.startsWith('@')) name[0] = 0;
  const address = new Uint8Array(new ArrayBuffer(2 + name.length + (path.startsWith('@') ? 0 : 1)));
  address[0] = AF_UNIX;
  address.set(name, 2);
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const bytes = new TextEncoder().encode(state);
  libc.sendto(fd, bytes, bytes.length, 0, address, address.length);
  closeFd(fd);
}
