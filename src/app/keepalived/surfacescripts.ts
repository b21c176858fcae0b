// startup_script and shutdown_script: run once, waited for, ended when their time is over. How they end changes nothing else.

import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { last } from '../../config/keepalived/values.ts';
import { runScript } from '../../io/scripts/run.ts';
import { scriptDesk } from './scripts.ts';
import { globalValues } from './surfaceglobals.ts';
import type { LogLevel } from './surfacelog.ts';

const TIMEOUT_S_DEFAULT = 10;

/** Resolves when it has ended, one way or another. */
export function runLifeScript(
  config: KeepalivedConfig,
  which: 'startup' | 'shutdown',
  say: (level: LogLevel, text: string) => void,
): Promise<void> {
  const typed = globalValues(config);
  const script = last(typed[`${which}_script`]);
  if (script === undefined) return Promise.resolve();
  const seconds = last(typed[`${which}_script_timeout`]);
  const prepared = scriptDesk(config).prepare(script);
  for (const line of prepared.lines) say('warn', line);
  if (prepared.kind === 'disabled') return Promise.resolve();
  say('detail', `Running ${which} script ${script.command[0] ?? ''}`);
  return new Promise((resolve) => {
    let timedOut = false;
    runScript(prepared.command, {
      timeoutMs: (seconds ?? TIMEOUT_S_DEFAULT) * 1000,
      onTimeout: () => {
        timedOut = true;
        say('warn', `${which} script timed out`);
      },
      onEnd(end) {
        if (end.kind === 'not-started') say('warn', `${which} script could not be run: ${end.reason}`);
        else if (end.kind === 'exited' && end.status === 0) say('info', `${which} script succeeded`);
        else if (!timedOut)
          say(
            'warn',
            `${which} script failed, ${end.kind === 'exited' ? `status ${end.status}` : `signal ${end.signal}`}`,
          );
        resolve();
      },
    });
  });
}
