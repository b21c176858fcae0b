// One POST of JSON to one etcd endpoint: bounded in time and bytes, and clear about whether the request may have arrived.
// Below cluster.ts, which chooses the endpoint. Never rejects.

import {
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { TLSSocket } from 'node:tls';

/** An answer about one key is some hundred bytes. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** An idle connection is kept this long, so that the next call needs no handshake. */
const IDLE_MS_MAX = 60_000;

export interface TlsFiles {
  /** Contents, not paths; each as PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A place to post to, with the connection that is kept to it. */
export interface Target {
  /** As the operator wrote it, without a slash at the end. */
  readonly url: string;
  readonly options: RequestOptions;
  readonly agent: HttpAgent;
}

export type Reply =
  | { readonly kind: 'answered'; readonly status: number; readonly text: string }
  | {
      readonly kind: 'failed';
      /** Whether the request may have reached the other side. */
      readonly sent: boolean;
      readonly error: NodeJS.ErrnoException;
    };

export interface Limits {
  /** Until the connection stands. */
  readonly connectMs: number;
  /** Until the whole answer is there. */
  readonly totalMs: number;
  readonly signal: AbortSignal;
}

export const TOO_LATE = 'ETOOLATE';
export const TOO_LARGE = 'ETOOLARGE';

export function openTarget(url: string, tls: TlsFiles): Target {
  const { protocol, hostname, port } = new URL(url);
  const kept = { keepAlive: true, keepAliveMsecs: 1000, timeout: IDLE_MS_MAX };
  return {
    url: url.replace(/\/$/, ''),
    options: { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port, method: 'POST' },
    agent: protocol === 'https:' ? new HttpsAgent({ ...kept, ...tls }) : new HttpAgent(kept),
  };
}

function fault(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

/** Collects the body; `undefined` when it is larger than any answer of etcd's. */
function readBody(response: IncomingMessage, take: (text: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) take(undefined);
    else chunks.push(chunk);
  });
  response.on('end', () => take(Buffer.concat(chunks).toString('utf8')));
}

export function post(
  target: Target,
  path: string,
  body: object,
  headers: Readonly<Record<string, string>>,
  limits: Limits,
): Promise<Reply> {
  return new Promise((resolve) => {
    let sent = false;
    const text = JSON.stringify(body);
    const secure = target.options.protocol === 'https:';
    const request = (secure ? requestHttps : requestHttp)({
      ...target.options,
      path,
      agent: target.agent,
      signal: limits.signal,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers },
    });
    const settle = (reply: Reply): void => {
      clearTimeout(connecting);
      clearTimeout(answering);
      resolve(reply); // only the first one counts
    };
    const fail = (error: NodeJS.ErrnoException): void => {
      settle({ kind: 'failed', sent, error });
      request.destroy();
    };
    const tooLate = (ms: number) => () => fail(fault(TOO_LATE, `no answer within ${Math.round(ms)} ms`));
    const answering = setTimeout(tooLate(limits.totalMs), limits.totalMs);
    const connecting = setTimeout(tooLate(limits.connectMs), limits.connectMs);
    const connected = (): void => {
      sent = true;
      clearTimeout(connecting);
    };
    request.on('socket', (socket) => {
      // A connection that is used again stands already; with TLS nothing of ours is sent before the handshake is done.
      if (request.reusedSocket) connected();
      else if (secure) (socket as TLSSocket).once('secureConnect', connected);
      else socket.once('connect', connected);
    });
    request.on('error', fail);
    request.on('response', (response) => {
      // A connection that ends within the answer is reported here as 'aborted', not as an error of the request.
      response.on('error', fail);
      readBody(response, (answer) => {
        if (answer === undefined) fail(fault(TOO_LARGE, `more than ${ANSWER_BYTES_MAX} bytes`));
        else settle({ kind: 'answered', status: response.statusCode ?? 0, text: answer });
      });
    });
    request.end(text);
  });
}
