// mariadb-backup at the donor: its stream goes to the line as it comes. While it holds the server's commits back (BACKUP STAGE
// BLOCK_COMMIT) nothing may slow it: no throttle, no waiting for the receiver, and an end to it when it takes too long.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { OperatorError } from '../../core/error.ts';
import type { Line } from './channel.ts';
import { type Login, withOptionFile } from './login.ts';
import type { Throttle } from './throttle.ts';
import { BACKUP, findTool } from './tools.ts';

/** Clients' commits wait no longer than this for a backup, whatever becomes of it. */
const LOCKED_MS_MAX = 5000;
const LOCKED_BYTES_MAX = 256 * 1024 * 1024;
/** Between two looks at the redo log, in ms. The last look is waited for with commits held back; the default of 1 s showed as such. */
const LOG_COPY = '--log-copy-interval=50';
const LINES_KEPT = 12;

export interface Given {
  readonly bytes: number;
  /** How long commits were held back; null: it was not said. */
  readonly lockedMs: number | null;
}

interface Watch {
  /** Since when commits wait; null: they do not. */
  lockedSinceMs: number | null;
  lockedMs: number | null;
  because: string | null;
  readonly said: string[];
}

function failed(watch: Watch, code: number | null, signal: string | null): OperatorError {
  const { said, because } = watch;
  const why =
    because ?? said.findLast((line) => /error|fail|denied|only able to/i.test(line)) ?? said.at(-1) ?? '';
  const hint = /redo|copy log|innodb_log_file_size/i.test(why)
    ? 'the writer outran the copy: set a larger innodb_log_file_size on it, or a higher --rate, and run it again'
    : 'run it again; with --method dump a logical dump is taken instead';
  return new OperatorError(
    'backup-failed',
    `mariadb-backup ended with ${signal ?? code}: ${why.replace(/^\[\d+\] \S+ \S+ /, '')}`,
    hint,
  );
}

export function giveBackup(
  login: Login,
  datadir: string,
  line: Line,
  throttle: Throttle,
  onStage: (stage: string) => void,
): Promise<Given> {
  const tool = findTool(BACKUP) ?? 'mariadb-backup';
  return withOptionFile(login, { datadir }, async (options) => {
    const argv = [`--defaults-file=${options}`, '--backup', '--stream=mbstream', LOG_COPY];
    const child = spawn(tool, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    line.onClosed(() => child.kill('SIGKILL'));
    const watch: Watch = { lockedSinceMs: null, lockedMs: null, because: null, said: [] };
    const stop = (because: string): void => {
      watch.because ??= because;
      child.kill('SIGKILL');
    };
    const ended = new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve([code, signal]));
    });
    // Heard of below; without this a tool that does not start would end the process.
    ended.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    createInterface({ input: child.stderr }).on('line', (text) => {
      watch.said.push(text);
      if (watch.said.length > LINES_KEPT) watch.said.shift();
      const stage = /(?:Starting|Finished) BACKUP STAGE \w+|All tables unlocked/.exec(text)?.[0];
      if (stage === undefined) return;
      onStage(stage);
      // From here on tables, then commits, are locked.
      if (stage === 'Starting BACKUP STAGE BLOCK_DDL') throttle.lift();
      if (stage === 'Starting BACKUP STAGE BLOCK_COMMIT') {
        watch.lockedSinceMs = performance.now();
        timer = setTimeout(
          () => stop(`it held commits back for ${LOCKED_MS_MAX / 1000} s, and was ended`),
          LOCKED_MS_MAX,
        );
      }
      if (stage === 'All tables unlocked' && watch.lockedSinceMs !== null) {
        watch.lockedMs = Math.round(performance.now() - watch.lockedSinceMs);
        watch.lockedSinceMs = null;
        clearTimeout(timer);
      }
    });
    try {
      const bytes = await pass(child.stdout, line, throttle, watch);
      const [code, signal] = await ended;
      if (code !== 0) throw failed(watch, code, signal);
      return { bytes, lockedMs: watch.lockedMs };
    } catch (error) {
      child.kill('SIGKILL');
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw failed(watch, null, 'no such program');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  });
}

async function pass(
  stdout: AsyncIterable<Buffer>,
  line: Line,
  throttle: Throttle,
  watch: Watch,
): Promise<number> {
  let bytes = 0;
  let urgentBytes = 0;
  for await (const chunk of stdout) {
    bytes += chunk.length;
    await throttle.take(chunk.length);
    const urgent = watch.lockedSinceMs !== null && urgentBytes < LOCKED_BYTES_MAX;
    if (urgent) urgentBytes += chunk.length;
    await line.write(chunk, urgent);
  }
  return bytes;
}
