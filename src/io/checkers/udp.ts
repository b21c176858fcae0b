// UDP_CHECK: a reply that fits, or, when none is asked for, no ICMP error before the deadline.
import { randomBytes } from 'node:crypto';
import { PASSED, type UdpTarget, type Verdict } from '../../core/checker/target.ts';
import { openDatagram } from './datagram.ts';
import { failed, look, reasonOf } from './verdict.ts';

const RANDOM_BYTES = 32;

/** Compared as far as both go: a longer reply fits, and so does a shorter one. */
function fits(bytes: Uint8Array, reply: NonNullable<UdpTarget['reply']>): boolean {
  if (bytes.length < reply.minBytes || bytes.length > reply.maxBytes) return false;
  const length = Math.min(bytes.length, reply.bytes.length);
  for (let i = 0; i < length; i++)
    if (((bytes[i] ?? 0) ^ (reply.bytes[i] ?? 0)) & (reply.mask[i] ?? 0)) return false;
  return true;
}

export async function udpCheck(target: UdpTarget, signal: AbortSignal): Promise<Verdict> {
  const { connection, reply } = target;
  const payload = target.payload === null ? randomBytes(RANDOM_BYTES) : Uint8Array.from(target.payload);
  const verdict = await look(connection.timeoutMs, signal, (ending) =>
    openDatagram(connection, {
      connected: (socket) => socket.send(payload),
      failed: (error) => ending.settle(failed(reasonOf(error))),
      message(bytes) {
        if (reply === null || fits(bytes, reply)) ending.settle(PASSED);
        else ending.settle(failed('reply data mismatch'));
      },
    }),
  );
  return !verdict.ok && verdict.late && reply === null ? PASSED : verdict;
}
