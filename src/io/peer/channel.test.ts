import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PeerMessage } from '../../core/pair/message.ts';
import type { ReadStatement } from '../../core/readvip/state.ts';
import { openPeerChannel, type PeerChannel } from './channel.ts';

const open: PeerChannel[] = [];
afterEach(() => {
  for (const channel of open.splice(0)) channel.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function start(self: string, peer: string, port: number, secret: string) {
  const seen = {
    messages: [] as PeerMessage[],
    reads: [] as ReadStatement[],
    opened: 0,
    closed: [] as string[],
    warnings: [] as string[],
  };
  const channel = openPeerChannel(
    { pair: 'shop', self, peer, selfAddress: '127.0.0.1', peerAddress: '127.0.0.1', port, secret },
    {
      onOpen: () => seen.opened++,
      onClosed: (because) => seen.closed.push(because),
      onMessage: (message) => seen.messages.push(message),
      onReads: (statement) => seen.reads.push(statement),
      onWarning: (code) => seen.warnings.push(code),
    },
  );
  open.push(channel);
  return { channel, seen };
}

const refusal = {
  kind: 'withdrawn',
  epoch: 3,
  because: 'a reason with ünïcode',
} as const satisfies PeerMessage;

describe('peer channel', () => {
  it('carries what is said of the read VIPs apart from what the pair machine is told', async () => {
    const port = await freePort();
    const b = start('b', 'a', port, 'the key');
    const a = start('a', 'b', port, 'the key');
    await vi.waitFor(() => expect([a.seen.opened, b.seen.opened]).toEqual([1, 1]), 5000);
    a.channel.send({ kind: 'reads', grade: 'willing', holds: true });
    await vi.waitFor(() => expect(b.seen.reads).toEqual([{ kind: 'reads', grade: 'willing', holds: true }]));
    expect(b.seen.messages).toEqual([]);
  });

  it('carries messages both ways between holders of the same key', async () => {
    const port = await freePort();
    const b = start('b', 'a', port, 'the key');
    const a = start('a', 'b', port, 'the key');
    await vi.waitFor(() => expect([a.seen.opened, b.seen.opened]).toEqual([1, 1]), 5000);
    a.channel.send(refusal);
    b.channel.send({ ...refusal, epoch: 4 });
    await vi.waitFor(
      () => expect([b.seen.messages, a.seen.messages]).toEqual([[refusal], [{ ...refusal, epoch: 4 }]]),
      5000,
    );
  });

  it('refuses a peer with another key, and says which file to copy', async () => {
    const port = await freePort();
    const b = start('b', 'a', port, 'the key');
    const a = start('a', 'b', port, 'another key');
    await vi.waitFor(() => expect([...a.seen.warnings, ...b.seen.warnings]).toContain('peer-key'), 5000);
    expect([a.seen.opened, b.seen.opened]).toEqual([0, 0]);
  });

  it('comes back by itself when the listening side returns', async () => {
    const port = await freePort();
    const a = start('a', 'b', port, 'the key');
    const first = start('b', 'a', port, 'the key');
    await vi.waitFor(() => expect(a.seen.opened).toBe(1), 5000);
    first.channel.close();
    await vi.waitFor(() => expect(a.seen.closed).toHaveLength(1), 5000);
    start('b', 'a', port, 'the key');
    await vi.waitFor(() => expect(a.seen.opened).toBe(2), 5000);
  });

  it('survives bytes that are no TLS', async () => {
    const port = await freePort();
    const b = start('b', 'a', port, 'the key');
    await new Promise<void>((resolve) => {
      const stray = connect(port, '127.0.0.1', () => stray.end('GET / HTTP/1.1\r\n\r\n'));
      stray.on('error', () => resolve());
      stray.on('close', () => resolve());
    });
    const a = start('a', 'b', port, 'the key');
    await vi.waitFor(() => expect([a.seen.opened, b.seen.opened]).toEqual([1, 1]), 5000);
  });
});
