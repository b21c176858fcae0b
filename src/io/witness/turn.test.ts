import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { bootClock } from '../clock.ts';
import { openTurn } from './turn.ts';

/** Answers after `ms`, or at once when given up. */
function slow<T>(ms: number, answer: T) {
  return (_leftMs: number, signal: AbortSignal): Promise<T | 'given up'> =>
    sleep(ms, answer as T | 'given up', { signal }).catch(() => 'given up' as const);
}

test('calls run one at a time and are answered in their order', async () => {
  const turn = openTurn(bootClock());
  const log: string[] = [];
  const call = (name: string, ms: number) =>
    turn
      .take(5_000, async (leftMs, signal) => {
        log.push(`${name} asked`);
        return slow(ms, name)(leftMs, signal);
      })
      .then(({ answer }) => log.push(`${answer} answered`));
  await Promise.all([call('one', 30), call('two', 0), call('three', 10)]);
  expect(log).toEqual([
    'one asked',
    'one answered',
    'two asked',
    'two answered',
    'three asked',
    'three answered',
  ]);
});

test('a call that is due ends the longer one before it, and keeps its place behind it', async () => {
  const turn = openTurn(bootClock());
  const order: string[] = [];
  const long = turn.take(60_000, slow(60_000, 'done')).then((taken) => {
    order.push('long');
    return taken;
  });
  const short = turn.take(20, slow(0, 'done')).then((taken) => {
    order.push('short');
    return taken;
  });
  expect(await long).toEqual({ answer: 'given up', late: false });
  expect((await short).answer).toBeNull();
  expect(order).toEqual(['long', 'short']);
  expect(await turn.take(5_000, slow(0, 'done'))).toEqual({ answer: 'done', late: false });
});

test('an answer that was found after the deadline, as by a process that was frozen, is marked late', async () => {
  let nowMs = 0;
  const turn = openTurn({ bootMs: () => nowMs });
  const taken = await turn.take(100, async () => {
    nowMs = 5_000;
    return 'old news';
  });
  expect(taken).toEqual({ answer: 'old news', late: true });
});

test('closing gives up what is open', async () => {
  const turn = openTurn(bootClock());
  const open = turn.take(60_000, slow(60_000, 'done'));
  await sleep(1);
  turn.close();
  expect((await open).answer).toBe('given up');
});
