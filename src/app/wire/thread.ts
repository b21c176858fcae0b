// The wire thread's entry: a worker of the agent. It never returns to its event loop while it runs.

import { parentPort, workerData } from 'node:worker_threads';
import { assert, OperatorError } from '../../core/error.ts';
import { Waker } from '../../io/linux/poll.ts';
import { goRealtime } from '../../io/linux/process.ts';
import { openWireLoop } from './loop.ts';
import type { WireReport, WireSettings } from './protocol.ts';

assert(parentPort !== null, 'the wire thread is a worker');
const port = parentPort;
const settings = workerData as WireSettings;
const report = (message: WireReport): void => port.postMessage(message);

try {
  const waker = new Waker();
  const loop = openWireLoop(settings, port, waker);
  goRealtime();
  report({ kind: 'waker', fd: waker.fd });
  loop.run();
} catch (error) {
  if (!(error instanceof OperatorError)) throw error;
  report({ kind: 'failed-to-start', code: error.code, message: error.message, hint: error.hint });
}
