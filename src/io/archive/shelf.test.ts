import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isUnused, openShelf, runsFrom } from './shelf.ts';

it('keeps its runs in order, and knows one that wrote nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'twinkeep-shelf-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const shelf = openShelf(folder);
  const begun = { node: 'a', epoch: 9, family: 'mariadb', behind: '' } as const;
  const first = shelf.begin(begun);
  expect(isUnused(first, begun)).toBe(true);
  expect(isUnused(first, { ...begun, behind: '0-1-5' })).toBe(false);
  expect(isUnused(first, { ...begun, epoch: 10 })).toBe(false);
  writeFileSync(join(first.folder, 'binlog.000001'), '');
  expect(isUnused(first, begun)).toBe(false);
  const second = shelf.begin({ ...begun, epoch: 10, node: 'b', behind: '0-1-5' });
  expect(openShelf(folder).runs()).toEqual([first, second]);
  // A server that has what the second began behind needs nothing of the first.
  expect(runsFrom([first, second], '0-1-7')).toEqual([second]);
  expect(runsFrom([first, second], '0-1-4')).toEqual([first, second]);
  expect(runsFrom([second], '0-1-4')).toBeNull();
});
