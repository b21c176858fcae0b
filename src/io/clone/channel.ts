// The line between the node that gives a copy and the one that takes it: TLS with the pair's key (pre-shared, as the peer
// channel), words and data in frames (core/clone/frames.ts). The giver listens, at clone.port; one line is one request.

import { createHash } from 'node:crypto';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { dataHead, encodeWord, frameReader } from '../../core/clone/frames.ts';
import { OperatorError } from '../../core/error.ts';

export interface LineKey {
  readonly pair: string;
  readonly secret: string;
  readonly self: string;
  readonly peer: string;
}

export type Received =
  | { readonly kind: 'word'; readonly word: Record<string, unknown> }
  | { readonly kind: 'data'; readonly bytes: Uint8Array };

export interface Line {
  send(word: object): void;
  /** Resolves when more may be written. With `urgent` it does not wait: what is locked meanwhile matters more than memory. */
  write(bytes: Uint8Array, urgent?: boolean): Promise<void>;
  /** What arrives, until the other side ends; throws OperatorError when the line breaks inside a frame. */
  received(): AsyncIterable<Received>;
  end(): void;
  destroy(): void;
  /** Called once, when the line is closed, by whomever. */
  onClosed(listener: () => void): void;
}

const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES256-CBC-SHA384';
const DIAL_MS_MAX = 5000;
/** A line on which nothing moves for this long is dead. A backup that waits for a lock is silent meanwhile. */
const SILENT_MS_MAX = 120_000;

/** So much is handed on at once, or what came within the time; and so much waits at most. */
const PIECE_BYTES = 256 * 1024;
const PIECE_MS_MAX = 20;
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

const keyOf = ({ pair, secret }: LineKey): Buffer =>
  createHash('sha256').update(`twinkeep clone channel 1\n${pair}\n${secret}`).digest();

const broken = (because: string): OperatorError =>
  new OperatorError(
    'clone-line',
    `the connection to the other node broke: ${because}`,
    'run `twinkeep clone` again when the other node is reached: it goes on with what was finished',
  );

function lineOf(socket: TLSSocket): Line {
  socket.setNoDelay(true);
  socket.setTimeout(SILENT_MS_MAX, () =>
    socket.destroy(new Error(`nothing moved for ${SILENT_MS_MAX / 1000} s`)),
  );
  let failure: Error | null = null;
  socket.on('error', (error) => {
    failure = error;
  });

  function drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        if (socket.destroyed) reject(broken(failure?.message ?? 'it was closed'));
        else resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  /** All that the socket has by now, as one piece: a record of TLS at a time would cost more than its decryption. */
  async function* pieces(): AsyncGenerator<Buffer> {
    const waiting: Buffer[] = [];
    let bytes = 0;
    let ended = false;
    let wake = (): void => undefined;
    socket.on('data', (chunk: Buffer) => {
      waiting.push(chunk);
      bytes += chunk.length;
      if (bytes > WAITING_BYTES_MAX) socket.pause();
      if (bytes >= PIECE_BYTES) wake();
    });
    socket.once('close', () => {
      ended = true;
      wake();
    });
    socket.once('end', () => {
      ended = true;
      wake();
    });
    for (;;) {
      if (bytes < PIECE_BYTES && !ended) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, PIECE_MS_MAX);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      if (bytes > 0) {
        const piece = Buffer.concat(waiting.splice(0));
        bytes = 0;
        socket.resume();
        yield piece;
      } else if (ended) return;
    }
  }

  async function* received(): AsyncGenerator<Received> {
    const reader = frameReader();
    for await (const piece of pieces()) {
      const read = reader.push(piece);
      if (!read.ok) throw broken(`it sent ${read.reason}: run the same version on both hosts`);
      for (const frame of read.frames) {
        if (frame.kind === 'data') yield frame;
        else yield { kind: 'word', word: JSON.parse(frame.text) as Record<string, unknown> };
      }
    }
    if (failure !== null) throw broken((failure as Error).message);
    if (!reader.between()) throw broken('it ended in the middle of something');
  }

  return {
    send: (word) => void socket.write(encodeWord(word)),
    async write(bytes, urgent = false) {
      if (socket.destroyed) throw broken((failure as Error | null)?.message ?? 'it was closed');
      socket.cork();
      socket.write(dataHead(bytes.length));
      const room = socket.write(bytes);
      socket.uncork();
      if (!room && !urgent) await drained();
    },
    received,
    end: () => socket.end(),
    destroy: () => socket.destroy(),
    onClosed: (listener) => void socket.once('close', listener),
  };
}

/** Listens until it is closed; a port that is taken is tried again. */
export function listenForClones(
  key: LineKey,
  at: { readonly address: string; readonly port: number },
  on: {
    readonly line: (line: Line) => Promise<void>;
    readonly warning: (code: string, because: string) => void;
  },
): { close(): void; readonly listening: Promise<void> } {
  const psk = keyOf(key);
  let closed = false;
  let told = '';
  let again: NodeJS.Timeout | undefined;
  const server = createServer(
    {
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      pskCallback: (_socket, identity) => (identity === key.peer ? psk : null),
      handshakeTimeout: DIAL_MS_MAX,
    },
    (socket) => {
      const line = lineOf(socket);
      on.line(line).catch((error: Error) => {
        on.warning('clone-line', error.message);
        line.destroy();
      });
    },
  );
  const listen = (): void => void server.listen(at.port, at.address);
  // A wrong key, a port scanner: the one who dials is told by its own side.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('error', (error) => {
    if (error.message !== told)
      on.warning(
        'clone-listen',
        `clones cannot be given at ${at.address}:${at.port}: ${error.message}; trying again`,
      );
    told = error.message;
    if (!closed) again = setTimeout(listen, 1000);
  });
  const listening = new Promise<void>((resolve) => server.once('listening', resolve));
  listen();
  return {
    close() {
      closed = true;
      clearTimeout(again);
      server.close();
    },
    listening,
  };
}

/** Null: nobody listens there. */
export function dialDonor(
  key: LineKey,
  at: { readonly address: string; readonly port: number; readonly localAddress: string },
): Promise<Line | null> {
  const psk = keyOf(key);
  return new Promise((resolve, reject) => {
    const dialing: ConnectionOptions & { localAddress: string } = {
      host: at.address,
      port: at.port,
      localAddress: at.localAddress,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      pskCallback: () => ({ psk, identity: key.self }),
      checkServerIdentity: () => undefined,
    };
    const socket = connect(dialing);
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer within ${DIAL_MS_MAX / 1000} s`)),
      DIAL_MS_MAX,
    );
    const fail = (error: NodeJS.ErrnoException): void => {
      clearTimeout(timer);
      if (error.code === 'ECONNREFUSED') resolve(null);
      else if (/decrypt|bad record mac|handshake|alert|psk/i.test(error.message)) {
        const hint = 'copy the secretFile from one host to the other';
        reject(new OperatorError('clone-key', `${key.peer} does not have the same pair key`, hint));
      } else {
        const hint = `is the host up, and does a firewall let TCP port ${at.port} (clone.port) pass?`;
        reject(
          new OperatorError(
            'clone-unreachable',
            `${key.peer} is not reached at ${at.address}:${at.port}: ${error.message}`,
            hint,
          ),
        );
      }
    };
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(lineOf(socket));
    });
  });
}
