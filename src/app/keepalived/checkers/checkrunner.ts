// One checker alive: carries out what the check machine (core/checker/check.ts) asks for, and passes its word on to the pool.
import {
  type CheckAction,
  type CheckEvent,
  type CheckSettings,
  type CheckState,
  migrateCheck,
  newCheck,
  stepCheck,
} from '../../../core/checker/check.ts';
import type { Looker } from './kinds.ts';
import type { CheckerWords } from './words.ts';

export interface CheckRunnerOptions {
  readonly settings: CheckSettings;
  readonly words: CheckerWords;
  readonly looker: Looker;
  say(text: string): void;
  judged(up: boolean, first: boolean, mail: string): void;
  /** A look that succeeded says what the weight of the server is to be. */
  weighted(weight: number): void;
}

export class CheckRunner {
  #options: CheckRunnerOptions;
  #state: CheckState;
  #timer: NodeJS.Timeout | undefined;
  #abandon: AbortController | null = null;
  #stopped = false;

  /** `before`: of the same checker before a reload. */
  constructor(options: CheckRunnerOptions, before: CheckState | null) {
    this.#options = options;
    this.#state = before === null ? newCheck(options.settings) : migrateCheck(before, options.settings);
  }

  get state(): CheckState {
    return this.#state;
  }

  start(): void {
    this.#hear({ kind: 'start', fraction: Math.random() });
  }

  suspend(): void {
    this.#hear({ kind: 'suspend' });
  }

  resume(): void {
    this.#hear({ kind: 'resume' });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#abandon?.abort();
    this.#options.looker.close();
  }

  #hear(event: CheckEvent): void {
    if (this.#stopped) return;
    const [next, actions] = stepCheck(this.#state, event, this.#options.settings);
    this.#state = next;
    for (const action of actions) this.#perform(action);
  }

  #perform(action: CheckAction): void {
    const { words, say, judged } = this.#options;
    const because = this.#state.because ?? '';
    switch (action.kind) {
      case 'arm':
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#hear({ kind: 'due' }), action.delayMs);
        return;
      case 'disarm':
        clearTimeout(this.#timer);
        return;
      case 'look':
        void this.#look(action.step);
        return;
      case 'abandon':
        this.#abandon?.abort();
        this.#abandon = null;
        return;
      case 'say-passed':
        say(words.passed());
        return;
      case 'say-failed':
        say(words.failed(action.because));
        return;
      case 'say-exhausted':
        for (const line of words.exhausted(action.because, action.retries)) say(line);
        return;
      case 'judge':
        judged(action.up, action.first, words.mail(action.up, because));
        return;
    }
  }

  async #look(step: number): Promise<void> {
    const own = new AbortController();
    this.#abandon = own;
    const verdict = await this.#options.looker.look(step, own.signal);
    if (own.signal.aborted) return;
    this.#abandon = null;
    if (verdict.ok && verdict.weight !== null) this.#options.weighted(verdict.weight);
    this.#hear(verdict.ok ? { kind: 'passed' } : { kind: 'failed', because: verdict.because });
  }
}
