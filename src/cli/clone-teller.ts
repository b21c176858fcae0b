// What `twinkeep clone` shows while it works: steps and progress on stderr, on a terminal in one line; with --json everything as
// JSON lines on stdout.

import { describeProgress, type Progress } from '../core/clone/progress.ts';
import { painter } from './output.ts';

export interface Teller {
  step(step: string, because: string): void;
  progress(progress: Progress): void;
  catchingUp(executedGtid: string, lagMs: number | null): void;
  plan(sentence: string): void;
  done(sentence: string, facts: object): void;
}

const line = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const asJson: Teller = {
  step: (step, because) => line({ event: 'step', step, because }),
  progress: (progress) => line({ event: 'progress', ...progress }),
  catchingUp: (executedGtid, lagMs) => line({ event: 'catching-up', executedGtid, lagMs }),
  plan: (because) => line({ event: 'plan', because }),
  done: (because, facts) => line({ event: 'done', because, ...facts }),
};

function asText(): Teller {
  const { stderr, stdout } = process;
  const clear = stderr.isTTY ? '\r\x1b[K' : '';
  const startedMs = performance.now();
  const at = (): string => `[${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s]`;
  const tick = (text: string): void => {
    if (stderr.isTTY) stderr.write(`${clear}${at()} ${text}`);
  };
  return {
    step: (_step, because) => void stderr.write(`${clear}${at()} ${because}\n`),
    progress: (progress) => tick(describeProgress(progress)),
    catchingUp: (_executedGtid, lagMs) =>
      tick(lagMs === null ? 'catching up' : `${Math.round(lagMs)} ms behind`),
    plan: (sentence) => void stdout.write(`${sentence}\n`),
    done: (sentence) => void stdout.write(`${clear}${painter(stdout)('green', 'done:')} ${sentence}\n`),
  };
}

export const tellerFor = (json: boolean): Teller => (json ? asJson : asText());
