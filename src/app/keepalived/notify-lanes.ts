// Starts notify scripts so that of one instance an earlier state is never told after a later one. The C daemon starts each at once, and a
// slow `BACKUP` may end after the `MASTER` that followed it. Here a run waits for the one before it in its lane, but not for long: what
// hangs must not keep a new master from being told.

import { runScript, type ScriptCommand, type ScriptEnd } from '../../io/scripts/run.ts';

/** How long a run may be held back by those before it. */
export const WAIT_MS_MAX = 5000;
/** Runs that wait in one lane; with more the oldest is started at once. */
export const LANE_MAX = 20;
/** Starting a process takes a millisecond or two: with a thousand instances the loop must turn in between. */
const STARTS_PER_TURN = 8;

interface Lane {
  running: number;
  readonly waiting: { readonly command: ScriptCommand; readonly dueAtMs: number }[];
  timer: NodeJS.Timeout | undefined;
}

export interface Lanes {
  run(lane: string, command: ScriptCommand): void;
  /** Starts what waits, whatever still runs. */
  flush(): void;
  /** Resolves when nothing runs and nothing waits any more, or after this long. */
  settled(msMax: number): Promise<boolean>;
}

export interface LaneLog {
  /** A run was started although an earlier one still goes on. */
  overtaken(command: ScriptCommand): void;
  ended(command: ScriptCommand, end: ScriptEnd): void;
}

export function makeLanes(log: LaneLog): Lanes {
  const lanes = new Map<string, Lane>();
  const watchers = new Set<() => void>();
  const starting: (() => void)[] = [];
  let started = 0;

  const startSome = (): void => {
    started = 0;
    for (const each of starting.splice(0, STARTS_PER_TURN)) {
      started++;
      each();
    }
    if (started > 0) setImmediate(startSome);
  };

  const paced = (begin: () => void): void => {
    if (started === 0) setImmediate(startSome);
    if (started++ < STARTS_PER_TURN) begin();
    else starting.push(begin);
  };

  const start = (name: string, lane: Lane, command: ScriptCommand): void => {
    lane.running++;
    paced(() => begin(name, lane, command));
  };

  const begin = (name: string, lane: Lane, command: ScriptCommand): void => {
    runScript(command, {
      timeoutMs: null,
      onEnd(end) {
        lane.running--;
        log.ended(command, end);
        if (lane.running === 0) next(name, lane);
      },
    });
  };

  const next = (name: string, lane: Lane): void => {
    clearTimeout(lane.timer);
    lane.timer = undefined;
    const [head] = lane.waiting;
    if (head === undefined) {
      if (lane.running === 0) lanes.delete(name);
      if (lanes.size === 0) for (const tell of watchers) tell();
      return;
    }
    const leftMs = head.dueAtMs - performance.now();
    if (lane.running > 0 && leftMs > 0 && lane.waiting.length <= LANE_MAX) {
      lane.timer = setTimeout(next, leftMs, name, lane);
      return;
    }
    lane.waiting.shift();
    if (lane.running > 0) log.overtaken(head.command);
    start(name, lane, head.command);
    next(name, lane);
  };

  return {
    run(name, command) {
      const lane = lanes.get(name) ?? { running: 0, waiting: [], timer: undefined };
      lanes.set(name, lane);
      lane.waiting.push({ command, dueAtMs: performance.now() + WAIT_MS_MAX });
      next(name, lane);
    },
    settled: (msMax) =>
      new Promise((resolve) => {
        if (lanes.size === 0) return resolve(true);
        const end = (whole: boolean) => {
          clearTimeout(timer);
          watchers.delete(tell);
          resolve(whole);
        };
        const tell = () => end(true);
        const timer = setTimeout(end, msMax, false);
        watchers.add(tell);
      }),
    flush() {
      for (const [name, lane] of lanes) {
        clearTimeout(lane.timer);
        for (const { command } of lane.waiting.splice(0)) start(name, lane, command);
      }
      for (const each of starting.splice(0)) each();
    },
  };
}
