// The SQL path to the peer's server: shows whether it lives when its agent and manager are silent, and is the way to
// fence it then.

import type { PathState } from '../core/pair/event.ts';
import { type Clock, type Database, DatabaseError } from '../runtime/ports.ts';

const INTERVAL_MS = 1000;
const DEADLINE_MS = 250;
/** While the peer's adverts are missing the answer is needed before the master-down timer ends. */
const HURRY_INTERVAL_MS = 30;
const HURRY_DEADLINE_MS = 120;

export interface PeerSql {
  /** Whether the answer is wanted soon and often. */
  hurry(on: boolean): void;
  stop(): void;
}

/** `onPath` is told of every answer, and of every one that does not come. */
export function startPeerSql(server: Database, clock: Clock, onPath: (path: PathState) => void): PeerSql {
  let stopped = false;
  let hurried = false;
  let wake: () => void = () => {};
  let connected = false;
  async function ask(): Promise<void> {
    try {
      const deadlineMs = hurried ? HURRY_DEADLINE_MS : DEADLINE_MS;
      if (connected) await server.ping(deadlineMs);
      else await server.connect(deadlineMs);
      connected = true;
      onPath('answers');
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      if (error.code !== 'timeout') connected = false;
      onPath(error.code === 'timeout' ? 'silent' : 'refused');
    }
  }

  server.onLost(() => {
    connected = false;
  });

  const run = async (): Promise<void> => {
    while (!stopped) {
      const startedMs = clock.bootMs();
      await ask();
      const intervalMs = hurried ? HURRY_INTERVAL_MS : INTERVAL_MS;
      const restMs = Math.max(5, startedMs + intervalMs - clock.bootMs());
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, restMs);
      });
    }
  };
  void run();
  return {
    hurry(on) {
      if (on && !hurried) wake();
      hurried = on;
    },
    stop() {
      stopped = true;
    },
  };
}
