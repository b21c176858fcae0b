// The local database server as a service: stopped and started by the commands of mysql.service, and seen as a process by the
// folder that it works in.

import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../../core/error.ts';
import { findTool } from './tools.ts';

export interface ServiceCommands {
  /** Null: systemctl. */
  readonly stop: string | null;
  readonly start: string | null;
}

const UNITS = ['mariadb', 'mysql', 'mysqld'];
/** A server with much to write takes minutes to stop. */
const STOP_MS_MAX = 600_000;
const START_MS_MAX = 60_000;
const POLL_MS = 50;
const NAMES = new Set(['mariadbd', 'mysqld']);

function unit(): string | null {
  const systemctl = findTool(['systemctl']);
  if (systemctl === null) return null;
  const known = (name: string): boolean =>
    spawnSync(systemctl, ['cat', `${name}.service`], { stdio: 'ignore' }).status === 0;
  return UNITS.find(known) ?? null;
}

/** The command lines to be run; throws when none is configured and none is to be found. */
export function serviceCommands(given: ServiceCommands): { readonly stop: string; readonly start: string } {
  const { stop, start } = given;
  if (stop !== null && start !== null) return { stop, start };
  const found = unit();
  if (found !== null)
    return { stop: stop ?? `systemctl stop ${found}`, start: start ?? `systemctl start ${found}` };
  throw new OperatorError(
    'service-unknown',
    `nothing says how the server of this host is stopped and started: systemd knows none of ${UNITS.join(', ')}`,
    'set mysql.service: { stop: COMMAND, start: COMMAND } in pair.yaml',
  );
}

/** The servers that work in this data directory: a server's working directory is its data directory, under whatever path it sees it. */
export function serversIn(datadir: string): number[] {
  const there = identityOf(datadir);
  if (there === null) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
        return NAMES.has(name) && identityOf(`/proc/${pid}/cwd`) === there;
      } catch {
        return false; // ended meanwhile
      }
    })
    .map(Number);
}

function identityOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

function runCommand(command: string, limitMs: number): Promise<{ ok: boolean; said: string }> {
  return new Promise((resolve) => {
    // A server that it starts must not hold our pipes open, and so the end is the command's own, not that of its pipes.
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'], timeout: limitMs });
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-1000);
    });
    child.once('error', (error) => resolve({ ok: false, said: error.message }));
    child.once('exit', (code) => {
      child.stderr.destroy();
      resolve({ ok: code === 0, said: said.trim().split('\n').at(-1) ?? '' });
    });
  });
}

/** Resolves when no server works in the data directory any more. */
export async function stopServer(commands: { readonly stop: string }, datadir: string): Promise<void> {
  if (serversIn(datadir).length === 0) return;
  const { ok, said } = await runCommand(commands.stop, STOP_MS_MAX);
  const end = performance.now() + (ok ? STOP_MS_MAX : 1000);
  while (serversIn(datadir).length > 0) {
    if (performance.now() > end) {
      throw new OperatorError(
        'server-stays',
        `the server still runs (pid ${serversIn(datadir).join(', ')}) after \`${commands.stop}\`${said === '' ? '' : `: ${said}`}`,
        'stop it by hand, then run `twinkeep clone` again; mysql.service.stop in pair.yaml says how it is stopped',
      );
    }
    await sleep(POLL_MS);
  }
}

export async function startServer(commands: { readonly start: string }, datadir: string): Promise<void> {
  if (serversIn(datadir).length > 0) return;
  const { ok, said } = await runCommand(commands.start, START_MS_MAX);
  if (ok) return;
  throw new OperatorError(
    'server-does-not-start',
    `\`${commands.start}\` failed${said === '' ? '' : `: ${said}`}`,
    "see the server's error log; `twinkeep clone` goes on when it is mended, `twinkeep clone --abort` puts the old data back",
  );
}
