// A secret's file, replaced in one step: whoever reads it meanwhile finds the old one or the new one, whole, also after a crash.
import { chownSync, closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Keeps the owner and the mode of the file that was there. Throws what the file system says. */
export function writeSecretFile(path: string, secret: string): void {
  const before = statSync(path, { throwIfNoEntry: false });
  const beside = `${path}.${process.pid}.tmp`;
  rmSync(beside, { force: true });
  const file = openSync(beside, 'wx', before === undefined ? 0o600 : before.mode & 0o777);
  try {
    writeSync(file, `${secret}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (before !== undefined && process.getuid?.() === 0) chownSync(beside, before.uid, before.gid);
  renameSync(beside, path);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
