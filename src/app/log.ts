// The log of a process: JSON lines on stderr for machines, one readable line an event on a terminal.

import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';

export type Level = 'info' | 'warn' | 'error';

export interface Log {
  say(level: Level, code: string, because: string): void;
}

const STDERR = 2;
/** The numbers that log processors of Node programs know (pino, bunyan). */
const NUMBERS: Readonly<Record<Level, number>> = { info: 30, warn: 40, error: 50 };
const COLOURS: Readonly<Record<Level, string>> = { info: '', warn: '\u001b[33m', error: '\u001b[31m' };

/** Written at once: the last words of a process that is killed are the ones that are needed. */
function writeLine(line: string): void {
  try {
    writeSync(STDERR, `${line}\n`);
  } catch {
    // A log that nobody takes any more (EPIPE, EAGAIN) must not end what it tells of.
  }
}

type Write = (line: string) => void;

function readable(process_: string, node: string, write: Write): Log {
  const colour = process.env['NO_COLOR'] === undefined;
  return {
    say(level, code, because) {
      const time = new Date().toISOString().slice(11, 23);
      const paint = colour ? COLOURS[level] : '';
      const end = paint === '' ? '' : '\u001b[0m';
      write(
        `${time} ${node} ${process_.padEnd(7)} ${paint}${level.padEnd(5)} ${code.padEnd(16)} ${because}${end}`,
      );
    },
  };
}

export function openLog(
  process_: 'agent' | 'manager' | 'archive',
  pair: string,
  node: string,
  write: Write = writeLine,
  onTerminal: boolean = isatty(STDERR),
): Log {
  if (onTerminal) return readable(process_, node, write);
  return {
    say(level, code, because) {
      const time = Date.now();
      write(
        JSON.stringify({ level: NUMBERS[level], time, process: process_, pair, node, code, msg: because }),
      );
    },
  };
}
