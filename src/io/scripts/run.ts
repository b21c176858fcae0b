// One run of a user's script: no shell, a process group of its own, /dev/null on all three streams, and an end in bounded time if a
// timeout is given. Nothing here waits. Used for vrrp_script, notify scripts, FIFO scripts and MISC_CHECK.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface ScriptCommand {
  /** The program and its arguments. */
  readonly argv: readonly string[];
  readonly uid: number;
  readonly gid: number;
}

export type ScriptEnd =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'killed'; readonly signal: number }
  /** In words, e.g. `spawn EAGAIN`. */
  | { readonly kind: 'not-started'; readonly reason: string };

export interface RunOptions {
  /** After this its group is asked to end; null: it may run for ever. */
  readonly timeoutMs: number | null;
  /** Called when the timeout runs out; `onEnd` still comes when the process is gone. */
  readonly onTimeout?: () => void;
  readonly onEnd: (end: ScriptEnd) => void;
}

export interface RunningScript {
  /** null: it could not be started, and onEnd is on its way. */
  readonly pid: number | null;
  /** TERM to its group, KILL when that has not helped. */
  end(): void;
}

/** From the request to end to the one that cannot be refused; keepalived has the same. */
export const KILL_AFTER_MS = 2000;

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone: what was wanted.
  }
}

/** As this process got it, without what the launcher of this program put there for itself. */
const environment: NodeJS.ProcessEnv = { ...process.env };
delete environment['NODE_COMPILE_CACHE'];

function start(command: ScriptCommand): ChildProcess | string {
  const [program = '', ...args] = command.argv;
  const ownUid = process.getuid?.() ?? 0;
  const ownGid = process.getgid?.() ?? 0;
  // Asking for the ids that one has would ask for setgroups(2) too, which needs a capability.
  const ids = command.uid === ownUid && command.gid === ownGid ? {} : { uid: command.uid, gid: command.gid };
  try {
    return spawn(program, args, { ...ids, env: environment, detached: true, stdio: 'ignore' });
  } catch (error) {
    return (error as Error).message;
  }
}

export function runScript(command: ScriptCommand, options: RunOptions): RunningScript {
  const child = start(command);
  if (typeof child === 'string') {
    queueMicrotask(() => options.onEnd({ kind: 'not-started', reason: child }));
    return { pid: null, end: () => {} };
  }
  let ended = false;
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    if (ended || killTimer !== undefined) return;
    signalGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS);
  };
  const timer =
    options.timeoutMs === null
      ? undefined
      : setTimeout(() => {
          options.onTimeout?.();
          end();
        }, options.timeoutMs);
  const over = (result: ScriptEnd): void => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    clearTimeout(killTimer);
    // Ended on request: what it started, and what did not heed the request, must not pile up turn by turn.
    if (killTimer !== undefined) signalGroup(child, 'SIGKILL');
    options.onEnd(result);
  };
  child.once('error', (error) => over({ kind: 'not-started', reason: error.message }));
  child.once('exit', (status, signal) =>
    over(
      signal === null
        ? { kind: 'exited', status: status ?? 0 }
        : { kind: 'killed', signal: constants.signals[signal] },
    ),
  );
  return { pid: child.pid ?? null, end };
}
