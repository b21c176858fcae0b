// A node's file of what it keeps. What was not fsynced is there for every process of this boot, and may be gone, or may
// not, after a power cut. A torn file cannot be: it is replaced as a whole.

import type { Stored } from '../src/core/pair/stored.ts';
import type { Random } from './random.ts';

export interface Disk {
  read(): Stored | null;
  write(stored: Stored, synced: boolean): void;
  powerCut(): void;
}

export function newDisk(random: Random): Disk {
  let cached: Stored | null = null;
  let durable: Stored | null = null;
  return {
    read: () => cached,
    write(stored, synced) {
      cached = stored;
      if (synced) durable = stored;
    },
    powerCut() {
      // The kernel may have written it back by then.
      if (cached !== durable && random.chance(0.3)) durable = cached;
      cached = durable;
    },
  };
}
