// SMTP_CHECK: greeting, HELO, QUIT, each with the reply that RFC 5321 has for it.
import { readReply } from '../../core/checker/smtp.ts';
import { type Connection, PASSED, type Verdict } from '../../core/checker/target.ts';
import { openStream } from './stream.ts';
import { failed, look, reasonOf } from './verdict.ts';

interface Turn {
  readonly expected: number;
  readonly wrong: string;
  readonly next: string | null;
}

export function smtpCheck(connection: Connection, helo: string, signal: AbortSignal): Promise<Verdict> {
  const turns: readonly Turn[] = [
    { expected: 220, wrong: 'bad greeting', next: `HELO ${helo.replace(/[\r\n]/g, '')}\r\n` },
    { expected: 250, wrong: 'bad HELO response', next: 'QUIT\r\n' },
    { expected: 221, wrong: 'bad QUIT response', next: null },
  ];
  return look(connection.timeoutMs, signal, (ending) => {
    let received = '';
    let at = 0;
    return openStream(connection, {
      failed: (error) => ending.settle(failed(reasonOf(error))),
      connected(socket) {
        socket.setEncoding('latin1');
        socket.on('data', (text: string) => {
          received += text;
          for (;;) {
            const reply = readReply(received);
            const turn = turns[at];
            if (reply.kind === 'incomplete' || turn === undefined) return;
            if (reply.kind === 'malformed') return ending.settle(failed(reply.reason));
            if (reply.code !== turn.expected) return ending.settle(failed(`${turn.wrong} ${reply.code}`));
            received = reply.rest;
            at++;
            if (turn.next === null) return ending.settle(PASSED);
            socket.write(turn.next);
          }
        });
        socket.once('end', () => ending.settle(failed('the server closed the connection')));
      },
    });
  });
}
