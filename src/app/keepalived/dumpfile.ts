// Where the dump files of the keepalived mode are, and how they are written: whole or not at all, for their owner only (they hold the
// passwords of VRRP), and never through a symbolic link that somebody put into /tmp.

import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import type { KeepalivedConfig } from '../../config/keepalived/types.ts';
import { last } from '../../config/keepalived/values.ts';
import { OperatorError } from '../../core/error.ts';
import { globalValues } from './surfaceglobals.ts';

export type DumpKind = 'data' | 'stats' | 'json' | 'check';

/** `suffix`: of data_use_instance: the network namespace and the instance. */
export function dumpPath(config: KeepalivedConfig, kind: DumpKind, suffix: string): string {
  const typed = globalValues(config);
  const useInstance = last(typed.data_use_instance) ?? false;
  const named = {
    data: last(typed.state_dump_file),
    stats: last(typed.stats_dump_file),
    json: last(typed.json_dump_file),
    check: undefined,
  }[kind];
  if (named !== undefined) return named;
  const stem = kind === 'check' ? 'keepalived_check' : 'keepalived';
  return `/tmp/${stem}${useInstance ? suffix : ''}.${kind === 'check' ? 'data' : kind}`;
}

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** Throws an OperatorError when it cannot be written. */
export function writeDump(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  let made = false;
  try {
    const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    made = true;
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
    // A link at this name is replaced, not followed.
    renameSync(temporary, path);
  } catch (error) {
    if (made) unlinkSync(temporary);
    throw new OperatorError(
      'dump-file',
      `Can't open ${path} (${(error as NodeJS.ErrnoException).code ?? 'failed'})`,
      'make its folder, or name another file with state_dump_file, stats_dump_file or json_dump_file',
    );
  }
}
