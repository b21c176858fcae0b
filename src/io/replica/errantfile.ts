// What is known to be errant at this replica, on its disk: once the writer has given numbers beyond, histories alone would not
// show it any more.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Errant } from '../../core/replica/state.ts';

export interface ErrantFile {
  readonly path: string;
  read(): Errant | null;
  write(errant: Errant | null): void;
}

function parse(text: string): Errant | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { gtids, because, place } = value as Record<string, unknown>;
  if (!Array.isArray(gtids) || !gtids.every((each): each is string => typeof each === 'string')) return null;
  if (typeof because !== 'string' || typeof place !== 'string') return null;
  return { gtids, because, place };
}

export function openErrantFile(folder: string): ErrantFile {
  const path = join(folder, 'errant.json');
  return {
    path,
    read() {
      try {
        return parse(readFileSync(path, 'utf8'));
      } catch {
        return null;
      }
    },
    write(errant) {
      if (errant === null) {
        rmSync(path, { force: true });
        return;
      }
      const file = openSync(`${path}.new`, 'w', 0o600);
      try {
        writeSync(file, `${JSON.stringify(errant, null, 2)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(`${path}.new`, path);
    },
  };
}
