// The last events of this node, kept in memory for the API.

import type { EventLog, LogEvent } from '../io/http/api.ts';
import type { Level } from './log.ts';

const EVENTS_MAX = 2000;

export function openEventLog(
  node: string,
): EventLog & { add(level: Level, code: string, because: string): void } {
  const events: LogEvent[] = [];
  const listeners = new Set<(event: LogEvent) => void>();
  let sequence = 0;
  return {
    add(level, code, because) {
      const event: LogEvent = {
        sequence: ++sequence,
        time: new Date().toISOString(),
        node,
        level,
        code,
        because,
      };
      events.push(event);
      if (events.length > EVENTS_MAX) events.shift();
      for (const listener of listeners) listener(event);
    },
    since: (after) => events.filter((event) => event.sequence > after),
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
