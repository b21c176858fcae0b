// The peer channel: one TLS connection between the two managers, authenticated and encrypted with the pair's key
// (pre-shared key, no certificates). The node whose name sorts first dials; the other listens. Dead connections are
// noticed by silence and replaced.

import { createHash } from 'node:crypto';
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket } from 'node:tls';
import type { PeerMessage } from '../../core/pair/message.ts';
import { parsePeerMessage } from '../../core/pair/message.ts';
import { parseReadStatement, type ReadStatement } from '../../core/readvip/state.ts';
import { encodeLine, lineDecoder } from '../jsonlines.ts';

export interface PeerChannelOptions {
  readonly pair: string;
  readonly self: string;
  readonly peer: string;
  readonly selfAddress: string;
  readonly peerAddress: string;
  readonly port: number;
  readonly secret: string;
}

export interface PeerChannelListener {
  onOpen(): void;
  onClosed(because: string): void;
  onMessage(message: PeerMessage): void;
  onReads(statement: ReadStatement): void;
  /** Something an operator should know, e.g. a peer with another key. Said once per reason. */
  onWarning(code: string, because: string): void;
}

export interface PeerChannel {
  send(message: PeerMessage | ReadStatement): void;
  close(): void;
}

const REDIAL_MS = 100;
const DIAL_MS_MAX = 500;
/** A connection on which nothing was heard for this long is replaced. */
const DEAD_MS = 1500;
/** A peer that reads nothing is not queued for without bound. Bytes. */
const UNSENT_BYTES_MAX = 1 << 20;
const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES256-CBC-SHA384';

/** The pair's name goes into the key, so that two pairs with the same key file do not talk to each other. */
function channelKey(pair: string, secret: string): Buffer {
  return createHash('sha256').update(`twinkeep peer channel 1\n${pair}\n${secret}`).digest();
}

export function openPeerChannel(options: PeerChannelOptions, listener: PeerChannelListener): PeerChannel {
  const psk = channelKey(options.pair, options.secret);
  const warned = new Set<string>();
  let current: TLSSocket | null = null;
  let closed = false;
  let server: Server | null = null;
  let redial: NodeJS.Timeout | null = null;

  const warn = (code: string, because: string): void => {
    if (warned.has(because)) return;
    warned.add(because);
    listener.onWarning(code, because);
  };

  const drop = (socket: TLSSocket, because: string): void => {
    if (current !== socket) return;
    current = null;
    socket.destroy();
    listener.onClosed(because);
    if (dials && !closed) redial = setTimeout(dial, REDIAL_MS);
  };

  const take = (socket: TLSSocket): void => {
    const former = current;
    current = socket;
    if (former !== null) former.destroy();
    const decoder = lineDecoder();
    socket.setNoDelay(true);
    socket.setTimeout(DEAD_MS, () => drop(socket, `nothing heard for ${DEAD_MS} ms`));
    socket.on('data', (chunk: Buffer) => {
      const values = decoder.push(chunk);
      const messages = values?.map((value) => parsePeerMessage(value) ?? parseReadStatement(value));
      if (messages === undefined || messages.includes(null)) {
        warn(
          'peer-message',
          `${options.peer} sent something that is no message of this version: run the same version on both hosts`,
        );
        drop(socket, 'it sent something that is no message of this version');
        return;
      }
      for (const message of messages) {
        if (message === null || current !== socket) continue;
        if (message.kind === 'reads') listener.onReads(message);
        else listener.onMessage(message);
      }
    });
    socket.on('error', (error) => drop(socket, error.message));
    socket.on('close', () => drop(socket, 'the peer closed the connection'));
    if (former === null) listener.onOpen();
  };

  const wrongKey = `${options.peer} does not have the same pair key: copy the secretFile from one host to the other`;

  const dial = (): void => {
    if (closed) return;
    let secured = false;
    const dialing: ConnectionOptions & { localAddress: string } = {
      host: options.peerAddress,
      port: options.port,
      localAddress: options.selfAddress,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      pskCallback: () => ({ psk, identity: options.self }),
      checkServerIdentity: () => undefined,
    };
    const socket = connect(dialing);
    const timer = setTimeout(() => socket.destroy(), DIAL_MS_MAX);
    const again = (): void => {
      clearTimeout(timer);
      if (!secured && !closed) redial = setTimeout(dial, REDIAL_MS);
      secured = true;
    };
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      secured = true;
      take(socket);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!secured && /decrypt|bad record mac|handshake|alert/i.test(error.message))
        warn('peer-key', wrongKey);
    });
    socket.once('close', again);
  };

  const listen = (): void => {
    server = createServer(
      {
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.2',
        ciphers: CIPHERS,
        pskCallback: (_socket, identity) => (identity === options.peer ? psk : null),
        handshakeTimeout: DIAL_MS_MAX * 2,
      },
      take,
    );
    server.on('tlsClientError', (error, socket) => {
      const from = socket.remoteAddress ?? 'somebody';
      if (from === options.peerAddress && /decrypt|bad record mac|psk/i.test(error.message))
        warn('peer-key', wrongKey);
      socket.destroy();
    });
    server.on('error', (error: NodeJS.ErrnoException) => {
      warn(
        'peer-listen',
        `the peer channel cannot listen on ${options.selfAddress}:${options.port}: ${error.message}; trying again`,
      );
      if (!closed) redial = setTimeout(() => server?.listen(options.port, options.selfAddress), 1000);
    });
    server.listen(options.port, options.selfAddress);
  };

  const dials = options.self < options.peer;
  if (dials) dial();
  else listen();

  return {
    send(message) {
      if (current === null || current.writableLength > UNSENT_BYTES_MAX) return;
      current.write(encodeLine(message));
    },
    close() {
      closed = true;
      if (redial !== null) clearTimeout(redial);
      server?.close();
      // end(), not destroy(): the last report must still leave.
      current?.end();
    },
  };
}
