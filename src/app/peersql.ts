// The SQL path to the peer's server: shows whether it lives when its agent and manager are silent, and is the way to
// fence it then.

import type { PathState } from '../core/pair/event.ts';
import { type Clock, type Database, DatabaseError } from '../runtime/ports.ts';

const INTERVAL_MS = 100;
const DEADLINE_MS = 250;

export function startPeerSql(
  server: Database,
  clock: Clock,
  onPath: (path: PathState) => void,
): { stop(): void } {
  let stopped = false;
  let connected = false;
  let path: PathState = 'unknown';

  const set = (next: PathState): void => {
    if (next === path) return;
    path = next;
    onPath(next);
  };

  async function ask(): Promise<void> {
    try {
      if (connected) await server.ping(DEADLINE_MS);
      else await server.connect(DEADLINE_MS);
      connected = true;
      set('answers');
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      if (error.code !== 'timeout') connected = false;
      set(error.code === 'timeout' ? 'silent' : 'refused');
    }
  }

  server.onLost(() => {
    connected = false;
  });

  const run = async (): Promise<void> => {
    while (!stopped) {
      const startedMs = clock.bootMs();
      await ask();
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(5, startedMs + INTERVAL_MS - clock.bootMs())),
      );
    }
  };
  void run();
  return {
    stop() {
      stopped = true;
    },
  };
}
