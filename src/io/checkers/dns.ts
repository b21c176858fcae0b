// DNS_CHECK: the server answers a question, with no error code.
import { randomInt } from 'node:crypto';
import { decodeAnswer, encodeQuestion } from '../../core/checker/dns.ts';
import { type Connection, type DnsType, PASSED, type Verdict } from '../../core/checker/target.ts';
import { openDatagram } from './datagram.ts';
import { errnoOf, failed, look } from './verdict.ts';

export function dnsCheck(
  connection: Connection,
  type: DnsType,
  name: string,
  signal: AbortSignal,
): Promise<Verdict> {
  const id = randomInt(0x1_0000);
  const question = encodeQuestion(id, name, type);
  if (question === null) return Promise.resolve(failed(`${name} is no name`));
  return look(connection.timeoutMs, signal, (ending) =>
    openDatagram(connection, {
      connected: (socket) => socket.send(question),
      failed: (error) => ending.settle(failed(`failed to read socket; ${errnoOf(error)}`)),
      message(bytes) {
        const answer = decodeAnswer(bytes, id);
        if (answer.kind === 'stranger') return;
        ending.settle(answer.rcode === 0 ? PASSED : failed(`read error occurred. (rcode = ${answer.rcode})`));
      },
    }),
  );
}
