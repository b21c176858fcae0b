// Whether a disk that the server on this host writes to is full. The server does not say so: it waits for space, and
// looks again once a minute ("Disk is full writing ... Waiting for someone to free space" in its error log).
import { statfs } from 'node:fs/promises';

/** What is left below this is used up by the server itself within moments. */
const FREE_BYTES_MIN = 1 << 20;

/** A sentence about the first of the folders whose disk is full; null when none is, or none can be looked at. */
export async function fullDisk(folders: readonly string[]): Promise<string | null> {
  for (const folder of folders) {
    try {
      const { bavail, bsize } = await statfs(folder);
      const freeBytes = bavail * bsize;
      if (freeBytes < FREE_BYTES_MIN) {
        return `the disk of ${folder} is full (${Math.floor(freeBytes / 1024)} KiB free): free some space, and the server goes on within a minute`;
      }
    } catch {
      // Not ours to look at (a sandbox, another mount namespace).
    }
  }
  return null;
}
