// The wire thread's entry: a worker of the agent. It never returns to its event loop while it runs.

import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, OperatorError } from '../../core/error.ts';
import { Waker } from '../../io/linux/poll.ts';
import { capabilities, goRealtime } from '../../io/linux/process.ts';
import { openWireLoop } from './loop.ts';
import type { WireReport, WireSettings } from './protocol.ts';

assert(parentPort !== null, 'the wire thread is a worker');
const port = parentPort;
const settings = workerData as WireSettings;
const report = (message: WireReport): void => port.postMessage(message);

/** Each is needed only when a VIP moves, or is set up one socket after the other: better said before anything runs. */
function requireCapabilities(): void {
  const { netAdmin, netRaw } = capabilities();
  const missing = [...(netAdmin ? [] : ['CAP_NET_ADMIN']), ...(netRaw ? [] : ['CAP_NET_RAW'])];
  if (missing.length === 0) return;
  throw new OperatorError(
    'missing-capability',
    `the agent may neither hold a VIP nor speak VRRP: ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    'run it as root, or grant both in the systemd unit (AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW)',
  );
}

try {
  requireCapabilities();
  const waker = new Waker();
  const loop = openWireLoop(settings, port, waker);
  goRealtime();
  // A worker has a compile cache of its own, and this one never ends by itself. Before the loop: writing files takes time.
  flushCompileCache();
  report({ kind: 'waker', fd: waker.fd });
  loop.run();
} catch (error) {
  if (!(error instanceof OperatorError)) throw error;
  report({ kind: 'failed-to-start', code: error.code, message: error.message, hint: error.hint });
}
