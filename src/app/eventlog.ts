// The events of this node: the last ones in memory for the API, and all of them in a file that outlives the process. Their
// sequence numbers go on after a restart.

import type { EventLog, LogEvent } from '../io/http/events.ts';
import type { EventFile } from '../io/state/eventfile.ts';
import type { Level } from './log.ts';

const EVENTS_MAX = 2000;

const LEVELS: readonly unknown[] = ['info', 'warn', 'error'];

function parseEvent(value: unknown, node: string): LogEvent | null {
  if (typeof value !== 'object' || value === null) return null;
  const { sequence, time, level, code, because, epoch, node: whose } = value as Record<string, unknown>;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1) return null;
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time)) || whose !== node) return null;
  if (!LEVELS.includes(level) || typeof code !== 'string' || typeof because !== 'string') return null;
  if (typeof epoch !== 'number') return null;
  return { sequence, time, node, level: level as Level, epoch, code, because };
}

/** What a file holds, oldest first, each event once. */
function eventsIn(file: EventFile, node: string): LogEvent[] {
  const events: LogEvent[] = [];
  for (const value of file.read()) {
    const event = parseEvent(value, node);
    if (event !== null && event.sequence > (events.at(-1)?.sequence ?? 0)) events.push(event);
  }
  return events.slice(-EVENTS_MAX);
}

export interface NodeEvents extends EventLog {
  add(level: Level, code: string, because: string): void;
}

/** `epoch`: that of the record, as this node knows it when something happens. */
export function openEventLog(node: string, file: EventFile, epoch: () => number): NodeEvents {
  const events = eventsIn(file, node);
  const listeners = new Set<(event: LogEvent) => void>();
  let sequence = events.at(-1)?.sequence ?? 0;
  return {
    add(level, code, because) {
      const time = new Date().toISOString();
      const event: LogEvent = { sequence: ++sequence, time, node, level, epoch: epoch(), code, because };
      events.push(event);
      if (events.length > EVENTS_MAX) events.shift();
      file.append(event);
      for (const listener of listeners) listener(event);
    },
    kept: () => events,
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** When this node first knew of the writer of an epoch, and what was said then; null: not among the events that are kept. */
export function reignBegan(events: readonly LogEvent[], epoch: number): LogEvent | null {
  const of = events.filter((event) => event.epoch === epoch);
  return of.find((event) => event.code === 'writer' || event.code === 'switchover-failed') ?? of[0] ?? null;
}
