// A check script whose exit code a case holds in its hand, and the block of keepalived.conf that runs it.

import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stage } from './stage.ts';

export interface HeldScript {
  readonly path: string;
  fail(): void;
  succeed(): void;
  /** How often it has ended so since the last change. */
  runs(): number;
}

/** A check script whose exit code the test holds in its hand. */
export function heldScript(stage: Stage, name: string): HeldScript {
  const path = join(stage.folder, `${name}.sh`);
  const runs = join(stage.folder, `${name}.runs`);
  const flag = join(stage.folder, `${name}.fails`);
  writeFileSync(path, `#!/bin/sh\necho run >> ${runs}\ntest ! -e ${flag}\n`);
  chmodSync(path, 0o755);
  return {
    path,
    fail() {
      writeFileSync(flag, '');
      rmSync(runs, { force: true });
    },
    succeed() {
      rmSync(flag);
      rmSync(runs, { force: true });
    },
    runs: () => (existsSync(runs) ? readFileSync(runs, 'utf8').trim().split('\n').length : 0),
  };
}

export function scriptBlock(name: string, path: string, weight: number, fall = 2): string {
  return `vrrp_script ${name} {\n  script "${path}"\n  interval 1\n  fall ${fall}\n  rise 2\n  weight ${weight}\n}\n`;
}
