// The entry of the keepalived mode's wire thread: a worker that never returns to its event loop while it runs.

import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, OperatorError } from '../../../core/error.ts';
import { Waker } from '../../../io/linux/poll.ts';
import { goRealtime, requireWireCapabilities } from '../../../io/linux/process.ts';
import { openWireLoop } from './loop.ts';
import type { WireReport, WireThreadData } from './protocol.ts';

assert(parentPort !== null, 'the wire thread is a worker');
const port = parentPort;
const data = workerData as WireThreadData;
const report = (message: WireReport): void => port.postMessage(message);

try {
  requireWireCapabilities();
  const waker = new Waker();
  const loop = openWireLoop(data, port, waker);
  goRealtime(data.settings.realtimePriority ?? 1);
  // A worker has a compile cache of its own, and this one never ends by itself. Before the loop: writing files takes time.
  flushCompileCache();
  report({ kind: 'waker', fd: waker.fd });
  loop.run();
} catch (error) {
  if (!(error instanceof OperatorError)) throw error;
  report({ kind: 'failed-to-start', code: error.code, message: error.message, hint: error.hint });
}
