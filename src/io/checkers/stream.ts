// A TCP connection of a check: node's own socket, or one with interface and firewall mark where the configuration asks for these.
import { connect, Socket } from 'node:net';
import type { Connection } from '../../core/checker/target.ts';
import { closeFd } from '../linux/libc.ts';
import { isConnected, needsBoundSocket, openBound, startConnect } from './boundsocket.ts';

const FIRST_LOOK_MS = 1;
const LOOK_MS_MAX = 50;

export interface StreamEvents {
  connected(socket: Socket): void;
  failed(error: unknown): void;
}

/** Returns how to end it, connected or not. */
export function openStream(connection: Connection, events: StreamEvents): () => void {
  return needsBoundSocket(connection)
    ? openBoundStream(connection, events)
    : openPlainStream(connection, events);
}

function openPlainStream(
  { address, port, bindAddress, bindPort }: Connection,
  events: StreamEvents,
): () => void {
  const socket = connect({
    host: address,
    port,
    noDelay: true,
    ...(bindAddress === null ? {} : { localAddress: bindAddress }),
    ...(bindPort === null ? {} : { localPort: bindPort }),
  });
  socket.once('connect', () => events.connected(socket));
  socket.on('error', (error) => events.failed(error));
  return () => socket.destroy();
}

/** node waits for no connection that it did not begin, so the kernel is asked now and then. */
function openBoundStream(connection: Connection, events: StreamEvents): () => void {
  const fd = openBound('stream', 0, connection);
  let socket: Socket | null = null;
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    if (socket !== null) socket.destroy();
    else closeFd(fd);
  };
  const ask = (delayMs: number): void => {
    timer = setTimeout(() => {
      try {
        if (!isConnected(fd)) return ask(Math.min(LOOK_MS_MAX, delayMs * 2));
        socket = new Socket({ fd });
        socket.on('error', (error) => events.failed(error));
        events.connected(socket);
      } catch (error) {
        events.failed(error);
      }
    }, delayMs);
  };
  try {
    startConnect(fd, connection);
  } catch (error) {
    end();
    throw error;
  }
  ask(FIRST_LOOK_MS);
  return end;
}
