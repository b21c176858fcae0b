// FILE_CHECK: follows the number in a tracked file. It has no pace: what the file says counts within a second.
import type { KeepalivedConfig } from '../../../config/keepalived/types.ts';
import type { FileTarget } from '../../../core/checker/target.ts';
import { valueOfFile } from '../../../core/keepalived/tracking.ts';
import { readFileHead, writeValue } from '../../../io/scripts/trackedfile.ts';
import { readTrackedFiles } from '../trackers-reading.ts';

const READ_EVERY_MS = 1000;
/** At or below it the server is down. */
const FAULT = -2_147_483_648;

export interface FileCheckOptions {
  readonly target: FileTarget;
  say(text: string): void;
  /** `changed`: false when the first reading finds what is assumed of a server. */
  judged(up: boolean, because: string, changed: boolean): void;
  /** What is added to the server's weight. */
  shared(share: number): void;
}

/** Carries out `init_file`, at the start of the daemon only. null, or why it could not be done. */
export function initFile(target: FileTarget, config: KeepalivedConfig): string | null {
  const init = readTrackedFiles(config.reading).find(({ name }) => name === target.name)?.init ?? null;
  return init === null ? null : writeValue(target.file, init.value, init.overwrite);
}

export class FileCheck {
  readonly #options: FileCheckOptions;
  readonly #timer: NodeJS.Timeout;
  #value: number | null = null;
  #up = true;
  #because: string | null = null;
  #stopped = false;

  constructor(options: FileCheckOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#read(), READ_EVERY_MS);
  }

  /** The first reading; synchronous, so that the pool starts with what the file says. */
  start(): void {
    this.#take(valueOfFile(readFileHead.now(this.#options.target.file)));
  }

  get up(): boolean {
    return this.#up;
  }

  get because(): string | null {
    return this.#because;
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    const text = await readFileHead.later(this.#options.target.file);
    if (!this.#stopped) this.#take(valueOfFile(text));
  }

  #take(value: number): void {
    if (value === this.#value) return;
    const first = this.#value === null;
    this.#value = value;
    const { target, judged, shared } = this.#options;
    const product = value === 0 ? 0 : value * target.factor;
    const up = target.factor === 0 ? value === 0 : product > FAULT;
    const because = `${target.file} has ${value}`;
    this.#because = up ? null : because;
    if (target.factor !== 0 && up) shared(product);
    const changed = up !== this.#up;
    this.#up = up;
    // The first word counts in any case: before a reload the file may have said another.
    if (changed || first) judged(up, because, changed);
  }
}
