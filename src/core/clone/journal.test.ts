import { expect, test } from 'vitest';
import {
  type CloneJournal,
  type Move,
  mendingBecause,
  parseJournal,
  steps,
  swapMoves,
  undoMoves,
} from './journal.ts';

const journal: CloneJournal = {
  id: 'x',
  from: 'a',
  to: 'b',
  family: 'mariadb',
  method: 'backup',
  step: 'receive',
  startedAt: '2026-11-21T16:00:00.000Z',
  datadir: '/d',
  fresh: '/d.clone',
  kept: '/d.before',
  history: null,
  position: null,
  forgets: false,
  aborting: false,
};

/** What the directories hold; absent ones are null. A removal may be cut short, a rename may not. */
interface Disk {
  datadir: string | null;
  fresh: string | null;
  kept: string | null;
}
const seen = (disk: Disk) => ({
  datadir: disk.datadir !== null,
  fresh: disk.fresh !== null,
  kept: disk.kept !== null,
});

function carryOut(disk: Disk, move: Move): Disk {
  if (move.kind === 'remove') return { ...disk, [move.what]: null };
  expect(disk[move.to], 'nothing is overwritten').toBeNull();
  expect(disk[move.from]).not.toBeNull();
  return { ...disk, [move.to]: disk[move.from], [move.from]: null };
}

/** Every state of the disk that a crash may leave, on the way from `disk`. */
function crashes(disk: Disk, plan: (disk: Disk) => readonly Move[] | null): Disk[] {
  const all = [disk];
  let now = disk;
  for (const move of plan(disk) ?? []) {
    if (move.kind === 'remove') all.push({ ...now, [move.what]: 'half removed' });
    now = carryOut(now, move);
    all.push(now);
  }
  return all;
}

const before: Disk = { datadir: 'old', fresh: 'copy', kept: null };
const swap = (disk: Disk) => swapMoves(seen(disk));
const undo = (disk: Disk) => undoMoves(seen(disk));
const end = (disk: Disk, plan: typeof swap): Disk => (plan(disk) ?? []).reduce(carryOut, disk);

test('the swap goes on from wherever it was broken off', () => {
  const met = crashes(before, swap);
  expect(met.length).toBe(3);
  for (const disk of met) expect(end(disk, swap)).toEqual({ datadir: 'copy', fresh: null, kept: 'old' });
});

test('giving up brings the old data back, from wherever the swap was broken off, and wherever the undoing was', () => {
  for (const disk of crashes(before, swap)) {
    for (const again of crashes(disk, undo)) {
      expect(end(again, undo), JSON.stringify(again)).toEqual({ datadir: 'old', fresh: null, kept: null });
    }
  }
});

test('giving up before there is a copy removes nothing else', () => {
  expect(undoMoves({ datadir: true, fresh: false, kept: false })).toEqual([]);
  expect(undoMoves({ datadir: true, fresh: true, kept: false })).toEqual([{ kind: 'remove', what: 'fresh' }]);
});

test('directories that somebody else moved are left alone', () => {
  expect(swapMoves({ datadir: true, fresh: true, kept: true })).toBeNull();
  expect(swapMoves({ datadir: true, fresh: false, kept: false })).toBeNull();
  expect(undoMoves({ datadir: false, fresh: true, kept: false })).toBeNull();
});

test('the pair leaves a node alone until its copy is in place, and while a clone is given up', () => {
  const held = steps.filter((step) => mendingBecause({ ...journal, step }) !== null);
  expect(held).toEqual(['receive', 'prepare', 'stop', 'swap', 'position']);
  expect(mendingBecause({ ...journal, step: 'prove', aborting: true })).toContain('given up');
  expect(mendingBecause(null)).toBeNull();
});

test('a journal is read back as it was written; anything else is none', () => {
  expect(parseJournal(JSON.parse(JSON.stringify(journal)))).toEqual(journal);
  expect(parseJournal({ ...journal, step: 'dance' })).toBeNull();
  expect(parseJournal({ ...journal, datadir: '' })).toBeNull();
  expect(parseJournal([])).toBeNull();
});
