// HTTP_GET and SSL_GET: one URL of the list a look. Status, then digest of the body, then the pattern.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { HttpAnswer, httpRequest, statusAllowed } from '../../core/checker/http.ts';
import {
  type HttpTarget,
  type HttpUrl,
  PASSED,
  type TlsClient,
  type Verdict,
} from '../../core/checker/target.ts';
import { openStream } from './stream.ts';
import { type Ending, failed, look, reasonOf } from './verdict.ts';

const BODY_BYTES_MAX = 16 * 1024 * 1024;
const DEFAULT_PORT = { HTTP_GET: 80, SSL_GET: 443 } as const;

function hostOf({ kind, connection: { address, port } }: HttpTarget, url: HttpUrl): string {
  if (url.virtualHost !== null) return url.virtualHost;
  const host = address.includes(':') ? `[${address}]` : address;
  return port === DEFAULT_PORT[kind] ? host : `${host}:${port}`;
}

function matches(pattern: NonNullable<HttpUrl['pattern']>, body: string): boolean {
  const regex = new RegExp(pattern.source, `${pattern.flags}g`);
  regex.lastIndex = pattern.minOffset;
  const found = regex.exec(body);
  return found !== null && (pattern.maxOffset === null || found.index <= pattern.maxOffset);
}

/** What the answer is worth; `failed` in the words of the log. */
function judge(answer: HttpAnswer, url: HttpUrl): Verdict {
  if (!statusAllowed(answer.status, url.statusCodes))
    return failed(`HTTP status code error to %s url(${url.path}) (${answer.status})`);
  if (url.digests.length > 0) {
    const hash = createHash('md5');
    for (const bytes of answer.body) hash.update(bytes);
    if (!url.digests.includes(hash.digest('hex'))) return failed(`MD5 digest error to %s url(${url.path})`);
  }
  if (url.pattern !== null) {
    const body = Buffer.concat(answer.body).toString(url.pattern.flags.includes('u') ? 'utf8' : 'latin1');
    if (matches(url.pattern, body) === url.pattern.negated)
      return failed(`Regex match failed to %s url(${url.path})`);
  }
  return PASSED;
}

function converse(socket: Socket, target: HttpTarget, url: HttpUrl, ending: Ending): void {
  const answer = new HttpAnswer(BODY_BYTES_MAX);
  const go = (progress: ReturnType<HttpAnswer['take']>): void => {
    if (progress.kind === 'done') ending.settle(judge(answer, url));
    else if (progress.kind === 'malformed') ending.settle(failed(progress.reason));
  };
  socket.on('data', (bytes: Buffer) => {
    if (!ending.settled) go(answer.take(bytes));
  });
  socket.once('end', () => {
    if (!ending.settled) go(answer.close());
  });
  socket.write(httpRequest(target.version, url.path, hostOf(target, url)));
}

/** The server's certificate is not verified, as in the C daemon: the question is whether it serves. */
function tlsOptions(tls: TlsClient, name: string | null): ConnectionOptions {
  const file = (path: string | null) => (path === null ? undefined : readFileSync(path));
  const [cert, key, ca] = [file(tls.certificateFile), file(tls.keyFile), file(tls.caFile)];
  return {
    rejectUnauthorized: false,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
    ...(tls.password === null ? {} : { passphrase: tls.password }),
    ...(name === null ? {} : { servername: name.replace(/:[0-9]+$/, '') }),
  };
}

export function httpCheck(target: HttpTarget, step: number, signal: AbortSignal): Promise<Verdict> {
  const url = target.urls[step];
  if (url === undefined) return Promise.resolve(failed('no such url'));
  return look(target.connection.timeoutMs, signal, (ending) =>
    openStream(target.connection, {
      failed: (error) => ending.settle(failed(reasonOf(error))),
      connected(socket) {
        if (target.kind === 'HTTP_GET') return converse(socket, target, url, ending);
        try {
          const name = target.sni ? url.virtualHost : null;
          const secured = connectTls({ ...tlsOptions(target.tls, name), socket });
          secured.once('secureConnect', () => converse(secured, target, url, ending));
          secured.on('error', (error) => ending.settle(failed(`SSL: ${reasonOf(error)}`)));
        } catch (error) {
          ending.settle(failed(`SSL: ${reasonOf(error)}`));
        }
      },
    }),
  );
}
