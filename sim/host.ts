// One host: its power, its clock (CLOCK_BOOTTIME, with drift), and processes that can be killed, frozen and started again.
// A frozen process runs nothing; its timers and messages wait, and are dealt with in their order when it is thawed.

import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

export interface Process {
  readonly name: string;
  readonly alive: boolean;
  readonly frozen: boolean;
  /** Counts the starts: what belonged to an earlier one is over. */
  readonly incarnation: number;
  start(): void;
  kill(): void;
  freeze(): void;
  thaw(): void;
  /** Now; or, frozen, when it is thawed. Never in another incarnation than the present one. */
  run(act: () => void): void;
  /** A timer of the process, by its host's clock. */
  after(delayMs: number, act: () => void): void;
}

/** The process as one incarnation of it sees itself: dead, once there is another one. */
export function presentLife(process: Process): Process {
  const { incarnation } = process;
  const lives = (): boolean => process.alive && process.incarnation === incarnation;
  return {
    ...process,
    get alive() {
      return lives();
    },
    get frozen() {
      return process.frozen;
    },
    incarnation,
    run: (act) => void (lives() && process.run(act)),
    after: (delayMs, act) => void (lives() && process.after(delayMs, act)),
  };
}

export interface Host {
  readonly name: string;
  readonly on: boolean;
  readonly suspended: boolean;
  readonly processes: readonly Process[];
  bootMs(): number;
  newProcess(name: string): Process;
  /** By the kernel, whatever the processes do; nothing of it survives a power cut. */
  afterKernel(delayMs: number, act: () => void): void;
  powerOff(): void;
  powerOn(): void;
  /** All processes stand still. `clockRuns`: false for a virtual machine that is paused by its hypervisor. */
  suspend(clockRuns: boolean): void;
  resume(): void;
}

/** Backlogs of a frozen process beyond this are dropped, as a full socket buffer does. */
const BACKLOG_MAX = 5000;

export function newHost(name: string, timeline: Timeline, random: Random, driftMax: number): Host {
  let on = true;
  let boots = 0;
  let suspended = false;
  let rate = 1;
  let epochMs = 0;
  let aheadMs = 0;
  let stoppedAtMs: number | null = null;
  const processes: Process[] = [];

  function boot(): void {
    boots++;
    rate = 1 + random.between(-driftMax, driftMax);
    epochMs = timeline.nowMs();
    // CLOCK_BOOTTIME starts at 0 with every boot: what another boot wrote down means nothing.
    aheadMs = random.between(1000, 50_000);
    stoppedAtMs = null;
  }

  function newProcess(processName: string): Process {
    let alive = false;
    let frozen = false;
    let incarnation = 0;
    let backlog: (() => void)[] = [];
    const stands = (): boolean => frozen || suspended;

    function flush(): void {
      while (alive && !stands() && backlog.length > 0) {
        const waiting = backlog;
        backlog = [];
        for (let i = 0; i < waiting.length; i++) {
          if (!alive || stands()) {
            backlog = [...waiting.slice(i), ...backlog];
            break;
          }
          waiting[i]?.();
        }
      }
    }

    function run(act: () => void): void {
      if (!alive) return;
      const mine = incarnation;
      const guarded = (): void => {
        if (alive && incarnation === mine) act();
      };
      if (!stands()) guarded();
      else if (backlog.length < BACKLOG_MAX) backlog.push(guarded);
    }

    const process: Process & { flush(): void } = {
      name: processName,
      get alive() {
        return alive;
      },
      get frozen() {
        return stands();
      },
      get incarnation() {
        return incarnation;
      },
      start() {
        alive = true;
        frozen = false;
        backlog = [];
        incarnation++;
      },
      kill() {
        alive = false;
        frozen = false;
        backlog = [];
        incarnation++;
      },
      freeze() {
        frozen = true;
      },
      thaw() {
        frozen = false;
        flush();
      },
      run,
      after(delayMs, act) {
        if (!alive) return;
        const mine = incarnation;
        timeline.at(delayMs / rate, () => {
          if (alive && incarnation === mine) run(act);
        });
      },
      flush,
    };
    processes.push(process);
    return process;
  }

  boot();
  return {
    name,
    get on() {
      return on;
    },
    get suspended() {
      return suspended;
    },
    processes,
    bootMs: () => aheadMs + ((stoppedAtMs ?? timeline.nowMs()) - epochMs) * rate,
    newProcess,
    afterKernel(delayMs, act) {
      const mine = boots;
      timeline.at(delayMs / rate, () => {
        if (on && boots === mine) act();
      });
    },
    powerOff() {
      on = false;
      suspended = false;
      for (const process of processes) process.kill();
    },
    powerOn() {
      on = true;
      boot();
    },
    suspend(clockRuns) {
      if (!on) return;
      suspended = true;
      if (!clockRuns) stoppedAtMs = timeline.nowMs();
    },
    resume() {
      if (stoppedAtMs !== null) epochMs += timeline.nowMs() - stoppedAtMs;
      stoppedAtMs = null;
      suspended = false;
      for (const process of processes) (process as Process & { flush(): void }).flush();
    },
  };
}
