// The peer channel as src/io/peer/channel.ts keeps it: one connection at a time, dialled by the node whose name sorts first,
// replaced when nothing was heard on it.

import type { PeerMessage } from '../src/core/pair/message.ts';
import type { Host, Process } from './host.ts';
import type { Connection, Network } from './network.ts';
import type { Random } from './random.ts';

export interface ChannelEnd {
  send(message: PeerMessage): void;
  /** Looked at every now and then: silence ends a connection. */
  watch(): void;
  close(orderly: boolean): void;
}

export interface ChannelListener {
  onOpen(): void;
  onClosed(because: string): void;
  onMessage(message: PeerMessage): void;
}

interface Plugged {
  readonly process: Process;
  take(connection: Connection<PeerMessage>): void;
}

/** Where the two managers find each other: a listening port on each host. */
export interface Switchboard {
  readonly plugged: Partial<Record<'a' | 'b', Plugged>>;
}

const REDIAL_MS = 100;
const DIAL_MS_MAX = 500;
const DEAD_MS = 1500;

export function openChannel(
  self: 'a' | 'b',
  host: Host,
  process: Process,
  network: Network,
  random: Random,
  board: Switchboard,
  listener: ChannelListener,
): ChannelEnd {
  const peer = self === 'a' ? 'b' : 'a';
  let current: Connection<PeerMessage> | null = null;
  let heardMs = 0;
  let closed = false;

  function drop(connection: Connection<PeerMessage>, because: string): void {
    if (current !== connection) return;
    current = null;
    connection.close(self);
    listener.onClosed(because);
    if (self === 'a' && !closed) process.after(REDIAL_MS, dial);
  }

  function take(connection: Connection<PeerMessage>): void {
    const former = current;
    current = connection;
    heardMs = host.bootMs();
    if (former !== null) former.close(self);
    connection.attach(self, {
      onMessage: (message) =>
        process.run(() => {
          if (current !== connection) return;
          heardMs = host.bootMs();
          listener.onMessage(message);
        }),
      onClosed: (because) => process.run(() => drop(connection, because)),
    });
    if (former === null) listener.onOpen();
  }

  function dial(): void {
    if (closed || current !== null) return;
    const other = board.plugged[peer];
    const reachable = network.both('peer', self, peer);
    if (!reachable || (other?.process.alive === true && other.process.frozen)) {
      process.after(DIAL_MS_MAX + REDIAL_MS, dial);
      return;
    }
    if (other === undefined || !other.process.alive) {
      process.after(REDIAL_MS, dial);
      return;
    }
    process.after(random.skewed(1, 30), () => {
      if (closed || current !== null) return;
      const there = board.plugged[peer];
      if (!network.both('peer', self, peer) || there === undefined || !there.process.alive) {
        process.after(REDIAL_MS, dial);
        return;
      }
      const connection = network.connect<PeerMessage>('peer', 'a', 'b');
      take(connection);
      there.process.run(() => there.take(connection));
    });
  }

  board.plugged[self] = { process, take };
  if (self === 'a') dial();
  return {
    send(message) {
      current?.send(self, message);
    },
    watch() {
      if (current !== null && host.bootMs() - heardMs > DEAD_MS)
        drop(current, `nothing heard for ${DEAD_MS} ms`);
    },
    close(orderly) {
      closed = true;
      if (orderly) current?.close(self);
      else current?.abandon(self);
      current = null;
    },
  };
}
