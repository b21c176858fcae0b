import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { dialDonor, type Line, listenForClones } from './channel.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const key = { pair: 'shop', secret: 'a secret', self: 'a', peer: 'b' };

async function donor(serve: (line: Line) => Promise<void>): Promise<number> {
  const port = await freePort();
  const listener = listenForClones(
    key,
    { address: '127.0.0.1', port },
    { line: serve, warning: () => undefined },
  );
  open.push(listener);
  await listener.listening;
  return port;
}

const dial = (port: number, secret = key.secret, self = 'b'): Promise<Line | null> =>
  dialDonor({ ...key, self, peer: 'a', secret }, { address: '127.0.0.1', localAddress: '127.0.0.1', port });

async function collect(line: Line): Promise<{ words: unknown[]; bytes: number }> {
  const words: unknown[] = [];
  let bytes = 0;
  for await (const each of line.received()) {
    if (each.kind === 'word') words.push(each.word);
    else bytes += each.bytes.length;
  }
  return { words, bytes };
}

test('a copy arrives whole, larger than any buffer', async () => {
  const chunk = new Uint8Array(64 * 1024).fill(7);
  const port = await donor(async (line) => {
    line.send({ kind: 'begin' });
    for (let i = 0; i < 100; i += 1) await line.write(chunk);
    line.send({ kind: 'end' });
    line.end();
  });
  const line = await dial(port);
  expect(line).not.toBeNull();
  if (line !== null)
    expect(await collect(line)).toEqual({
      words: [{ kind: 'begin' }, { kind: 'end' }],
      bytes: 100 * chunk.length,
    });
});

test('another key, or another node, gets nothing', async () => {
  let served = 0;
  const port = await donor(async () => {
    served += 1;
  });
  await expect(dial(port, 'another secret')).rejects.toMatchObject({ code: 'clone-key' });
  await expect(dial(port, key.secret, 'c')).rejects.toMatchObject({ code: expect.stringMatching(/^clone-/) });
  expect(served).toBe(0);
});

test('nobody there is no error, but an answer', async () => {
  expect(await dial(await freePort())).toBeNull();
});

test('a donor that goes away is told from one that is done', async () => {
  const port = await donor(async (line) => {
    await line.write(new Uint8Array(1000));
    line.destroy();
  });
  const line = await dial(port);
  const end = line === null ? null : await collect(line).catch((error: { code: string }) => error.code);
  // Whether the break shows or the stream just ends: it never looks like an end, which is a word.
  expect(end === 'clone-line' || (end as { words: unknown[] }).words.length === 0).toBe(true);
});
