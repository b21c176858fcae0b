// Follows the number in one tracked file: read when its folder reports a change, and once a second besides, since not every file system
// reports changes. Made and steered by trackers.ts.

import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileFaults, fileLeavesFault } from '../../core/keepalived/loglines.ts';
import { effectOfValue, valueOfFile } from '../../core/keepalived/tracking.ts';
import { readFileHead, writeValue } from '../../io/scripts/trackedfile.ts';
import type { Outlets } from './outlets.ts';
import type { FilePlan } from './trackers-config.ts';
import type { Contribution } from './wire/protocol.ts';

const READ_EVERY_MS = 1000;

export interface FileTracker {
  readonly plan: FilePlan;
  update(plan: FilePlan): void;
  contributions(): readonly Contribution[];
  value(): number;
  stop(): void;
}

function contributionsOf({ name, watchers }: FilePlan, value: number): readonly Contribution[] {
  return watchers.map((watcher) => {
    const { fault, delta } = effectOfValue(value, watcher);
    return { instance: watcher.instance, fault: fault ? `file ${name} has ${value}` : null, delta };
  });
}

/** The instances to which the change of the number means that they fail, or no longer do. */
function logChange(log: Outlets['log'], plan: FilePlan, from: number, to: number): void {
  for (const watcher of plan.watchers) {
    const before = effectOfValue(from, watcher).fault;
    const now = effectOfValue(to, watcher).fault;
    if (now && !before) log('info', fileFaults(watcher.instance, plan.name));
    if (before && !now) log('info', fileLeavesFault(watcher.instance, plan.name));
  }
}

/** `begin`: the daemon starts. A reload leaves a file that is there alone, whatever init_file says. */
export function startFileTracker(
  first: FilePlan,
  begin: boolean,
  log: Outlets['log'],
  spoken: (tracker: FileTracker) => void,
): FileTracker {
  let plan = first;
  let watcher: FSWatcher | null = null;
  let reading = false;
  let again = false;
  let stopped = false;

  if (plan.init !== null) {
    const refused = writeValue(plan.path, plan.init.value, plan.init.overwrite && begin);
    if (refused !== null) log('warn', `Unable to initialise track file ${plan.name} (${refused})`);
  }
  let value = valueOfFile(readFileHead.now(plan.path));

  const read = async (): Promise<void> => {
    again = reading;
    if (reading || stopped) return;
    reading = true;
    do {
      again = false;
      const text = await readFileHead.later(plan.path);
      if (stopped) break;
      const changed = valueOfFile(text);
      if (changed !== value) {
        logChange(log, plan, value, changed);
        value = changed;
        spoken(tracker);
      }
    } while (again);
    reading = false;
  };

  const follow = (): void => {
    try {
      watcher = watch(dirname(plan.path), (_event, name) => {
        if (name === null || name === basename(plan.path)) void read();
      });
      watcher.on('error', () => watcher?.close());
    } catch {
      // No such folder yet: the reading once a second finds the file when it comes.
    }
  };

  const tracker: FileTracker = {
    get plan() {
      return plan;
    },
    update(changed) {
      const moved = changed.path !== plan.path;
      plan = changed;
      if (!moved) return;
      watcher?.close();
      value = valueOfFile(readFileHead.now(plan.path));
      follow();
    },
    contributions: () => contributionsOf(plan, value),
    value: () => value,
    stop() {
      stopped = true;
      clearInterval(timer);
      watcher?.close();
    },
  };
  follow();
  const timer = setInterval(() => void read(), READ_EVERY_MS);
  return tracker;
}
