import { expect, it } from 'vitest';
import { fullDisk } from './disk.ts';

it('says nothing of disks with space, and nothing of folders that it cannot look at', async () => {
  expect(await fullDisk(['/', '/there/is/no/such/folder'])).toBeNull();
});

it('names the folder whose disk has no space', async () => {
  // proc has no blocks at all.
  expect(await fullDisk(['/', '/proc'])).toBe(
    'the disk of /proc is full (0 KiB free): free some space, and the server goes on within a minute',
  );
});
