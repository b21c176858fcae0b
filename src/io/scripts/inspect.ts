// What stat(2) says of a script and of every directory on the way to it, for src/core/keepalived/security.ts to judge. Synchronous:
// done when a configuration is read.

import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { PathFacts, PathPart } from '../../core/keepalived/security.ts';

/** As many links as the kernel follows (MAXSYMLINKS). */
const LINKS_MAX = 40;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  ENOTDIR: 'Not a directory',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
};

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return REASONS[code] ?? code;
}

function partOf(path: string, stats: Stats): PathPart {
  const kind = stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other';
  return { path, kind, uid: stats.uid, gid: stats.gid, mode: stats.mode & 0o7777 };
}

/** Every directory that is passed, also those on the way to a link's target: whoever may write to one of them may change what is run. */
export function inspectPath(path: string): PathFacts {
  const parts = new Map<string, PathPart>();
  let waiting = resolve(path).split('/').slice(1);
  let here = '/';
  let links = 0;
  try {
    parts.set('/', partOf('/', lstatSync('/')));
    while (waiting.length > 0) {
      const [name = '', ...rest] = waiting;
      const next = join(here, name);
      const stats = lstatSync(next);
      if (stats.isSymbolicLink()) {
        if (++links > LINKS_MAX) return { found: false, reason: REASONS['ELOOP'] ?? 'ELOOP' };
        waiting = [...resolve(dirname(next), readlinkSync(next)).split('/').slice(1), ...rest];
        here = '/';
        continue;
      }
      parts.set(next, partOf(next, stats));
      here = next;
      waiting = rest;
    }
  } catch (error) {
    return { found: false, reason: reasonOf(error) };
  }
  // The script last, though a directory may have been passed twice.
  const script = parts.get(here);
  parts.delete(here);
  return { found: true, parts: [...parts.values(), ...(script === undefined ? [] : [script])] };
}

/** Where a command without a slash is found, as execvp(3) looks for it; null: nowhere. */
export function searchPath(name: string, path: string): string | null {
  for (const folder of path.split(':')) {
    const candidate = join(folder === '' ? '.' : folder, name);
    const facts = inspectPath(candidate);
    const script = facts.found ? facts.parts.at(-1) : undefined;
    if (script?.kind === 'file' && (script.mode & 0o111) !== 0) return candidate;
  }
  return null;
}
