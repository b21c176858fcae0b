// The signals that the C daemon's users send, and what each asks for. One after the other: a reload is not overtaken by the next one,
// and what came while the daemon was still starting is done when it has started.

import { OperatorError } from '../../core/error.ts';
import { SIGNAL_NUMBERS } from '../../core/keepalived/signum.ts';
import { onRealtimeSignal, unblockSignal } from '../../io/linux/realtimesignals.ts';

export interface SignalDuties {
  reload(): Promise<void>;
  /** Ends the process's work; called once. */
  stop(): Promise<void>;
  data(): Promise<void>;
  stats(clear: boolean): Promise<void>;
  json(): Promise<void>;
}

/** A duty that hangs must not keep the next one, which may be the end, from being done. */
const DUTY_MS_MAX = 10_000;

export interface Signals {
  /** From now on the duties are done; until then they wait. */
  begin(duties: SignalDuties): void;
  /** A stop was asked for. */
  readonly stopping: boolean;
}

/** To be called first of all: a signal that comes earlier ends the process, as it ends any. */
export function listenToSignals(ignoreInterrupt: boolean, failed: (error: unknown) => void): Signals {
  let duties: SignalDuties | null = null;
  let stopping = false;
  let busy = false;
  /** By what they ask for: a flood of one signal is one duty. */
  const waiting = new Map<string, (duties: SignalDuties) => Promise<void>>();

  const work = async (): Promise<void> => {
    if (busy || duties === null) return;
    busy = true;
    for (let [next] = waiting; next !== undefined; [next] = waiting) {
      const [what, duty] = next;
      waiting.delete(what);
      const done = duty(duties);
      await (what === 'stop' ? done : within(DUTY_MS_MAX, what, done)).catch(failed);
    }
    busy = false;
  };
  const ask = (what: string, duty: (duties: SignalDuties) => Promise<void>): void => {
    if (stopping) return;
    waiting.set(what, duty);
    work().catch(failed);
  };
  const stop = (): void => {
    if (stopping) return;
    waiting.clear();
    ask('stop', (d) => d.stop());
    stopping = true;
  };

  process.on('SIGTERM', stop);
  process.on('SIGINT', () => {
    if (!ignoreInterrupt) stop();
  });
  process.on('SIGHUP', () => ask('reload', (d) => d.reload()));
  process.on('SIGUSR1', () => ask('data', (d) => d.data()));
  unblockSignal(SIGNAL_NUMBERS.DATA);
  process.on('SIGUSR2', () => ask('stats', (d) => d.stats(false)));
  const listen = (signal: number, duty: () => void): void => {
    try {
      onRealtimeSignal(signal, duty);
    } catch (error) {
      failed(error);
    }
  };
  listen(SIGNAL_NUMBERS.JSON, () => ask('json', (d) => d.json()));
  listen(SIGNAL_NUMBERS.STATS_CLEAR, () => ask('clear', (d) => d.stats(true)));

  return {
    begin(fresh) {
      duties = fresh;
      work().catch(failed);
    },
    get stopping() {
      return stopping;
    },
  };
}

function within(msMax: number, what: string, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((_, reject) => {
    const message = `what a signal asked for (${what}) has not been done within ${msMax / 1000} s`;
    timer = setTimeout(reject, msMax, new OperatorError('duty-late', message, 'restart the daemon'));
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
