import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type RunOptions, runScript, type ScriptEnd } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tkrun-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const run = (argv: readonly string[], options: Partial<RunOptions> = {}): Promise<ScriptEnd> =>
  new Promise((resolve) => {
    runScript({ argv, ...own }, { timeoutMs: null, ...options, onEnd: resolve });
  });

test('how a script ends is told: its status, the signal, or why it did not begin', async () => {
  expect(await run(['/bin/sh', '-c', 'exit 3'])).toEqual({ kind: 'exited', status: 3 });
  expect(await run(['/bin/sh', '-c', 'kill -SEGV $$'])).toEqual({ kind: 'killed', signal: 11 });
  expect(await run([join(folder, 'none')])).toMatchObject({ kind: 'not-started' });
  expect(await run([''])).toMatchObject({ kind: 'not-started' });
});

test('no shell looks at the words', async () => {
  const out = join(folder, 'out');
  await run(['/bin/sh', '-c', 'printf "%s\\n" "$@" > "$0"', out, '$(id)', 'a b', '; true']);
  expect(readFileSync(out, 'utf8')).toBe('$(id)\na b\n; true\n');
});

test('a script without an interpreter line is run by the shell, as execvp(3) does it', async () => {
  const path = join(folder, 'plain');
  writeFileSync(path, 'exit 4', { mode: 0o755 });
  expect(await run([path])).toEqual({ kind: 'exited', status: 4 });
});

const gone = (pid: string): boolean =>
  !existsSync(`/proc/${pid}/stat`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');

test('after its timeout nothing is left of it, not even a child that does not heed TERM', async () => {
  const out = join(folder, 'pids');
  let timeouts = 0;
  const child = "trap '' TERM; while :; do sleep 0.1; done";
  const end = await run(
    ['/bin/sh', '-c', `sh -c "${child}" & echo $! > ${out}.part; mv ${out}.part ${out}; wait`],
    {
      timeoutMs: 300,
      onTimeout: () => timeouts++,
    },
  );
  expect([end, timeouts]).toEqual([{ kind: 'killed', signal: 15 }, 1]);
  const pid = readFileSync(out, 'utf8').trim();
  while (!gone(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
});
