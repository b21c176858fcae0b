// Stops a process for tests, and returns when all its threads stand: a signal alone may let one more answer through.

import { readdirSync, readFileSync } from 'node:fs';

const LOOKS_MAX = 1000;
const EVERY_MS = 1;
const cell = new Int32Array(new SharedArrayBuffer(4));

function stands(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((task) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
    } catch {
      return true; // the thread has ended
    }
  });
}

export function freezeProcess(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  for (let look = 0; look < LOOKS_MAX && !stands(pid); look++) Atomics.wait(cell, 0, 0, EVERY_MS);
}
