// The manager's side of the agent link: orders with answers, a pulse, and the news from the wire.

import type { WireView } from '../core/pair/event.ts';
import type { Grant } from '../core/readvip/state.ts';
import {
  type AgentMessage,
  connectToAgent,
  type Link,
  type ManagerMessage,
  type WireDetail,
} from '../io/agentlink/link.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Level } from './log.ts';
import type { AgentPort } from './performer.ts';

export interface AgentLinkListener {
  onLink(link: 'up' | 'lost', because: string): void;
  onWire(wire: WireView, detail: WireDetail): void;
  onSay(level: Level, code: string, because: string): void;
  onStop(because: string): void;
}

export interface ReadPort {
  /** Nobody waits for it: what is lost is said again. */
  grantReads(grant: Grant): void;
}

/** Our own pulse; the agent's is faster, because less time is given to it. */
const PULSE_MS = 500;
/** How often the agent's silence is looked at. */
const WATCH_MS = 50;

/** `graceMs`: an agent that does not answer for this long counts as lost, though its socket is open (it is frozen). */
export function openAgentPort(
  path: string,
  clock: Clock,
  graceMs: number,
  listener: AgentLinkListener,
): AgentPort & ReadPort & { bye(because: string): void; close(): void } {
  let link: Link<ManagerMessage> | null = null;
  let up = false;
  let heardMs = 0;
  let nextId = 1;
  const waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();

  const lose = (because: string): void => {
    if (!up) return;
    up = false;
    for (const { reject } of waiting.values()) reject(new Error(because));
    waiting.clear();
    listener.onLink('lost', because);
  };

  const onMessage = (message: AgentMessage): void => {
    heardMs = clock.bootMs();
    if (!up) {
      up = true;
      listener.onLink('up', 'the agent answers');
    }
    switch (message.kind) {
      case 'hello':
      case 'pulse':
        return;
      case 'wire':
        listener.onWire(message.wire, message.detail);
        return;
      case 'say':
        listener.onSay(message.level, message.code, message.because);
        return;
      case 'stop':
        listener.onStop(message.because);
        return;
      case 'done':
        waiting.get(message.id)?.resolve();
        waiting.delete(message.id);
        return;
      case 'failed':
        waiting.get(message.id)?.reject(new Error(message.because));
        waiting.delete(message.id);
    }
  };

  const connection = connectToAgent(path, {
    onOpen(opened) {
      link = opened;
      opened.send({ kind: 'hello', pid: process.pid });
    },
    onMessage,
    onClosed(because) {
      link = null;
      lose(`the agent's end of the link closed (${because}): the agent ended`);
    },
  });

  const pulse = setInterval(() => link?.send({ kind: 'pulse' }), PULSE_MS);
  const watch = setInterval(() => {
    const silentMs = clock.bootMs() - heardMs;
    if (up && silentMs > graceMs)
      lose(`the agent has not answered for ${Math.round(silentMs)} ms: it is frozen`);
  }, WATCH_MS);

  function ask(order: (id: number) => ManagerMessage, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (link === null || !up) {
        reject(new Error('the agent is gone'));
        return;
      }
      const id = nextId++;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error(`the agent did not carry the order out within ${deadlineMs} ms`));
      }, deadlineMs);
      const settle =
        <T extends unknown[]>(then: (...args: T) => void) =>
        (...args: T): void => {
          clearTimeout(timer);
          then(...args);
        };
      waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      link.send(order(id));
    });
  }

  return {
    claim: (epoch, deadlineMs) => ask((id) => ({ kind: 'claim', id, epoch }), deadlineMs),
    yield: (because, deadlineMs) => ask((id) => ({ kind: 'yield', id, because }), deadlineMs),
    grantReads(grant) {
      link?.send({ kind: 'reads', grant });
    },
    bye(because) {
      link?.send({ kind: 'bye', because });
    },
    close() {
      clearInterval(pulse);
      clearInterval(watch);
      connection.close();
    },
  };
}
