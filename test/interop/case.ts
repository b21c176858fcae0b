// One interop case: what it is called, and how it is played.

import type { Stage } from './stage.ts';

export interface Case {
  /** As in the table of docs/KEEPALIVED.md. */
  readonly number: number;
  readonly title: string;
  /** Interfaces of each host; default 1. */
  readonly links?: number;
  /** Where twinkeep differs on purpose: what is held to instead, in words. */
  readonly differs?: string;
  /** Throws when it does not hold. What it returns is worth a remark in the table. */
  run(stage: Stage): Promise<string | undefined>;
}
