// Every kind of check against real servers on loopback: what it takes for good, and what for bad.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpTarget, HttpUrl, UdpTarget, Verdict } from '../../src/core/checker/target.ts';
import { dnsCheck } from '../../src/io/checkers/dns.ts';
import { httpCheck } from '../../src/io/checkers/http.ts';
import { miscCheck } from '../../src/io/checkers/misc.ts';
import { pingCheck } from '../../src/io/checkers/ping.ts';
import { smtpCheck } from '../../src/io/checkers/smtp.ts';
import { tcpCheck } from '../../src/io/checkers/tcp.ts';
import { udpCheck } from '../../src/io/checkers/udp.ts';
import { tlsFiles } from '../witness/certificate.ts';
import {
  connectionTo,
  dnsServer,
  httpServer,
  type SmallServer,
  smtpServer,
  tcpServer,
  tlsServer,
  udpServer,
} from './checkers-servers.ts';

const never = new AbortController().signal;
const PASSED = { ok: true, weight: null };
const because = (verdict: Verdict): string => (verdict.ok ? 'passed' : verdict.because);
const servers: SmallServer[] = [];
const up = async (server: Promise<SmallServer>): Promise<number> => {
  const started = await server;
  servers.push(started);
  return started.port;
};
/** Nobody listens there. */
let closed = 0;

beforeAll(async () => {
  const server = await tcpServer();
  closed = server.port;
  await server.stop();
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

describe('TCP_CHECK', () => {
  test('passes when the server takes the connection, and says why not', async () => {
    const port = await up(tcpServer());
    expect(await tcpCheck(connectionTo(port), never)).toEqual(PASSED);
    expect(because(await tcpCheck(connectionTo(closed), never))).toBe('ECONNREFUSED');
  });

  test('from an address, a port, an interface and with a mark of its own', async () => {
    const from: (string | undefined)[] = [];
    const port = await up(
      tcpServer((socket) => void from.push(`${socket.remoteAddress}:${socket.remotePort}`)),
    );
    expect(await tcpCheck(connectionTo(port, { bindAddress: '127.0.0.9' }), never)).toEqual(PASSED);
    const bound = connectionTo(port, {
      bindInterface: 'lo',
      firewallMark: 7,
      bindAddress: '127.0.0.8',
      bindPort: closed,
    });
    expect(await tcpCheck(bound, never)).toEqual(PASSED);
    expect(from[0]).toMatch(/^127\.0\.0\.9:/);
    expect(from[1]).toBe(`127.0.0.8:${closed}`);
    expect(because(await tcpCheck(connectionTo(closed, { bindInterface: 'lo' }), never))).toContain(
      'ECONNREFUSED',
    );
    expect(because(await tcpCheck(connectionTo(port, { bindInterface: 'no-such' }), never))).toContain(
      'ENODEV',
    );
  });

  test('ends at its deadline, and when nobody wants to know any more', async () => {
    // A documentation address: packets to it are lost, or refused on the way.
    const lost = connectionTo(9, { address: '192.0.2.254', timeoutMs: 200, bindInterface: 'lo' });
    const verdict = await tcpCheck(lost, never);
    expect(verdict.ok).toBe(false);
    const gone = new AbortController();
    const port = await up(smtpServer('', {}));
    const look = smtpCheck(connectionTo(port, { timeoutMs: 60_000 }), 'h', gone.signal);
    gone.abort();
    expect(because(await look)).toBe('abandoned');
  });
});

describe('HTTP_GET and SSL_GET', () => {
  const url = (more: Partial<HttpUrl> = {}): HttpUrl => ({
    path: '/',
    digests: [],
    statusCodes: [[200, 299]],
    virtualHost: null,
    pattern: null,
    ...more,
  });
  const target = (port: number, own: HttpUrl, more: Partial<HttpTarget> = {}): HttpTarget => ({
    kind: 'HTTP_GET',
    connection: connectionTo(port),
    version: '1.1',
    urls: [own],
    sni: false,
    tls: { certificateFile: null, keyFile: null, caFile: null, password: null },
    ...more,
  });
  const get = async (port: number, own: HttpUrl, more: Partial<HttpTarget> = {}) =>
    because(await httpCheck(target(port, own, more), 0, never));
  const pattern = (source: string, more: object = {}) => ({
    source,
    flags: 'i',
    negated: false,
    minOffset: 0,
    maxOffset: null,
    ...more,
  });
  let port = 0;
  beforeAll(async () => {
    port = await up(
      httpServer((request, response) => {
        if (request.url === '/slow') return;
        if (request.url === '/missing') response.statusCode = 404;
        // Two writes make it chunked for HTTP/1.1.
        response.write('Hello ');
        response.end(`from ${request.headers.host}`);
      }),
    );
  });

  test.each(['1.0', '1.0C', '1.1'] as const)('version %s', async (version) => {
    expect(await get(port, url(), { version })).toBe('passed');
  });

  test('the status', async () => {
    expect(await get(port, url({ path: '/missing' }))).toBe(
      'HTTP status code error to %s url(/missing) (404)',
    );
    expect(await get(port, url({ path: '/missing', statusCodes: [[400, 404]] }))).toBe('passed');
  });

  test('the digest of the body, and the virtual host', async () => {
    const digest = createHash('md5').update('Hello from shop').digest('hex');
    expect(await get(port, url({ virtualHost: 'shop', digests: [digest] }))).toBe('passed');
    expect(await get(port, url({ virtualHost: 'other', digests: [digest] }))).toBe(
      'MD5 digest error to %s url(/)',
    );
    expect(await get(port, url({ pattern: pattern(`from 127.0.0.1:${port}$`) }))).toBe('passed');
  });

  test('a pattern, its negation and its offsets', async () => {
    expect(await get(port, url({ pattern: pattern('hello') }))).toBe('passed');
    expect(await get(port, url({ pattern: pattern('hello', { flags: '' }) }))).toContain(
      'Regex match failed',
    );
    expect(await get(port, url({ pattern: pattern('hello', { negated: true }) }))).toContain(
      'Regex match failed',
    );
    expect(await get(port, url({ pattern: pattern('hello', { minOffset: 1 }) }))).toContain(
      'Regex match failed',
    );
    expect(await get(port, url({ pattern: pattern('from', { maxOffset: 5 }) }))).toContain(
      'Regex match failed',
    );
    expect(await get(port, url({ pattern: pattern('from', { maxOffset: 6 }) }))).toBe('passed');
  });

  test('what is no web server, and one that is silent', async () => {
    const ssh = await up(tcpServer((socket) => void socket.end('SSH-2.0-x\r\n\r\n\r\n')));
    expect(await get(ssh, url())).toBe('that is no HTTP');
    expect(
      await get(port, url({ path: '/slow' }), { connection: connectionTo(port, { timeoutMs: 200 }) }),
    ).toBe('timeout');
    expect(await get(closed, url())).toBe('ECONNREFUSED');
  });

  test('through TLS, with the name of the virtual host', async () => {
    const files = tlsFiles();
    try {
      const names: unknown[] = [];
      const secured = await up(
        tlsServer(files.certificate, files.key, (socket) => {
          names.push((socket as unknown as { servername: unknown }).servername);
          socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\n'));
        }),
      );
      const own = url({ virtualHost: 'shop.example' });
      expect(await get(secured, own, { kind: 'SSL_GET', sni: true })).toBe('passed');
      expect(await get(secured, own, { kind: 'SSL_GET' })).toBe('passed');
      expect(names).toEqual(['shop.example', false]);
      expect(await get(port, url(), { kind: 'SSL_GET' })).toMatch(/^SSL: /);
    } finally {
      files.remove();
    }
  });
});

describe('SMTP_CHECK', () => {
  const good = { HELO: '250-a\r\n250 b\r\n', QUIT: '221 bye\r\n' };
  const ask = async (greeting: string, replies: Record<string, string>) =>
    because(
      await smtpCheck(
        connectionTo(await up(smtpServer(greeting, replies)), { timeoutMs: 1000 }),
        'me',
        never,
      ),
    );

  test('greets, and is greeted', async () => {
    expect(await ask('220-hello\r\n220 you\r\n', good)).toBe('passed');
    expect(await ask('554 no\r\n', good)).toBe('bad greeting 554');
    expect(await ask('220 x\r\n', { HELO: '550 who\r\n' })).toBe('bad HELO response 550');
    expect(await ask('220 x\r\n', {})).toBe('timeout');
  });
});

describe('DNS_CHECK', () => {
  test('wants an answer without an error code', async () => {
    const check = async (port: number, timeoutMs = 5000) =>
      because(await dnsCheck(connectionTo(port, { timeoutMs }), 'SOA', 'example.com', never));
    expect(await check(await up(dnsServer(0)))).toBe('passed');
    expect(await check(await up(dnsServer(2)))).toBe('read error occurred. (rcode = 2)');
    expect(await check(await up(udpServer(() => Buffer.alloc(12))), 200)).toBe('timeout');
    expect(await check(closed)).toBe('failed to read socket; errno 111 (Connection refused)');
  });
});

describe('UDP_CHECK', () => {
  const target = (port: number, reply: UdpTarget['reply'], timeoutMs = 300): UdpTarget => ({
    kind: 'UDP_CHECK',
    connection: connectionTo(port, { timeoutMs }),
    payload: [1, 2, 3],
    reply,
  });
  const ask = async (port: number, reply: UdpTarget['reply']) =>
    because(await udpCheck(target(port, reply), never));

  test('without a reply asked for only an ICMP error is bad', async () => {
    expect(await ask(await up(udpServer(() => null)), null)).toBe('passed');
    expect(await ask(closed, null)).toBe('ECONNREFUSED');
  });

  test('a reply that is asked for must fit in length and bits', async () => {
    const echo = await up(udpServer((bytes) => bytes));
    const fit = { bytes: [1, 0xf2], mask: [0xff, 0x0f], minBytes: 3, maxBytes: 3 };
    expect(await ask(echo, fit)).toBe('passed');
    expect(await ask(echo, { ...fit, mask: [0xff, 0xff] })).toBe('reply data mismatch');
    expect(await ask(echo, { ...fit, minBytes: 4, maxBytes: 9 })).toBe('reply data mismatch');
    expect(await ask(await up(udpServer(() => null)), fit)).toBe('timeout');
  });
});

describe('PING_CHECK', () => {
  test.each(['127.0.0.1', '::1'])('%s answers', async (address) => {
    expect(await pingCheck(connectionTo(0, { address }), never)).toEqual(PASSED);
  });
  test('an address where nobody is does not', async () => {
    const nobody = connectionTo(0, { address: '192.0.2.254', timeoutMs: 200, bindInterface: 'lo' });
    expect((await pingCheck(nobody, never)).ok).toBe(false);
  });
});

describe('MISC_CHECK', () => {
  const run = (script: string, more: object = {}, signal = never) =>
    miscCheck(
      {
        command: { argv: ['/bin/sh', '-c', script], uid: 0, gid: 0 },
        timeoutMs: 5000,
        dynamic: false,
        ...more,
      },
      signal,
    );

  test('goes by the exit status', async () => {
    expect(await run('exit 0')).toEqual(PASSED);
    expect(because(await run('exit 7'))).toBe('failed (exited with status 7)');
    expect(because(await run('kill -9 $$'))).toBe('failed (due to signal 9)');
  });

  test('with misc_dynamic the status is a weight, except 1', async () => {
    expect(await run('exit 12', { dynamic: true })).toEqual({ ok: true, weight: 10 });
    expect(because(await run('exit 1', { dynamic: true }))).toBe('failed (exited with status 1)');
  });

  test('does not outlive its time-out, nor the wish to know', async () => {
    expect(await run('sleep 60', { timeoutMs: 100 })).toEqual({
      ok: false,
      because: 'timed out',
      late: true,
    });
    const gone = new AbortController();
    const look = run('sleep 60', {}, gone.signal);
    gone.abort();
    expect((await look).ok).toBe(false);
  });
});
