// One `twinkeep clone` at a time on a host: a file with the process that works. What a killed one leaves counts for nothing.

import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../../core/error.ts';

/** Of the process now, "12345"; a pid is used again, both together are not. Null: there is none. */
function startOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** Returns what releases it; throws when another process holds it. */
export function lockClone(folder: string): () => void {
  const path = join(folder, 'clone.lock');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeSync(file, `${process.pid} ${startOf(process.pid)}`);
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [pid = '', started = ''] = readFileSync(path, 'utf8').split(' ');
    if (startOf(Number(pid)) === started) {
      const hint = 'wait for its end: `twinkeep clone --status` shows how far it is';
      throw new OperatorError('clone-runs', `another \`twinkeep clone\` is at work here (pid ${pid})`, hint);
    }
    rmSync(path, { force: true });
  }
}
