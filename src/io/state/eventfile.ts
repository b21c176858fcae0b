// The events of a node on disk: JSON lines in two files of bounded size, the full one replaced by the next. Written behind the
// back of the machine, never in its way: a disk that hangs costs events, not a decision.

import { appendFile, appendFileSync, close, fstat, open, readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeLine } from '../jsonlines.ts';

export interface EventFile {
  /** What was kept, oldest first; what cannot be read is left out. A line may come twice. */
  read(): unknown[];
  append(event: unknown): void;
  /** Writes what is still waiting, at once: for the end of the process. */
  flush(): void;
}

const [opened, sizeOf, appended, closed] = [
  promisify(open) as (path: string, flags: string, mode: number) => Promise<number>,
  promisify(fstat),
  promisify(appendFile),
  promisify(close),
];

const FILE_BYTES_MAX = 1 << 20;
/** Lines that wait for a disk which does not take them. */
const WAITING_MAX = 1000;

function linesOf(path: string): unknown[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // There is none yet, or it cannot be read: events are no reason not to start.
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as unknown];
    } catch {
      return [];
    }
  });
}

/** `onFailure` is called once for each time that writing begins to fail. */
export function openEventFile(
  folder: string,
  onFailure: (because: string) => void,
  bytesMax: number = FILE_BYTES_MAX,
): EventFile {
  const path = join(folder, 'events.jsonl');
  const older = join(folder, 'events.old.jsonl');
  const waiting: string[] = [];
  let underWay = '';
  let writing = false;
  let failing = false;
  let file: number | null = null;
  let bytes = 0;

  async function write(text: string): Promise<void> {
    if (file === null) {
      file = await opened(path, 'a', 0o600);
      bytes = (await sizeOf(file)).size;
      // What was there may end in the middle of a line.
      if (bytes > 0) await appended(file, '\n');
    }
    await appended(file, text);
    bytes += Buffer.byteLength(text);
    if (bytes < bytesMax) return;
    const full = file;
    file = null;
    await closed(full);
    await rename(path, older);
  }

  async function writeOn(): Promise<void> {
    if (writing) return;
    writing = true;
    while (waiting.length > 0) {
      underWay = waiting.splice(0).join('');
      try {
        await write(underWay);
        failing = false;
      } catch (error) {
        if (!failing) onFailure(`${path} cannot be written: ${(error as Error).message}`);
        failing = true;
      }
      underWay = '';
    }
    writing = false;
  }

  return {
    read: () => [...linesOf(older), ...linesOf(path)],
    append(event) {
      waiting.push(encodeLine(event));
      if (waiting.length > WAITING_MAX) waiting.shift();
      void writeOn();
    },
    flush() {
      const rest = underWay + waiting.splice(0).join('');
      if (rest === '') return;
      try {
        appendFileSync(path, `\n${rest}`, { mode: 0o600 });
      } catch {
        // The process ends; the log on stderr has them.
      }
    },
  };
}
