// PING_CHECK: an ICMP echo through the kernel's own ping sockets, which need no raw socket. Where net.ipv4.ping_group_range shuts this
// process out, the range is widened by its group, as the C daemon does.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { type Connection, PASSED, type Verdict } from '../../core/checker/target.ts';
import { LinuxError } from '../linux/libc.ts';
import { openDatagram } from './datagram.ts';
import { failed, look, reasonOf } from './verdict.ts';

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;
const HEADER_BYTES = 8;
const DATA_BYTES = 16;
const RANGE_FILE = '/proc/sys/net/ipv4/ping_group_range';

/** Kernel and network namespace are the same for all of this process: once is enough. */
function widenRange(): void {
  const group = process.getgid?.() ?? 0;
  const [from = 1, to = 0] = readFileSync(RANGE_FILE, 'utf8').trim().split(/\s+/).map(Number);
  if (group >= from && group <= to) return;
  // An empty range is written as 1 0.
  const [low, high] = from > to ? [group, group] : [Math.min(from, group), Math.max(to, group)];
  writeFileSync(RANGE_FILE, `${low} ${high}\n`);
}

export function pingCheck(connection: Connection, signal: AbortSignal): Promise<Verdict> {
  const family = connection.address.includes(':') ? 6 : 4;
  const { request, reply } = ECHO[family];
  // The kernel fills in the checksum and its own identifier.
  const data = randomBytes(DATA_BYTES);
  const packet = Buffer.concat([Buffer.of(request, 0, 0, 0, 0, 0, 0, 1), data]);
  return look(connection.timeoutMs, signal, (ending) => {
    const open = () =>
      openDatagram(
        { ...connection, port: 0, bindPort: null },
        {
          connected: (socket) => socket.send(packet),
          failed: (error) => ending.settle(failed(reasonOf(error))),
          message(bytes) {
            if (bytes[0] === reply && data.equals(bytes.subarray(HEADER_BYTES))) ending.settle(PASSED);
          },
        },
        family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
      );
    try {
      return open();
    } catch (error) {
      if (!(error instanceof LinuxError) || error.errno !== 'EACCES') throw error;
      widenRange();
      return open();
    }
  });
}
