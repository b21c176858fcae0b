import { expect, test } from 'vitest';
import { historyOfCopy, positionOfBackup, positionOfDump } from './position.ts';

test('the position of a backup is the third word of its info file', () => {
  expect(positionOfBackup('twinkeep-bin.000001\t28561\t0-511-65\n')).toBe('0-511-65');
  expect(positionOfBackup('twinkeep-bin.000001\t28561\t0-511-65,1-3-9\n')).toBe('0-511-65,1-3-9');
  expect(positionOfBackup('twinkeep-bin.000001\t28561\n')).toBeNull();
  expect(positionOfBackup('')).toBeNull();
});

test('the position of a dump is in its comment, and not in data that look like one', () => {
  const comment = "-- SET GLOBAL gtid_slave_pos='0-511-7';\n";
  expect(positionOfDump({ head: `-- CHANGE MASTER\n${comment}`, tail: '' })).toBe('0-511-7');
  expect(positionOfDump({ head: '', tail: `USE x;\n${comment}-- Dump completed` })).toBe('0-511-7');
  const row = "INSERT INTO t VALUES ('-- SET GLOBAL gtid_slave_pos=');";
  expect(positionOfDump({ head: row, tail: row })).toBeNull();
});

test("a copy's history is the donor's before, brought to the copy's position, which comes last", () => {
  expect(historyOfCopy('0-512-40,0-511-60', '0-512-40,0-511-90', '0-511-75')).toEqual({
    ok: true,
    state: '0-512-40,0-511-75',
  });
  // The state names the last of each domain last, whatever the order it was told in.
  expect(historyOfCopy('0-511-60,0-512-40', '0-512-40,0-511-90', '0-511-75')).toMatchObject({
    state: '0-512-40,0-511-75',
  });
  expect(historyOfCopy('', '0-511-3', '0-511-2')).toMatchObject({ ok: true, state: '0-511-2' });
});

test('a donor that took transactions of another server meanwhile is no donor', () => {
  expect(historyOfCopy('0-512-40,0-511-60', '0-512-61,0-511-75', '0-511-75')).toMatchObject({ ok: false });
  expect(historyOfCopy('0-511-60', '0-511-75,0-512-61', '0-511-75')).toMatchObject({ ok: false });
  expect(historyOfCopy('nonsense', '0-511-75', '0-511-75')).toMatchObject({ ok: false });
});
