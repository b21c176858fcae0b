// notify_fifo, vrrp_notify_fifo and lvs_notify_fifo, with the scripts that read them. Used by notify.ts.

import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { fifoScriptEnded } from '../../core/keepalived/loglines.ts';
import { type Fifo, type FifoOwner, openFifo } from '../../io/notify/fifo.ts';
import { findGroup, findUser } from '../../io/scripts/accounts.ts';
import { type RunningScript, runScript } from '../../io/scripts/run.ts';
import type { FifoSettings } from './notify-config.ts';
import type { Outlets } from './outlets.ts';
import { scriptDesk } from './scripts.ts';

export interface Fifos {
  write(side: 'vrrp' | 'lvs', line: string): void;
  /** A FIFO that stays keeps what is in it, and its script goes on. */
  update(config: KeepalivedConfig, settings: readonly FifoSettings[]): void;
  stop(): Promise<void>;
}

/** How long a script may read on, after the end of the file, before it is asked to end. */
const READ_ON_MS = 500;

interface Open {
  readonly settings: FifoSettings;
  readonly fifo: Fifo;
  script: RunningScript | null;
  /** Resolves when the script is gone. */
  gone: Promise<void>;
}

function ownerOf({ user, group }: FifoSettings): FifoOwner | null | 'unknown' {
  if (user === null) return null;
  const ids = findUser(user);
  const gid = group === null ? ids?.gid : findGroup(group);
  if (ids === null || gid === undefined || gid === null) return 'unknown';
  return { uid: ids.uid, gid };
}

const same = (a: FifoSettings, b: FifoSettings): boolean =>
  a.side === b.side &&
  a.path === b.path &&
  a.user === b.user &&
  a.group === b.group &&
  JSON.stringify(a.script?.command) === JSON.stringify(b.script?.command) &&
  a.script?.user === b.script?.user;

export function startFifos(log: Outlets['log']): Fifos {
  let open: readonly Open[] = [];

  const startScript = (config: KeepalivedConfig, each: Open): void => {
    const { script, side, path } = each.settings;
    if (script === null) return;
    const prepared = scriptDesk(config).prepare(script);
    for (const line of prepared.lines) log('warn', line);
    if (prepared.kind === 'disabled') return;
    const command = { ...prepared.command, argv: [...prepared.command.argv, path] };
    each.gone = new Promise((resolve) => {
      each.script = runScript(command, {
        timeoutMs: null,
        onEnd(end) {
          each.script = null;
          log(
            'info',
            end.kind === 'not-started' ? `notify fifo script: ${end.reason}` : fifoScriptEnded(side),
          );
          resolve();
        },
      });
    });
  };

  const openOne = (config: KeepalivedConfig, settings: FifoSettings): Open[] => {
    const { side, path, user } = settings;
    const word = side === '' ? '' : `${side} `;
    const owner = ownerOf(settings);
    if (owner === 'unknown') {
      log('error', `Invalid user/group for ${word}fifo ${path} - ignoring (${user} is not known)`);
      return [];
    }
    const result = openFifo(path, owner, (count) =>
      log(
        'warn',
        count === 'begins'
          ? `${word}notify fifo ${path} is full: nobody reads it, and the oldest lines are dropped`
          : `${word}notify fifo ${path} is read again; ${count} lines were dropped`,
      ),
    );
    if (!result.ok) {
      log('error', `Unable to create ${word}notify fifo ${path} (${result.reason})`);
      return [];
    }
    const each: Open = { settings, fifo: result.fifo, script: null, gone: Promise.resolve() };
    startScript(config, each);
    return [each];
  };

  const close = async (each: Open): Promise<void> => {
    each.fifo.close();
    const { script } = each;
    if (script === null) return;
    const timer = setTimeout(() => script.end(), READ_ON_MS);
    await each.gone;
    clearTimeout(timer);
  };

  return {
    write(side, line) {
      for (const { settings, fifo } of open)
        if (settings.side === '' || settings.side === side) fifo.write(line);
    },
    update(config, wanted) {
      const kept = open.filter((each) => wanted.some((settings) => same(settings, each.settings)));
      for (const each of open) if (!kept.includes(each)) void close(each);
      open = wanted.flatMap((settings) => {
        const known = kept.find((each) => same(settings, each.settings));
        return known === undefined ? openOne(config, settings) : [known];
      });
    },
    async stop() {
      await Promise.all(open.map(close));
      open = [];
    },
  };
}
