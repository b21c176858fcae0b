// The log of a process: JSON lines on stderr for machines, one readable line an event on a terminal.

import { writeSync } from 'node:fs';
import pino from 'pino';

export type Level = 'info' | 'warn' | 'error';

export interface Log {
  say(level: Level, code: string, because: string): void;
}

const STDERR = 2;
const COLOURS: Readonly<Record<Level, string>> = { info: '', warn: '\u001b[33m', error: '\u001b[31m' };

function readable(process_: string, node: string): Log {
  const colour = process.env['NO_COLOR'] === undefined;
  return {
    say(level, code, because) {
      const time = new Date().toISOString().slice(11, 23);
      const paint = colour ? COLOURS[level] : '';
      const end = paint === '' ? '' : '\u001b[0m';
      writeSync(
        STDERR,
        `${time} ${node} ${process_.padEnd(7)} ${paint}${level.padEnd(5)} ${code.padEnd(16)} ${because}${end}\n`,
      );
    },
  };
}

export function openLog(process_: 'agent' | 'manager', pair: string, node: string): Log {
  if (process.stderr.isTTY) return readable(process_, node);
  const logger = pino(
    { base: { process: process_, pair, node } },
    pino.destination({ fd: STDERR, sync: true }),
  );
  return {
    say(level, code, because) {
      logger[level]({ code }, because);
    },
  };
}
