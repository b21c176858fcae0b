// What checkers send and read: DNS, SMTP replies, HTTP. Bytes are taken as they come, in any pieces, and hostile ones too.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAnswer, encodeName, encodeQuestion } from './dns.ts';
import { HttpAnswer, type HttpProgress, httpRequest, statusAllowed } from './http.ts';
import { readReply } from './smtp.ts';

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe('DNS', () => {
  test('a question is as RFC 1035 draws it', () => {
    const question = encodeQuestion(0x1234, 'example.com', 'AAAA');
    expect(Buffer.from(question ?? []).toString('hex')).toBe(
      '12340100000100000000000007' + '6578616d706c65' + '03' + '636f6d' + '00001c0001',
    );
  });

  test('the root is a single zero; empty and overlong labels are no names', () => {
    expect(encodeName('.')).toEqual(Uint8Array.of(0));
    expect(encodeName('a..b')).toBeNull();
    expect(encodeName('a'.repeat(64))).toBeNull();
    expect(encodeName(`${'abc.'.repeat(70)}a`)).toBeNull();
  });

  test('an answer tells its code; other packets are strangers', () => {
    const answer = Uint8Array.of(0x12, 0x34, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0);
    expect(decodeAnswer(answer, 0x1234)).toEqual({ kind: 'answer', rcode: 3 });
    expect(decodeAnswer(answer, 1).kind).toBe('stranger');
    expect(decodeAnswer(answer.subarray(0, 11), 0x1234).kind).toBe('stranger');
    const question = encodeQuestion(0x1234, '.', 'SOA') ?? new Uint8Array();
    expect(decodeAnswer(question, 0x1234).kind).toBe('stranger');
  });
});

describe('SMTP', () => {
  test('a reply of several lines ends with the one that has a blank', () => {
    expect(readReply('220-a\r\n220-b\r\n')).toEqual({ kind: 'incomplete' });
    expect(readReply('220-a\r\n220 b\r\n250 x')).toEqual({ kind: 'reply', code: 220, rest: '250 x' });
    expect(readReply('250\n')).toEqual({ kind: 'reply', code: 250, rest: '' });
  });

  test('what is no reply is told, and so is one without an end', () => {
    expect(readReply('hello\r\n').kind).toBe('malformed');
    expect(readReply('x'.repeat(9000)).kind).toBe('malformed');
  });
});

/** Hands the text in, in pieces of that size; then the server closes. */
function receive(text: string, size: number, bodyBytesMax = 1000) {
  const answer = new HttpAnswer(bodyBytesMax);
  let progress: HttpProgress = { kind: 'more' };
  for (let at = 0; at < text.length && progress.kind === 'more'; at += size)
    progress = answer.take(bytes(text.slice(at, at + size)));
  if (progress.kind === 'more') progress = answer.close();
  const body = answer.body.map((b) => Buffer.from(b).toString('latin1')).join('');
  return { progress, status: answer.status, body };
}

describe('HTTP', () => {
  const sizes = [1, 2, 7, 1000];
  test.each(sizes)('a body of a given length, in pieces of %i', (size) => {
    const { progress, status, body } = receive('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', size);
    expect({ kind: progress.kind, status, body }).toEqual({ kind: 'done', status: 200, body: 'hello' });
  });

  test.each(sizes)('a chunked body, in pieces of %i', (size) => {
    const text =
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n';
    expect(receive(text, size)).toMatchObject({ progress: { kind: 'done' }, body: 'hello world' });
  });

  test.each(sizes)('a body up to the end of the connection, in pieces of %i', (size) => {
    expect(receive('HTTP/1.0 404 Not Found\r\n\r\nabc', size)).toMatchObject({
      progress: { kind: 'done' },
      status: 404,
      body: 'abc',
    });
  });

  test('an interim answer is passed over', () => {
    const text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n';
    expect(receive(text, 3)).toMatchObject({ progress: { kind: 'done' }, status: 204 });
  });

  test('short, overlong and foreign answers are told', () => {
    const reason = (text: string) => receive(text, 10).progress;
    expect(reason('')).toEqual({ kind: 'malformed', reason: 'no answer' });
    expect(reason('SSH-2.0-OpenSSH\r\n\r\n')).toEqual({ kind: 'malformed', reason: 'that is no HTTP' });
    expect(reason('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')).toMatchObject({ kind: 'malformed' });
    expect(reason(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1001)}`)).toMatchObject({ kind: 'malformed' });
    expect(reason('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')).toMatchObject({
      kind: 'malformed',
    });
  });

  test('no bytes make it throw, hang, or keep more than it may', () => {
    const start = fc.constantFrom(
      '',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    fc.assert(
      fc.property(
        start,
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.integer({ min: 1, max: 50 }),
        (a, b, size) => {
          expect(receive(a + b, size, 100).body.length).toBeLessThanOrEqual(100);
        },
      ),
    );
  });

  test('the request is the one of the C daemon', () => {
    expect(httpRequest('1.0', '/x', 'h')).toBe(
      'GET /x HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: h\r\n\r\n',
    );
    expect(httpRequest('1.1', '/', 'h')).toContain('Connection: close\r\n');
    expect(
      statusAllowed(301, [
        [200, 299],
        [301, 301],
      ]),
    ).toBe(true);
    expect(
      statusAllowed(302, [
        [200, 299],
        [301, 301],
      ]),
    ).toBe(false);
  });
});
