// A connected datagram socket of a check: only its peer's answers come in, and the ICMP errors that its packets cause.
import { createSocket, type Socket } from 'node:dgram';
import type { Connection } from '../../core/checker/target.ts';
import { needsBoundSocket, openBound } from './boundsocket.ts';

export interface DatagramEvents {
  connected(socket: Socket): void;
  message(bytes: Uint8Array): void;
  failed(error: unknown): void;
}

/** `protocol`: 0 for UDP; ping.ts has others. Returns how to end it. */
export function openDatagram(connection: Connection, events: DatagramEvents, protocol = 0): () => void {
  const { address, port, bindAddress, bindPort } = connection;
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' });
  socket.on('message', (bytes) => events.message(bytes));
  socket.on('error', (error) => events.failed(error));
  socket.once('connect', () => events.connected(socket));
  socket.once('listening', () => {
    try {
      // A ping has no port; node wants one, and the kernel does not look at it.
      socket.connect(port === 0 ? 1 : port, address);
    } catch (error) {
      events.failed(error);
    }
  });
  try {
    if (protocol !== 0 || needsBoundSocket(connection))
      socket.bind({ fd: openBound('datagram', protocol, connection) });
    else socket.bind({ port: bindPort ?? 0, ...(bindAddress === null ? {} : { address: bindAddress }) });
  } catch (error) {
    socket.close();
    throw error;
  }
  let over = false;
  return () => {
    if (over) return;
    over = true;
    socket.close();
  };
}
