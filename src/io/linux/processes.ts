// Which processes run, out of /proc, cheaply enough to be asked twice a second: a process that is known is looked at again only now and
// then. Used by src/app/keepalived/trackers-process.ts.

import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessFacts } from '../../core/keepalived/tracking-process.ts';

interface Known {
  facts: ProcessFacts;
  /** Looks at it so far: a process that has just been forked becomes another one with its exec. */
  looks: number;
}

/** Looks in a row at a new process. */
const LOOKS_WHEN_NEW = 3;
/** After these, every so many turns. */
const TURNS_BETWEEN_LOOKS = 10;

function look(pid: number, commandLine: boolean): ProcessFacts | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const end = stat.lastIndexOf(')');
    // A zombie has ended.
    if ('ZX'.includes(stat.charAt(end + 2))) return null;
    const comm = stat.slice(stat.indexOf('(') + 1, end);
    if (!commandLine) return { comm, argv: [] };
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return { comm, argv: words.slice(0, -1) };
  } catch {
    return null;
  }
}

export class ProcessList {
  readonly #known = new Map<number, Known>();
  #turn = 0;

  /** All processes now. `watched` says of which every turn must make sure that they still run. */
  read(commandLine: boolean, watched: (facts: ProcessFacts) => boolean): ProcessFacts[] {
    this.#turn++;
    const pids = new Set<number>();
    for (const name of readdirSync('/proc')) if (/^[0-9]+$/.test(name)) pids.add(Number(name));
    for (const pid of this.#known.keys()) if (!pids.has(pid)) this.#known.delete(pid);
    for (const pid of pids) this.#refresh(pid, commandLine, watched);
    return [...this.#known.values()].map(({ facts }) => facts);
  }

  #refresh(pid: number, commandLine: boolean, watched: (facts: ProcessFacts) => boolean): void {
    const known = this.#known.get(pid);
    const due =
      known === undefined ||
      known.looks < LOOKS_WHEN_NEW ||
      (pid + this.#turn) % TURNS_BETWEEN_LOOKS === 0 ||
      watched(known.facts);
    if (!due) return;
    const facts = look(pid, commandLine);
    if (facts === null) this.#known.delete(pid);
    else this.#known.set(pid, { facts, looks: (known?.looks ?? 0) + 1 });
  }
}
