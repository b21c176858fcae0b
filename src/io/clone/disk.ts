// Data directories as folders: how large, where, and moved whole. A rename is the only step that changes what a server finds.

import { closeSync, existsSync, fsyncSync, lstatSync, openSync, statfsSync, statSync } from 'node:fs';
import { chown, lstat, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Move, Place, Seen } from '../../core/clone/journal.ts';
import { OperatorError } from '../../core/error.ts';

/** Logs are not copied. */
const LOGS =
  /(^|-)(bin|binlog|relay|relay-bin|mysql-bin|mariadb-bin)\.(\d{6,}|index|state|idx)$|^ib_logfile|^#innodb_redo$|^#innodb_temp$|^ibtmp/;

/** Bytes on the disk of what a copy holds; null when the folder cannot be read. */
export async function bytesOf(folder: string): Promise<number | null> {
  let bytes = 0;
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries) {
      if (LOGS.test(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) bytes += (await bytesOf(path)) ?? 0;
      else if (entry.isFile()) bytes += (await lstat(path)).blocks * 512;
    }
    return bytes;
  } catch {
    return null;
  }
}

export function bytesFree(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function isMountPoint(folder: string): boolean {
  return lstatSync(folder).dev !== lstatSync(dirname(folder)).dev;
}

export type Places = Readonly<Record<Place, string>>;

export const seen = (places: Places): Seen => ({
  datadir: existsSync(places.datadir),
  fresh: existsSync(places.fresh),
  kept: existsSync(places.kept),
});

export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export async function carryOut(moves: readonly Move[], places: Places): Promise<void> {
  for (const move of moves) {
    if (move.kind === 'remove') await rm(places[move.what], { recursive: true, force: true });
    else {
      if (existsSync(places[move.to])) {
        const hint = 'somebody else moved the directories meanwhile: look at them, nothing was overwritten';
        throw new OperatorError('clone-in-the-way', `${places[move.to]} exists already`, hint);
      }
      await rename(places[move.from], places[move.to]);
    }
    syncFolder(dirname(places.datadir));
  }
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export function ownerOf(folder: string): Owner {
  const { uid, gid, mode } = statSync(folder);
  return { uid, gid, mode: mode & 0o7777 };
}

/** Gives a folder and everything in it to the server's account. */
export async function give(folder: string, owner: Owner): Promise<void> {
  await chown(folder, owner.uid, owner.gid);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await give(path, owner);
    else if (entry.isFile()) await chown(path, owner.uid, owner.gid);
  }
}
