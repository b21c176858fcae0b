// Which processes run, out of /proc, cheaply enough to be asked ten times a second. /proc/loadavg tells the last process id that was given
// out: most turns look at the new ids and at the processes that matter, and every so often at everything.
// Used by src/app/keepalived/trackers-process.ts.

import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessFacts } from '../../core/keepalived/tracking-process.ts';

interface Known {
  facts: ProcessFacts;
  /** Looks at it so far: a process that has just been forked becomes another one with its exec. */
  looks: number;
}

/** Looks in a row at a new process. */
const LOOKS_WHEN_NEW = 4;
/** Every so many turns all processes are listed, and a part of those that are known is looked at again. */
const TURNS_BETWEEN_LISTS = 10;
const PARTS = 4;
/** With more new ids than this at once, listing all is cheaper than trying each. */
const NEW_IDS_MAX = 200;

/** null: there is no such process, it has ended (a zombie), or the id is that of a thread. */
function look(pid: number, commandLine: boolean): ProcessFacts | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const [, comm = '', state, group] =
      /^Name:\t(.*)\n(?:.*\n)*?State:\t(\w).*\nTgid:\t(\d+)/.exec(status) ?? [];
    if (state === 'Z' || state === 'X' || Number(group) !== pid) return null;
    if (!commandLine) return { comm, argv: [] };
    return { comm, argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1) };
  } catch {
    return null;
  }
}

/** The last process id that was given out; null when the kernel doesn't say. */
function lastId(): number | null {
  try {
    const id = Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1));
    return Number.isSafeInteger(id) ? id : null;
  } catch {
    return null;
  }
}

export class ProcessList {
  readonly #known = new Map<number, Known>();
  #turn = 0;
  #lastId: number | null = null;

  /** All processes now. `watched` says of which every turn must make sure that they still run. */
  read(commandLine: boolean, watched: (facts: ProcessFacts) => boolean): ProcessFacts[] {
    const before = this.#lastId;
    this.#lastId = lastId();
    const fresh = before === null || this.#lastId === null ? Number.NaN : this.#lastId - before;
    // Not a number, wrapped around, too many, or simply time for it.
    if (!(fresh >= 0 && fresh <= NEW_IDS_MAX) || this.#turn % TURNS_BETWEEN_LISTS === 0)
      this.#list(commandLine);
    else if (before !== null)
      for (let id = before + 1; id <= before + fresh; id++) this.#refresh(id, commandLine);
    this.#turn++;
    for (const [pid, { looks, facts }] of [...this.#known])
      if (looks < LOOKS_WHEN_NEW || watched(facts)) this.#refresh(pid, commandLine);
    return [...this.#known.values()].map(({ facts }) => facts);
  }

  #list(commandLine: boolean): void {
    const pids = new Set<number>();
    for (const name of readdirSync('/proc')) if (/^[0-9]+$/.test(name)) pids.add(Number(name));
    for (const pid of this.#known.keys()) if (!pids.has(pid)) this.#known.delete(pid);
    const part = Math.floor(this.#turn / TURNS_BETWEEN_LISTS) % PARTS;
    for (const pid of pids)
      if (!this.#known.has(pid) || pid % PARTS === part) this.#refresh(pid, commandLine);
  }

  #refresh(pid: number, commandLine: boolean): void {
    const facts = look(pid, commandLine);
    if (facts === null) this.#known.delete(pid);
    else this.#known.set(pid, { facts, looks: (this.#known.get(pid)?.looks ?? 0) + 1 });
  }
}
