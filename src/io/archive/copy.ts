// The copy itself: the server's own binary log client, which pretends to be a replica and writes what it is sent to raw files,
// event by event, until it is stopped or its source is gone.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binlogClient, clientConfig } from '../binlog/tool.ts';
import type { Endpoint } from '../database/connection.ts';
import type { Run } from './shelf.ts';

export interface Copy {
  stop(): void;
}

export interface CopyOptions {
  readonly run: Run;
  readonly endpoint: Endpoint;
  /** Differs from those of all servers and replicas of the source: of two with one id the source drops the first. */
  readonly serverId: number;
  /** Once. */
  readonly onEnd: (because: string) => void;
}

const STDERR_MAX = 2000;
/** The kernel ends a client that does not. */
const STOP_MS_MAX = 2000;

/** Arguments behind the option file. The log's name is empty: from the oldest, or from where the GTIDs say. */
export function copyArgs({ run, serverId }: Pick<CopyOptions, 'run' | 'serverId'>): string[] {
  const common = ['--raw', '--stop-never', `--result-file=${join(run.folder, '/')}`];
  if (run.family === 'mariadb')
    return [
      '--read-from-remote-server',
      ...common,
      `--stop-never-slave-server-id=${serverId}`,
      ...(run.behind === '' ? [] : [`--start-position=${run.behind}`]),
      '',
    ];
  return [
    ...(run.behind === ''
      ? ['--read-from-remote-server']
      : ['--read-from-remote-source=BINLOG-DUMP-GTIDS', `--exclude-gtids=${run.behind}`]),
    ...common,
    `--connection-server-id=${serverId}`,
    '',
  ];
}

export function startCopy(options: CopyOptions): Copy {
  const { run, endpoint, onEnd } = options;
  const folder = mkdtempSync(join(tmpdir(), 'twinkeep-archive-'));
  const file = join(folder, 'client.cnf');
  writeFileSync(file, clientConfig(endpoint, run.family), { mode: 0o600 });
  const [program, ...first] = binlogClient(run.family);
  const child = spawn(program, [...first, `--defaults-extra-file=${file}`, ...copyArgs(options)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  let said = '';
  let told = false;
  const end = (because: string): void => {
    if (told) return;
    told = true;
    rmSync(folder, { recursive: true, force: true });
    onEnd(because);
  };
  child.stderr.on('data', (data) => {
    said = (said + String(data)).slice(-STDERR_MAX);
  });
  child.on('error', (error) => end(error.message));
  child.on('close', (code, signal) => {
    const last = said.trim().split('\n').at(-1) ?? '';
    end(last !== '' && signal === null ? last : `${program} ended (${signal ?? `code ${code}`})`);
  });
  return {
    stop() {
      if (told) return;
      child.kill('SIGTERM');
      setTimeout(() => told || child.kill('SIGKILL'), STOP_MS_MAX).unref();
    },
  };
}
