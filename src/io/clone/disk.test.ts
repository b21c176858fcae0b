import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { swapMoves, undoMoves } from '../../core/clone/journal.ts';
import { bytesOf, carryOut, type Places, seen } from './disk.ts';

let folder: string;
let places: Places;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinkeep-clone-disk-'));
  places = {
    datadir: join(folder, 'data'),
    fresh: join(folder, 'data.clone-1'),
    kept: join(folder, 'data.before-1'),
  };
  for (const [path, text] of [
    [places.datadir, 'old'],
    [places.fresh, 'copy'],
  ] as const) {
    mkdirSync(path);
    writeFileSync(join(path, 'who'), text);
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const who = (path: string): string => readFileSync(join(path, 'who'), 'utf8');

test('the copy takes the place of the old data, and gives it back', async () => {
  await carryOut(swapMoves(seen(places)) ?? [], places);
  expect([who(places.datadir), who(places.kept)]).toEqual(['copy', 'old']);
  await carryOut(undoMoves(seen(places)) ?? [], places);
  expect(who(places.datadir)).toBe('old');
  expect(seen(places)).toEqual({ datadir: true, fresh: false, kept: false });
});

test('nothing is overwritten by a move', async () => {
  const moves = swapMoves(seen(places)) ?? [];
  mkdirSync(places.kept);
  await expect(carryOut(moves, places)).rejects.toMatchObject({ code: 'clone-in-the-way' });
  expect(who(places.datadir)).toBe('old');
});

test('logs do not count to what is copied', async () => {
  const before = (await bytesOf(places.datadir)) ?? 0;
  for (const name of [
    'twinkeep-bin.000001',
    'twinkeep-relay.000007',
    'ib_logfile0',
    'binlog.000123',
    'ibtmp1',
  ])
    writeFileSync(join(places.datadir, name), new Uint8Array(100_000));
  expect(await bytesOf(places.datadir)).toBe(before);
  mkdirSync(join(places.datadir, 'shop'));
  writeFileSync(join(places.datadir, 'shop', 'item.ibd'), new Uint8Array(100_000).fill(1));
  expect(await bytesOf(places.datadir)).toBeGreaterThanOrEqual(before + 100_000);
  expect(await bytesOf(join(folder, 'nothing'))).toBeNull();
});
