import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ack } from '../acks.ts';
import { type Opening, openingsOf, type Reign, reignedTogether, reignsOf, sharedEpochs } from './reigns.ts';

const serverIds = { a: 511, b: 512 };
const ack = (serverId: number, sentMs: number, ackedMs = sentMs + 5): Ack => ({
  writer: 1,
  sequence: sentMs,
  sentMs,
  ackedMs,
  serverId,
});
const opening = (node: 'a' | 'b', epoch: number, fromMs: number): Opening => ({ node, epoch, fromMs });

describe('what a log says of epochs', () => {
  const line = (time: number, code: string, msg: string) =>
    `${JSON.stringify({ level: 30, time, process: 'manager', pair: 'lab', node: 'a', code, msg })}\n`;

  test('a node is the writer of an epoch since the operation began that made it so', () => {
    const log =
      line(10_000, 'server-up', 'the database server: it answers') +
      line(
        10_100,
        'writer',
        'b is silent on every path; a is the writer of epoch 3 (32 ms: persist 3, open-writes 12)',
      );
    expect(openingsOf('a', log, 9000)).toEqual([opening('a', 3, 1068)]);
  });
  test('a takeover that a killed manager began and its successor finished counts from its beginning', () => {
    const log =
      line(10_000, 'takeover', 'an operator asked for a switchover') +
      line(10_900, 'starting', 'the server is asked how it is') +
      line(11_000, 'writer', 'the record says so; a is the writer of epoch 3 (32 ms: open-writes 12)') +
      line(20_000, 'writer', 'it holds all; a is the writer of epoch 5 (10 ms: open-writes 5)');
    expect(openingsOf('a', log, 0)).toEqual([opening('a', 3, 10_000), opening('a', 5, 19_990)]);
  });
  test('lines of other programs, and one cut short by a crash, are passed over', () => {
    const log = `bash: warning\n${line(10_100, 'writer', 'a is the writer of epoch 1')}{"level":30,"time":1`;
    expect(openingsOf('a', log, 0)).toEqual([opening('a', 1, 10_100)]);
  });
});

describe('who acknowledged when', () => {
  test('every acknowledgement counts for the last epoch that its node had opened', () => {
    const openings = [opening('a', 1, 0), opening('b', 2, 100), opening('a', 3, 200)];
    const acks = [ack(511, 10), ack(511, 90), ack(512, 110), ack(511, 210)];
    expect(reignsOf(acks, openings, serverIds)).toEqual([
      { node: 'a', epoch: 1, rows: 2, firstAckMs: 15, lastAckMs: 95, lastSentMs: 90 },
      { node: 'b', epoch: 2, rows: 1, firstAckMs: 115, lastAckMs: 115, lastSentMs: 110 },
      { node: 'a', epoch: 3, rows: 1, firstAckMs: 215, lastAckMs: 215, lastSentMs: 210 },
    ]);
  });
  test('a node that acknowledges before its log named an epoch is shown, not left out', () => {
    expect(reignsOf([ack(512, 10)], [], serverIds)).toMatchObject([{ node: 'b', epoch: null, rows: 1 }]);
  });
  test('no acknowledgement is lost or counted twice', () => {
    const acks = fc.array(
      fc
        .record({ serverId: fc.constantFrom(511, 512), sentMs: fc.nat(1000) })
        .map((a) => ack(a.serverId, a.sentMs)),
    );
    const openings = fc.array(
      fc.record({
        node: fc.constantFrom('a' as const, 'b' as const),
        epoch: fc.nat(9),
        fromMs: fc.nat(1000),
      }),
    );
    fc.assert(
      fc.property(acks, openings, (given, opened) => {
        const rows = reignsOf(given, opened, serverIds).reduce((sum, reign) => sum + reign.rows, 0);
        expect(rows).toBe(given.length);
      }),
    );
  });
});

describe('two nodes at once', () => {
  const reign = (node: 'a' | 'b', epoch: number, firstAckMs: number, lastSentMs: number): Reign => ({
    node,
    epoch,
    rows: 2,
    firstAckMs,
    lastAckMs: lastSentMs + 5,
    lastSentMs,
  });
  test('a role that moves to and fro never shows two', () => {
    expect(reignedTogether([reign('a', 1, 0, 100), reign('b', 2, 110, 200), reign('a', 3, 210, 300)])).toBe(
      0,
    );
  });
  test('an old writer that acknowledges on beside the new one does, for as long as it provably does', () => {
    expect(reignedTogether([reign('a', 1, 0, 400), reign('b', 2, 110, 300), reign('b', 4, 310, 330)])).toBe(
      190,
    );
  });
  test('one node never overlaps with itself', () => {
    expect(reignedTogether([reign('a', 1, 0, 400), reign('a', 2, 110, 300)])).toBe(0);
  });
  test('an epoch in which both acknowledged is named, also when they did so one after the other', () => {
    expect(sharedEpochs([reign('a', 1, 0, 100), reign('b', 1, 200, 300), reign('b', 2, 310, 400)])).toEqual([
      1,
    ]);
    expect(sharedEpochs([reign('a', 1, 0, 100), reign('a', 1, 200, 300), reign('b', 2, 310, 400)])).toEqual(
      [],
    );
  });
});
