// The file of a track_file: its first bytes, and its first content. What is no plain file reads as empty, so that a FIFO put there
// blocks nobody.

import { closeSync, constants, fstatSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** More than the longest number that counts. */
const HEAD_BYTES = 64;
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** The beginning of a file; '' when it cannot be read: keepalived takes a file that is missing for a 0. */
export const readFileHead = {
  now(path: string): string {
    try {
      const fd = openSync(path, FLAGS);
      try {
        if (!fstatSync(fd).isFile()) return '';
        const bytes = new Uint8Array(HEAD_BYTES);
        return new TextDecoder('latin1').decode(bytes.subarray(0, readSync(fd, bytes)));
      } finally {
        closeSync(fd);
      }
    } catch {
      return '';
    }
  },
  async later(path: string): Promise<string> {
    try {
      await using file = await open(path, FLAGS);
      if (!(await file.stat()).isFile()) return '';
      const bytes = new Uint8Array(HEAD_BYTES);
      const { bytesRead } = await file.read(bytes, 0, HEAD_BYTES, 0);
      return new TextDecoder('latin1').decode(bytes.subarray(0, bytesRead));
    } catch {
      return '';
    }
  },
};

/** Writes the value into the file if it isn't there, or always. null, or why it could not be done. */
export function writeValue(path: string, value: number, overwrite: boolean): string | null {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return 'it is no plain file';
    writeFileSync(path, `${value}\n`, { flag: overwrite ? 'w' : 'wx' });
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return code === 'EEXIST' ? null : code;
  }
}
