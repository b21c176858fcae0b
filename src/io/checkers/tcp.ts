// TCP_CHECK: the server takes a connection.
import { type Connection, PASSED, type Verdict } from '../../core/checker/target.ts';
import { openStream } from './stream.ts';
import { failed, look, reasonOf } from './verdict.ts';

export function tcpCheck(connection: Connection, signal: AbortSignal): Promise<Verdict> {
  return look(connection.timeoutMs, signal, (ending) =>
    openStream(connection, {
      connected: () => ending.settle(PASSED),
      failed: (error) => ending.settle(failed(reasonOf(error))),
    }),
  );
}
