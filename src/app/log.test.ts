import { expect, test } from 'vitest';
import { openLog } from './log.ts';

function linesOf(onTerminal: boolean, say: (log: ReturnType<typeof openLog>) => void): string[] {
  const lines: string[] = [];
  say(openLog('agent', 'shop', 'a', (line) => lines.push(line), onTerminal));
  return lines;
}

test('for machines an event is one line of JSON with the level as a number', () => {
  const [line] = linesOf(false, (log) => log.say('warn', 'manager-lost', 'it said\n"goodbye"'));
  expect(JSON.parse(line ?? '')).toEqual({
    level: 40,
    time: expect.any(Number),
    process: 'agent',
    pair: 'shop',
    node: 'a',
    code: 'manager-lost',
    msg: 'it said\n"goodbye"',
  });
  expect(line).not.toContain('\n');
});

test('on a terminal an event is one readable line', () => {
  const [line] = linesOf(true, (log) => log.say('info', 'writer', 'a is the writer of epoch 3'));
  expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} a agent {3}info {2}writer {11}a is the writer of epoch 3$/);
});
