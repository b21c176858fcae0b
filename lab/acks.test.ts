import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAck, formatFailure, parseAcks } from './acks.ts';

const ms = fc.integer({ min: 0, max: 1e9 }).map((us) => us / 1000);

test('what the client writes is what the drill reads', () => {
  const acks = fc.array(
    fc.record({ writer: fc.nat(), sequence: fc.nat(), sentMs: ms, ackedMs: ms, serverId: fc.nat() }),
  );
  fc.assert(
    fc.property(acks, (list) => {
      expect(parseAcks(list.map(formatAck).join('')).acks).toEqual(list);
    }),
  );
});

test('a failure keeps its kind, also one with spaces', () => {
  const text = formatFailure({ writer: 1, sequence: 2, sentMs: 3, failedMs: 4, code: 'read only\nserver' });
  expect(parseAcks(text).failures).toEqual([
    { writer: 1, sequence: 2, sentMs: 3, failedMs: 4, code: 'read_only_server' },
  ]);
});

test('a line cut short by the end of the client is left out', () => {
  const whole = formatAck({ writer: 1, sequence: 2, sentMs: 3, ackedMs: 4, serverId: 511 });
  expect(parseAcks(whole + whole.slice(0, -3)).acks).toHaveLength(1);
});
