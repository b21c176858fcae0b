// Small servers on loopback for the checks: each does one thing right, or one thing wrong.
import { createSocket } from 'node:dgram';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import type { Connection } from '../../src/core/checker/target.ts';

export interface SmallServer {
  readonly port: number;
  stop(): Promise<void>;
}

export const connectionTo = (port: number, more: Partial<Connection> = {}): Connection => ({
  address: '127.0.0.1',
  port,
  timeoutMs: 5000,
  bindAddress: null,
  bindPort: null,
  bindInterface: null,
  firewallMark: null,
  ...more,
});

interface Listening {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
  close(done: () => void): unknown;
  on(event: 'connection', hear: (socket: Socket) => void): unknown;
}

function listening(server: Listening, port = 0): Promise<SmallServer> {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      resolve({
        port: (server.address() as { port: number }).port,
        stop: () =>
          new Promise((done) => {
            for (const socket of open) socket.destroy();
            server.close(() => done());
          }),
      });
    });
  });
}

export const tcpServer = (hear: (socket: Socket) => void = () => undefined, port = 0) =>
  listening(createServer(hear), port);

export const httpServer = (answer: RequestListener) => listening(createHttp(answer));

export const tlsServer = (certificate: string, key: string, hear: (socket: Socket) => void) =>
  listening(createTls({ cert: certificate, key }, hear));

/** Takes lines, and answers each by its first word. */
export const smtpServer = (greeting: string, replies: Readonly<Record<string, string>>) =>
  tcpServer((socket) => {
    socket.write(greeting);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      const reply = replies[text.trim().split(' ')[0] ?? ''];
      if (reply !== undefined) socket.write(reply);
    });
  });

/** null: no answer. */
export function udpServer(answer: (bytes: Buffer) => Uint8Array | null): Promise<SmallServer> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, from) => {
    const back = answer(bytes);
    if (back !== null) socket.send(back, from.port, from.address);
  });
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      resolve({
        port: socket.address().port,
        stop: () => new Promise((done) => socket.close(() => done())),
      });
    });
  });
}

/** Answers the question that came with this code. */
export const dnsServer = (rcode: number) =>
  udpServer((question) => {
    const answer = Buffer.from(question);
    answer.writeUInt16BE(0x8180 | rcode, 2);
    return answer;
  });
