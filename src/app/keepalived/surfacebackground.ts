// Going to the background. The caller's process starts the daemon anew, apart from its terminal and session, and waits until that one
// says that it runs; what goes wrong before is shown to the caller, with the exit code that the daemon ended with.

import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import koffi from 'koffi';
import { check, closeFd, libc } from '../../io/linux/libc.ts';

const MARK = 'TWINKEEP_KEEPALIVED_BACKGROUND';
const STARTED = 'started';
const LAST_WORDS_MS_MAX = 1000;

/** Resolves with the exit code for the caller: 0 when the daemon runs. */
export function startInBackground(words: readonly string[], keepConsole: boolean): Promise<number> {
  const script = process.argv[1] ?? '';
  const child = spawn(process.execPath, [...process.execArgv, script, 'keepalived', ...words], {
    argv0: 'keepalived',
    detached: true,
    env: { ...process.env, [MARK]: '1' },
    stdio: ['ignore', keepConsole ? 'inherit' : 'ignore', keepConsole ? 'inherit' : 'pipe', 'ipc'],
  });
  child.stderr?.pipe(process.stderr);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('message', (message) => {
      if (message !== STARTED) return;
      child.disconnect();
      child.unref();
      const { stderr } = child;
      if (stderr === null) return resolve(0);
      // The daemon closed its end before it said that it runs: what it wrote until then is still on its way.
      stderr.once('end', () => resolve(0));
      setTimeout(() => resolve(0), LAST_WORDS_MS_MAX);
    });
    // After `close` everything that it wrote has been passed on.
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Whether this process is the one that was started so. A script of its that starts another daemon inherits the mark, but no channel. */
export function inBackground(): boolean {
  const marked = process.env[MARK] !== undefined;
  delete process.env[MARK];
  return marked && process.send !== undefined;
}

const dup2 = koffi.load(null).func('int dup2(int from, int to)') as unknown as (
  from: number,
  to: number,
) => number;
const STDERR = 2;

/** Tells the caller that the daemon runs, and lets go of its terminal. */
export function tellStarted(keepConsole: boolean): void {
  process.chdir('/');
  if (!keepConsole) {
    // The caller's end of the pipe goes away: a write to it would be an error.
    const fd = check(libc.open('/dev/null', constants.O_RDWR, 0), 'open');
    check(dup2(fd, STDERR), 'dup2');
    closeFd(fd);
  }
  // A caller that was interrupted meanwhile hears nothing; the daemon runs all the same.
  process.send?.(STARTED, () => {
    if (process.connected) process.disconnect?.();
  });
}
